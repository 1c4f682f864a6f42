"""A test aid: the process kills itself where a crash would hurt most.

`GENGFU_TEST_FAIL=after_commit:3` ends it with SIGKILL after its third commit and before that batch is acknowledged;
without a number, after the first. Unset, as everywhere but in fault tests, it does nothing.
"""

import os
import signal

_NAME, _, _COUNT = os.environ.get("GENGFU_TEST_FAIL", "").partition(":")
_left = int(_COUNT or 1)


def reach(name: str) -> None:
    """Pass the place `name`, or die there."""
    global _left  # noqa: PLW0603  counts over all lanes of the process
    if name == _NAME:
        _left -= 1
        if _left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)
