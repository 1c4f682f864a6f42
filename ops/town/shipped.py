"""Where the sample town lies in the installed package, and a copy of it for people to start from."""

from importlib.resources import files
from pathlib import Path

from ops.town.errors import TownError


def sample_dir() -> Path:
    """The folder of the sample town that comes with gengfu; read it, never write to it."""
    return Path(str(files("ops.town") / "sample"))


def copy_sample(folder: Path) -> list[Path]:
    """Copy the sample town into a new or empty folder.

    Returns:
        The files written.

    Raises:
        TownError: the folder holds something already, or cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise TownError(f"{folder} is not empty; give a new folder, so that none of your files is overwritten")
        written = []
        for source in sorted(sample_dir().iterdir()):
            if source.suffix in {".csv", ".geojson"}:
                written.append(folder / source.name)
                written[-1].write_bytes(source.read_bytes())
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise TownError(f"the sample cannot be written to {folder}: {reason}; give another folder") from error
    return written
