"""mqtts:// with certificates of the test's own making."""

import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.address import Credentials, Tls
from gateway.errors import BadTls, BrokerUnavailable
from gateway.mqtt.publisher import Publisher
from gateway.session import Session
from tests.integration.nats_server import in_vain
from tests.integration.open_broker import OpenBroker, open_broker

_openssl = shutil.which("openssl")
pytestmark = pytest.mark.skipif(_openssl is None, reason="openssl is not installed, and makes the certificates")


class Certificates:
    """An authority, a broker's certificate for 127.0.0.1 or another name, and a client's."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self._run(
            *("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"),
            *("-subj", "/CN=test authority", "-keyout", "ca.key", "-out", "ca.pem"),
            *("-addext", "keyUsage=critical,keyCertSign,cRLSign"),
        )

    def issue(self, name: str, *, address: str = "IP:127.0.0.1") -> tuple[Path, Path]:
        """Certificate and key."""
        request = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
        self._run("req", "-new", *request, "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.csr")
        extensions = self.folder / f"{name}.ext"
        extensions.write_text(f"subjectAltName={address}\nauthorityKeyIdentifier=keyid\n")
        self._run(
            *("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"),
            *("-days", "2", "-extfile", extensions.name, "-out", f"{name}.pem"),
        )
        return self.folder / f"{name}.pem", self.folder / f"{name}.key"

    @property
    def authority(self) -> Path:
        return self.folder / "ca.pem"

    def _run(self, *words: str) -> None:
        subprocess.run([_openssl or "openssl", *words], cwd=self.folder, check=True, capture_output=True)


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    return Certificates(tmp_path / "certificates")


def listener(certificates: Certificates, *, address: str = "IP:127.0.0.1", asks: bool = False) -> str:
    certificate, key = certificates.issue("broker", address=address)
    return f"""
cafile {certificates.authority}
certfile {certificate}
keyfile {key}
require_certificate {str(asks).lower()}
"""


@pytest.fixture
async def broker(certificates: Certificates, tmp_path: Path) -> AsyncIterator[OpenBroker]:
    async with open_broker("mosquitto", tmp_path, extra=listener(certificates)) as running:
        yield running


@pytest.fixture
async def asking_broker(certificates: Certificates, tmp_path: Path) -> AsyncIterator[OpenBroker]:
    async with open_broker("mosquitto", tmp_path, extra=listener(certificates, asks=True)) as running:
        yield running


def secure(broker: OpenBroker, tls: Tls | None, *, version: int = 4) -> Session:
    return Session(
        f"mqtts://127.0.0.1:{broker.port}",
        credentials=Credentials("test", "test", "secure"),
        filters=["tls/#"],
        name="test",
        version=5 if version == 5 else 4,
        may_pause=True,
        pace_s=0.005,
        tls=tls,
    )


@pytest.mark.parametrize("version", [4, 5])
async def test_messages_go_through(broker: OpenBroker, certificates: Certificates, version: int) -> None:
    async with secure(broker, Tls(certificates.authority), version=version) as session:
        await session.wait_up(timeout_s=10)
        sent = [session.send("tls/a", bytes(size)) for size in (0, 10, 200_000)]
        for _, size in zip(sent, (0, 10, 200_000), strict=True):
            delivery = await anext(aiter(session))
            assert delivery.payload == bytes(size)
            delivery.settle()
        for confirmed in sent:
            await confirmed
        assert (session.counts.settled, session.counts.connects) == (3, 1)


async def test_a_publisher_goes_through_too(broker: OpenBroker, certificates: Certificates) -> None:
    publisher = Publisher(
        f"mqtts://127.0.0.1:{broker.port}",
        credentials=Credentials("test", "test", "load"),
        tls=Tls(certificates.authority),
    )
    await publisher.open()
    await publisher.publish_all(("tls/b", b"x" * 100) for _ in range(3000))
    await publisher.wait_confirmed()
    assert publisher.confirmed == 3000
    await publisher.close()


async def test_an_authority_that_nobody_knows_is_not_trusted(broker: OpenBroker) -> None:
    async with secure(broker, None) as session:
        with pytest.raises(BrokerUnavailable, match=r"no TLS with the broker at .*certificate.*see broker\.ca_file"):
            await in_vain(session, BrokerUnavailable)


async def test_a_certificate_for_another_name_is_not_trusted(certificates: Certificates, tmp_path: Path) -> None:
    extra = listener(certificates, address="DNS:elsewhere.example")
    async with (
        open_broker("mosquitto", tmp_path, extra=extra) as broker,
        secure(broker, Tls(certificates.authority)) as session,
    ):
        with pytest.raises(BrokerUnavailable, match="the name in the address stands in the broker's certificate"):
            await in_vain(session, BrokerUnavailable)


async def test_a_client_certificate_is_shown(asking_broker: OpenBroker, certificates: Certificates) -> None:
    certificate, key = certificates.issue("ingest")
    async with secure(asking_broker, Tls(certificates.authority, certificate, key)) as session:
        await session.wait_up(timeout_s=10)
        await session.publish("tls/a", b"shown")


async def test_without_the_client_certificate_that_it_asks_for(
    asking_broker: OpenBroker, certificates: Certificates
) -> None:
    async with secure(asking_broker, Tls(certificates.authority)) as session:
        with pytest.raises(BrokerUnavailable, match=r"certificate required|hung up at CONNECT|no TLS"):
            await in_vain(session, BrokerUnavailable)


async def test_plain_mqtt_to_a_port_with_tls(broker: OpenBroker) -> None:
    async with broker.session("plain") as session:
        with pytest.raises(BrokerUnavailable, match="hung up at CONNECT"):
            await in_vain(session, BrokerUnavailable)


def test_files_that_cannot_be_used_are_named(certificates: Certificates, tmp_path: Path) -> None:
    certificate, _ = certificates.issue("one")
    _, other_key = certificates.issue("two")
    nonsense = tmp_path / "nonsense.pem"
    nonsense.write_text("no certificate")
    with pytest.raises(BadTls, match=r"missing\.pem: No such file.*see broker\.ca_file"):
        Tls(tmp_path / "missing.pem").context()
    with pytest.raises(BadTls, match=r"nonsense\.pem: no certificate or crl found; see broker\.ca_file"):
        Tls(nonsense).context()
    with pytest.raises(BadTls, match=r"one\.pem with the key .*two\.key: key values mismatch; see broker\.cert_file"):
        Tls(certificates.authority, certificate, other_key).context()
    with pytest.raises(BadTls, match=r"missing\.pem"):
        Tls(None, tmp_path / "missing.pem").context()


async def test_certificates_that_cannot_be_read_are_said_and_tried_again(broker: OpenBroker, tmp_path: Path) -> None:
    async with secure(broker, Tls(tmp_path / "late.pem")) as session:
        with pytest.raises(BadTls, match=r"late\.pem"):
            await in_vain(session, BadTls)
        shutil.copy(tmp_path / "certificates" / "ca.pem", tmp_path / "late.pem")
        await session.wait_up(timeout_s=10)
