"""What provisioners do to a broker's files and process: replace a file whole, tell the process to read it again."""

import contextlib
import logging
import os
import signal
import stat
import tempfile
from pathlib import Path

from gateway.errors import ProvisioningError

log = logging.getLogger(__name__)


def write_if_changed(file: Path, text: str, *, setting: str) -> bool:
    """Replace the file in one step; says whether it held anything else before.

    Its owner alone may read it; in a folder with the set-group-ID bit its group may as well, which is how a broker that
    runs as somebody else is let in.

    Args:
        file: which; its folder must exist.
        text: what it shall hold.
        setting: dotted key that named the file, for the message.

    Raises:
        ProvisioningError: it cannot be written.
    """
    try:
        with contextlib.suppress(FileNotFoundError):
            if file.read_text(encoding="utf-8") == text:
                return False
        folder = file.parent.stat()
        owner = file.stat() if file.exists() else folder
        handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as out:
                out.write(text)
                out.flush()
                if os.geteuid() == 0:  # the broker runs as the owner of its folder, and must be able to read this
                    os.fchown(out.fileno(), owner.st_uid, owner.st_gid)
                if folder.st_mode & stat.S_ISGID:
                    os.fchmod(out.fileno(), 0o640)
                os.fsync(out.fileno())
            Path(name).replace(file)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise ProvisioningError(
            f"cannot write the broker's accounts to {file}: {error.strerror}; see {setting}"
        ) from error
    return True


def tell_to_reload(pid_file: Path | None, *, program: str, file: Path) -> None:
    """Send the broker SIGHUP, if it runs.

    Args:
        pid_file: the broker's own; None leaves it to somebody else to tell the broker.
        program: how its command begins: a stale number that another program has now must not get a signal.
        file: what it shall read, for messages.

    Raises:
        ProvisioningError: it may not be sent a signal.
    """
    pid = _running(pid_file, program=program)
    if pid is None:
        log.info("no %s runs by %s; it reads %s when it starts", program, pid_file, file)
        return
    try:
        os.kill(pid, signal.SIGHUP)
    except ProcessLookupError:
        return
    except PermissionError as error:
        raise ProvisioningError(
            f"the gateway may not signal to {program} (process {pid}) to read {file} again; run both as the same "
            "user, or leave its pid file unset and have the service manager reload it when the file changes"
        ) from error


def _running(pid_file: Path | None, *, program: str) -> int | None:
    if pid_file is None:
        return None
    try:
        pid = int(pid_file.read_text(encoding="ascii"))
        command = Path(f"/proc/{pid}/comm").read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        return None
    return pid if command.startswith(program) else None
