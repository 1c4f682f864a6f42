"""The doctor before real brokers and a real database, well and ill ones."""

import asyncio
import contextlib
import json
import socket
import subprocess
from collections.abc import AsyncIterator, Iterable, Iterator
from pathlib import Path

import psycopg
import pytest
from typer.testing import CliRunner

from gateway.accounts import DOCTORS, credentials_of
from gateway.verifiers import pbkdf2_of
from ingest.migrate import migrate
from ops.commands.doctor import app
from ops.doctor import broker, database
from ops.doctor.broker.examining import probes
from ops.doctor.finding import Finding, Grade, worst
from ops.embedded.binaries import find_mosquitto
from ops.embedded.errors import BinaryMissingError
from ops.settings import load
from tests.integration.mosquitto_server import MosquittoServer, mosquitto
from tests.integration.nats_server import BROKER_SECRET, NatsServer, eventually, free_port, running_nats

DEPLOYED = Path(__file__).parents[2] / "ops" / "deploy" / "mosquitto.conf"


@pytest.fixture
async def nats(tmp_path: Path) -> AsyncIterator[NatsServer]:
    async with running_nats(tmp_path) as server:
        yield server


@pytest.fixture
async def ours(tmp_path: Path) -> AsyncIterator[MosquittoServer]:
    """mosquitto as we start it, with the doctor's accounts."""
    folder = tmp_path / "mosquitto"
    folder.mkdir()
    write_accounts(folder / "passwords", folder / "acl")
    async with mosquitto(tmp_path) as server:
        yield server


def write_accounts(passwords: Path, rights: Path | None = None) -> None:
    accounts = {name: pbkdf2_of(credentials_of(name, secret=BROKER_SECRET).password) for name in DOCTORS}
    passwords.write_text("".join(f"{name}:{verifier}\n" for name, verifier in accounts.items()))
    if rights is not None:
        rights.write_text("".join(f"user {name}\ntopic readwrite {topic}\n" for name, topic in DOCTORS.items()))


def grades(findings: Iterable[Finding]) -> dict[str, Grade]:
    return {found.check: found.grade for found in findings}


async def test_nats_is_safe_only_with_receipts_because_a_session_can_be_taken(nats: NatsServer) -> None:
    found = grades(await broker.examine(nats.url, secret=BROKER_SECRET, kind="nats", batch_readings=5000))
    assert {check for check, grade in found.items() if grade != Grade.SAFE} == {"takeover"}
    assert found["takeover"] == Grade.RECEIPTS


async def test_mosquitto_as_we_start_it_passes_every_probe_twice(ours: MosquittoServer) -> None:
    for _ in range(2):  # the first time has left nothing behind
        found = await broker.examine(ours.url, secret=BROKER_SECRET, kind="mosquitto", batch_readings=5000)
        assert worst(found) == Grade.SAFE, found
        assert len(found) > len(probes())


async def test_mosquitto_with_its_defaults_loses_data(tmp_path: Path) -> None:
    program = optional_mosquitto()
    port = free_port()
    write_accounts(tmp_path / "passwords")
    text = f"user root\nlistener {port} 127.0.0.1\npassword_file {tmp_path}/passwords\n"
    (tmp_path / "plain.conf").write_text(text)
    with running(program, tmp_path / "plain.conf"):
        await eventually(lambda: listens(port))
        url = f"mqtt://127.0.0.1:{port}"
        found = grades(await broker.examine(url, secret=BROKER_SECRET, kind="mosquitto", batch_readings=5000))
    assert {check for check, grade in found.items() if grade == Grade.LOSES} == {
        "queue", "foreign-publish", "foreign-read",
    }  # fmt: skip
    assert found["window"] == found["size"] == found["takeover"] == Grade.RECEIPTS


async def test_mosquitto_starts_with_the_deployed_configuration(tmp_path: Path) -> None:
    program = optional_mosquitto()
    port, tls_port = free_port(), free_port()
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    make_certificate(key, cert)
    (tmp_path / "passwords").touch()
    write_accounts(tmp_path / "passwords", tmp_path / "acl")
    text = DEPLOYED.read_text(encoding="utf-8")
    for old, new in {
        "/etc/mosquitto/gengfu": str(tmp_path),
        "/etc/mosquitto/tls": str(tmp_path),
        "/run/mosquitto": str(tmp_path),
        "/var/lib/mosquitto/": f"{tmp_path}/",
        "listener 8883": f"listener {tls_port} 127.0.0.1",
        "listener 1883": f"listener {port}",
    }.items():
        assert old in text
        text = text.replace(old, new)
    (tmp_path / "deployed.conf").write_text(text + "user root\n")
    with running(program, tmp_path / "deployed.conf"):
        await eventually(lambda: listens(port) and listens(tls_port))
        url = f"mqtt://127.0.0.1:{port}"
        found = await broker.examine(url, secret=BROKER_SECRET, kind="mosquitto", batch_readings=5000)
    assert worst(found) == Grade.SAFE, found


