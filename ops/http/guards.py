"""What every request passes whatever its route: where it comes from, and what every answer carries."""

from functools import cache
from http import HTTPStatus
from ipaddress import ip_address
from urllib.parse import urlsplit

from aiohttp import web

from ops.http.errors import Problem
from ops.http.sessions import is_secure
from ops.settings import Settings

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_DEFAULT_PORTS = {"http": 80, "https": 443}
_FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP", "Via")

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # not no-referrer: with that, browsers send `Origin: null` from our own forms, and we would refuse them
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}


@cache
def content_policy(tiles: str | None) -> str:
    """What a page of ours may load: from this service, and map tiles from where the settings say.

    Args:
        tiles: address of map tiles, `map.tiles`.
    """
    elsewhere = _tile_host(tiles)
    return "; ".join(
        (
            "default-src 'self'",
            f"img-src 'self' data: blob:{elsewhere}",  # the map makes its symbols and tiles into blobs
            f"connect-src 'self'{elsewhere}",
            "worker-src 'self'",
            "object-src 'none'",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        )
    )


def _tile_host(tiles: str | None) -> str:
    parts = urlsplit(tiles or "")
    return f" {parts.scheme}://{parts.netloc}" if parts.netloc else ""


def check_origin(request: web.Request, settings: Settings) -> None:
    """Refuse an unsafe method that another site's page sent; a caller that is no browser sends no Origin.

    Raises:
        Problem: 403, the Origin is not this service's own.
    """
    if request.method not in SAFE_METHODS:
        refuse_foreign(request, settings)


def refuse_foreign(request: web.Request, settings: Settings) -> None:
    """Refuse what another site's page sent, whatever the method.

    Raises:
        Problem: 403, the Origin is not this service's own.
    """
    origin = request.headers.get("Origin")
    if origin is None:
        return
    own = {_site(f"{request.scheme}://{request.host}")}
    if settings.http.public_url:
        own.add(_site(settings.http.public_url))
    given = _site(origin)
    if given is None or given not in own:
        raise Problem(
            HTTPStatus.FORBIDDEN,
            "the Origin of this request is another site; behind a proxy, set http.public_url to the address people use",
            slug="foreign-origin",
        )


def _site(url: str) -> tuple[str, str, int] | None:
    try:
        parts = urlsplit(url)
        port = parts.port or _DEFAULT_PORTS[parts.scheme]
    except (ValueError, KeyError):
        return None
    return (parts.scheme, parts.hostname, port) if parts.hostname else None


def is_local(request: web.Request) -> bool:
    """Whether the caller is a program on this machine, and not a stranger whom a proxy here lets through."""
    if any(name in request.headers for name in _FORWARDED) or "Origin" in request.headers:
        return False
    return _is_loopback(request.remote) and _is_loopback(urlsplit(f"//{request.host}").hostname)


def _is_loopback(host: str | None) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host or "").is_loopback
    except ValueError:
        return False


def add_headers(request: web.Request, response: web.StreamResponse, settings: Settings) -> None:
    """The headers that every answer carries."""
    response.headers.setdefault("Content-Security-Policy", content_policy(settings.map.tiles))
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers["Server"] = "gengfu"  # aiohttp's own would name its version
    if request.path.startswith(("/api", "/health", "/metrics")):
        response.headers.setdefault("Cache-Control", "no-store")
    if is_secure(request, settings):
        response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
