"""The keys of all advisory locks, in one place so that no two things ever shut each other out unawares."""

from enum import Enum, unique


@unique
class Lock(Enum):
    """What is done by one process at a time; two with one key would shut each other out for good."""

    MIGRATION = 0x67656E67  # "geng" and what follows it
    PARTITIONS = 0x67656E68
    LEADERSHIP = 0x67656E69  # of the rules, held for as long as a worker leads
    SEALED_PARTITIONS = 0x67656E6A
    RELEASE = 0x67656E6B
    UPKEEP = 0x67656E6C
