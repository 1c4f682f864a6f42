"""As whom a child runs: PostgreSQL refuses to run as root, so root has to become somebody else."""

import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ops.embedded.errors import PrivilegeError

ACCOUNTS = ("gengfu", "postgres", "nobody")  # the most particular first


@dataclass(frozen=True, slots=True)
class Identity:
    """An account to run as.

    Attributes:
        kind: `self` changes nothing; `account` drops to another account; `namespace` stays root for the files but
            looks like the account from inside.
        uid: user number of the account.
        gid: group number of the account.
        name: name of the account, for messages.
    """

    kind: Literal["self", "account", "namespace"] = "self"
    uid: int = -1
    gid: int = -1
    name: str = ""

    @property
    def word(self) -> str:
        """The identity as `launch.py` reads it."""
        return "self" if self.kind == "self" else f"{self.kind}:{self.uid}:{self.gid}"

    @property
    def sentence(self) -> str:
        """How people are told."""
        if self.kind == "self":
            return "as the present user"
        if self.kind == "account":
            return f"as user {self.name}"
        return "in a user namespace"


SELF = Identity()


def candidates(data: Path) -> list[Identity]:
    """Lists the identities that may work for a PostgreSQL data folder, the best first.

    Args:
        data: the folder, which need not exist yet.

    Raises:
        PrivilegeError: no identity can work; says why and what would.
    """
    own_uid = os.geteuid()
    if data.exists():
        owner = data.stat()
        if own_uid != 0:
            if owner.st_uid == own_uid:
                return [SELF]
            raise PrivilegeError(
                f"{data} belongs to {_name(owner.st_uid)}, and this process runs as {_name(own_uid)}; "
                f"start gengfu as that user or as root, or give another folder with --dir"
            )
        if owner.st_uid != 0:
            name = _name(owner.st_uid)
            if closed := closed_folder(data.parent, uid=owner.st_uid, gid=owner.st_gid):
                raise PrivilegeError(
                    f"{data} belongs to {name}, as whom PostgreSQL runs there, and {closed} is closed to that user; "
                    f"open it (chmod o+x {closed}) or move the data folder to another place"
                )
            return [Identity("account", owner.st_uid, owner.st_gid, name)]
        return _namespace(data.parent)
    if own_uid != 0:
        return [SELF]
    account = _first_account()
    dropped = (
        [Identity("account", account.pw_uid, account.pw_gid, account.pw_name)]
        if account and may_enter(data.parent, uid=account.pw_uid, gid=account.pw_gid)
        else []
    )
    return dropped + _namespace(data.parent)


def refused(data: Path, reasons: list[str]) -> PrivilegeError:
    """Makes the error for a folder with which no identity worked.

    Args:
        data: PostgreSQL's data folder.
        reasons: what each attempt said.
    """
    closed = closed_folder(data.parent)
    where = f"{closed} is closed to other users" if closed else "the other ways failed"
    said = "; ".join(reasons) or "there is no account but root"
    remedy = (
        f"chown it and all in it to an ordinary user, for example: chown -R nobody {data}"
        if data.exists()
        else "give a folder that other users may enter, for example --dir /var/lib/gengfu, "
        "or start gengfu as an ordinary user"
    )
    return PrivilegeError(
        f"PostgreSQL does not run as root, and nobody else was found to run it with {data}: {where} ({said}); {remedy}"
    )


def may_enter(folder: Path, *, uid: int, gid: int) -> bool:
    """Says whether an account without root's powers may enter a folder and all folders above it, by their mode bits."""
    return closed_folder(folder, uid=uid, gid=gid) is None


def closed_folder(folder: Path, *, uid: int = -1, gid: int = -1) -> Path | None:
    """Finds the first folder on the way down to this one that an account, or by default any other, may not enter."""
    resolved = folder.resolve()
    for step in (*reversed(resolved.parents), resolved):
        about = step.stat()
        if about.st_uid == uid:
            bit = stat.S_IXUSR
        elif about.st_gid == gid:
            bit = stat.S_IXGRP
        else:
            bit = stat.S_IXOTH
        if not about.st_mode & bit:
            return step
    return None


def _namespace(parent: Path) -> list[Identity]:
    # Inside, root has lost its power over other people's files but still owns its own.
    account = _first_account()
    if account is None or not may_enter(parent, uid=0, gid=0):
        return []
    return [Identity("namespace", account.pw_uid, account.pw_gid, account.pw_name)]


def _first_account() -> pwd.struct_passwd | None:
    for name in ACCOUNTS:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    return next((entry for entry in pwd.getpwall() if entry.pw_uid != 0), None)


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"
