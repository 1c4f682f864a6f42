"""Chance that can be repeated: the same seed and the same words give the same numbers, in any process, in any order."""

from random import Random


def dice(*words: object) -> Random:
    """A source of numbers that depends on these words alone."""
    return Random("|".join(str(word) for word in words))  # noqa: S311  a story is told, nothing is guarded
