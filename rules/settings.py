"""Rules' settings as they were dated: the rows of `rule_setting` over the defaults of each rule's model."""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from rules.errors import SettingRefused

log = logging.getLogger(__name__)
S = TypeVar("S", bound=BaseModel)
_ALWAYS = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class SettingRow:
    """One dated value of one key of one rule."""

    rule: str
    key: str
    value: Any
    valid_from: datetime
    valid_to: datetime | None = None


class SettingsBook:
    """Every rule's settings at any time. Rows that cannot be used are logged once and left out.

    Args:
        rows: of `rule_setting`.
        models: the settings model of each rule, by name.
    """

    def __init__(self, rows: Iterable[SettingRow] = (), *, models: Mapping[str, type[BaseModel]] | None = None) -> None:
        self._rows: dict[str, list[SettingRow]] = {}
        self._known: dict[tuple[str, tuple[int, ...]], BaseModel] = {}
        for row in rows:
            problem = check_setting(row.rule, row.key, row.value, models=models) if models is not None else None
            if problem:
                log.warning("%s; it is left out", problem, extra={"event": "rule_setting_ignored"})
            else:
                self._rows.setdefault(row.rule, []).append(row)

    def at(self, rule: str, model: type[S], moment: datetime) -> S:
        """The settings of a rule that held at a moment."""
        rows = [
            row
            for row in self._rows.get(rule, ())
            if row.valid_from <= moment and (row.valid_to is None or moment < row.valid_to)
        ]
        cached = (rule, tuple(id(row) for row in rows))
        found = self._known.get(cached)
        if not isinstance(found, model):
            found = model.model_validate({row.key: row.value for row in rows})
            self._known[cached] = found
        return found

    def with_values(self, rule: str, values: Mapping[str, Any]) -> "SettingsBook":
        """The same book with other values of one rule, at all times."""
        rows = [row for its in self._rows.values() for row in its if row.rule != rule or row.key not in values]
        rows += [SettingRow(rule=rule, key=key, value=value, valid_from=_ALWAYS) for key, value in values.items()]
        return SettingsBook(rows)


def check_setting(rule: str, key: str, value: Any, *, models: Mapping[str, type[BaseModel]]) -> str | None:
    """What is wrong with a setting, in a sentence that says what there is; None when it can be used."""
    model = models.get(rule)
    if model is None:
        return f"there is no rule {rule!r}; the known ones are {', '.join(sorted(models))}"
    if key not in model.model_fields:
        return f"rule {rule} has no setting {key!r}; the known ones are {', '.join(model.model_fields) or 'none'}"
    try:
        model.model_validate({key: value})
    except ValidationError as error:
        said = error.errors(include_url=False, include_input=False)[0]["msg"]
        return f"rule {rule}: {key} = {value!r} cannot be used: {said}; {model.model_fields[key].description}"
    return None


def require_setting(rule: str, key: str, value: Any, *, models: Mapping[str, type[BaseModel]]) -> None:
    """Refuse a setting before it is stored.

    Raises:
        SettingRefused: what is wrong, and what there is.
    """
    if problem := check_setting(rule, key, value, models=models):
        raise SettingRefused(problem)
