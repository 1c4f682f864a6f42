"""One value at a time: text of a cell or a property into what it means, or a finding that says what it should be."""

import math
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from typing import Any

from ops.town.findings import Findings, quote, unprintable
from ops.town.model import DAYS
from ops.town.reading import Reading

_CODE = re.compile(r"[^\s,\"]{1,64}")
_WORD = re.compile(r"[a-z][a-z0-9_]{0,31}")
_DEVICE = re.compile(r"[A-Za-z0-9_-]{1,64}")  # it is an MQTT topic level and a user name
_TAG = re.compile(r"[0-9A-Za-z:_-]{1,64}")
_MONTH = re.compile(r"(\d{4})-(\d{1,2})")
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})")
_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")
_DECIMAL = re.compile(r"[+-]?[0-9.]{1,40}([eE][+-]?[0-9]{1,3})?")
_NAME_AT_MOST = 200  # characters
_EARLIEST_YEAR = 1950  # of manufacture; what claims to be older is a slip of the finger


class Fields:
    """The cells of one row or the properties of one feature.

    Every method returns the value, or None when it is blank or wrong; a wrong one, and a blank one that is
    required, is a finding and sets `failed`.
    """

    def __init__(self, values: Mapping[str, Any], *, file: str, where: str, reading: Reading) -> None:
        self._values = values
        self._reading = reading
        self.file = file
        self.where = where
        self.failed = False

    @property
    def findings(self) -> Findings:
        """Where the findings go."""
        return self._reading.findings

    def wrong(self, what: str, remedy: str) -> None:
        """Report the row or feature as unusable."""
        self.findings.error(self.file, self.where, what, remedy)
        self.failed = True

    def _raw(self, name: str, *, required: bool, remedy: str) -> Any:
        value = self._values.get(name)
        if isinstance(value, str):
            value = value.strip()
        if value is None or value == "":
            if required:
                self.wrong(f"has no {name}" if value is None else f"has a blank {name}", remedy)
            return None
        return value

    def _text(self, name: str, *, required: bool, remedy: str) -> str | None:
        value = self._raw(name, required=required, remedy=remedy)
        if value is None or isinstance(value, str):
            return value
        self.wrong(f"has a {name} that is not text: {quote(value)}", f"{remedy}, in quotes")
        return None

    def _matching(self, name: str, pattern: re.Pattern[str], *, required: bool, remedy: str) -> str | None:
        text = self._text(name, required=required, remedy=remedy)
        if text is None:
            return None
        if unprintable(text) or pattern.fullmatch(text) is None:
            self.wrong(f"has the {name} {quote(text)}", remedy)
            return None
        return text

    def text(self, name: str, *, required: bool = True) -> str | None:
        """A name for people: at most 200 characters, one line."""
        remedy = f"{name} is a text of 1 to {_NAME_AT_MOST} characters on one line"
        text = self._text(name, required=required, remedy=remedy)
        if text is not None and (unprintable(text) or len(text) > _NAME_AT_MOST):
            self.wrong(f"has the {name} {quote(text)}", remedy)
            return None
        return text

    def code(self, name: str, *, required: bool = True) -> str | None:
        """A code: 1 to 64 characters, no blanks, commas or quotes."""
        remedy = f"{name} is a code of 1 to 64 characters without blanks, commas or quotes"
        return self._matching(name, _CODE, required=required, remedy=remedy)

    def word(self, name: str) -> str | None:
        """A word of the town's own choice: small letters, digits, underscores."""
        remedy = f"{name} is a word of small letters, digits and underscores, such as fire"
        return self._matching(name, _WORD, required=False, remedy=remedy)

    def device(self, name: str, *, required: bool = True) -> str | None:
        """A device id: letters, digits, hyphen, underscore, at most 64."""
        remedy = f"{name} is a device id: 1 to 64 letters, digits, '-' or '_'"
        return self._matching(name, _DEVICE, required=required, remedy=remedy)

    def tag(self, name: str) -> str | None:
        """The id of an NFC tag, as readers give it."""
        return self._matching(name, _TAG, required=False, remedy=f"{name} is the tag's id, such as 04A2B3C4D5")

    def choice(self, name: str, options: Sequence[str], *, required: bool = True) -> str | None:
        """One of a few words."""
        remedy = f"{name} is one of: {', '.join(options)}"
        text = self._text(name, required=required, remedy=remedy)
        if text is not None and text not in options:
            self.wrong(f"has the {name} {quote(text)}", remedy)
            return None
        return text

    def number(self, name: str, *, low: float, high: float, required: bool = True) -> float | None:
        """A number within limits, as JSON number or as text."""
        remedy = f"{name} is a number from {low:g} to {high:g}"
        value = self._raw(name, required=required, remedy=remedy)
        if value is None:
            return None
        try:  # float() also takes underscores and digits of other scripts
            odd = isinstance(value, bool) or (isinstance(value, str) and not _DECIMAL.fullmatch(value))
            number = math.nan if odd else float(value)
        except (TypeError, ValueError, OverflowError):
            number = math.nan
        if not low <= number <= high:
            self.wrong(f"has the {name} {quote(value)}", remedy)
            return None
        return number

    def integer(self, name: str, *, low: int, high: int, required: bool = True) -> int | None:
        """A whole number within limits, as JSON number or as text."""
        remedy = f"{name} is a whole number from {low} to {high}"
        value = self._raw(name, required=required, remedy=remedy)
        if value is None:
            return None
        number: int | None = None
        if isinstance(value, str):
            number = int(value) if _INTEGER.fullmatch(value) else None
        elif not isinstance(value, bool) and isinstance(value, int | float) and value == value // 1:
            number = int(value)
        if number is None or not low <= number <= high:
            self.wrong(f"has the {name} {quote(value)}", remedy)
            return None
        return number

    def month(self, name: str) -> date | None:
        """A month of the past, YYYY-MM, as its first day."""
        remedy = f"{name} is a month such as 2021-06"
        text = self._text(name, required=False, remedy=remedy)
        if text is None:
            return None
        match = _MONTH.fullmatch(text)
        year, month = (int(match[1]), int(match[2])) if match and text.isascii() else (0, 0)
        if year < _EARLIEST_YEAR or not 1 <= month <= 12:
            self.wrong(f"has the {name} {quote(text)}, which is no month", remedy)
            return None
        value = date(year, month, 1)
        if value > self._reading.today:
            self.wrong(f"has the {name} {text}, which is in the future", f"{name} is a month that has begun")
            return None
        return value

    def clock(self, name: str) -> time | None:
        """A time of day, HH:MM."""
        remedy = f"{name} is a time of day from 00:00 to 23:59"
        text = self._text(name, required=True, remedy=remedy)
        if text is None:
            return None
        match = _CLOCK.fullmatch(text)
        if match is None or not text.isascii() or int(match[1]) > 23 or int(match[2]) > 59:
            self.wrong(f"has the {name} {quote(text)}", remedy)
            return None
        return time(int(match[1]), int(match[2]))

    def moment(self, name: str) -> datetime | None:
        """A date (its midnight at the site) or an RFC 3339 time with offset, as aware UTC."""
        remedy = f"{name} is a date such as 2026-11-21, or a time such as 2026-11-21T08:00:00+08:00"
        text = self._text(name, required=False, remedy=remedy)
        if text is None:
            return None
        try:
            if len(text) == 10:
                moment = datetime.combine(date.fromisoformat(text), time(), tzinfo=self._reading.zone)
            else:
                moment = datetime.fromisoformat(text)
            if moment.tzinfo is None:
                self.wrong(f"has the {name} {quote(text)}, a time without an offset", remedy)
                return None
            return moment.astimezone(UTC)
        except (ValueError, OverflowError):
            self.wrong(f"has the {name} {quote(text)}", remedy)
            return None

    def days(self, name: str) -> tuple[int, ...]:
        """Days of the week, 0 Monday to 6 Sunday, sorted; empty when wrong."""
        remedy = f"{name} is daily, or a list of: {', '.join(DAYS)}"
        text = self._text(name, required=True, remedy=remedy)
        if text is None:
            return ()
        words = [word for word in re.split(r"[\s,]+", text.lower()) if word]
        if words == ["daily"]:
            return tuple(range(7))
        if not words or any(word not in DAYS for word in words):
            self.wrong(f"has the {name} {quote(text)}", remedy)
            return ()
        return tuple(sorted({DAYS.index(word) for word in words}))

    def codes(self, name: str, *, required: bool = True) -> tuple[str, ...]:
        """A list of codes, as JSON array or as text with commas between; empty when wrong."""
        remedy = f'{name} is a list of codes in order, such as ["C-01", "C-02"]'
        value = self._raw(name, required=required, remedy=remedy)
        if value is None:
            return ()
        parts = [part.strip() for part in value.split(",")] if isinstance(value, str) else value
        if not isinstance(parts, list) or not parts:
            self.wrong(f"has the {name} {quote(value)}", remedy)
            return ()
        for part in parts:
            if not isinstance(part, str) or unprintable(part) or not _CODE.fullmatch(part):
                self.wrong(f"has {quote(part)} among its {name}", remedy)
                return ()
        return tuple(parts)

    def tags(self, name: str) -> tuple[str, ...]:
        """The ids of tags, as JSON array or as text with commas between; empty when wrong."""
        remedy = f'{name} is a list of tag ids, such as ["04A2B3C4D5", "04A2B3C4D6"]'
        value = self._raw(name, required=False, remedy=remedy)
        if value is None:
            return ()
        parts = [part.strip() for part in value.split(",")] if isinstance(value, str) else value
        if not isinstance(parts, list) or not all(isinstance(it, str) and _TAG.fullmatch(it) for it in parts):
            self.wrong(f"has the {name} {quote(value)}", remedy)
            return ()
        return tuple(parts)

    def truth(self, name: str) -> bool:
        """Whether something is so; a blank is a no."""
        remedy = f"{name} is true or false"
        value = self._raw(name, required=False, remedy=remedy)
        if isinstance(value, str) and value.lower() in {"true", "false"}:
            return value.lower() == "true"
        if value is not None and not isinstance(value, bool):
            self.wrong(f"has the {name} {quote(value)}", remedy)
        return bool(value)

    def legs(self, name: str, *, count: int) -> tuple[dict[str, float], ...]:
        """The ways between checkpoints: minutes and tolerance_min of each; empty when there are none or wrong."""
        remedy = f'{name} is a list with a {{"minutes": 12, "tolerance_min": 5}} for each of the {count} ways between'
        value = self._raw(name, required=False, remedy=remedy)
        if value is None:
            return ()
        if not isinstance(value, list) or len(value) != count:
            self.wrong(f"has {name} that do not go from each checkpoint to the next", remedy)
            return ()
        for leg in value:
            if not _is_leg(leg):
                self.wrong(f"has {quote(leg)} among its {name}", remedy)
                return ()
        return tuple({key: float(leg[key]) for key in ("minutes", "tolerance_min")} for leg in value)

    def day(self, name: str, *, required: bool = True) -> date | None:
        """A date, YYYY-MM-DD."""
        remedy = f"{name} is a date such as 2026-10-01"
        text = self._text(name, required=required, remedy=remedy)
        if text is None:
            return None
        try:
            if len(text) == 10:
                return date.fromisoformat(text)
        except ValueError:
            pass
        self.wrong(f"has the {name} {quote(text)}", remedy)
        return None

    def month_day(self, name: str) -> str | None:
        """A day of the year, MM-DD; the 29th of February is one."""
        remedy = f"{name} is a month and day such as 06-15"
        text = self._text(name, required=True, remedy=remedy)
        if text is None:
            return None
        try:
            if len(text) == 5:
                date.fromisoformat(f"2000-{text}")
                return text
        except ValueError:
            pass
        self.wrong(f"has the {name} {quote(text)}", remedy)
        return None


def _is_leg(value: object) -> bool:
    """Whether it is the time that a way on a route may take, and how much more or less."""
    return (
        isinstance(value, dict)
        and set(value) == {"minutes", "tolerance_min"}
        and all(isinstance(it, int | float) and not isinstance(it, bool) and 0 <= it <= 1440 for it in value.values())
    )
