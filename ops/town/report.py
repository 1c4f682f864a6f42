"""Findings as people read them, file by file, and as programs do, one JSON object a line."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ops.town.balance import extremes, gini, road_km
from ops.town.findings import Finding
from ops.town.model import Town
from ops.town.topology import Area

_SHOWN_AT_MOST = 500  # of one file; whoever has more mends the first and looks again
_STYLES = {"error": "bold red", "warning": "yellow", "info": "dim"}


def as_json_lines(findings: Sequence[Finding]) -> Iterator[str]:
    """Each finding as one line of JSON."""
    for finding in findings:
        yield json.dumps(asdict(finding), ensure_ascii=False)


def show(town: Town, findings: Sequence[Finding], *, console: Console) -> None:
    """Print a table of findings for each file, then what was read and how many findings there are."""
    by_file: dict[str, list[Finding]] = {}
    for finding in findings:
        by_file.setdefault(finding.file, []).append(finding)
    for file, those in by_file.items():
        console.print(Text(file, style="bold"))
        table = Table("", "where", "what", "what to do", box=None, pad_edge=False, padding=(0, 2, 0, 0))
        for finding in those[:_SHOWN_AT_MOST]:
            severity = Text(finding.severity, style=_STYLES[finding.severity])
            table.add_row(severity, *(Text(text) for text in (finding.where, finding.what, finding.remedy)))
        console.print(table)
        if len(those) > _SHOWN_AT_MOST:
            console.print(Text(f"and {len(those) - _SHOWN_AT_MOST} more; --json prints all of them"))
        console.print()
    if town.base_grids() and not any(finding.severity == "error" for finding in findings):
        console.print(_balance(town))
        console.print()
    console.print(Text(f"read: {', '.join(f'{count} {name}' for name, count in town.counts().items())}"))
    console.print(Text(summary(findings)))


def _balance(town: Town) -> Table:
    """How evenly work is spread over the base grids."""
    areas = [
        Area(code=it.code, name=it.name, parent=it.parent, hierarchy=it.hierarchy, level=it.level, shape=it.shape)
        for it in town.base_grids()
    ]
    names = {it.code: it.name for it in areas}
    points = Counter(it.grid for it in town.checkpoints)
    loads: dict[str, dict[str, float]] = {
        "checkpoints": {code: points[code] for code in names},
        "road km": road_km(areas, [it.shape for it in town.roads]),
        "line km": road_km(areas, [it.shape for it in town.lines]),
    }
    table = Table("work by base grid", "total", "mean", "least", "most", "Gini", box=None, pad_edge=False)
    for load, values in loads.items():
        total, spread = sum(values.values()), gini(values.values())
        if spread is None:
            continue
        most, least = (f"{values[code]:,.4g} {code} {names[code]}" for code in extremes(values) if code is not None)
        table.add_row(load, f"{total:,.4g}", f"{total / len(values):,.3g}", Text(least), Text(most), f"{spread:.2f}")
    return table


def summary(findings: Sequence[Finding]) -> str:
    """One sentence: how many findings there are, and whether the town can be imported."""
    counts = Counter(finding.severity for finding in findings)
    errors, warnings = counts["error"], counts["warning"]
    said = f"{errors} error{'s' * (errors != 1)}, {warnings} warning{'s' * (warnings != 1)}, {counts['info']} info"
    return f"{said}: " + ("the town cannot be imported yet" if errors else "the town can be imported")
