"""A second PostgreSQL that follows the first one, commit by commit, and can take its place."""

import asyncio
import os
from dataclasses import replace
from pathlib import Path

import psycopg

from ops.embedded.leftovers import clear_postgres
from ops.embedded.ports import choose_ports
from ops.embedded.postgres import ENVIRONMENT
from ops.embedded.process import run_to_end
from tests.faults.programs import Program
from tests.faults.stage import Stage, at_port, eventually

COPY_S = 60.0
FOLLOWS = "SELECT count(*) FROM pg_stat_replication WHERE sync_state IN ('sync', 'quorum')"


async def follow(stage: Stage) -> tuple[Program, int]:
    """Copy the running server and start the copy as its synchronous standby.

    Returns:
        The standby and its port. What the first server confirms from now on, the standby has on its disk.
    """
    spec = stage.postgres.spec
    home = stage.folder / "standby"
    home.mkdir()
    if spec.identity.kind == "account":
        os.chown(home, spec.identity.uid, spec.identity.gid)
    data = home / "data"
    await run_to_end(
        [Path(spec.argv[0]).with_name("pg_basebackup"), "-d", stage.database_url, "-D", data, "-R", "-c", "fast"],
        log=stage.folder / "basebackup.log",
        timeout_s=COPY_S,
        identity=spec.identity,
        env=ENVIRONMENT,
    )
    ports, _ = choose_ports(stage.folder / "standby-port.json", names=("standby",))
    url = at_port(stage.database_url, ports["standby"])
    words = [str(word) for word in spec.argv]
    words[words.index("-D") + 1] = str(data)
    words = [f"port={ports['standby']}" if word.startswith("port=") else word for word in words]

    async def answers() -> bool:
        try:
            async with await psycopg.AsyncConnection.connect(url, connect_timeout=2) as connection:
                await connection.execute("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    standby = Program(
        replace(spec, name="standby", argv=words, ready=answers, tidy=lambda: clear_postgres(data)),
        log=stage.folder / "standby.log",
    )
    stage.keep(standby)
    await standby.start()
    async with stage.database() as connection:
        await connection.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
        await connection.execute("SELECT pg_reload_conf()")

    async def follows() -> bool:
        return await stage.number(FOLLOWS) == 1

    await eventually(follows, within_s=60, what=standby.said)
    return standby, ports["standby"]


async def promote(stage: Stage, port: int) -> None:
    """Make the standby the one that is written to, and move the database's address to it."""
    async with asyncio.timeout(60):
        async with await psycopg.AsyncConnection.connect(at_port(stage.database_url, port), autocommit=True) as standby:
            await standby.execute("SELECT pg_promote(true, 60)")
    stage.database_moved(port)
