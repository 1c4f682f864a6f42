"""The API's description in OpenAPI 3.1, made from the declarations and the models."""

from collections.abc import Iterable, Sequence
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from ops.http.permissions import GRANTS, PERMISSIONS, PUBLIC, SIGNED_IN
from ops.http.problems import CONTENT_TYPE, ProblemDocument
from ops.http.routes import Route
from ops.http.sessions import COOKIE, SECURE_COOKIE
from ops.version import service_version

Refs = dict[tuple[type[Any], JsonSchemaMode], dict[str, Any]]

_REF = "#/components/schemas/{model}"
_MODES: dict[str, JsonSchemaMode] = {"body": "validation", "returns": "serialization"}


def describe(routes: Sequence[Route]) -> dict[str, Any]:
    """The OpenAPI document of `routes`."""
    models: list[tuple[type[BaseModel], JsonSchemaMode]] = [(ProblemDocument, "serialization")]
    for one in routes:
        for part, mode in _MODES.items():
            model: type[BaseModel] | None = getattr(one, part)
            if model and (model, mode) not in models:
                models.append((model, mode))
        models += [(pushed, "serialization") for pushed in one.pushes]
    schemas, definitions = models_json_schema(models, ref_template=_REF)
    refs: Refs = dict(schemas)
    paths: dict[str, dict[str, Any]] = {}
    for one in routes:
        paths.setdefault(one.path, {})[one.method.lower()] = _operation(one, refs)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "gengfu",
            "version": service_version(),
            "description": "Times are RFC 3339 in UTC, coordinates degrees in WGS-84, units stand in the names.",
        },
        "tags": [{"name": tag} for tag in sorted({one.tag for one in routes})],
        "paths": paths,
        "components": {
            "schemas": definitions.get("$defs", {}) | {_union(one): _any_of(one, refs) for one in routes if one.pushes},
            "securitySchemes": {
                "session": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": COOKIE,
                    "description": f"set by POST /api/session; under TLS its name is {SECURE_COOKIE}",
                }
            },
        },
    }


def _operation(one: Route, refs: Refs) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": one.operation,
        "tags": [one.tag],
        "summary": one.summary,
        "description": _who(one),
        "parameters": [*_parameters(one.params, "path"), *_parameters(one.query, "query")],
        "responses": {
            str(one.status.value): _success(one, refs),
            **{str(status.value): _problem(status) for status in _problems(one)},
        },
        "security": [] if one.permission is PUBLIC else [{"session": []}, *([{}] if one.local else [])],
    }
    if one.body:
        schema = refs[one.body, _MODES["body"]]
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    return operation


def _who(one: Route) -> str:
    if one.permission is PUBLIC:
        return "Anyone."
    if one.permission is SIGNED_IN:
        return "Every signed-in account."
    permission = str(one.permission)
    roles = ", ".join(
        role if reach == "territory" else f"{role} ({reach})"
        for role, grants in GRANTS.items()
        if (reach := grants.get(permission))
    )
    local = " A program on the same machine needs no session." if one.local else ""
    return f"Permission `{permission}` ({PERMISSIONS[permission]}): {roles}.{local}"


def _parameters(model: type[BaseModel] | None, where: str) -> Iterable[dict[str, Any]]:
    if model is None:
        return
    schema = model.model_json_schema()
    # types that need a $ref have no place in a parameter of ours; one would dangle here
    for name, its in schema.get("properties", {}).items():
        parameter = {
            "name": name,
            "in": where,
            "required": where == "path" or name in schema.get("required", ()),
            "schema": _parameter_schema(its),
        }
        if "description" in its:
            parameter["description"] = its["description"]
        yield parameter


def _parameter_schema(its: dict[str, Any]) -> dict[str, Any]:
    """What a query can carry: no null; a parameter that may be null may be left out."""
    schema = {key: value for key, value in its.items() if key not in {"title", "description"}}
    given = [one for one in schema.pop("anyOf", ()) if one != {"type": "null"}]
    if len(given) == 1:
        schema |= given[0]
    elif given:
        schema["anyOf"] = given
    if schema.get("default", ...) is None:
        del schema["default"]
    return schema


def _success(one: Route, refs: Refs) -> dict[str, Any]:
    response: dict[str, Any] = {"description": one.status.phrase}
    if one.returns:
        response["content"] = {one.content_type: {"schema": refs[one.returns, _MODES["returns"]]}}
    elif one.pushes:
        schema = {"$ref": _REF.format(model=_union(one))}
        response["description"] = "Server-sent events; the data of each is one of these messages as JSON on one line."
        response["content"] = {one.content_type: {"schema": schema}}
    elif one.status is not HTTPStatus.NO_CONTENT:
        schema = {"type": "object"} if one.content_type.endswith("json") else {"type": "string"}
        response["content"] = {one.content_type: {"schema": schema}}
    return response


def _union(one: Route) -> str:
    """The name of the schema of all that a stream pushes: of the resource `events`, `Event`."""
    return one.tag.removesuffix("s").title()


def _any_of(one: Route, refs: Refs) -> dict[str, Any]:
    schemas = [refs[model, "serialization"] for model in one.pushes]
    types = [model.model_fields["type"].default for model in one.pushes]
    mapping = {its: schema["$ref"] for its, schema in zip(types, schemas, strict=True)}
    return {"oneOf": schemas, "discriminator": {"propertyName": "type", "mapping": mapping}}


def _problem(status: HTTPStatus) -> dict[str, Any]:
    schema = {"$ref": _REF.format(model=ProblemDocument.__name__)}
    return {"description": status.phrase, "content": {CONTENT_TYPE: {"schema": schema}}}


def _problems(one: Route) -> list[HTTPStatus]:
    found = {HTTPStatus.INTERNAL_SERVER_ERROR, HTTPStatus.SERVICE_UNAVAILABLE, *one.problems}
    if one.permission is not PUBLIC:
        found.add(HTTPStatus.UNAUTHORIZED)
        if one.permission is not SIGNED_IN:
            found.add(HTTPStatus.FORBIDDEN)
    if one.params:
        found.add(HTTPStatus.NOT_FOUND)
    if one.query or one.body:
        found.add(HTTPStatus.UNPROCESSABLE_ENTITY)
    if one.method != "GET":
        found |= {HTTPStatus.FORBIDDEN, HTTPStatus.UNSUPPORTED_MEDIA_TYPE, HTTPStatus.REQUEST_ENTITY_TOO_LARGE}
    if one.body:
        found.add(HTTPStatus.BAD_REQUEST)
    return sorted(found)
