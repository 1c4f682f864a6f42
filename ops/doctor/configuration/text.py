"""Configuration files as text, with errors in words."""

from pathlib import Path

from ops.doctor.errors import UnreadableConfiguration


def text_of(file: Path) -> str:
    """The content of a configuration file.

    Raises:
        UnreadableConfiguration: names the file and the reason.
    """
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise UnreadableConfiguration(
            f"cannot read the broker's configuration {file}: {error.strerror}; "
            "give the file that the broker is started with"
        ) from None
    except UnicodeDecodeError as error:
        raise UnreadableConfiguration(
            f"{file} is not a text file (byte {error.start}); give the broker's configuration, not its database"
        ) from None
