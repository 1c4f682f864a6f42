"""The data folder: whose it is, who holds it, and what lies where in it.

DIR/gengfu.lock    held by the one gengfu that uses the folder; says its process number
DIR/ports.json     ports that were chosen once
DIR/secrets/       what nobody else may read
DIR/log/, run/     logs and pid files of the children
DIR/postgres/      PostgreSQL's data
DIR/nats/          the broker's configuration and data; DIR/mosquitto/ when that is the broker
DIR/bin/           PostgreSQL's programs, copied when its account cannot read them where they are installed
"""

import fcntl
import os
from pathlib import Path
from typing import Self

from ops.embedded.errors import DataDirError, DataDirLockedError

LOCK = "gengfu.lock"
STRANGERS_ALLOWED = frozenset({"gengfu.toml", "lost+found"})  # may be there before the first start


class DataDir:
    """A folder that belongs to gengfu, and to one gengfu at a time while it is held."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self._lock: int | None = None

    @property
    def log(self) -> Path:
        """Folder of the children's logs."""
        return self.path / "log"

    @property
    def run(self) -> Path:
        """Folder of the children's pid files."""
        return self.path / "run"

    @property
    def secrets(self) -> Path:
        """Folder of passwords, closed to others."""
        return self.path / "secrets"

    @property
    def postgres(self) -> Path:
        """PostgreSQL's data folder."""
        return self.path / "postgres"

    @property
    def nats(self) -> Path:
        """The broker's folder."""
        return self.path / "nats"

    @property
    def mosquitto(self) -> Path:
        """The broker's folder when it is mosquitto."""
        return self.path / "mosquitto"

    @property
    def bin(self) -> Path:
        """Folder of copied programs."""
        return self.path / "bin"

    @property
    def ports(self) -> Path:
        """File of the chosen ports."""
        return self.path / "ports.json"

    def __enter__(self) -> Self:
        """Takes hold of the folder; makes it when it is missing.

        Raises:
            DataDirError: it cannot be used; nothing in it was touched.
            DataDirLockedError: another gengfu holds it.
        """
        try:
            self._check()
            self.path.mkdir(parents=True, exist_ok=True, mode=0o755)
            self._take_lock()
            for folder in (self.log, self.run, self.secrets, self.nats):
                folder.mkdir(exist_ok=True, mode=0o700)
        except OSError as error:
            self.__exit__()
            raise DataDirError(
                f"cannot use {self.path} as data folder: {error.strerror or error} ({error.filename or self.path}); "
                f"give a folder that this user may write, with --dir"
            ) from error
        except DataDirError:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Lets go of the folder; the lock file stays and marks the folder as gengfu's."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    @property
    def broker_secret(self) -> Path:
        """File of the secret from which our own roles' accounts at the broker are made."""
        return self.secret("broker")

    def secret(self, name: str) -> Path:
        """Path of one secret."""
        return self.secrets / name

    def _check(self) -> None:
        """Refuses what is not a folder, or is somebody else's folder, before anything in it is touched."""
        if not self.path.exists():
            if self.path.is_symlink():
                raise DataDirError(
                    f"{self.path} is a link that leads nowhere; mend it or give another folder with --dir"
                )
            return
        if not self.path.is_dir():
            raise DataDirError(f"{self.path} is a file, and a data folder is wanted; give another path with --dir")
        names = {entry.name for entry in self.path.iterdir()}
        foreign = sorted(names - STRANGERS_ALLOWED)
        if foreign and LOCK not in names:
            some = ", ".join(foreign[:3]) + (", …" if len(foreign) > 3 else "")
            raise DataDirError(
                f"{self.path} holds files that are not gengfu's ({some}); nothing was touched; "
                f"give an empty or a new folder with --dir"
            )

    def _take_lock(self) -> None:
        path = self.path / LOCK
        # Python opens it not to be inherited, so a child that outlives us does not hold it.
        lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(lock, 32).decode(errors="replace").strip() or "of unknown number"
            os.close(lock)
            raise DataDirLockedError(
                f"another gengfu (process {holder}) is using {self.path}; stop it (kill {holder}), "
                f"or give this one another folder with --dir"
            ) from None
        except OSError:
            os.close(lock)
            raise
        self._lock = lock
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
