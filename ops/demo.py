"""What `gengfu demo` adds to serving: the sample town, a duty officer's account, secrets for the devices."""

import json
import secrets
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from ingest.database import connect
from ops.accounts import add_account, list_accounts, set_password
from ops.embedded import ChildSpec, DataDir
from ops.embedded.files import replace_private
from ops.serve import Serving, addresses, child_environment
from ops.settings import Settings
from ops.town import read_town
from ops.town.importer import import_town
from ops.town.shipped import sample_dir

USER = "officer"
SCENARIO = "calm"


class Demo:
    """The demonstration in one data folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.devices = folder / "devices.csv"
        self._password = ""

    async def prepare(self, settings: Settings) -> None:
        """At the first start: import the town, make the account. Later: nothing that is there is changed."""
        async with await connect(settings.database.url.get_secret_value(), name="demo") as connection:
            row = await (await connection.execute("SELECT EXISTS (SELECT FROM grid) AS it")).fetchone()
            if not (row and row["it"]):
                town, _ = read_town(sample_dir())
                await import_town(connection, town, folder=sample_dir(), secrets=self.devices)
            file = DataDir(self._folder).secret("officer")
            known = file.read_text(encoding="utf-8").strip() if file.exists() else ""
            self._password = known or secrets.token_urlsafe(9)
            names = {account.name for account in await list_accounts(connection)}
            async with connection.transaction():
                if USER not in names:
                    await add_account(connection, name=USER, role="officer", password=self._password)
                elif not known:
                    await set_password(connection, USER, password=self._password)
            if not known:
                replace_private(file, self._password + "\n")

    def simulation(self, settings: Settings) -> Sequence[ChildSpec]:
        """The process that plays the town's devices; none when their secrets are not in this folder."""
        if not self.devices.is_file():
            return ()
        argv: list[str | Path] = [
            Path(sys.executable),
            "-m",
            "ops.cli",
            "simulate",
            SCENARIO,
            "--state",
            self._folder / "outboxes",
            "--devices",
            self.devices,
        ]
        return (
            ChildSpec(
                name="simulation",
                title="the simulation",
                argv=argv,
                env=child_environment(settings),
                stop_signal=signal.SIGTERM,
                advice="look at the end of its log, simulation.log; --no-simulation does without it",
            ),
        )

    def describe(self, served: Serving) -> dict[str, str]:
        """The addresses and the key to them; kept in DIR/demo.json for commands that are run beside the demo."""
        line = addresses(served) | {"user": USER, "password": self._password, "devices": str(self.devices)}
        replace_private(self._folder / "demo.json", json.dumps(line) + "\n")
        return line
