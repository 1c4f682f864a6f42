"""All routes of the HTTP side: the resources, and the live stream, which is made of what the resources answer."""

from ops.http.routes import Route, discover
from ops.live import events


def all_routes() -> list[Route]:
    """Every declared route, checked.

    Raises:
        DeclarationError: naming the first route whose declaration does not hold.
    """
    return discover(more=[events])
