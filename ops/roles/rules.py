"""The role rules: one worker that leads or stands by."""

import asyncio
from datetime import timedelta

from ops.process import wait_for_schema
from ops.settings import Settings
from rules.core.tracking import Limits
from rules.options import Options
from rules.worker import RulesWorker


async def run(settings: Settings, *, stop: asyncio.Event) -> None:
    """Judge until `stop` is set."""
    conninfo = settings.database.url.get_secret_value()
    if not await wait_for_schema(conninfo, stop):
        return
    options = Options(
        zone=settings.site.zone,
        horizon=timedelta(hours=settings.rules.horizon_hours),
        backfill=timedelta(hours=settings.rules.backfill_hours),
        reach=timedelta(days=kept) if (kept := settings.storage.retention_days) else None,
        privacy=settings.privacy.enabled,
        tracking=Limits(
            margin=timedelta(minutes=settings.privacy.margin_min),
            call=timedelta(minutes=settings.privacy.call_min),
            longest=timedelta(hours=settings.privacy.longest_h),
        ),
        language=settings.site.language,
        notices=settings.rules.notices,
    )
    await RulesWorker(conninfo, options=options, connections=max(4, settings.database.connections // 2)).run(stop)
