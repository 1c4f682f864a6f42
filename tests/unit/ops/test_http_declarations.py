"""What a route must declare, what starts without it, and the API description made from the declarations."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from aiohttp import web
from pydantic import BaseModel

from ops.http import DeclarationError
from ops.http.call import Call
from ops.http.openapi import describe
from ops.http.permissions import GRANTS, GRID, NO_SCOPE, PERMISSIONS, PUBLIC, ROLES, SIGNED_IN
from ops.http.routes import Route, collect, discover, route
from ops.live.kinds import kinds


class Thing(BaseModel):
    """A model."""

    id: int


class Other(BaseModel):
    """Another."""

    name: str


@pytest.fixture
def resource() -> Iterator[ModuleType]:
    module = ModuleType("a_resource")
    sys.modules[module.__name__] = module
    yield module
    del sys.modules[module.__name__]


def declared(module: ModuleType, handler: Callable[..., Any], **how: Any) -> list[Route]:
    handler.__module__ = module.__name__
    setattr(module, handler.__name__, handler)
    method, path = how.pop("method", "GET"), how.pop("path", "/api/things")
    given: dict[str, Any] = {"permission": "alerts.read", "scope": GRID, "summary": "things"} | how
    route(method, path, **given)(handler)
    return collect([module])


async def plain(call: Call) -> web.Response:
    raise NotImplementedError


async def with_body(call: Call[None, Thing]) -> Thing:
    raise NotImplementedError


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"permission": None}, "declares no permission"),
        ({"scope": None}, "declares no scope"),
        ({"permission": "alerts.raed"}, "'alerts.raed', which is not among"),
        ({"permission": PUBLIC}, "territory without a permission"),
        ({"permission": SIGNED_IN}, "territory without a permission"),
        ({"summary": ""}, "no summary"),
        ({"method": "FETCH"}, "method 'FETCH'"),
        ({"path": "/api/things/{id}"}, r"\['id'\] in its path"),
        ({"params": Thing}, r"\['id'\] in its params"),
        ({"query": Thing}, "other query, body or params models"),
    ],
)
def test_a_route_that_lacks_something_fails_start_up_and_is_named(
    resource: ModuleType, how: dict[str, Any], said: str
) -> None:
    with pytest.raises(DeclarationError, match=said) as error:
        declared(resource, plain, **how)
    assert "a_resource.plain" in str(error.value)


def test_what_is_declared_must_be_what_the_handler_takes(resource: ModuleType) -> None:
    assert declared(resource, with_body, method="POST", body=Thing, returns=Thing)[0].body is Thing
    with pytest.raises(DeclarationError, match="other query, body or params"):
        declared(resource, with_body, method="POST", body=Other, returns=Thing)
    with pytest.raises(DeclarationError, match="returns=Other"):
        declared(resource, with_body, method="POST", body=Thing, returns=Other)


def test_two_routes_of_one_path_clash(resource: ModuleType) -> None:
    async def other(call: Call) -> web.Response:
        raise NotImplementedError

    declared(resource, plain)
    with pytest.raises(DeclarationError, match="clashes"):
        declared(resource, other)


def test_only_what_is_meant_for_everyone_is_public() -> None:
    public = {f"{one.method} {one.path}" for one in discover() if one.permission is PUBLIC}
    assert public == {
        "GET /",
        "GET /assets/{tail}",
        "GET /api/openapi.json",
        "GET /health/live",
        "GET /health/ready",
        "POST /api/session",
        "DELETE /api/session",
    }
    assert all(one.scope is NO_SCOPE for one in discover() if one.permission is PUBLIC)


def test_the_table_of_permissions_is_whole() -> None:
    assert set(GRANTS) == set(ROLES)
    granted = {name for grants in GRANTS.values() for name in grants}
    assert granted == set(PERMISSIONS)
    used = {one.permission for one in discover() if isinstance(one.permission, str)}
    assert used == set(PERMISSIONS)


def test_who_must_not_see_tracks_does_not() -> None:
    for role in ("crew", "admin", "auditor"):
        assert not {"tracks.read", "units.read", "alerts.act"} & set(GRANTS[role])
    assert set(GRANTS["auditor"]) == {"audit.read"}
    acts = {"grids.act", "holidays.act", "roster.act", "spot_checks.act"}
    assert {name for name in GRANTS["leader"] if name.endswith(".act")} == acts
    assert GRANTS["patrol"]["tracks.read"] == "own unit"


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def test_the_description_holds_every_route_with_its_models_and_problems() -> None:
    routes = discover()
    document = describe(routes)
    assert document["openapi"].startswith("3.1.")
    for one in routes:
        operation = document["paths"][one.path][one.method.lower()]
        assert str(one.status.value) in operation["responses"]
        assert "500" in operation["responses"]
        assert ("requestBody" in operation) == (one.body is not None)
        named = {parameter["name"] for parameter in operation["parameters"] if parameter["in"] == "query"}
        fields = one.query.model_fields.items() if one.query else ()
        assert named == {field.alias or name for name, field in fields}
        assert (operation["security"] == []) == (one.permission is PUBLIC)
    assert sum(len(methods) for methods in document["paths"].values()) == len(routes)
    for reference in references(document):
        where: Any = document
        for step in reference.removeprefix("#/").split("/"):
            where = where[step]
    operations = [it["operationId"] for methods in document["paths"].values() for it in methods.values()]
    assert len(operations) == len(set(operations))


def test_the_description_tells_the_messages_of_the_stream_apart() -> None:
    document = describe(discover())
    schemas = document["components"]["schemas"]
    answer = document["paths"]["/api/events"]["get"]["responses"]["200"]["content"]
    assert answer == {"text/event-stream": {"schema": {"$ref": "#/components/schemas/Event"}}}
    union = schemas["Event"]
    assert union["discriminator"]["propertyName"] == "type"
    assert set(union["discriminator"]["mapping"]) == set(kinds())
    for name, reference in union["discriminator"]["mapping"].items():
        message = schemas[reference.rpartition("/")[2]]
        assert message["properties"]["type"]["const"] == name
        assert "type" in message["required"]
    assert schemas["AlertMessage"]["properties"]["alert"] == {"$ref": "#/components/schemas/Alert"}


def test_the_description_is_valid_openapi() -> None:
    validator = pytest.importorskip("openapi_spec_validator", reason="openapi-spec-validator is not installed")
    validator.validate(describe(discover()))


def test_the_page_about_http_names_every_route_and_every_grant() -> None:
    page = (Path(__file__).parents[3] / "docs" / "reference" / "http.md").read_text(encoding="utf-8")
    for one in discover():
        (line,) = [line for line in page.splitlines() if line.startswith(f"| `{one.method} {one.path}` |")]
        if isinstance(one.permission, str):
            assert f"`{one.permission}`" in line
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in page.splitlines() if line[:2] == "| "]
    header = next(cells for cells in lines if cells[0] == "permission")
    written = {
        (role, cells[0].strip("`")): said
        for cells in lines
        if cells[0].strip("`") in PERMISSIONS
        for role, said in zip(header[1:], cells[1:], strict=True)
        if said
    }
    assert written == {
        (role, name): "own unit" if reach == "own unit" else "yes"
        for role, grants in GRANTS.items()
        for name, reach in grants.items()
    }
