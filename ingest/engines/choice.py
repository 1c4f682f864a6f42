"""Which engine a database has, and whether it is the one that was asked for."""

import re
from dataclasses import dataclass
from typing import Literal

from ingest.database import Connection, connect
from ingest.engines.engine import Engine
from ingest.engines.native import NativeEngine
from ingest.engines.timescale import TimescaleEngine
from ingest.errors import EngineMismatch
from ingest.queries import load_queries

_SQL = load_queries("ingest.engines", "timescale.sql")

OLDEST = [2, 18]  # 2.17.2 stopped at the first repetition in a compressed chunk and left out the rows behind it

Wish = Literal["auto", "native", "timescale"]


@dataclass(frozen=True)
class State:
    """How a database keeps readings, and how it could.

    Attributes:
        partitioned: as plain PostgreSQL does; else in hypertables.
        version: of the extension in this database, None without one.
        licence: `timescale` when it may compress and aggregate, `apache` when it may not.
    """

    partitioned: bool
    version: str | None
    licence: str

    @property
    def convertible(self) -> bool:
        """Whether hypertables could be made of its tables."""
        return self.partitioned and self.recent and self.licence == "timescale"

    @property
    def recent(self) -> bool:
        """Whether the extension is there and new enough."""
        numbers = re.findall(r"\d+", self.version or "")[:2]
        return [int(number) for number in numbers] >= OLDEST


async def state_of(connection: Connection) -> State:
    """Look at a migrated database."""
    # The first statement of a session loads the extension; only then does its licence show.
    await connection.execute("SELECT FROM pg_extension")
    row = await (await connection.execute(_SQL["state"])).fetchone()
    if row is None:
        raise AssertionError("a SELECT without FROM gives a row")
    return State(row["partitioned"], row["version"], row["licence"])


async def choose_engine(connection: Connection, *, wish: Wish) -> Engine:
    """The engine of a migrated database.

    Raises:
        EngineMismatch: the setting asks for the other one; the message says what to do.
    """
    state = await state_of(connection)
    if state.partitioned:
        if wish == "timescale":
            raise EngineMismatch(_no_hypertables(state))
        return NativeEngine()
    if wish == "native":
        raise EngineMismatch(
            "storage.engine is native, but this database keeps readings in TimescaleDB hypertables; set storage.engine "
            "to auto, or restore the readings into a database without the extension"
        )
    return TimescaleEngine()


async def engine_at(conninfo: str, *, wish: Wish) -> Engine:
    """The engine of the migrated database at an address.

    Raises:
        DatabaseUnavailable: it does not answer.
        EngineMismatch: the setting asks for the other one.
    """
    async with await connect(conninfo, name="start") as connection:
        return await choose_engine(connection, wish=wish)


def _no_hypertables(state: State) -> str:
    begins = "storage.engine is timescale, but this database keeps readings in plain partitions"
    if state.version is None:
        return f"{begins} and has no such extension; run CREATE EXTENSION timescaledb in it, then `gengfu migrate`"
    if not state.recent:
        return (
            f"{begins}, and its TimescaleDB {state.version} could lose late rows; install "
            f"{OLDEST[0]}.{OLDEST[1]} or newer, run ALTER EXTENSION timescaledb UPDATE, then `gengfu migrate`"
        )
    if state.licence != "timescale":
        return (
            f"{begins} and its TimescaleDB has the licence {state.licence!r}, without compression and aggregates; "
            "set timescaledb.license = 'timescale' in postgresql.conf, restart it, then `gengfu migrate`"
        )
    return f"{begins}; `gengfu migrate` makes hypertables of empty tables, `gengfu storage convert` of full ones"


async def mismatch(connection: Connection) -> str:
    """The sentence for a database that cannot be given hypertables as it is."""
    return _no_hypertables(await state_of(connection))
