"""What the database's settings mean for data that must not be lost."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from ingest.database import connect
from ingest.errors import IngestError
from ingest.migrate import check_schema
from ingest.queries import load_queries
from ops.doctor.finding import Finding, Grade
from ops.settings import Settings

PART = "database"
SKEW_S = 2.0  # between our clock and the database's; times of receipt are ours, times of alerts are its
OLDEST = 15
_SQL = load_queries("ops.doctor", "database.sql")
_POOLS = {"gateway": 4, "ingest": 6, "spare": 5}  # fixed numbers of connections; the spare ones are for people


async def findings(settings: Settings) -> list[Finding]:
    """Everything that is worth saying about the database of the settings."""
    try:
        connection = await connect(settings.database.url.get_secret_value(), name="doctor")
    except IngestError as error:
        return [_said("connection", Grade.UNSEEN, "the database does not answer", str(error), "start PostgreSQL")]
    async with connection:
        before = datetime.now(UTC)
        state = await (await connection.execute(_SQL["state"])).fetchone() or {}
        after = datetime.now(UTC)
        rows = await (await connection.execute(_SQL["settings"])).fetchall()
        license_row = await (await connection.execute(_SQL["timescale_license"])).fetchone() or {}
        try:
            await check_schema(connection)
            schema = _said("schema", Grade.SAFE, "of this version of gengfu")
        except IngestError as error:
            schema = _said("schema", Grade.UNSEEN, "not of this version of gengfu", str(error), "gengfu migrate")
    values = {row["name"]: row["setting"] for row in rows}
    return [
        _version(values),
        _fsync(values),
        _pages(values),
        _commit(values),
        _writable(values, state),
        _connections(values, state, needed=_needed(settings)),
        _vacuum(values),
        _clock(state["now"], before, after),
        *_timescale(state, license_row),
        schema,
    ]


def _said(check: str, grade: Grade, seen: str, why: str = "", change: str = "") -> Finding:
    return Finding(PART, check, grade, seen, why, change)


def _version(values: dict[str, str]) -> Finding:
    major = int(values["server_version_num"]) // 10_000
    if major < OLDEST:
        return _said(
            "version",
            Grade.UNSEEN,
            f"PostgreSQL {values['server_version']}",
            f"gengfu is tried with {OLDEST} and newer",
            f"upgrade to PostgreSQL {OLDEST} or newer",
        )
    return _said("version", Grade.SAFE, f"PostgreSQL {values['server_version']}")


def _fsync(values: dict[str, str]) -> Finding:
    if values["fsync"] != "on":
        why = "a power cut can leave a database that cannot be read, after devices were told that all is safe"
        return _said("fsync", Grade.LOSES, "fsync is off", why, "fsync = on")
    return _said("fsync", Grade.SAFE, "on")


def _pages(values: dict[str, str]) -> Finding:
    if values["full_page_writes"] != "on":
        why = "a power cut in the middle of a page leaves that page broken, unless the file system writes pages whole"
        return _said("full_page_writes", Grade.LOSES, "full_page_writes is off", why, "full_page_writes = on")
    return _said("full_page_writes", Grade.SAFE, "on")


def _commit(values: dict[str, str]) -> Finding:
    mode = values["synchronous_commit"]
    if mode == "off":
        why = "messages are acknowledged after a commit that a crash may still take back"
        return _said("synchronous_commit", Grade.LOSES, "synchronous_commit is off", why, "synchronous_commit = on")
    if values["synchronous_standby_names"] and mode in {"local", "remote_write"}:
        why = "the standby that takes over after a failure may lack what was acknowledged"
        return _said("synchronous_commit", Grade.LOSES, f"synchronous_commit is {mode}", why, "synchronous_commit = on")
    return _said("synchronous_commit", Grade.SAFE, mode)


def _writable(values: dict[str, str], state: dict[str, Any]) -> Finding:
    if state["standby"] or values["default_transaction_read_only"] == "on":
        seen = "a standby, which takes no writes" if state["standby"] else "default_transaction_read_only is on"
        why = "nothing is lost, for nothing is acknowledged; but nothing is stored either, and the broker's queue grows"
        return _said("writable", Grade.UNSEEN, seen, why, "give database.url the primary's address")
    return _said("writable", Grade.SAFE, "takes writes")


def _needed(settings: Settings) -> int:
    people = settings.database.connections
    rules = max(3, people // 2) + 2
    return _POOLS["gateway"] + _POOLS["ingest"] * settings.ingest.workers + people + rules + _POOLS["spare"]


def _connections(values: dict[str, str], state: dict[str, Any], *, needed: int) -> Finding:
    there = int(values["max_connections"]) - int(values["superuser_reserved_connections"])
    if there < needed:
        return _said(
            "connections",
            Grade.RECEIPTS,
            f"{there} connections are allowed, {state['connected']} are open",
            f"all roles together may want {needed}; whoever comes too late waits, and the broker's queue grows",
            f"max_connections = {needed + int(values['superuser_reserved_connections'])}",
        )
    return _said(
        "connections", Grade.SAFE, f"{there} are allowed, {needed} may be wanted, {state['connected']} are open"
    )


def _vacuum(values: dict[str, str]) -> Finding:
    if values["autovacuum"] != "on":
        why = "tables of work that is done grow, and in the end the server refuses to write"
        return _said("autovacuum", Grade.RECEIPTS, "autovacuum is off", why, "autovacuum = on")
    return _said("autovacuum", Grade.SAFE, "on")


def _clock(theirs: datetime, before: datetime, after: datetime) -> Finding:
    skew = max((before - theirs).total_seconds(), (theirs - after).total_seconds(), 0.0)
    if skew > SKEW_S:
        return _said(
            "clock",
            Grade.RECEIPTS,
            f"the database's clock and ours are {skew:.1f} s apart",
            "times of receipt are ours and times of alerts the database's; deadlines are judged too early or too late, "
            "and readings that seem to come from the future end in quarantine",
            "run NTP on both machines",
        )
    return _said("clock", Grade.SAFE, "agrees with ours")


def _timescale(state: dict[str, Any], license_row: dict[str, Any]) -> Iterator[Finding]:
    version = state["timescale"]
    if version is None:
        if state["timescale_offered"]:
            seen = f"TimescaleDB {state['timescale_offered']} is installed but not in this database"
            yield _said("timescaledb", Grade.SAFE, seen, "", "CREATE EXTENSION timescaledb")
        return
    if license_row.get("license") == "apache":
        why = "compression and the hourly rollup are not in the Apache edition"
        seen = f"TimescaleDB {version} in its Apache edition"
        yield _said("timescaledb", Grade.UNSEEN, seen, why, "timescaledb.license = 'timescale'")
    elif tuple(int(part) for part in version.split(".")[:2] if part.isdecimal()) < (2, 18):
        why = "late rows into compressed chunks can end at the first repetition, so that the rest is silently missing"
        yield _said("timescaledb", Grade.LOSES, f"TimescaleDB {version}", why, "upgrade to 2.18 or newer")
    else:
        yield _said("timescaledb", Grade.SAFE, f"TimescaleDB {version}")
