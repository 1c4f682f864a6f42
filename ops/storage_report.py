"""What `gengfu storage status` says: an inventory, the load of a day and the forecast, for people and for programs."""

import ipaddress
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from rich.console import Console
from rich.table import Table as Grid

from ingest.engines import TABLES, Part
from ingest.forecast import FAR, Rates, days_until_full
from ingest.inventory import Inventory, Table, row_bytes, rows_per_day
from ingest.upkeep import COMPRESS_AFTER
from ops.settings import Settings

ASSUMED_SHARE = 0.15  # what compression leaves of a fix, measured on a million made-up ones, until there are real ones
OLD_ENOUGH = 7  # days, as many as are looked back on
LISTED = 1_000_000  # bytes; smaller tables stand together in one line


@dataclass(frozen=True)
class Room:
    """Room on the database's disk: how much is free, and how we know, or what to do so that we know."""

    free_bytes: int | None
    source: str


@dataclass(frozen=True)
class Report:
    """All that is shown.

    Attributes:
        inventory: what is there.
        room: on the disk.
        day_bytes: what the readings of one day take when they are new; None while none come.
        kept_bytes: what all else grows by each day; None while the database is too young to tell.
        full_in_days: None when it is not known or not within ten years.
        full: the same in words.
        retention_days: in force.
        now: aware UTC.
    """

    inventory: Inventory
    room: Room
    day_bytes: float | None
    kept_bytes: float | None
    full_in_days: int | None
    full: str
    retention_days: int
    now: datetime


def report_of(inventory: Inventory, settings: Settings, *, host: str, now: datetime) -> Report:
    """Put together what is known.

    Args:
        inventory: taken just now.
        settings: for retention and room.
        host: of the server, as the connection names it.
        now: aware UTC.
    """
    retention = settings.storage.retention_days
    room = room_of(inventory, capacity_gb=settings.storage.capacity_gb, host=host)
    kept_bytes = _kept_bytes(inventory, now)
    day_bytes = sum(_day_bytes(table, now) for table in inventory.tables) or None
    full, days = "not known: nothing came in the last week", None
    if room.free_bytes is None:
        full = f"not known: {room.source}"
    elif day_bytes:
        rates = Rates(day_bytes, _share(inventory), COMPRESS_AFTER.days, retention, kept_bytes or 0.0)
        days = days_until_full(room.free_bytes, inventory.parts, rates, now=now)
        full = (
            f"in {days} days" if days else f"not within {FAR // 365} years: what is dropped makes room for what comes"
        )
    return Report(inventory, room, day_bytes, kept_bytes, days, full, retention, now)


def room_of(inventory: Inventory, *, capacity_gb: int | None, host: str) -> Room:
    """How much room the database has left: by the setting, or by a look at the disk when it is this machine's."""
    if capacity_gb is not None:
        return Room(capacity_gb * 10**9 - inventory.size_bytes, f"storage.capacity_gb = {capacity_gb}")
    ask = "set storage.capacity_gb to the room on the database's disk"
    if not _is_here(host):
        return Room(None, f"the disk of {host} cannot be seen from here; {ask}")
    if inventory.folder is None:
        return Room(
            None, f"the server does not tell this role where its data lie; {ask}, or GRANT pg_read_all_settings"
        )
    try:
        free = shutil.disk_usage(inventory.folder).free
    except OSError as error:
        return Room(None, f"{inventory.folder} cannot be looked at ({error.strerror}); {ask}")
    return Room(free, f"the disk of {inventory.folder}")


