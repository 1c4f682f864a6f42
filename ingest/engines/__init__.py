"""The storage engines behind one interface; they differ in five operations only."""

from ingest.engines.engine import Engine
from ingest.engines.native import NativeEngine

__all__ = ["Engine", "NativeEngine"]
