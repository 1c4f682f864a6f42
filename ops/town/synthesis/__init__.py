"""The made-up town that is shipped as a sample: drawn from a seed, so that it can be drawn again.

Nothing of it is a real place: neither its streets nor its borders, names or codes.
"""

from pathlib import Path

from ops.town.synthesis.assemble import Assembly

SEED = 7

__all__ = ["SEED", "sample_files", "write_sample"]


def sample_files(*, seed: int = SEED) -> dict[str, str]:
    """The text of each file of the sample town, by name."""
    return Assembly(seed).files()


def write_sample(folder: Path, *, seed: int = SEED) -> None:
    """Write the sample town's files into a folder, which is made if need be."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in sample_files(seed=seed).items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")
