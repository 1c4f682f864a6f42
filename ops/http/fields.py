"""Field types and base models that the resources share: bounded, so that no text a stranger sends reaches too far."""

from datetime import UTC, datetime
from typing import Annotated

from annotated_types import Ge, Lt
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

BIGINT_MAX = 2**63 - 1


def _printable(text: str) -> str:
    if any(character < " " and character not in "\n\t" for character in text) or "\x7f" in text:
        raise ValueError("holds control characters")
    return text


def _utc(time: datetime) -> datetime:
    return time.astimezone(UTC)


# The bounds keep within what PostgreSQL, JavaScript and astimezone all hold.
Moment = Annotated[
    AwareDatetime,
    Ge(datetime(2000, 1, 1, tzinfo=UTC)),
    Lt(datetime(2100, 1, 1, tzinfo=UTC)),
    AfterValidator(_utc),
    Field(description="RFC 3339 with an offset, such as 2026-11-21T08:00:00Z"),
]
Code = Annotated[str, StringConstraints(min_length=1, max_length=100), AfterValidator(_printable)]
Text = Annotated[str, StringConstraints(max_length=2000), AfterValidator(_printable)]
RowId = Annotated[int, Field(ge=1, le=BIGINT_MAX)]
Cursor = Annotated[str, StringConstraints(min_length=1, max_length=400), Field(description="`next` of the page before")]
Latitude = Annotated[float, Field(ge=-90, le=90, description="degrees, WGS-84")]
Longitude = Annotated[float, Field(ge=-180, le=180, description="degrees, WGS-84")]


class Query(BaseModel):
    """Base of a route's query parameters; an unknown one is an error, not a filter that silently does nothing."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Body(BaseModel):
    """Base of what a route takes as JSON."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Path(BaseModel):
    """Base of the parameters in a route's path; one that does not fit is answered 404."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class View(BaseModel):
    """Base of what a route answers; every field is there, those with a default too."""

    model_config = ConfigDict(extra="forbid", json_schema_serialization_defaults_required=True)


class Page(View):
    """Base of one page of a list."""

    next: str | None = Field(description="pass it as `after` for the following page; null on the last one")


def age_s(time: datetime, now: datetime) -> float:
    """Seconds from `time` to `now`; a device whose clock runs ahead is of age nought."""
    return round(max(0.0, (now - time).total_seconds()), 1)
