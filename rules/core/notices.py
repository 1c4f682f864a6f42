"""What is said to those who carry a device about their own duties: plain sentences in the site's language."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from rules.core.alerts import UNPROVEN, WAIVED, WITHDRAWN
from rules.core.words import clock, day_clock

Language = Literal["zh-CN", "en"]
Notices = Literal["none", "missed", "all"]

MISSED = "missed"
KEPT_FOR = timedelta(hours=24)  # a day later nobody can mend it any more, and the console tells it all the same
TOLD_FIRST: Mapping[Notices, frozenset[str]] = {
    "none": frozenset(),
    "missed": frozenset({MISSED}),
    "all": frozenset({MISSED, UNPROVEN}),
}


@dataclass(frozen=True, kw_only=True)
class Voice:
    """How the rules speak to people out there.

    Attributes:
        zone: the site's IANA zone.
        language: of the site.
        notices: of which classes those who carry the devices are told unasked; corrections are told in any case.
    """

    zone: str = "Asia/Shanghai"
    language: Language = "zh-CN"
    notices: Notices = "all"


@dataclass(frozen=True, kw_only=True)
class About:
    """What an alert or an objection is about.

    Attributes:
        rule: name of the rule.
        unit: whose duty it is.
        what: name of the place, number of the incident, or name of the route.
        whole: it is a whole round.
        opens_at: from when it counted, aware UTC.
        due_at: until when.
        verdict: on a duty, as it is now.
    """

    rule: str
    unit: str | None
    what: str
    whole: bool
    opens_at: datetime
    due_at: datetime
    verdict: str | None = None


_TEXTS: Mapping[Language, Mapping[str, str]] = {
    "zh-CN": {
        "missed_checkpoint": "到位点“{what}”",
        "response_time": "警情 {what} 到场",
        "round": "整轮巡逻“{what}”",
        "duty": "任务“{what}”",
        "head": "{unit} {when} {thing}：",
        "correction": "更正：",
        MISSED: "判为漏检。当时到过的，请让设备联网补传记录；不同意可在“任务”页提出异议。",
        UNPROVEN: "现有记录无法证明到位，不算漏检。请让设备联网补传记录。",
        WITHDRAWN: "补传或更正后的记录证明已到位，此前的提醒撤回。",
        WAIVED: "已免除（{note}）。",
        "superseded": "计划或排班已更正，此任务作废。",
        "late": "已到位，但超过时限。",
        "early": "已到位，但早于时段。",
        "resolved": "此前的提醒已关闭。",
        "upheld": "异议成立。答复：{note}",
        "rejected": "异议不成立。答复：{note}",
    },
    "en": {
        "missed_checkpoint": "checkpoint {what}",
        "response_time": "arrival at incident {what}",
        "round": "the whole round {what}",
        "duty": "duty {what}",
        "head": "{unit}, {when}, {thing}: ",
        "correction": "Correction: ",
        MISSED: "counted as missed. If you were there, let the device send what it still holds; if you disagree, "
        "object on the page Duties.",
        UNPROVEN: "the records there are do not prove that you were there. It does not count as missed. Let the "
        "device send what it still holds.",
        WITHDRAWN: "records that came late or were corrected prove that you were there. What you were told before is "
        "withdrawn.",
        WAIVED: "waived ({note}).",
        "superseded": "the plan or the roster was corrected, and this duty no longer stands.",
        "late": "you were there, but later than the limit.",
        "early": "you were there, but before the time.",
        "resolved": "what you were told before is closed.",
        "upheld": "your objection is upheld. Answer: {note}",
        "rejected": "your objection is rejected. Answer: {note}",
    },
}


def sentence(voice: Voice, about: About, said: str, *, correction: bool, note: str = "") -> str:
    """What is told.

    Args:
        voice: zone and language.
        about: what it is about.
        said: the word for what is so now: missed, unproven, withdrawn, waived, superseded, late, early, upheld,
            rejected.
        correction: whether they were told something else before.
        note: a person's own words, for what was waived or answered.
    """
    texts = _TEXTS[voice.language]
    thing = texts["round" if about.whole else about.rule if about.rule in texts else "duty"].format(what=about.what)
    head = texts["head"].format(unit=about.unit or "", when=_when(voice.zone, about), thing=thing)
    body = texts.get(said, texts["resolved"]).format(note=note)
    return f"{texts['correction'] if correction else ''}{head}{body}".strip()


def _when(zone: str, about: About) -> str:
    if about.due_at - about.opens_at < timedelta(hours=24):
        return f"{day_clock(about.opens_at, zone)}-{clock(about.due_at, zone)}"
    return f"{day_clock(about.opens_at, zone)} - {day_clock(about.due_at, zone)}"