async def test_a_broker_that_does_not_know_the_doctor_cannot_be_seen(nats: NatsServer) -> None:
    found = await broker.examine(nats.url, secret="another secret", kind="nats", batch_readings=5000)  # noqa: S106
    assert [(one.check, one.grade) for one in found] == [("accounts", Grade.UNSEEN)]
    assert "start the gateway" in found[0].change


async def test_a_broker_that_is_not_there_cannot_be_seen() -> None:
    url = f"mqtt://127.0.0.1:{free_port()}"
    found = await broker.examine(url, secret=BROKER_SECRET, kind="nats", batch_readings=5000)
    assert [(one.check, one.grade) for one in found] == [("connection", Grade.UNSEEN)]
    assert url in found[0].why


async def test_a_healthy_database_is_safe(database_url: str) -> None:
    await migrate(database_url)
    found = await database.findings(load(overrides=[f"database.url={database_url}"]).settings)
    assert grades(found)["schema"] == Grade.SAFE
    assert {one.check for one in found if one.grade != Grade.SAFE} <= {"connections"}


@pytest.mark.parametrize(
    ("setting", "check", "grade"),
    [
        ("synchronous_commit = off", "synchronous_commit", Grade.LOSES),
        ("default_transaction_read_only = on", "writable", Grade.UNSEEN),
    ],
)
async def test_a_setting_of_the_database_decides(database_url: str, setting: str, check: str, grade: Grade) -> None:
    await migrate(database_url)
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
        name = connection.info.dbname
        await connection.execute(f"ALTER DATABASE {name} SET {setting}".encode())
    found = await database.findings(load(overrides=[f"database.url={database_url}"]).settings)
    assert grades(found)[check] == grade


async def test_a_database_without_our_schema_says_what_to_do(database_url: str) -> None:
    found = await database.findings(load(overrides=[f"database.url={database_url}"]).settings)
    schema = next(one for one in found if one.check == "schema")
    assert (schema.grade, schema.change) == (Grade.UNSEEN, "gengfu migrate")


async def test_more_roles_than_connections_are_told(database_url: str) -> None:
    settings = load(overrides=[f"database.url={database_url}", "ingest.workers=16"]).settings
    found = next(one for one in await database.findings(settings) if one.check == "connections")
    assert found.grade == Grade.RECEIPTS
    assert found.change.startswith("max_connections = ")


async def test_the_command_prints_all_parts_and_ends_with_the_worst(nats: NatsServer, database_url: str) -> None:
    await migrate(database_url)
    arguments = [
        "--set", f"broker.url={nats.url}", "--set", f"broker.secret={BROKER_SECRET}", "--set", "broker.kind=nats",
        "--set", f"database.url={database_url}",
    ]  # fmt: skip
    plain = await asyncio.to_thread(CliRunner().invoke, app, arguments)
    assert plain.exit_code == Grade.UNSEEN, plain.output
    for words in ("broker", "database", "cannot be seen from here", "All in all"):
        assert words in plain.output
    config = str(nats.folder / "nats.conf")
    asked = await asyncio.to_thread(CliRunner().invoke, app, [*arguments, "--json", "--broker-config", config])
    assert asked.exit_code == Grade.RECEIPTS, asked.output
    assert {one["part"] for one in json.loads(asked.stdout)} == {"broker", "configuration", "database"}


def optional_mosquitto() -> Path:
    try:
        return find_mosquitto()
    except BinaryMissingError as error:
        pytest.skip(str(error))


@contextlib.contextmanager
def running(program: Path, configuration: Path) -> Iterator[None]:
    with subprocess.Popen([program, "-c", configuration], stderr=subprocess.DEVNULL) as process:
        try:
            yield
        finally:
            process.kill()


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def make_certificate(key: Path, cert: Path) -> None:
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost"]
    try:
        subprocess.run([*command, "-keyout", key, "-out", cert], check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("openssl is not installed; it makes the certificate of this test")
