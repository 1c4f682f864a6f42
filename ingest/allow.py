"""What a pipeline asks of whoever watches how much each device sends."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ingest.columns import Ints


class Allowance(Protocol):
    """How many readings each device may send."""

    def excess(self, devices: Ints, now_s: float) -> NDArray[np.bool_]:
        """Take readings off the allowance of their devices; true for each one that is over it.

        Args:
            devices: register numbers, one per reading.
            now_s: seconds since 1970.
        """
        ...
