"""The people-facing edge over HTTP: declared routes, sessions, problems, the API's description of itself."""

from ops.http.app import make_app
from ops.http.errors import DeclarationError, HttpError, ListenError, Problem

__all__ = ["DeclarationError", "HttpError", "ListenError", "Problem", "make_app"]
