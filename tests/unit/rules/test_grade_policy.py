"""What a grade asks for, as it was dated: the severity of a missed point, and who answers for a grid."""

from dataclasses import replace

import pytest

from rules.core.alerts import Raise, Severity
from rules.core.dated import Book
from rules.core.duties import Verdict
from rules.core.grids import GradePolicy, GridPost
from rules.facts import Group, Member
from tests.unit.rules.timeline import ALWAYS, at, duty_rule, plan, settings, world

CALM = GradePolicy(code="3", rounds=1, staff=1, severity="info", valid_from=ALWAYS, valid_to=at(0))
STRICT = GradePolicy(code="3", rounds=2, staff=1, severity="critical", valid_from=at(0))
SILENT = GradePolicy(code="3", rounds=2, staff=1, severity=None, valid_from=ALWAYS)


@pytest.mark.parametrize(
    ("policies", "expected"),
    [([], Severity.HIGH), ([CALM, STRICT], Severity.CRITICAL), ([SILENT], Severity.HIGH), ([CALM], Severity.HIGH)],
)
def test_the_policy_of_that_day_gives_the_severity_else_the_rule(
    policies: list[GradePolicy], expected: Severity
) -> None:
    its = world(grade_policies=Book(policies))
    planned = next(it for it in plan("missed_checkpoint", its) if it.duty.subject == "C-2")
    duty = replace(planned.duty, id=1, verdict=Verdict.MISSED)
    group = Group(
        key=duty.key, round=None, members=(Member(duty=duty),), world=its, settings=settings(), now=duty.settles_at
    )
    raised = [it for it in duty_rule("missed_checkpoint").alerts(group) if isinstance(it, Raise)]
    assert [it.severity for it in raised] == [expected]


def test_policies_and_posts_are_those_of_the_moment() -> None:
    its = world(
        grade_policies=Book([CALM, STRICT]),
        grid_posts=(
            GridPost(code="G-1", slot="A", post="P-1", valid_from=ALWAYS, valid_to=at(10)),
            GridPost(code="G-1", slot="A", post="P-2", valid_from=at(10)),
            GridPost(code="G-1", slot="B", post="P-3", valid_from=at(5), valid_to=at(20)),
        ),
    )
    before, after = its.policy(3, at(-1)), its.policy(3, at(0))
    assert (before, after) == (CALM, STRICT)
    assert (its.policy(1, at(0)), its.policy(None, at(0))) == (None, None)
    assert its.responsible("G-1", at(0)) == {"A": "P-1"}
    assert its.responsible("G-1", at(10)) == {"A": "P-2", "B": "P-3"}
    assert its.responsible("G-1", at(20)) == {"A": "P-2"}
    assert its.responsible("G-3", at(0)) == {}
