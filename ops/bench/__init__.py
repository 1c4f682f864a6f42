"""Measure gengfu on this machine: real processes under load, and beside them the limits that the machine sets."""

from ops.bench.case import CASES, Case, matrix
from ops.bench.errors import BenchError

__all__ = ["CASES", "BenchError", "Case", "matrix"]
