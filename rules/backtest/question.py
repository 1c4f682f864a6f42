"""What a back-test is asked: which rule, over which span, with which settings changed."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from rules.catalog import catalog, settings_models
from rules.core.fixes import Span
from rules.errors import BacktestRefused
from rules.rule import DutyRule, ReadingRule, Rule
from rules.settings import require_setting
from rules.track_rule import TrackRule


@dataclass(frozen=True, kw_only=True)
class Question:
    """One rule over one span.

    Attributes:
        rule: one that can be run over the past.
        span: aware UTC; it begins before it ends.
        changes: settings that hold throughout, in place of those of the time.
    """

    rule: Rule
    span: Span
    changes: Mapping[str, Any] = field(default_factory=dict)


def can_look_back(rule: Rule) -> bool:
    """Whether the rule judges what is stored, and not what is so at this moment."""
    return isinstance(rule, DutyRule | ReadingRule | TrackRule)


def question(
    name: str,
    *,
    since: datetime,
    until: datetime,
    now: datetime,
    changes: Sequence[str] = (),
    rules: Mapping[str, Rule] | None = None,
) -> Question:
    """Make a question of what somebody typed.

    Args:
        name: of a rule.
        since: aware UTC.
        until: aware UTC; cut at `now`.
        now: aware UTC.
        changes: `key=value` each; a value is JSON, or else text.
        rules: to choose from; the catalog by default.

    Raises:
        BacktestRefused: no such rule, one that cannot look back, or no past in the span.
        SettingRefused: a key or a value that the rule does not have.
    """
    rules = catalog() if rules is None else rules
    rule = rules.get(name)
    fit = ", ".join(sorted(its for its, one in rules.items() if can_look_back(one)))
    if rule is None:
        raise BacktestRefused(f"there is no rule {name!r}; those that can be back-tested are {fit}")
    if not can_look_back(rule):
        raise BacktestRefused(
            f"{name} looks at what is so at this very moment (who is silent, what the service is doing), and of that "
            f"no history is kept; those that can be back-tested are {fit}"
        )
    if since >= until:
        raise BacktestRefused(f"the span ends at {until:%Y-%m-%d %H:%MZ}, before it begins; turn --from and --to round")
    if since >= now:
        raise BacktestRefused(f"{since:%Y-%m-%d %H:%MZ} lies in the future; a back-test needs a span that is over")
    return Question(rule=rule, span=Span(since, min(until, now)), changes=_changes(rule, changes, rules))


def _changes(rule: Rule, given: Sequence[str], rules: Mapping[str, Rule]) -> dict[str, Any]:
    models = settings_models() | {name: one.settings for name, one in rules.items()}
    found = {}
    for change in given:
        key, equals, text = change.partition("=")
        if not equals:
            raise BacktestRefused(f"--set {change!r} has no '='; write it like late_s=600")
        try:
            value = json.loads(text)
        except ValueError:
            value = text
        require_setting(rule.name, key.strip(), value, models=models)
        found[key.strip()] = value
    return found
