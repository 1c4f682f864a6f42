"""The table at the end: what was done to whom, what was lost by it, and how long it took to recover."""

from rich.console import Console
from rich.table import Table

from tests.faults.scenario import Result

LINES: list[Result] = []


def print_table(*, seed: int) -> None:
    """Print what was gathered in this session."""
    table = Table(title=f"Faults, seed {seed}", title_justify="left", box=None, pad_edge=False)
    for name in ("#", "fault", "broker", "injected"):
        table.add_column(name, overflow="fold")
    for name in ("sent", "lost", "doubled", "quarantined", "recovery s", "worst lag s"):
        table.add_column(name, justify="right")
    table.add_column("notes", overflow="fold")
    for line in LINES:
        balance = line.balance
        table.add_row(
            line.fault.number,
            line.fault.name,
            line.broker,
            line.injected,
            f"{balance.sent:,}",
            _zero(len(balance.lost)),
            _zero(len(balance.doubled)),
            str(balance.quarantined.total()),
            "never" if line.recovery_s is None else f"{line.recovery_s:.1f}",
            f"{line.worst_lag_s:.1f}",
            line.notes,
        )
    console = Console(width=180, soft_wrap=False)
    console.print()
    console.print(table)


def _zero(number: int) -> str:
    return f"[green]{number}[/green]" if number == 0 else f"[bold red]{number}[/bold red]"
