"""An alert that opened or changed, as it is now."""

from datetime import datetime
from typing import Literal

from ingest.queries import load_queries
from ops.http.resources.alerts import Alert, alert_of
from ops.live.kinds import Kind, Message, Row


class AlertMessage(Message):
    """The whole alert; once it is resolved it is open no more."""

    type: Literal["alert"] = "alert"
    alert: Alert


def _make(row: Row, now: datetime) -> AlertMessage:
    return AlertMessage(alert=alert_of(row, now))


kind = Kind(
    model=AlertMessage,
    permission="alerts.read",
    changed=load_queries("ops.live.messages", "alert.sql")["changed"],
    make=_make,
)
