"""What may be said while ingest is behind: it may delay a verdict, and it never decides a final one."""

from dataclasses import replace
from datetime import datetime, timedelta

from rules.core.duties import NOT_PROVEN, Duty, Judgement, State, Verdict, state_at
from rules.core.reasons import Why, reason

PATIENCE = timedelta(minutes=5)  # past settling: an officer must hear by then, if only that nobody can tell
_SLACK = timedelta(seconds=5)  # probes and batches take a second or two at the best of times
_SOON = timedelta(seconds=5)  # a probe comes each second
_NOT_SO_SOON = timedelta(minutes=1)


def tempered(duty: Duty, judgement: Judgement, *, now: datetime, caught_up_to: datetime | None) -> Judgement:
    """What a judgement on readings is worth while some may still be on their way through ingest.

    Args:
        duty: as it was before this judgement.
        judgement: of the readings that are there.
        now: aware UTC.
        caught_up_to: what was sent before this is there; None when no ingest has ever run beside these rules.

    Returns:
        The judgement; or one that says nothing yet; or, when that has lasted for long enough, one that is in doubt and
        blames nobody. What has been said, and what is final, stays. What would become final does not for as long again
        as the back-fill takes: after days without a broker everything may still be in its queue.
    """
    if caught_up_to is None or caught_up_to >= duty.settles_at - _SLACK:
        return judgement
    if judgement.verdict not in NOT_PROVEN or judgement.done or duty.state is State.FINAL:
        return judgement
    state = state_at(duty, now)
    if state is State.FINAL and now < duty.final_at + (duty.final_at - duty.due_at):
        judgement = replace(judgement, unfinished=True, look_again_at=now + _NOT_SO_SOON)
    elif state is not State.PROVISIONAL:
        return judgement
    if duty.verdict is Verdict.MISSED:
        return judgement
    gives_up_at = duty.settles_at + PATIENCE
    if duty.verdict is None and now < gives_up_at:
        return Judgement(verdict=None, look_again_at=min(now + _SOON, gives_up_at))
    why = reason(Why.INGEST_BEHIND, caught_up_at=caught_up_to)
    return replace(
        judgement,
        verdict=Verdict.IN_DOUBT,
        reasons=(why, *judgement.reasons),
        look_again_at=now + _NOT_SO_SOON if judgement.unfinished else min(now + _NOT_SO_SOON, duty.final_at),
    )
