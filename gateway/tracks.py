"""Recorded tracks: CSV with user, time, lat and lon, or native readings one a line; gzipped or not."""

import csv
import gzip
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, TextIO

from pydantic import ValidationError

from devices.errors import BadDeviceName
from devices.identity import check_device_name
from devices.readings import READING
from devices.times import parse_time
from gateway.errors import TrackError

NEEDED = ("user", "time", "lat", "lon")
CSV_PREFIX = "track-"
MAX_LINE = 1 << 20  # characters; a line beyond this is no reading
_GZIP = b"\x1f\x8b"
_STRANGE = "is no CSV with user,time,lat,lon in its first line, and no NDJSON"


@dataclass(frozen=True, slots=True)
class Row:
    """One reading of one device, and its time as an aware UTC datetime."""

    device: str
    time: datetime
    reading: dict[str, Any]


@dataclass(frozen=True, slots=True)
class BadRow:
    """A line that cannot be read, and why."""

    line: int
    reason: str


@dataclass
class Summary:
    """What a file holds: readings by device in order of appearance, the span of time, and what cannot be read."""

    rows: int = 0
    devices: dict[str, int] = field(default_factory=dict)
    oldest: datetime | None = None
    newest: datetime | None = None
    bad: list[BadRow] = field(default_factory=list)


def summarise(file: Path, *, prefix: str | None = None) -> Summary:
    """Read a file once, without keeping its readings.

    Raises:
        TrackError: the file as a whole cannot be read.
    """
    found = Summary()
    for row in read_tracks(file, prefix=prefix):
        if isinstance(row, BadRow):
            found.bad.append(row)
            continue
        found.rows += 1
        found.devices[row.device] = found.devices.get(row.device, 0) + 1
        found.oldest = min(found.oldest or row.time, row.time)
        found.newest = max(found.newest or row.time, row.time)
    return found


def read_tracks(file: Path, *, prefix: str | None = None) -> Iterator[Row | BadRow]:
    """The readings of a file in its order.

    Args:
        file: CSV or NDJSON, told apart by content; gzip by its first bytes, not by the name.
        prefix: put before each user or device; by default `track-` before the users of a CSV.

    Raises:
        TrackError: the file as a whole cannot be read.
    """
    try:
        with _opened(file) as text:
            first = text.readline(MAX_LINE)
            if first.lstrip().startswith("{"):
                yield from _ndjson(text, first, prefix or "")
            else:
                yield from _csv(text, first, CSV_PREFIX if prefix is None else prefix, file)
    except (OSError, EOFError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise TrackError(
            f"cannot read {file}: {reason}; give a CSV or NDJSON file of tracks, gzipped or not"
        ) from error
    except UnicodeDecodeError as error:
        raise TrackError(
            f"{file} is not UTF-8 text: {error.reason}; convert it, or see that it is a file of tracks"
        ) from None


@contextmanager
def _opened(file: Path) -> Iterator[TextIO]:
    with file.open("rb") as raw:
        packed = raw.read(2) == _GZIP
        raw.seek(0)
        with io.TextIOWrapper(gzip.open(raw) if packed else raw, encoding="utf-8-sig", newline="") as text:
            yield text


def _csv(text: TextIO, first: str, prefix: str, file: Path) -> Iterator[Row | BadRow]:
    names = [name.strip().lower() for name in next(csv.reader([first]), [])]
    missing = [name for name in NEEDED if name not in names]
    if len(missing) == len(NEEDED):
        raise TrackError(f"{file} {_STRANGE} with an object on each line; give a file of tracks")
    if missing:
        raise TrackError(
            f"{file}:1: the first line lacks {', '.join(missing)}; it must name at least {','.join(NEEDED)}"
        )
    user, when, lat, lon = (names.index(name) for name in NEEDED)
    reader = csv.reader(text)
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield BadRow(reader.line_num + 1, f"not CSV: {error}")
            continue
        line = reader.line_num + 1
        if not cells:
            continue
        if len(cells) <= max(user, when, lat, lon):
            yield BadRow(line, f"has {len(cells)} columns; the first line names {len(names)}")
            continue
        yield _checked(
            line, prefix + cells[user].strip(), {"type": "position", "t": cells[when].strip()}, cells[lat], cells[lon]
        )


def _checked(line: int, device: str, reading: dict[str, Any], lat: str, lon: str) -> Row | BadRow:
    for name, cell in (("lat", lat), ("lon", lon)):
        try:
            reading[name] = float(cell)
        except ValueError:
            return BadRow(line, f"{name}: {cell.strip()!r} is not a number of degrees")
    return _row(line, device, reading)


def _ndjson(text: TextIO, first: str, prefix: str) -> Iterator[Row | BadRow]:
    number, line = 0, first
    while line:
        number += 1
        if line.strip():
            yield _parsed(number, line, prefix)
        line = text.readline(MAX_LINE)


def _parsed(number: int, line: str, prefix: str) -> Row | BadRow:
    try:
        content = json.loads(line)
    except (ValueError, RecursionError) as error:
        return BadRow(number, f"not JSON: {error}")
    if not isinstance(content, dict):
        return BadRow(number, "is not an object with a reading and its device")
    device = content.pop("device", None)
    if not isinstance(device, str):
        return BadRow(number, "device is missing; name the device that made the reading")
    content.pop("boot", None)  # they count this replay, not the recording
    content.pop("seq", None)
    return _row(number, prefix + device, content)


def _row(line: int, device: str, reading: dict[str, Any]) -> Row | BadRow:
    try:
        check_device_name(device)
        time = parse_time(reading.get("t"))
        READING.validate_python(reading)
    except BadDeviceName as error:
        return BadRow(line, str(error))
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in problem["loc"][1:])
        return BadRow(line, f"{where}: {problem['msg']}" if where else problem["msg"])
    except ValueError as error:
        return BadRow(line, f"time {error}")
    return Row(device, time, reading)
