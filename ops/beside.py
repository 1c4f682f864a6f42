"""Where a command finds a gengfu that runs beside it: the addresses that `gengfu demo` keeps in its folder."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from ops.errors import SettingsError
from ops.settings import Settings, load

LINE = "demo.json"
HERE = Path(".gengfu")  # where `make run` puts it

BesideOption = Annotated[
    Path | None,
    typer.Option(
        "--dir",
        help="Data folder of a `gengfu demo` to work with; without it the settings hold, and when those are defaults "
        "a demo in ./.gengfu or in the data folder is taken.",
    ),
]


@dataclass(frozen=True)
class Beside:
    """Settings with the addresses to use, and the demo's folder when they are a demo's."""

    settings: Settings
    folder: Path | None = None


def beside(folder: Path | None, *, config: Path | None, overrides: list[str] | None) -> Beside:
    """Find what to work with.

    Args:
        folder: a demo's folder, or None.
        config: settings file.
        overrides: `key=value` texts.

    Raises:
        SettingsError: the folder holds no demo's addresses, or a setting cannot be used.
    """
    loaded = load(file=config, overrides=overrides)
    if folder is not None:
        return _of(folder, config=config, overrides=overrides)
    if all(loaded.origins[key] == "default" for key in ("broker.url", "database.url")):
        for place in (HERE, loaded.settings.data_dir / "demo"):
            if (place / LINE).is_file():
                return _of(place, config=config, overrides=overrides)
    return Beside(loaded.settings)


def _of(folder: Path, *, config: Path | None, overrides: list[str] | None) -> Beside:
    from ops.embedded.data_dir import DataDir

    file = folder / LINE
    try:
        line = json.loads(file.read_text(encoding="utf-8"))
        addresses = [f"broker.url={line['broker']}", f"database.url={line['database']}"]
    except FileNotFoundError:
        raise SettingsError(
            f"there is no {file}; give the --dir of a `gengfu demo` that has started, or set GENGFU_BROKER_URL "
            "and GENGFU_DATABASE_URL"
        ) from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SettingsError(f"{file} cannot be read: {error}; start `gengfu demo` in that folder again") from None
    secret = DataDir(folder).broker_secret  # what is sealed off duty is opened with it
    if secret.is_file():
        addresses.append(f"broker.secret={secret.read_text(encoding='ascii').strip()}")
    # What was given by hand for this very command comes last and wins.
    return Beside(load(file=config, overrides=[*addresses, *(overrides or [])]).settings, folder)
