"""Many wire times at once, to microseconds: what `devices.times.parse_time` does one by one."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from devices.times import EPOCH, MAX_MS, parse_time

UNREADABLE = -(2**63)  # stands for a time that cannot be read
_SHAPES = (20, 24, 27)  # lengths of 2026-11-21T08:00:00Z, and with three or six digits of a second
_MARKS = ((4, "-"), (7, "-"), (10, "T"), (13, ":"), (16, ":"))
_ZERO = ord("0")
_DAYS_IN = np.array([0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
_SECOND_US = 1_000_000

Ints = NDArray[np.int64]


def microseconds_of(values: Sequence[int | str]) -> Ints:
    """Microseconds since 1970 of each wire time, UNREADABLE where `parse_time` would refuse it.

    Args:
        values: RFC 3339 texts and whole numbers of epoch milliseconds, mixed.
    """
    found = np.full(len(values), UNREADABLE, np.int64)
    lengths = np.array([len(value) if type(value) is str else -1 for value in values], np.int64)
    rest = np.ones(len(values), bool)
    for length in _SHAPES:
        here = np.flatnonzero(lengths == length)
        if len(here):
            texts = [values[i] for i in here.tolist()] if len(here) < len(values) else values
            us = _plain(texts, length)
            found[here] = us
            rest[here] = us == UNREADABLE
    for i in np.flatnonzero(rest).tolist():
        found[i] = _one(values[i])
    return found


def _one(value: int | str) -> int:
    if isinstance(value, int):
        return value * 1000 if 0 <= value <= MAX_MS else UNREADABLE
    try:
        elapsed = parse_time(value) - EPOCH
    except ValueError:
        return UNREADABLE
    return (elapsed.days * 86_400 + elapsed.seconds) * _SECOND_US + elapsed.microseconds


def _plain(texts: Sequence[int | str], length: int) -> Ints:
    """Texts of the one plain shape that ends in Z; UNREADABLE where a text only has its length."""
    # Other alphabets become '?', which is no digit, so that lengths in characters and bytes agree.
    joined = "".join(texts).encode("ascii", "replace")  # type: ignore[arg-type]  # the caller passes texts only
    signs = np.frombuffer(joined, np.uint8).reshape(-1, length)
    good = signs[:, length - 1] == ord("Z")
    for place, mark in (*_MARKS, *(((19, "."),) if length > 20 else ())):
        good &= signs[:, place] == ord(mark)
    digits = signs.astype(np.int64) - _ZERO
    year, month, day, hour, minute, second = (
        _number(digits, first, last) for first, last in ((0, 4), (5, 7), (8, 10), (11, 13), (14, 16), (17, 19))
    )
    places = [i for i in range(length - 1) if i not in {4, 7, 10, 13, 16, 19}]
    good &= ((digits[:, places] >= 0) & (digits[:, places] <= 9)).all(axis=1)
    good &= (year >= 1) & (month >= 1) & (month <= 12) & (day >= 1) & (hour <= 23) & (minute <= 59) & (second <= 59)
    month = np.where(good, month, 1)
    leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    good &= (day <= _DAYS_IN[month]) & ((month != 2) | (day <= 28) | leap)
    seconds = (_days_since_1970(year, month, day) * 24 + hour) * 3600 + minute * 60 + second
    fraction = _number(digits, 20, length - 1) * 10 ** (27 - length) if length > 20 else 0
    return np.where(good, seconds * _SECOND_US + fraction, UNREADABLE)


def _number(digits: Ints, first: int, last: int) -> Ints:
    value = digits[:, first]
    for place in range(first + 1, last):
        value = value * 10 + digits[:, place]
    return value


def _days_since_1970(year: Ints, month: Ints, day: Ints) -> Ints:
    """Days of the proleptic Gregorian calendar, years counted from March so that the leap day comes last."""
    year = year - (month <= 2)
    era_year = year % 400
    day_of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    return year // 400 * 146_097 + era_year * 365 + era_year // 4 - era_year // 100 + day_of_year - 719_468
