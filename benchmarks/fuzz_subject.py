"""What the parts of `fuzz.py` have in common: a target, and a promise that was broken."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

Attempt = Callable[[bytes], None]


class Broken(Exception):  # noqa: N818 (what is wrong is the promise)
    """Something was taken, or written, that should not have been."""


@dataclass(frozen=True)
class Target:
    """Something that reads what strangers wrote.

    seeds: good files; words: of the format. prepare: called in a child with an empty folder, returns what takes a
    hostile file. names: one of them must stand in each refusal. weight: share of all cases.
    """

    name: str
    seeds: tuple[bytes, ...]
    words: tuple[bytes, ...]
    prepare: Callable[[Path], Attempt]
    names: tuple[str, ...]
    weight: int
