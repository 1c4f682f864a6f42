"""The storage engines behind one interface; they differ in five operations only."""

from ingest.engines.choice import State, Wish, choose_engine, engine_at, state_of
from ingest.engines.convert import adopt, convert
from ingest.engines.engine import TABLES, Engine, Part
from ingest.engines.native import NativeEngine
from ingest.engines.timescale import TimescaleEngine

__all__ = [
    "TABLES",
    "Engine",
    "NativeEngine",
    "Part",
    "State",
    "TimescaleEngine",
    "Wish",
    "adopt",
    "choose_engine",
    "convert",
    "engine_at",
    "state_of",
]
