"""Errors as RFC 9457 `application/problem+json`."""

import json
from http import HTTPStatus
from typing import Any

from aiohttp import web
from pydantic import BaseModel, Field, ValidationError
from pydantic_core import ErrorDetails

from ops.http.errors import Finding, Problem, invalid

CONTENT_TYPE = "application/problem+json"
MAX_FINDINGS = 20  # one bad element repeated ten thousand times needs no ten thousand lines


class ProblemField(BaseModel):
    """One field at fault."""

    where: str = Field(description="such as body.lat or query.limit")
    what: str


class ProblemDocument(BaseModel):
    """An error, as RFC 9457 describes it."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[ProblemField] = []


def problem_response(problem: Problem) -> web.Response:
    """The answer that carries `problem`."""
    document: dict[str, Any] = {
        "type": f"urn:gengfu:problem:{problem.slug}",
        "title": problem.status.phrase,
        "status": problem.status.value,
        "detail": problem.detail,
    }
    if problem.errors:
        document["errors"] = [{"where": error.where, "what": error.what} for error in problem.errors]
    return web.Response(
        body=json.dumps(document, ensure_ascii=False).encode("utf-8", "replace"),
        status=problem.status,
        content_type=CONTENT_TYPE,
        headers=problem.headers,
    )


def from_http_exception(error: web.HTTPException) -> Problem:
    """What aiohttp raises on its own: no such path, no such method, too large a body."""
    status = HTTPStatus(error.status)
    details = {
        HTTPStatus.NOT_FOUND: "there is nothing at this path; /api/openapi.json lists what there is",
        HTTPStatus.METHOD_NOT_ALLOWED: "this path does not take this method; see the Allow header",
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "the body is larger than 256 KiB; send less at once",
    }
    allow = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else {}
    return Problem(status, details.get(status, status.description or status.phrase), headers=allow)


def from_validation(error: ValidationError, part: str, model: type[BaseModel]) -> Problem:
    """What pydantic found wrong in `part` of a request (`body` or `query`), which should have been a `model`."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    if part == "body" and any(one["type"] == "json_invalid" for one in found):
        return Problem(
            HTTPStatus.BAD_REQUEST,
            "the body is not valid JSON in UTF-8",
            slug="malformed-json",
            errors=_findings(found, part, model),
        )
    return invalid(f"the {part} is not as this route takes it; errors says where", *_findings(found, part, model))


def _findings(found: list[ErrorDetails], part: str, model: type[BaseModel]) -> list[Finding]:
    known = ", ".join(model.model_fields)
    return [
        Finding(
            ".".join([part, *(str(step) for step in one["loc"])])[:200],
            f"unknown; there are {known}" if one["type"] == "extra_forbidden" else _words(one, model),
        )
        for one in found[:MAX_FINDINGS]
    ]


def _words(one: ErrorDetails, model: type[BaseModel]) -> str:
    """What is wrong; of a field that is missing, what it is for."""
    if one["type"] != "missing" or len(one["loc"]) != 1:
        return one["msg"]
    fields = model.model_fields.items()
    its = [field.description for name, field in fields if one["loc"][0] in {name, field.alias} and field.description]
    return f"missing: {its[0]}" if its else "missing"
