"""Ids of the four symbols that are no words."""

from dataclasses import dataclass


@dataclass(frozen=True)
class SpecialIds:
    """Ids of padding, begin of sentence, end of sentence and unknown; the same in source and target vocabulary."""

    pad: int = 0
    bos: int = 1
    eos: int = 2
    unk: int = 3
