"""One fault, or a family of them, per file; each module ends in `faults: tuple[Fault, ...]` and is found by itself."""
