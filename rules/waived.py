"""What a group's alerts say when a person has waived some of its duties, whatever the rule is."""

from dataclasses import replace

from rules.core.alerts import WAIVED, WITHDRAWN, Clear, Intent
from rules.core.duties import PROVEN, Duty, Verdict
from rules.facts import Group
from rules.rule import DutyRule


def by_person(duty: Duty) -> bool:
    """Whether the duty's verdict is a person's waiver, not a rule's."""
    return duty.verdict is Verdict.WAIVED and duty.waived_at is not None


def intents_of(rule: DutyRule, group: Group) -> list[Intent]:
    """What the rule says about a group, the duties that a person has waived left out; their alerts end as waived.

    A rule need not know of waivers: the others of a round are judged as if the waived ones were none of it. It only has
    to name a duty's own alert as all do, `<rule>:<key of the duty>`.
    """
    waived = [it.duty for it in group.members if by_person(it.duty)]
    if not waived:
        return rule.alerts(group)
    rest = tuple(it for it in group.members if not by_person(it.duty))
    intents = rule.alerts(replace(group, members=rest) if rest else group)
    if not any(it.duty.verdict in PROVEN for it in rest):
        # Nobody has shown the rule's alert of all to be wrong: it ends because it was waived.
        intents = [_waived(it.fingerprint, waived[0]) if _withdraws(it) else it for it in intents]
    own = {f"{rule.name}:{duty.key}": duty for duty in waived}
    return [
        *(it for it in intents if it.fingerprint not in own),
        *(_waived(fingerprint, duty) for fingerprint, duty in own.items()),
    ]


def _withdraws(intent: Intent) -> bool:
    return isinstance(intent, Clear) and intent.class_ == WITHDRAWN


def _waived(fingerprint: str, duty: Duty) -> Clear:
    return Clear(
        fingerprint=fingerprint,
        event=WAIVED,
        class_=WAIVED,
        note=duty.waived_why or "",
        actor=duty.waived_by or "",
    )
