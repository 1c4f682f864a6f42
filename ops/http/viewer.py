"""Who is asking: the account behind a session, and the parameters that keep a statement to its territory."""

from dataclasses import dataclass

from ops.http.permissions import GRANTS, Reach, reach


@dataclass(frozen=True)
class Viewer:
    """A signed-in account. `scope` is a grid code, None is the whole site; `unit` is a unit code."""

    id: int
    name: str
    role: str
    scope: str | None
    unit: str | None

    def may(self, permission: str) -> bool:
        """Whether the role has the permission, with whatever reach."""
        return reach(self.role, permission) is not None

    def permissions(self) -> list[str]:
        """The names of all that the role may do."""
        return sorted(GRANTS.get(self.role, {}))

    def bounds(self, permission: str) -> dict[str, object]:
        """Statement parameters: `scope`, and `own` with `own_unit` where the role sees its own unit only."""
        own = reach(self.role, permission) is not Reach.TERRITORY
        return {"scope": self.scope, "own": own, "own_unit": self.unit}
