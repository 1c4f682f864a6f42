"""How a resource declares its routes, how they are found, and what refuses to start."""

import importlib
import inspect
import pkgutil
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from types import ModuleType
from typing import Any, TypeVar, get_args, get_type_hints

from aiohttp import web
from pydantic import BaseModel

from ops.http.call import Call
from ops.http.errors import DeclarationError
from ops.http.permissions import NO_SCOPE, PERMISSIONS, Public, Scope, SignedIn

Permission = str | Public | SignedIn
Answer = BaseModel | web.StreamResponse | None
Handler = Callable[[Call[Any, Any, Any]], Awaitable[Answer]]
H = TypeVar("H", bound=Callable[..., Awaitable[Answer]])

RESOURCES = ("ops.http.resources", "ops.live.resources")
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
LIMIT_S = 10.0  # a request that takes longer is answered 503
_MARK = "__gengfu_route__"
_PARAMETER = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, kw_only=True)
class Route:
    """One method on one path, with all that is declared about it."""

    method: str
    path: str
    handler: Handler
    permission: Permission
    scope: Scope
    summary: str
    params: type[BaseModel] | None
    query: type[BaseModel] | None
    body: type[BaseModel] | None
    returns: type[BaseModel] | None
    pushes: tuple[type[BaseModel], ...]
    status: HTTPStatus
    problems: tuple[HTTPStatus, ...]
    content_type: str
    local: bool
    limit_s: float | None

    @property
    def name(self) -> str:
        """For people: method, path and where it is declared."""
        return f"{self.method} {self.path} ({self.handler.__module__}.{self.handler.__qualname__})"

    @property
    def operation(self) -> str:
        """The operation id of the API description."""
        return self.handler.__name__

    @property
    def tag(self) -> str:
        """The resource's name."""
        return self.handler.__module__.rpartition(".")[2]


def route(
    method: str,
    path: str,
    *,
    summary: str = "",
    permission: Permission | None = None,
    scope: Scope | None = None,
    params: type[BaseModel] | None = None,
    query: type[BaseModel] | None = None,
    body: type[BaseModel] | None = None,
    returns: type[BaseModel] | None = None,
    pushes: Sequence[type[BaseModel]] = (),
    status: HTTPStatus = HTTPStatus.OK,
    problems: Sequence[HTTPStatus] = (),
    content_type: str = "application/json",
    local: bool = False,
    limit_s: float | None = LIMIT_S,
) -> Callable[[H], H]:
    """Declare a handler. `permission` and `scope` must be given; a route without them fails start-up.

    Args:
        method: GET, POST, PUT, PATCH or DELETE; HEAD comes with GET.
        path: with parameters in braces, one field of `params` each; the one named `tail` may hold slashes.
        summary: one line for the API description.
        permission: a name of the permission table, PUBLIC or SIGNED_IN.
        scope: GRID when its statements take the viewer's territory, else NO_SCOPE.
        params: model of the path's parameters.
        query: model of the query parameters.
        body: model of the JSON body.
        returns: model of the answer; None for a handler that makes its own response.
        pushes: models of the messages of a stream, told apart by their `type`.
        status: of a success.
        problems: statuses it may answer beyond those that every route has.
        content_type: of a success.
        local: callers on this machine need no session.
        limit_s: seconds it may take; None for a stream.
    """

    def mark(handler: H) -> H:
        declared = {
            "method": method,
            "path": path,
            "handler": handler,
            "permission": permission,
            "scope": scope,
            "summary": summary,
            "params": params,
            "query": query,
            "body": body,
            "returns": returns,
            "pushes": tuple(pushes),
            "status": status,
            "problems": tuple(problems),
            "content_type": content_type,
            "local": local,
            "limit_s": limit_s,
        }
        setattr(handler, _MARK, declared)
        return handler

    return mark


def discover(packages: Sequence[str] = RESOURCES) -> list[Route]:
    """All routes of the modules in `packages`, checked.

    Raises:
        DeclarationError: naming the first route whose declaration does not hold.
    """
    modules = []
    for package in packages:
        home = importlib.import_module(package)
        modules += [importlib.import_module(f"{package}.{found.name}") for found in pkgutil.iter_modules(home.__path__)]
    return collect(modules)


def collect(modules: Sequence[ModuleType]) -> list[Route]:
    """The routes declared in `modules`, checked and in order of path.

    Raises:
        DeclarationError: as `discover`.
    """
    routes: dict[tuple[str, str], Route] = {}
    operations: dict[str, Route] = {}
    for module in modules:
        for _, handler in inspect.getmembers(module, inspect.iscoroutinefunction):
            declared = getattr(handler, _MARK, None)
            if declared is None or handler.__module__ != module.__name__:
                continue
            one = _checked(declared)
            for other in (routes.get((one.method, one.path)), operations.get(one.operation)):
                if other:
                    raise DeclarationError(f"{one.name} clashes with {other.name}; give one another path or name")
            routes[one.method, one.path] = operations[one.operation] = one
    return sorted(routes.values(), key=lambda one: (one.path, one.method))


def _checked(declared: dict[str, Any]) -> Route:
    one = Route(**declared)
    for complaint in _complaints(one):
        raise DeclarationError(f"route {one.name} {complaint}")
    return one


def _complaints(one: Route) -> list[str]:
    found = []
    # the decorator's defaults are None so that forgetting is seen here, at start-up, and not by a stranger
    if one.permission is None:
        found.append("declares no permission; give one of the permission table, SIGNED_IN or PUBLIC")
    elif isinstance(one.permission, str) and one.permission not in PERMISSIONS:
        found.append(f"declares permission {one.permission!r}, which is not among {', '.join(PERMISSIONS)}")
    if one.scope is None:
        found.append("declares no scope; give GRID, or NO_SCOPE when it shows nothing that lies anywhere")
    elif not isinstance(one.permission, str) and one.scope is not NO_SCOPE:
        found.append("keeps to a territory without a permission; give it one of the permission table")
    if one.method not in METHODS:
        found.append(f"has method {one.method!r}; take one of {', '.join(METHODS)}")
    if not one.summary:
        found.append("has no summary; say in a line what it does")
    in_path, in_model = set(_PARAMETER.findall(one.path)), set(one.params.model_fields if one.params else ())
    if in_path != in_model:
        found.append(f"has {sorted(in_path)} in its path and {sorted(in_model)} in its params model; make them agree")
    hints = get_type_hints(one.handler)
    annotated = [None if model is type(None) else model for model in get_args(hints.get("call"))]
    if (*annotated, None, None, None)[:3] != (one.query, one.body, one.params):
        found.append("declares other query, body or params models than its handler's `call: Call[query, body, params]`")
    if one.returns is not None and hints.get("return") not in {one.returns, web.Response}:
        found.append(f"declares returns={one.returns.__name__}, which its handler does not return")
    return found
