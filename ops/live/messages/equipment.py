"""What the tag of a piece of equipment measured last."""

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from ingest.queries import load_queries
from ops.http.water import HydrantState, hydrant_state
from ops.live.kinds import Kind, Message, Row


class EquipmentMessage(Message):
    """The newest measurement of one piece."""

    type: Literal["equipment"] = "equipment"
    code: str
    kind: str = Field(description="of the piece, such as hydrant")
    device: str
    measured: dict[str, Any] | None = Field(description="with units in the names, such as pressure_kpa")
    measured_at: datetime | None
    heard_at: datetime
    battery_pct: int | None
    state: HydrantState | None = Field(description="of a hydrant, as in GET /api/hydrants; null for other equipment")


def _make(row: Row, now: datetime) -> EquipmentMessage:
    state = hydrant_state(row["measured"], heard_at=row["heard_at"], tagged=True, now=now)
    return EquipmentMessage(
        code=row["id"],
        kind=row["kind"],
        device=row["device"],
        measured=row["measured"],
        measured_at=row["measured_at"],
        heard_at=row["heard_at"],
        battery_pct=row["battery_pct"],
        state=state if row["kind"] == "hydrant" else None,
    )


kind = Kind(
    model=EquipmentMessage,
    permission="equipment.read",
    changed=load_queries("ops.live.messages", "equipment.sql")["changed"],
    make=_make,
    calm=True,
)
