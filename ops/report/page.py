"""A patrol report as one page of HTML that prints on A4: no script, no font and no picture from elsewhere."""

from collections.abc import Iterator
from html import escape
from pathlib import Path
from zoneinfo import ZoneInfo

from ops.report.patrol import PatrolReport, percent
from rules.core.measures import Presence, Rate, Tally

_STYLE = Path(__file__).with_name("page.css").read_text(encoding="utf-8")
_TITLES = {"grid": "网格 Grid", "squad": "队 Squad", "unit": "岗组 Unit"}


def page_of(report: PatrolReport) -> str:
    """The whole page; every name in it is escaped."""
    return "".join(_parts(report))


def _parts(report: PatrolReport) -> Iterator[str]:
    zone = ZoneInfo(report.zone)
    since, until, made = (
        f"{moment.astimezone(zone):%Y-%m-%d %H:%M}" for moment in (report.span.start, report.span.end, report.made_at)
    )
    hours = " – ".join(f"{at.astimezone(zone):%Y-%m-%d %H:%M}" for at in (report.hours.start, report.hours.end))
    yield '<!doctype html><html lang="zh-CN"><head><meta charset="utf-8">'
    yield f"<title>巡逻报表 {since}</title><style>{_STYLE}</style></head><body>"
    yield f"<h1>巡逻报表 · Patrol report</h1><p>{since} – {until} ({escape(report.zone)}); 制表 made {made}</p>"
    yield from _heads(report.whole, report.together)
    yield f"<h2>任务 Duties</h2>{_head(_TITLES[report.by], *_COLUMNS)}"
    for line in report.lines:
        yield _row(line.name or line.key or "—", line.tally, f"l{line.level}" if line.level else "")
    yield _row("合计 Whole", report.whole, "whole") + f"</tbody></table><p>{_DUTIES}</p>"
    yield f"<h2>见巡 Presence</h2>{_head('网格 Grid', *_PRESENCE_COLUMNS)}"
    for it in report.presence:
        yield _presence(report.names.get(it.grid) or it.grid, it, "")
    yield _presence("合计 Whole", report.together, "whole") + f"</tbody></table><p>{_PRESENCE} {hours}</p>"
    yield "</body></html>\n"


_COLUMNS = (
    "到位率 arrival",
    "漏检率 missed",
    "准点率 on time",
    "met",
    "early",
    "late",
    "missed",
    "存疑 in doubt",
    "剔除 out",
    "待定 pending",
)
_PRESENCE_COLUMNS = (
    "见巡率 in sight",
    "巡逻密度 passes per road-km and hour",
    "在岗分钟 staffed minutes",
    "道路 road km",
)
_DUTIES = (
    "计入 counted: met, early, late, missed, in doubt. 剔除 taken out: device fault, waived, superseded. "
    "到位率 = (met + early + late) / counted; 漏检率 = missed / counted; 准点率 = met / (met + early + late)."
)
_PRESENCE = (
    "见巡率: hours in which a unit on duty had at least two fixes in the grid. 巡逻密度: unit-hours in sight for each "
    "kilometre of road in each hour. 在岗分钟: minutes with a fix of a unit on duty, in that minute or the one before."
)


def _head(*titles: str) -> str:
    return f"<table><thead><tr>{''.join(f'<th>{title}</th>' for title in titles)}</tr></thead><tbody>"


def _heads(tally: Tally, whole: Presence) -> Iterator[str]:
    yield '<div class="big">'
    for title, rate in (
        ("到位率", tally.arrival),
        ("漏检率", tally.missing),
        ("准点率", tally.punctuality),
        ("见巡率", whole.sight),
    ):
        shown = "—" if rate.value is None else f"{rate.value:.1%}"
        yield f"<div>{title}<b>{shown}</b>{rate.n} / {rate.of}</div>"
    yield "</div>"


def _row(name: str, tally: Tally, kind: str) -> str:
    counts = (tally.met, tally.early, tally.late, tally.missed, tally.in_doubt, tally.taken_out, tally.pending)
    cells = "".join(f"<td>{count}</td>" for count in counts)
    rates = _bar(tally.arrival) + _bar(tally.missing, bad=True) + _bar(tally.punctuality)
    return f'<tr class="{kind}"><td>{escape(name)}</td>{rates}{cells}</tr>'


def _presence(name: str, it: Presence, kind: str) -> str:
    density = "—" if it.density is None else f"{it.density:.2f}"
    return (
        f'<tr class="{kind}"><td>{escape(name)}</td>{_bar(it.sight)}<td>{density}</td>{_bar(it.staffed)}'
        f"<td>{it.road_km:.2f}</td></tr>"
    )


def _bar(rate: Rate, *, bad: bool = False) -> str:
    width = 0 if rate.value is None else rate.value * 100
    return f'<td>{percent(rate)}<span class="bar{" bad" if bad else ""}"><i style="width:{width:.1f}%"></i></span></td>'
