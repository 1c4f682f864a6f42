"""What a pushed message is, and how its kinds are found."""

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, get_args

from ops.http.fields import View
from ops.http.permissions import PERMISSIONS
from ops.live.errors import KindError

Row = Mapping[str, Any]


class Message(View):
    """Base of what is pushed; `type` is the name of its module."""

    type: str


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One kind of pushed message; a module of `ops.live.messages` has one as `kind`.

    Attributes:
        model: of the message.
        permission: that a reader needs; None lets every signed-in reader have it.
        changed: finds what changed since a snapshot; see `ops.live.source`. None for what has no row.
        make: the message about one such row.
        calm: once a second is enough, and only the newest of each thing counts.
        on_leaving: from the thing's id and unit, what a reader is told whose territory it left; without it the reader
            must begin anew.
    """

    model: type[Message]
    permission: str | None = None
    changed: bytes | None = None
    make: Callable[[Row, datetime], Message] | None = None
    calm: bool = False
    on_leaving: Callable[[str, str | None], Message] | None = None

    @cached_property
    def name(self) -> str:
        """The `type` of its messages."""
        return str(*get_args(self.model.model_fields["type"].annotation))


def kinds(package: str = "ops.live.messages") -> dict[str, Kind]:
    """All kinds of messages by name.

    Raises:
        KindError: a module is not as it should be; named.
    """
    home = importlib.import_module(package)
    found: dict[str, Kind] = {}
    for module in pkgutil.iter_modules(home.__path__):
        kind = getattr(importlib.import_module(f"{package}.{module.name}"), "kind", None)
        if not isinstance(kind, Kind):
            raise KindError(f"{package}.{module.name} has no `kind: Kind`; end it with one")
        for complaint in _complaints(module.name, kind):
            raise KindError(f"{package}.{module.name} {complaint}")
        found[module.name] = kind
    return found


def _complaints(name: str, kind: Kind) -> list[str]:
    found = []
    if kind.name != name:
        found.append(f"pushes another type than its own name; give its model type: Literal[{name!r}]")
    if kind.permission is not None and kind.permission not in PERMISSIONS:
        found.append(f"needs the permission {kind.permission!r}, which is not among {', '.join(PERMISSIONS)}")
    if (kind.changed is None) != (kind.make is None):
        found.append("has one of `changed` and `make`; give both or neither")
    if kind.changed is not None and kind.permission is None:
        found.append("shows rows to everyone; give it a permission")
    return found
