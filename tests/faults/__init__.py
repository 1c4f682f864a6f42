"""What breaks, and what must not be lost by it: real processes, one ledger per run; `make test-faults` runs all."""
