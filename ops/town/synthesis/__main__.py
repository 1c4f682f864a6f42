"""`python -m ops.town.synthesis DIR` writes the sample town's files anew."""

import sys
from pathlib import Path

from ops.town.synthesis import write_sample

if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m ops.town.synthesis DIR")
    write_sample(Path(sys.argv[1]))
