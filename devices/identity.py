"""Who a device is: its name, its secret, its kind."""

import re
import secrets
from dataclasses import dataclass

from devices.errors import BadDeviceName

DEVICE_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


def check_device_name(name: str) -> str:
    """Return the name as it is.

    Raises:
        BadDeviceName: a broker would read other characters as topic levels or wildcards.
    """
    if not DEVICE_NAME.fullmatch(name):
        raise BadDeviceName(
            f"{name!r} cannot be a device name: use 1 to 64 of the letters A-Z a-z, digits, '_' and '-', such as H-01"
        )
    return name


def new_secret() -> str:
    """A device secret: 32 random bytes as 43 url-safe characters. It is shown once and never stored."""
    return secrets.token_urlsafe(32)


@dataclass(frozen=True)
class Kind:
    """What may be expected of a sort of device.

    Attributes:
        name: as stored and as written in files.
        report_interval_s: seconds between reports in normal use.
        silent_after_s: seconds without a word before the officer should know; three or more missed reports.
        carried: a person on duty carries it, so it may be off when that person is off duty.
    """

    name: str
    report_interval_s: float
    silent_after_s: float
    carried: bool


KINDS = {
    kind.name: kind
    for kind in (
        Kind("handset", report_interval_s=30, silent_after_s=300, carried=True),
        Kind("radio", report_interval_s=60, silent_after_s=600, carried=True),
        Kind("vehicle", report_interval_s=10, silent_after_s=300, carried=False),
        Kind("tag", report_interval_s=3600, silent_after_s=3 * 3600, carried=False),
        Kind("recorder", report_interval_s=5, silent_after_s=float("inf"), carried=False),
    )
}
