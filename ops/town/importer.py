"""Write a checked town to the database: all or nothing, dated, and harmless to repeat."""

import csv
import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from psycopg import sql
from psycopg.types.json import Jsonb

from devices.plausibility import SINCE_ALWAYS
from gateway.register import Issued, issue_secret
from ingest.database import Connection
from ingest.queries import load_queries
from ops.town.errors import TownImportError
from ops.town.laying import lay_ground
from ops.town.model import DAYS, Checkpoint, Equipment, Hydrant, Route, Town

Row = dict[str, Any]


class Legs(list[dict[str, float]]):
    """A list that is kept as JSON; other lists are arrays."""


_SQL = load_queries("ops.town", "importer.sql")


@dataclass(frozen=True)
class Table:
    """How records of a kind are kept as dated rows.

    Attributes:
        name: the table.
        key: columns that name a thing through all its versions.
        rows: of a town.
        files: the town's files that these rows come from; where all are missing the table is left alone.
        only: restricts the import to a part of the table, as a condition on its columns.
    """

    name: str
    key: tuple[str, ...]
    rows: Callable[[Town], Iterable[Row]]
    files: tuple[str, ...]
    only: sql.SQL = field(default_factory=lambda: sql.SQL("true"))


def _equipment(item: Equipment) -> Row:
    names = ("code", "kind", "name", "grid", "lat", "lon", "manufactured", "last_service", "place", "device")
    return {name: getattr(item, name) for name in names}


def _checkpoint(point: Checkpoint) -> Row:
    names = "code name grid lat lon radius_m dwell_s geometry"
    return _only(point, names) | {"kind": point.kind or "street", "tags": list(point.tags)}


def _route(route: Route) -> Row:
    legs = Legs(dict(leg) for leg in route.legs)
    return _only(route, "code name geometry ordered") | {"checkpoints": list(route.checkpoints), "legs": legs}


def _hydrant(item: Hydrant) -> Row:
    names = ("code", "name", "grid", "lat", "lon", "manufactured", "device")
    return {name: getattr(item, name) for name in names} | {"kind": "hydrant", "last_service": None, "place": item.type}


TABLES = (
    Table(
        "grid",
        ("code",),
        lambda town: (_only(g, "code name level parent grade geometry hierarchy") for g in town.grids_top_down()),
        ("grids.geojson",),
    ),
    Table(
        "checkpoint",
        ("code",),
        lambda town: (_checkpoint(c) for c in town.checkpoints),
        ("checkpoints.geojson",),
    ),
    Table(
        "route",
        ("code",),
        lambda town: (_route(r) for r in town.routes),
        ("routes.geojson",),
    ),
    Table(
        "road", ("code",), lambda town: (_only(r, "code name kind geometry") for r in town.roads), ("roads.geojson",)
    ),
    Table("unit", ("code",), lambda town: (_only(u, "code name kind squad") for u in town.units), ("units.csv",)),
    Table(
        "post",
        ("code",),
        lambda town: (_only(p, "code name squad unit role grid deputy") for p in town.posts),
        ("posts.csv",),
    ),
    Table(
        "shift",
        ("code", "unit", "route"),
        lambda town: (
            _only(s, "name starts ends unit route rounds mode first_day last_day round_min holidays")
            | {"code": s.shift, "days": [DAYS[day] for day in s.days]}
            for s in town.shifts
        ),
        ("shifts.csv",),
    ),
    Table(
        "equipment",
        ("code",),
        lambda town: (_equipment(item) for item in town.equipment),
        ("equipment.csv",),
        sql.SQL("kind <> 'hydrant'"),
    ),
    Table(
        "equipment",
        ("code",),
        lambda town: (_hydrant(item) for item in town.hydrants),
        ("hydrants.geojson",),
        sql.SQL("kind = 'hydrant'"),
    ),
    Table(
        "grid_post",
        ("grid", "slot"),
        lambda town: (_only(p, "grid slot post") for p in town.grid_posts),
        ("grid_posts.csv",),
    ),
    Table(
        "grade_policy",
        ("grade",),
        lambda town: (_only(p, "grade rounds staff severity") for p in town.grade_policies),
        ("grade_policies.csv",),
    ),
    Table(
        "line",
        ("code",),
        lambda town: (_only(it, "code name grid geometry corridor_m share") for it in town.lines),
        ("lines.geojson",),
    ),
    Table(
        "line_plan",
        ("code",),
        lambda town: (_only(it, "code line unit shift times") for it in town.line_plans),
        ("line_plans.csv",),
    ),
    Table(
        "visit_plan",
        ("code",),
        lambda town: (_only(it, "code name role every level times dwell_s") for it in town.visit_plans),
        ("visit_plans.csv",),
    ),
    Table(
        "static_post",
        ("code",),
        lambda town: (
            _only(it, "code name grid unit lat lon radius_m geometry starts ends share")
            | {"days": [DAYS[day] for day in it.days]}
            for it in town.static_posts
        ),
        ("static_posts.geojson",),
    ),
    Table("holiday", ("day",), lambda town: (_only(h, "day name kind") for h in town.holidays), ("holidays.csv",)),
)


@dataclass
class Imported:
    """What an import did: per table how many were added, changed, ended and left as they were."""

    counts: dict[str, Counter[str]] = field(default_factory=dict)
    secrets: list[Issued] = field(default_factory=list)

    def count(self, table: str, what: str) -> None:
        """One more."""
        self.counts.setdefault(table, Counter())[what] += 1


