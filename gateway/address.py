"""Where the broker is and who connects to it."""

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from typing_extensions import override

from gateway.errors import BadBrokerAddress

_PORTS = {"mqtt": 1883, "mqtts": 8883}


@dataclass(frozen=True)
class Address:
    """A broker's address; `tls` when the scheme is mqtts."""

    host: str
    port: int
    tls: bool

    @classmethod
    def parse(cls, url: str) -> "Address":
        """Read `mqtt://host[:port]` or `mqtts://host[:port]`.

        Raises:
            BadBrokerAddress: with the form that is expected.
        """
        try:
            parts = urlsplit(url)
            scheme, host, port = parts.scheme, parts.hostname, parts.port
        except ValueError:
            scheme, host, port = "", None, None
        if scheme not in _PORTS or not host:
            raise BadBrokerAddress(
                f"{url!r} is no broker address; write it like mqtt://127.0.0.1:1883 or mqtts://…:8883"
            )
        return cls(host, port or _PORTS[scheme], scheme == "mqtts")

    @override
    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'mqtts' if self.tls else 'mqtt'}://{host}:{self.port}"


@dataclass(frozen=True)
class Credentials:
    """An account at the broker and the client id that its session goes by; both are secret."""

    username: str
    password: str = field(repr=False)
    client_id: str = field(repr=False)
