"""Figures for people: a table with bars."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from ops.bench.figures import Figures, cost_of

TEXT = 90  # characters of a line of configuration
BAR = 32  # characters of the longest bar
PARTIES = ("ingest", "broker", "postgres", "load")


def bar(value: float, most: float, *, width: int = BAR) -> str:
    """A bar as long as the value's part of the most; what is more than nothing shows."""
    if most <= 0 or value <= 0:
        return ""
    return "█" * max(1, round(min(value / most, 1) * width))


def show_case(console: Console, figures: Figures, about: Mapping[str, Any], *, says: str) -> None:
    """Print one case."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim")
    table.add_column(justify="right")
    table.add_column(max_width=TEXT)
    for section in (_rates(figures), _cpu(figures), _latencies(figures), _ledger(figures), _growth(figures)):
        if section:
            for row in section:
                table.add_row(*row)
            table.add_row()
    for name, value in _about(figures, about):
        table.add_row(name, "", value)
    console.print(Panel(table, title=f"{figures.case}: {says}", title_align="left", border_style="dim", expand=False))


def show_matrix(console: Console, all_figures: Sequence[Figures]) -> None:
    """Print many cases, one a line."""
    most = max((one.committed_per_s or 0 for one in all_figures), default=0)
    table = Table("case", "engine", box=None, pad_edge=False)
    for name in ("committed/s", "", *(f"{party} CPU-s/M" for party in PARTIES), "memory MB", "lost"):
        table.add_column(name, justify="left" if not name else "right")
    for one in all_figures:
        rate = one.committed_per_s or 0
        costs = [_number(one.cpu_s_per_million.get(party)) for party in PARTIES]
        lost = Text(f"{one.lost:,}", style="red" if one.lost else "")
        table.add_row(
            one.case, one.engine, f"{rate:,.0f}", bar(rate, most, width=20), *costs, _number(one.ingest_memory_mb), lost
        )
    console.print(table)


Rows = list[tuple[RenderableType, ...]]


def _rates(figures: Figures) -> Rows:
    rates = [
        ("committed", figures.committed_per_s, "green"),
        ("queued while ingest was off", figures.queued_per_s, "blue"),
        ("drained", figures.drained_per_s, "green"),
        ("limit: session, no database", figures.limit_session_per_s, "blue"),
        (f"limit: {figures.limit_copy_by}", figures.limit_copy_per_s, "blue"),
    ]
    known = [(name, rate, style) for name, rate, style in rates if rate is not None]
    most = max((rate for _, rate, _ in known), default=0)
    rows: Rows = [(name, f"{rate:,.0f} /s", Text(bar(rate, most), style=style)) for name, rate, style in known]
    if figures.ratio_to_limit is not None:
        rows.append(("ratio to the lesser limit", f"{figures.ratio_to_limit:.2f}", ""))
    return rows


def _cpu(figures: Figures) -> Rows:
    if not figures.cpu_s_per_million:
        return []
    most = max(figures.cpu_s_per_million.values())
    return [
        (
            f"CPU-s per million: {party}",
            _number(figures.cpu_s_per_million.get(party)),
            Text(bar(figures.cpu_s_per_million.get(party, 0), most), style="yellow"),
        )
        for party in PARTIES
    ]


def _latencies(figures: Figures) -> Rows:
    rows: Rows = []
    if figures.paced_per_s is not None:
        rows.append(("pace", f"{figures.paced_per_s:,.0f} /s", ""))
    if figures.latency_by is None:
        return [*rows, ("publish to commit", "-", "the server does not keep commit times")] if rows else []
    if figures.p99_ms is not None:
        rows.append(("publish to commit, p50 / p99", f"{_number(figures.p50_ms)} / {_number(figures.p99_ms)} ms", ""))
    if figures.urgent_p99_ms is not None:
        both = f"{_number(figures.urgent_p50_ms)} / {_number(figures.urgent_p99_ms)} ms"
        rows.append(("the same of urgent readings", both, f"by {figures.latency_by}"))
    return rows


def _ledger(figures: Figures) -> Rows:
    verdict = Text("all stored, once", style="green") if figures.whole else Text("NOT WHOLE", style="bold red")
    rows: Rows = [
        ("sent", f"{figures.sent:,}", ""),
        ("rows in the table", f"{figures.rows:,}", verdict),
        ("lost / doubled", f"{figures.lost:,} / {figures.doubled:,}", ""),
        ("repeated / refused", f"{figures.repeated:,} / {figures.refused:,}", ""),
    ]
    if figures.acknowledged is not None:
        rows.append(("acknowledged by ingest", f"{figures.acknowledged:,}", ""))
    if figures.ingest_memory_mb is not None:
        rows.append(("ingest's memory at most", f"{figures.ingest_memory_mb:,.0f} MB", ""))
    return rows


def _growth(figures: Figures) -> Rows:
    if not figures.growth:
        return []
    costs = [(step["rows"] / 1e6, cost_of(step)) for step in figures.growth]
    most = max(cost for _, cost in costs)
    rows: Rows = [
        (
            f"{millions:.0f} million rows: ingest + postgres",
            f"{cost:.2f} CPU-s/M",
            Text(bar(cost, most), style="yellow"),
        )
        for millions, cost in costs
    ]
    if figures.growth_ratio is not None:
        rows.append(("the last to the first", f"{figures.growth_ratio:.2f} x", ""))
    added = f"{figures.growth_per_million or 0:+.3f} CPU-s/M"
    rows.append(("each further million adds", added, "by the line through the filled tables"))
    return rows


def _about(figures: Figures, about: Mapping[str, Any]) -> list[tuple[str, str]]:
    machine, versions, config = about["machine"], about["versions"], about["config"]
    seq = "with" if figures.seq else "without"
    workers = "1 worker" if figures.workers == 1 else f"{figures.workers} workers"
    world = config["world"]
    busy = f"load average {machine['load_average']} before"
    return [
        ("load", f"{figures.devices:,} devices, {workers}, {seq} seq, {figures.rows_before:,} rows before"),
        ("match", f"{world.get('grids', 0)} grids, {world.get('checkpoints', 0)} checkpoints"),
        (figures.broker, f"{versions.get(figures.broker, 'given')}  {_pairs(config.get('broker', {}))}"),
        ("postgresql", f"{versions['postgresql']} ({figures.engine})  {_pairs(config['postgresql'])}"),
        ("ingest", _pairs(config["ingest"])),
        ("machine", f"{machine['cpus']} x {machine['processor']}, {machine['memory_mb']:,} MB"),
        ("", f"{machine['file_system']}, {busy}"),
    ]


def _pairs(values: Mapping[str, object]) -> str:
    return ", ".join(f"{name} {str(value).lower()}" for name, value in values.items())


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}"
