"""The migrations add up to the documented schema, and the database's own metrics are documented."""

import re
from pathlib import Path

from prometheus_client import REGISTRY

import gateway.metrics  # noqa: F401  registers what it counts, like the two below
import ingest.metrics  # noqa: F401
import rules.metrics  # noqa: F401
from ingest.database import connect
from ingest.migrate import migrate
from ops.http.metrics import Metrics, database_up, ledger
from ops.live.metrics import LiveMetrics

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"
SHORT = {"timestamp with time zone": "timestamptz", "time without time zone": "time"}
CATALOG = """
SELECT c.relname AS "table", a.attname AS "column", format_type(a.atttypid, a.atttypmod) AS type,
       NOT a.attnotnull AND c.relkind <> 'v' AS may_be_empty
  FROM pg_class c
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
 WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm') AND NOT c.relispartition
 ORDER BY c.relname, a.attnum
"""


def documented_tables() -> dict[str, dict[str, str]]:
    """Type of each column of each table, as docs/reference/storage.md has them."""
    found: dict[str, dict[str, str]] = {}
    table = ""
    for line in (REFERENCE / "storage.md").read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            heading = re.fullmatch(r"### `(\w+)`", line)
            table = heading[1] if heading else ""
            if table:
                found[table] = {}
        elif table and (row := re.match(r"\| `(\w+)` \| ([^|]+) \|", line)):
            found[table][row[1]] = row[2]
    return found


async def test_migrations_add_up_to_the_documented_schema(database_url: str) -> None:
    await migrate(database_url)
    real: dict[str, dict[str, str]] = {}
    async with await connect(database_url, name="test") as connection:
        for row in await (await connection.execute(CATALOG)).fetchall():
            shown = str(SHORT.get(row["type"], row["type"])) + (" or empty" if row["may_be_empty"] else "")
            real.setdefault(row["table"], {})[row["column"]] = shown
    documented = documented_tables()
    assert documented.keys() == real.keys()
    for table, columns in real.items():
        assert list(documented[table].items()) == list(columns.items()), table


async def test_migrating_twice_changes_nothing(database_url: str) -> None:
    assert await migrate(database_url) > 0
    assert await migrate(database_url) == 0


async def test_the_documented_metrics_are_the_real_ones(database_url: str) -> None:
    await migrate(database_url)
    async with await connect(database_url, name="test") as connection:
        families = [database_up(True), *await ledger(connection)]
    metrics = Metrics()
    LiveMetrics(metrics.registry)
    for registry in (REGISTRY, metrics.registry):
        families += registry.collect()
    real = {
        family.name + ("_total" if family.type == "counter" else "")
        for family in families
        if family.name.startswith("gengfu_")
    }
    text = (REFERENCE / "metrics.md").read_text(encoding="utf-8")
    documented = re.findall(r"^\| `(gengfu_\w+)` \|", text, re.MULTILINE)
    assert sorted(documented) == sorted(real)
