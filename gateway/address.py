"""Where the broker is and who connects to it."""

import ssl
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from typing_extensions import override

from gateway.errors import BadBrokerAddress, BadTls

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


@dataclass(frozen=True)
class Tls:
    """The files that TLS needs besides what the system trusts.

    Attributes:
        ca_file: certificates that may sign the broker's, PEM; None for those of the system.
        cert_file: certificate that is shown to the broker, PEM.
        key_file: its private key, PEM; None when it stands in `cert_file`.
    """

    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None

    def context(self) -> ssl.SSLContext:
        """Read the files; anew for each connection, so that renewed certificates are taken up.

        Raises:
            BadTls: one of them cannot be read or does not fit.
        """
        try:
            context = ssl.create_default_context(cafile=self.ca_file)
        except (OSError, ssl.SSLError) as error:
            raise BadTls(
                f"cannot read certificates from {self.ca_file}: {_words(error)}; see broker.ca_file"
            ) from error
        if self.cert_file is not None:
            try:
                context.load_cert_chain(self.cert_file, self.key_file)
            except (OSError, ssl.SSLError) as error:
                raise BadTls(
                    f"cannot use the client certificate {self.cert_file} with the key "
                    f"{self.key_file or self.cert_file}: {_words(error)}; see broker.cert_file and broker.key_file"
                ) from error
        return context


def _words(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        return (error.reason or "it is not PEM").replace("_", " ").lower()
    return error.strerror or str(error)
