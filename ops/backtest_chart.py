"""A back-test as a picture: SVG of our own, bars by day or hour in colours by subject, dots for what was in fact."""

from collections import Counter
from collections.abc import Sequence
from html import escape
from pathlib import Path

from ops.backtest_report import headline
from ops.errors import OpsError
from rules.backtest import Result, Told
from rules.backtest.result import counted
from rules.core.words import day_clock

WIDTH, HEIGHT = 960, 420  # px
LEFT, RIGHT, TOP, BOTTOM = 56, 220, 64, 72
COLOURS = ("#2f6fb2", "#d1703c", "#4c9a5b", "#8e5ea8", "#b8a033", "#3fa3a3")
OTHERS = "#9a9a9a"
INK, FAINT = "#222222", "#dddddd"
_LABELS = 16  # at the most below the axis; more run into each other


PAGES = (".html", ".htm")


def check_name(file: Path) -> None:
    """Whether a picture can go there, before anything is reckoned for it.

    Raises:
        OpsError: another ending than .svg and .html, or no such folder.
    """
    if file.suffix.lower() not in (".svg", *PAGES):
        raise OpsError(f"cannot draw {file}: its name must end with .svg or .html")
    if not file.parent.is_dir():
        raise OpsError(f"cannot draw {file}: there is no folder {file.parent}; give another place with --chart")


def write_chart(result: Result, file: Path) -> None:
    """Write the picture, plain or inside a page, by the file's ending.

    Raises:
        OpsError: another ending, or the file cannot be written.
    """
    check_name(file)
    text = chart(result)
    if file.suffix.lower() in PAGES:
        text = f"<!doctype html>\n<meta charset=utf-8>\n<title>{escape(result.rule)}</title>\n{text}\n"
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise OpsError(f"cannot write {file}: {error.strerror}; give another place with --chart") from error


def chart(result: Result) -> str:
    """The picture as SVG."""
    here, fact = result.by_time(result.raised), result.by_time(result.in_fact)
    names = sorted(set(here) | set(fact))
    most = max([1, *here.values(), *fact.values()])
    subjects = [name for name, _ in counted(result.raised, _who)]
    shown = subjects[: len(COLOURS)]
    parts = [*_head(result), *_axis(most)]
    slot = (WIDTH - LEFT - RIGHT) / max(1, len(names))
    by_step = _by_step(result)
    for index, name in enumerate(names):
        parts += _bar(by_step.get(name, Counter()), shown, x=LEFT + slot * index, slot=slot, most=most)
        if count := fact.get(name, 0):
            x, y = LEFT + slot * (index + 0.5), _y(count, most)
            parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="none" stroke="{INK}" stroke-width="1.5"/>')
    parts += _names_below(names, slot)
    parts += _legend(shown, others=len(subjects) > len(shown))
    size = f'width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}"'
    style = 'font-family="system-ui, sans-serif" font-size="12"'
    back = f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>'
    body = "\n".join([back, *parts])
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} {style}>\n{body}\n</svg>\n'


def _who(it: Told) -> str:
    return it.device or it.unit or it.subject


def _by_step(result: Result) -> dict[str, Counter[str]]:
    found: dict[str, Counter[str]] = {}
    for it in result.raised:
        found.setdefault(result.step_of(it.at), Counter())[_who(it)] += 1
    return found


def _head(result: Result) -> list[str]:
    span = f"{day_clock(result.span.start, result.zone)} - {day_clock(result.span.end, result.zone)}"
    changes = ", ".join(f"{key} = {value}" for key, value in result.changes.items())
    return [
        _text(LEFT, 24, f"{result.rule}: {headline(result)}", size=16),
        _text(LEFT, 44, f"{span} ({result.zone})" + (f", with {changes}" if changes else "")),
    ]


def _axis(most: int) -> list[str]:
    step = next(
        size for scale in (1, 10, 100, 1000, 10_000) for size in (scale, 2 * scale, 5 * scale) if most / size <= 6
    )
    parts = []
    for value in range(0, most + 1, step):
        y = _y(value, most)
        parts.append(f'<line x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}" stroke="{FAINT}"/>')
        parts.append(_text(LEFT - 8, y + 4, str(value), anchor="end"))
    return parts


def _bar(counts: Counter[str], shown: Sequence[str], *, x: float, slot: float, most: int) -> list[str]:
    width = max(1.0, slot * 0.7)
    below, parts = 0, []
    for who, colour in [*zip(shown, COLOURS, strict=False), (None, OTHERS)]:
        count = counts[who] if who else sum(counts.values()) - below
        if count <= 0:
            continue
        top, bottom = _y(below + count, most), _y(below, most)
        box = f'x="{x + (slot - width) / 2:.1f}" y="{top:.1f}" width="{width:.1f}" height="{bottom - top:.1f}"'
        parts.append(f'<rect {box} fill="{colour}"><title>{escape(who or "others")}: {count}</title></rect>')
        below += count
    return parts


def _names_below(names: Sequence[str], slot: float) -> list[str]:
    each = -(-len(names) // _LABELS)
    parts = []
    for index in range(0, len(names), max(1, each)):
        x, y = LEFT + slot * (index + 0.5), HEIGHT - BOTTOM + 16
        name = names[index][5:]
        parts.append(f'<text x="{x:.1f}" y="{y}" fill="{INK}" transform="rotate(35 {x:.1f} {y})">{escape(name)}</text>')
    return parts


def _legend(shown: Sequence[str], *, others: bool) -> list[str]:
    x, y, parts = WIDTH - RIGHT + 20, TOP + 4, []
    for who, colour in [*zip(shown, COLOURS, strict=False), *([("others", OTHERS)] if others else [])]:
        parts.append(f'<rect x="{x}" y="{y}" width="12" height="12" fill="{colour}"/>')
        parts.append(_text(x + 18, y + 10, _short(who)))
        y += 20
    parts.append(f'<circle cx="{x + 6}" cy="{y + 6}" r="3.5" fill="none" stroke="{INK}" stroke-width="1.5"/>')
    parts.append(_text(x + 18, y + 10, "raised in fact"))
    return parts


def _short(name: str) -> str:
    return name if len(name) <= 26 else f"{name[:25]}…"


def _y(value: float, most: int) -> float:
    return HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * value / most


def _text(x: float, y: float, text: str, *, size: int = 12, anchor: str = "start") -> str:
    where = f'x="{x:.1f}" y="{y:.1f}" fill="{INK}" font-size="{size}" text-anchor="{anchor}"'
    return f"<text {where}>{escape(text)}</text>"
