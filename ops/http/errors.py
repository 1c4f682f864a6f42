"""What can go wrong over HTTP: at start-up, and while answering.

HttpError
├── DeclarationError
├── ListenError
└── Problem
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus

from ops.errors import OpsError


class HttpError(OpsError):
    """The HTTP side could not do its work; the message says what to change."""


class DeclarationError(HttpError):
    """A route is declared wrongly; the message names the route and what its declaration lacks."""


class ListenError(HttpError):
    """The address cannot be listened on; the message names the setting to change."""


@dataclass(frozen=True)
class Finding:
    """One thing wrong with a request: `where` is like `body.lat` or `query.limit`."""

    where: str
    what: str


class Problem(HttpError):
    """An answer other than success; it leaves as `application/problem+json`.

    Args:
        status: of the answer, 4xx or 5xx.
        detail: a sentence for the person who asked: what happened and what to do.
        slug: tells problems of one status apart; the last part of `type`.
        errors: one per field at fault.
        headers: to send along, such as Retry-After.
    """

    def __init__(
        self,
        status: HTTPStatus,
        detail: str,
        *,
        slug: str | None = None,
        errors: Sequence[Finding] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.slug = slug or status.phrase.lower().replace(" ", "-")
        self.errors = tuple(errors)
        self.headers = dict(headers or {})


def invalid(detail: str, *errors: Finding) -> Problem:
    """The request is well-formed and yet asks for something that cannot be."""
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, detail, slug="invalid-request", errors=errors)


def not_found(what: str) -> Problem:
    """The thing is not there, or not in the viewer's territory: the answer does not tell which."""
    return Problem(HTTPStatus.NOT_FOUND, f"there is no {what}, or it is outside your territory")
