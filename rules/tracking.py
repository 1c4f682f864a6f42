"""The tracking lane: keeps the spans in which carried devices may be tracked, ahead of time and after corrections."""

import logging
from datetime import datetime, timedelta

from rules.core.fixes import Span
from rules.core.tracking import Facts, allowed, has_calendar, unrostered
from rules.desk import Desk
from rules.metrics import UNROSTERED
from rules.store import tracking as store

LOOK_BACK = timedelta(days=8)  # corrections further back find nothing sealed any more; late readings rarely are older
HISTORY = timedelta(days=92)  # at the very first, as far back as readings are taken in by default
KEEP = timedelta(days=100)
_NAMED = 8  # devices in one line of the log

log = logging.getLogger(__name__)


class TrackingLane:
    """Plans when who may be tracked."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._planned_at: datetime | None = None
        self._made_from: tuple[str, Facts] | None = None
        self._said: tuple[object, ...] = ()

    async def step(self) -> bool:
        """Plan when something changed, and now and then.

        Returns:
            Whether there may be more to do at once: never.
        """
        now, options = self._desk.clock(), self._desk.options
        async with self._desk.transaction() as connection:
            before = await store.state(connection)
            since = now - (HISTORY if before.planned_at is None else LOOK_BACK)
            until = now + options.horizon
            known = await self._desk.world(connection)
            facts = await store.facts(connection, since=since, until=until)
            fresh = self._planned_at is not None and now - self._planned_at < options.plan_every
            if fresh and self._made_from == (known.stamp, facts):
                return False
            wanted = allowed(known.world, facts, span=Span(since, until), limits=options.tracking)
            changed = await store.sync(connection, wanted, since=since, now=now)
            await store.prune(connection, before=now - KEEP)
            enforced = options.privacy and has_calendar(known.world)
            # Who carries what is read anew with each revision, so a changed world counts even when no span did.
            news = bool(changed) or self._made_from is None or self._made_from[0] != known.stamp
            await store.planned(connection, enforced=enforced, changed=news, now=now, until=until)
        self._planned_at, self._made_from = now, (known.stamp, facts)
        self._say(enforced, unrostered(known.world, facts, at=now), changed)
        return False

    def _say(self, enforced: bool, without: tuple[str, ...], changed: int) -> None:
        UNROSTERED.set(len(without))
        if changed:
            log.info("%d spans in which devices may be tracked changed", changed, extra={"event": "tracking_planned"})
        if (enforced, without) == self._said:
            return
        self._said = (enforced, without)
        if not enforced and self._desk.options.privacy:
            log.warning(
                "the town has no shifts, so nobody can be off duty and nothing is withheld; import shifts.csv",
                extra={"event": "tracking_no_calendar"},
            )
        elif enforced and without:
            log.warning(
                "%d carried devices are tracked at all hours, because their holders never had a shift: %s%s; "
                "give their units or squads a shift",
                len(without),
                ", ".join(without[:_NAMED]),
                " …" if len(without) > _NAMED else "",
                extra={"event": "tracking_no_roster"},
            )