def _is_here(host: str) -> bool:
    if host in {"", "localhost"} or host.startswith("/"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _day_bytes(table: Table, now: datetime) -> float:
    rows = rows_per_day(table.parts, now=now, since=table.since) if table.parts else None
    new = row_bytes(table.parts, compressed=False) or row_bytes(table.parts, compressed=True)
    return rows * new if rows and new else 0.0


def _kept_bytes(inventory: Inventory, now: datetime) -> float | None:
    """What else grows, over the database's life; in its first days the plan of the site would pass for growth."""
    days = (now - inventory.made_at) / timedelta(days=1)
    return sum(table.size_bytes for table in inventory.tables if not table.parts) / days if days >= OLD_ENOUGH else None


def _share(inventory: Inventory) -> float:
    if inventory.engine != "timescale":
        return 1.0
    fixes = inventory.tables[0].parts
    new, settled = row_bytes(fixes, compressed=False), row_bytes(fixes, compressed=True)
    return min(1.0, settled / new) if new and settled else ASSUMED_SHARE


def next_drop(parts: list[Part], *, retention_days: int) -> datetime | None:
    """When the oldest part is due to be dropped; None when nothing ever is."""
    if not retention_days or not parts:
        return None
    return min(part.ends for part in parts) + timedelta(days=retention_days)


def _newest(parts: Sequence[Part]) -> Part:
    """The last that has rows: tomorrow's is made ahead."""
    return next((part for part in reversed(parts) if part.rows), parts[-1])


def as_json(report: Report) -> dict[str, Any]:
    """The report for programs; rows are estimates."""
    inventory = report.inventory
    return {
        "engine": inventory.engine,
        "server_version": inventory.server_version,
        "extension_version": inventory.extension_version,
        "database": inventory.database,
        "size_bytes": inventory.size_bytes,
        "free_bytes": report.room.free_bytes,
        "free_source": report.room.source,
        "day_bytes": None if report.day_bytes is None else round(report.day_bytes),
        "kept_day_bytes": None if report.kept_bytes is None else round(report.kept_bytes),
        "full_in_days": report.full_in_days,
        "full": report.full,
        "retention_days": report.retention_days,
        "late_readings": inventory.late,
        "done_up_to": {kind: at.isoformat() for kind, at in inventory.edges.items()},
        "sealed_readings_estimated": inventory.sealed.readings,
        "sealed_since": None if inventory.sealed.oldest is None else inventory.sealed.oldest.isoformat(),
        "sealed_quarantined": inventory.sealed.quarantined,
        "tables": [_table_json(table, report) for table in inventory.tables],
    }


def _table_json(table: Table, report: Report) -> dict[str, Any]:
    said: dict[str, Any] = {"name": table.name, "rows_estimated": table.rows, "size_bytes": table.size_bytes}
    said["bytes_per_row"] = None if table.bytes_per_row is None else round(table.bytes_per_row, 1)
    if table.parts:
        drop = next_drop(table.parts, retention_days=report.retention_days)
        per_day = rows_per_day(table.parts, now=report.now, since=table.since)
        said |= {
            "parts": len(table.parts),
            "parts_compressed": sum(part.compressed for part in table.parts),
            "parts_with_late_rows": sum(part.partial for part in table.parts),
            "oldest": table.parts[0].begins.isoformat(),
            "newest": _newest(table.parts).ends.isoformat(),
            "rows_per_day": None if per_day is None else round(per_day),
            "next_drop": None if drop is None else drop.isoformat(),
        }
    return said


def show(report: Report, *, console: Console) -> None:
    """The report for people."""
    inventory = report.inventory
    extension = f", TimescaleDB {inventory.extension_version}" if inventory.extension_version else ""
    console.print(
        f"database [b]{inventory.database}[/b]: engine [b]{inventory.engine}[/b], PostgreSQL "
        f"{inventory.server_version}{extension}, {_size(inventory.size_bytes)}",
        highlight=False,
    )
    grid = Grid("table", box=None, pad_edge=False)
    for heading in ("size", "rows (est.)", "bytes/row", "rows/day", "parts", "compressed"):
        grid.add_column(heading, justify="right")
    for heading in ("oldest", "newest", "next drop"):
        grid.add_column(heading)
    for row in _rows(report):
        grid.add_row(*row)
    console.print(grid)
    for line in _lines(report):
        console.print(line, highlight=False, soft_wrap=True)


def _rows(report: Report) -> Iterator[tuple[str, ...]]:
    small = [table for table in report.inventory.tables if table.name not in TABLES and table.size_bytes < LISTED]
    for table in report.inventory.tables:
        if table in small:
            continue
        per_row = "" if table.bytes_per_row is None else f"{table.bytes_per_row:.0f}"
        first = (table.name, _size(table.size_bytes), f"{table.rows:,}", per_row)
        if not table.parts:
            yield (*first, "", "", "", "", "", "")
            continue
        per_day = rows_per_day(table.parts, now=report.now, since=table.since)
        drop = next_drop(table.parts, retention_days=report.retention_days)
        yield (
            *first,
            "" if per_day is None else f"{per_day:,.0f}",
            str(len(table.parts)),
            str(sum(part.compressed for part in table.parts)),
            f"{table.parts[0].begins:%Y-%m-%d}",
            f"{_newest(table.parts).begins:%Y-%m-%d}",
            "never" if drop is None else f"{drop:%Y-%m-%d}",
        )
    if small:
        size = sum(table.size_bytes for table in small)
        yield (f"{len(small)} smaller ones", _size(size), f"{sum(table.rows for table in small):,}", *[""] * 7)


def _lines(report: Report) -> Iterator[str]:
    inventory = report.inventory
    if report.day_bytes is not None:
        yield f"a day brings {_size(report.day_bytes)}"
    if report.kept_bytes is not None:
        yield f"all else grows by {_size(report.kept_bytes)} a day and is kept"
    if report.room.free_bytes is not None:
        yield f"free: {_size(report.room.free_bytes)} ({report.room.source})"
    yield f"full: [b]{report.full}[/b]"
    kept = f"{report.retention_days} days, then dropped" if report.retention_days else "for ever"
    yield f"readings are kept {kept}"
    late = ", ".join(f"{count:,} {kind.replace('_', ' ')}" for kind, count in inventory.late.items() if count)
    yield f"late readings taken in, by what their range was already: {late or 'none'}"
    kept_up = inventory.edges.get("rolled_up")
    yield (
        f"kept up: hours are rolled up to {kept_up:%Y-%m-%d %H:%MZ}"
        if kept_up
        else "kept up: not yet; ingest does it every ten minutes"
    )
    its = inventory.sealed
    since = f" since {its.oldest:%Y-%m-%d %H:%M}Z" if its.oldest else ""
    yield f"sealed because they were taken off duty: {its.readings:,} readings{since}, {its.quarantined} of quarantine"


def _size(size_bytes: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if abs(size_bytes) < 1000:
            return f"{size_bytes:.0f} {unit}" if unit == "B" else f"{size_bytes:.1f} {unit}"
        size_bytes /= 1000
    return f"{size_bytes:.1f} TB"
