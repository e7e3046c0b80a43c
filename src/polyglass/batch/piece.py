"""What a large file is cut into: pieces of a fixed number of lines, numbered from 1; and who translates which.

Piece 1 is lines 1 to 1,000, piece 2 the next thousand. Shard 3 of 16 takes pieces 3, 19, 35 and so on. So every shard
reads the file once, from the start, plain or packed; nobody has to know beforehand how long it is; and long stretches
of long lines are dealt out evenly.
"""

import hashlib
import re
from dataclasses import dataclass
from functools import cached_property

from polyglass.errors import InputError

PIECE_LINES = 1000
"""Lost at a kill: at most the work on so many lines. Enough to put sentences of like length together."""
MOST_SHARDS = 1_000_000


@dataclass(frozen=True)
class Piece:
    """Some lines of a file as they stand there.

    number, first (its first line): counted from 1. content: the lines as their format keeps them.
    """

    number: int
    first: int
    lines: int
    content: bytes

    @cached_property
    def sha256(self) -> str:
        """The SHA-256 of the content, in hexadecimal."""
        return hashlib.sha256(self.content).hexdigest()


@dataclass(frozen=True)
class Shard:
    """One of several equal shares of a file; 1/1 is all of it."""

    index: int = 1
    of: int = 1

    @classmethod
    def parse(cls, text: str) -> "Shard":
        """Read "3/16". Raises InputError."""
        found = re.fullmatch(r"([0-9]{1,7})/([0-9]{1,7})", text)
        shard = cls(int(found[1]), int(found[2])) if found else cls(0, 0)
        if not 1 <= shard.index <= shard.of <= MOST_SHARDS:
            raise InputError(
                f"--shard must be one of several shares, counted from 1, but it is {text!r}. Write for example 3/16."
            )
        return shard

    def owns(self, number: int) -> bool:
        """Whether the piece of that number is of this shard."""
        return (number - self.index) % self.of == 0

    def __str__(self) -> str:
        return f"{self.index}/{self.of}"