async def import_town(
    connection: Connection, town: Town, *, folder: Path, secrets: Path | None = None, at: datetime | None = None
) -> Imported:
    """Make the database say what the town says, from `at` on; what the very first import says holds since always.

    Args:
        connection: in no transaction; everything happens in one.
        town: without errors.
        folder: where its files are; a table whose files are missing is left alone.
        secrets: a CSV to which the secrets of devices that have none are added; None issues none.
        at: aware UTC; by default now.

    Raises:
        TownImportError: a device is registered already as something else, or the secrets cannot be written.
    """
    moment = at or datetime.now(UTC)
    imported = Imported()
    async with connection.transaction():
        await connection.execute(_SQL["lock"])
        known = await (await connection.execute(_SQL["known"])).fetchone()
        since = moment if known and known["it"] else SINCE_ALWAYS
        for table in TABLES:
            if any((folder / name).is_file() for name in table.files):
                await _sync(connection, table, list(table.rows(town)), imported, since=since, at=moment)
        await lay_ground(connection)
        await _sync_devices(connection, town, imported)
        await _sync_custody(connection, town, imported, at=moment)
        if secrets is not None:
            imported.secrets = await _issue(connection, town)
            _append(secrets, imported.secrets)
        await connection.execute("NOTIFY gengfu_devices")
        await connection.execute("NOTIFY gengfu_dirty")
    return imported


def _only(record: object, names: str) -> Row:
    return {name: getattr(record, name) for name in names.split()}


async def _sync(
    connection: Connection, table: Table, rows: Sequence[Row], imported: Imported, *, since: datetime, at: datetime
) -> None:
    name = sql.Identifier(table.name)
    query = sql.SQL("SELECT * FROM {} WHERE valid_to IS NULL AND {}").format(name, table.only)
    current = {tuple(row[k] for k in table.key): row for row in await (await connection.execute(query)).fetchall()}
    label = "hydrant" if table.files == ("hydrants.geojson",) else table.name
    for row in rows:
        there = current.pop(tuple(row[k] for k in table.key), None)
        if there is not None and all(there[column] == value for column, value in row.items()):
            imported.count(label, "unchanged")
            continue
        if there is not None:
            await _end(connection, name, there["id"], at)
        begins = since if there is None else at
        values = {c: Jsonb(v) if isinstance(v, dict | Legs) else v for c, v in row.items()} | {"valid_from": begins}
        await connection.execute(
            sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
                name,
                sql.SQL(", ").join(map(sql.Identifier, values)),
                sql.SQL(", ").join(map(sql.Placeholder, values)),
            ),
            values,
        )
        imported.count(label, "added" if there is None else "changed")
    for gone in current.values():
        await _end(connection, name, gone["id"], at)
        imported.count(label, "ended")


async def _end(connection: Connection, table: sql.Identifier, number: int, at: datetime) -> None:
    await connection.execute(sql.SQL("UPDATE {} SET valid_to = %s WHERE id = %s").format(table), [at, number])


async def _sync_devices(connection: Connection, town: Town, imported: Imported) -> None:
    there = {row["name"]: row for row in await (await connection.execute(_SQL["devices"])).fetchall()}
    for device in town.devices:
        known = there.get(device.device)
        values = {"name": device.device, "kind": device.kind, "label": device.name, "datum": device.datum}
        if known is not None and known["kind"] != device.kind:
            raise TownImportError(
                f"devices.csv says that {device.device} is a {device.kind}, but it is registered as a {known['kind']}; "
                "give the new device another name, or put the kind right; nothing was imported"
            )
        if known is None:
            await connection.execute(_SQL["add_device"], values)
        elif known != values:
            await connection.execute(_SQL["change_device"], values)
        imported.count("device", "added" if known is None else "unchanged" if known == values else "changed")


async def _sync_custody(connection: Connection, town: Town, imported: Imported, *, at: datetime) -> None:
    rows = await (await connection.execute(_SQL["custody"], {"at": at})).fetchall()
    there = {(row["device"], row["holder_kind"], row["holder"], row["valid_from"]): row for row in rows}
    for held in town.holdings():
        kind = "equipment" if held.holder_kind == "hydrant" else held.holder_kind
        begins = held.starts or SINCE_ALWAYS
        known = there.pop((held.device, kind, held.holder, begins), None)
        if known is None:
            values = {"device": held.device, "kind": kind, "holder": held.holder, "from": begins, "to": held.ends}
            added = (await connection.execute(_SQL["add_custody"], values)).rowcount
            imported.count("custody", "added" if added else "unchanged")
        elif known["valid_to"] != held.ends:
            await connection.execute(_SQL["end_custody"], {"id": known["id"], "to": held.ends})
            imported.count("custody", "changed")
        else:
            imported.count("custody", "unchanged")
    for gone in there.values():
        await connection.execute(_SQL["end_custody"], {"id": gone["id"], "to": at})
        imported.count("custody", "ended")


async def _issue(connection: Connection, town: Town) -> list[Issued]:
    names = {"names": [device.device for device in town.devices]}
    rows = await (await connection.execute(_SQL["without_secret"], names)).fetchall()
    return [await issue_secret(connection, name=row["name"]) for row in rows]


def _append(path: Path, issued: Sequence[Issued]) -> None:
    """Secrets go to the disk before they are committed: one that nobody wrote down would be of no use."""
    try:
        new = not path.exists() or path.stat().st_size == 0
        handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        with os.fdopen(handle, "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            if new:
                writer.writerow(("device", "kind", "secret"))
            writer.writerows((one.device, one.kind, one.secret) for one in issued)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise TownImportError(
            f"cannot write the device secrets to {path}: {error.strerror}; name another file with --secrets; "
            "nothing was imported"
        ) from None
