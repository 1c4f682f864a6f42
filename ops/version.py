"""The version of what is installed."""

from functools import cache
from importlib.metadata import PackageNotFoundError, version


@cache
def service_version() -> str:
    """The version of gengfu; "0" when it runs from a bare folder."""
    try:
        return version("gengfu")
    except PackageNotFoundError:
        return "0"
