"""What the rules worker must be told; the process that starts it reads these from the settings."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from rules.core.notices import Language, Notices, Voice
from rules.core.tracking import Limits


@dataclass(frozen=True, kw_only=True)
class Options:
    """Times and sizes of the worker.

    Attributes:
        zone: the site's IANA time zone.
        horizon: how far ahead duties are planned.
        backfill: after this long a verdict is final.
        reach: a correction of the plans changes what ended no longer ago than this; None: however long ago.
        poll_s: seconds between looks when nothing was announced: a lost notification costs no more than this.
        portion: duties claimed at once; half a second of judging, so that a stop is prompt.
        language: of what is told to those out there.
        notices: of which alerts those are told unasked whose duty it is.
        plan_every: how often to plan when the world did not change; far less than the horizon.
        privacy: whether readings of carried devices from outside duty are withheld.
        tracking: how far duty reaches beyond the plan.
    """

    zone: str = "Asia/Shanghai"
    horizon: timedelta = timedelta(hours=36)
    backfill: timedelta = timedelta(hours=72)
    reach: timedelta | None = timedelta(days=90)
    poll_s: float = 2.0
    portion: int = 500
    plan_every: timedelta = timedelta(minutes=10)
    privacy: bool = True
    tracking: Limits = field(default_factory=Limits)
    language: Language = "zh-CN"
    notices: Notices = "all"

    @property
    def voice(self) -> Voice:
        """How the worker speaks to people out there."""
        return Voice(zone=self.zone, language=self.language, notices=self.notices)


def utc_now() -> datetime:
    """The clock on the wall."""
    return datetime.now(UTC)
