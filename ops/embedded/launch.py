"""What a child runs between fork and exec: drop privileges, die with the parent, become the command.

It is run by path with `python -I -S`, so nothing of gengfu can be imported here. It is not a `preexec_fn`, because
Python code between fork and exec can deadlock in a process with threads, and Python 3.12 warns of it.

Arguments: PARENT_PID DEATH_SIGNAL IDENTITY COMMAND..., IDENTITY being `self`, `account:UID:GID` or `namespace:UID:GID`.
"""

import ctypes
import os
import signal
import sys
from pathlib import Path

PR_SET_PDEATHSIG = 1
CLONE_NEWUSER = 0x10000000
EXIT_CANNOT_START = 127  # as a shell says it


def main(arguments: list[str]) -> None:
    """Becomes the command; returns only when that was not possible.

    Args:
        arguments: parent's process id, signal number, identity, command and its arguments.
    """
    parent_pid, death_signal, identity, *command = arguments
    libc = ctypes.CDLL(None, use_errno=True)
    try:
        take_identity(libc, identity)
        # After the change of identity, because the kernel clears it at every change of credentials.
        if libc.prctl(PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
        if os.getppid() != int(parent_pid):
            sys.exit("the process that started this one is gone already")
        # What is ignored would be inherited: by Python SIGPIPE, by a shell's background job SIGINT, by nohup SIGHUP, at
        # which the broker reads its accounts again.
        for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        os.execv(command[0], command)  # noqa: S606  no shell is wanted
    except OSError as error:
        sys.stderr.write(f"cannot start {command[0]}: {error}\n")
        sys.exit(EXIT_CANNOT_START)


def take_identity(libc: ctypes.CDLL, identity: str) -> None:
    """Becomes another account, or root who looks like another account in a user namespace.

    Args:
        libc: the C library, for unshare, which Python 3.11 does not offer.
        identity: `self`, `account:UID:GID` or `namespace:UID:GID`.

    Raises:
        OSError: the kernel does not allow it.
    """
    if identity == "self":
        return
    kind, uid, gid = identity.split(":")
    if kind == "account":
        os.setgroups([])
        os.setgid(int(gid))
        os.setuid(int(uid))
        return
    own_uid, own_gid = os.geteuid(), os.getegid()
    if libc.unshare(CLONE_NEWUSER) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"user namespace: {os.strerror(number)}")
    Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
    Path("/proc/self/uid_map").write_text(f"{uid} {own_uid} 1", encoding="ascii")
    Path("/proc/self/gid_map").write_text(f"{gid} {own_gid} 1", encoding="ascii")


if __name__ == "__main__":
    main(sys.argv[1:])
