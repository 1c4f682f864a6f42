"""How a batch goes into the table: straight or by way of staging, chosen by how many rows turn out to be there."""

from typing import Literal

Mode = Literal["direct", "staging"]
LIMIT = 0.0004  # repeated rows among those sent; above it the rolled-back batches cost more than staging does
MEMORY_ROWS = 20_000  # rows over which the rate is remembered
DOUBT = 0.01  # the rate to begin with; three times the memory without a repetition brings it below the limit


class ModeChoice:
    """The measured rate of repetitions that reach the database, and what follows from it.

    After a start, and after every error that leaves open whether a batch was committed, repetitions are to be expected:
    the broker gives again what was not acknowledged. So it begins in doubt, with staging.
    """

    def __init__(self) -> None:
        self.rate = DOUBT

    @property
    def mode(self) -> Mode:
        """For the next batch."""
        return "direct" if self.rate < LIMIT else "staging"

    def learn(self, *, rows: int, repeated: int) -> None:
        """Take in what became of a batch: how many rows were sent, and how many of them were there."""
        if rows:
            weight = rows / (rows + MEMORY_ROWS)
            self.rate += (repeated / rows - self.rate) * weight

    def doubt(self) -> None:
        """Something went wrong: expect repetitions."""
        self.rate = max(self.rate, DOUBT)
