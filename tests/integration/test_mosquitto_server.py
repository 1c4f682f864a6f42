"""The mosquitto that gengfu starts: it runs under the supervisor, lets nobody in, and keeps what waits."""

from pathlib import Path

import pytest

from gateway import Credentials, Session
from gateway.errors import BrokerRefused
from ops.embedded import Supervisor
from ops.embedded.binaries import find_mosquitto
from ops.embedded.errors import BinaryMissingError, SetupError
from ops.embedded.mosquitto import Mosquitto, safe_configuration, version_of
from tests.integration.mosquitto_server import mosquitto
from tests.integration.nats_server import free_port, in_vain


async def test_it_lets_nobody_in_before_there_are_accounts(tmp_path: Path) -> None:
    async with mosquitto(tmp_path) as server:
        assert server.broker.pid_file.read_text().strip() == str(server.pid)
        for user in ("nobody", "H-01", ""):
            async with Session(server.url, credentials=Credentials(user, "A", "x"), name="test") as stranger:
                with pytest.raises(BrokerRefused):
                    await in_vain(stranger, BrokerRefused)


async def test_the_supervisor_runs_it_in_a_folder_with_a_blank_in_its_name(tmp_path: Path) -> None:
    broker = Mosquitto(tmp_path / "a broker", port=free_port())
    try:
        broker.prepare()
    except BinaryMissingError as error:
        pytest.skip(str(error))
    async with Supervisor(log_dir=tmp_path / "log", run_dir=tmp_path / "run") as supervisor:
        await supervisor.add(broker.spec())
        assert await broker.is_ready()
        assert broker.pid_file.exists()
    assert not broker.pid_file.exists()


def test_its_version_is_asked(tmp_path: Path) -> None:
    try:
        assert version_of(find_mosquitto())[0].isdecimal()
    except BinaryMissingError as error:
        pytest.skip(str(error))
    with pytest.raises(SetupError, match="asked for its version"):
        version_of(tmp_path)


def test_what_cannot_stand_in_the_configuration_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="without line break"):
        safe_configuration(tmp_path / "a\nuser root", port=1)


def test_a_missing_program_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("ops.embedded.binaries.ADMIN_PATHS", ())
    with pytest.raises(BinaryMissingError, match="apt install mosquitto"):
        Mosquitto(tmp_path, port=1).prepare()
