"""Nobody is blamed for a time in which nobody was named to do the duty."""

from dataclasses import replace

from rules.core.duties import NOT_PROVEN, Duty, Judgement, Verdict
from rules.core.fixes import Span
from rules.core.reasons import Why, reason
from rules.core.world import World


def unblamed(duty: Duty, judgement: Judgement, *, world: World) -> Judgement:
    """The judgement; in doubt instead of missed when all posts of the unit were away and nobody stood in.

    What is proven stays proven: the unit's vehicle may have been there all the same.
    """
    if judgement.verdict not in NOT_PROVEN:
        return judgement
    unnamed = world.unnamed(duty.unit, Span(duty.opens_at, duty.due_at))
    if not unnamed:
        return judgement
    why = tuple(reason(Why.NOBODY_NAMED, unit=duty.unit, start=it.start, end=it.end) for it in unnamed)
    return replace(judgement, verdict=Verdict.IN_DOUBT, reasons=(*why, *judgement.reasons))
