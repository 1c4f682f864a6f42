"""The address that people type to reach what listens."""

EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  to listen on; who wants to reach it there needs one


def url_of(host: str, port: int) -> str:
    """The address of a host and port that are listened on, as it is reached from this machine."""
    name = EVERYWHERE.get(host, host)
    return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"
