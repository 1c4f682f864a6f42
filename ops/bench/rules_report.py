"""Figures of the rules for people."""

from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from ops.bench.rules_figures import CaseName, Figure, RulesFigures

SAYS: dict[CaseName, str] = {
    "towns": "what a duty costs",
    "minute": "windows that settle within a minute",
    "second": "the same, all in one second",
    "ordinary": "the pace of 100,000 duties a day",
    "month": "a month of the sample town, run again",
}


def show_rules(console: Console, figures: RulesFigures) -> None:
    """Print one case."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim")
    table.add_column(justify="right")
    table.add_column()
    table.add_column()
    for one in figures.figures:
        table.add_row(one.name, shown(one.value), one.unit, _verdict(one))
    if figures.verdicts:
        said = ", ".join(f"{name} {count:,}" for name, count in figures.verdicts.items())
        table.add_row("verdicts", "", said, "")
    title = f"{figures.case}: {SAYS[figures.case]}"
    console.print(Panel(table, title=title, title_align="left", border_style="dim", expand=False))


def shown(value: float | None) -> str:
    """A number with as many places as say something."""
    if value is None:
        return "-"
    if value == int(value) or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3f}" if abs(value) < 1 else f"{value:.2f}"


def _verdict(one: Figure) -> Text:
    if one.reached is None:
        return Text("")
    return Text(f"at most {one.goal:g}", style="green" if one.reached else "bold red")
