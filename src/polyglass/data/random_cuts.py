"""One word in, a random cut of it into subwords out: BPE-dropout (Provilkov et al. 2020), unigram sampling (Kudo 2018).

SentencePiece can do that, too, but its newer versions mix a secret of the process into their seed, so that the same
seed gives other cuts in the next process, and a resumed run would differ. Here every number drawn is our own.
"""

import math
from collections.abc import Mapping
from itertools import pairwise
from random import Random
from typing import Literal

SPACE = "▁"  # how SentencePiece writes the space before a word
UNKNOWN_PENALTY = (
    10.0  # an unknown character is so much less likely than the least likely piece; as SentencePiece has it
)
_NEVER = -math.inf


class RandomCutter:
    """Cuts words with the pieces of one vocabulary.

    pieces: each piece with its id and score (BPE: the later learned, the lower; unigram: log-probability). unknown:
    the id of characters that no piece covers; spelt as bytes instead if the vocabulary has pieces for these.
    """

    def __init__(
        self, pieces: Mapping[str, tuple[int, float]], kind: Literal["bpe", "unigram"], *, unknown: int
    ) -> None:
        self._kind = kind
        self._unknown = unknown
        bytes_of = {f"<0x{byte:02X}>": byte for byte in range(256)}
        self._bytes = {bytes_of[piece]: token for piece, (token, _) in pieces.items() if piece in bytes_of}
        self._known = {piece: token for piece, (token, _) in pieces.items() if piece not in bytes_of}
        self._scores = {piece: pieces[piece][1] for piece in self._known}
        self._longest = max(map(len, self._known), default=1)
        self._unknown_score = min(self._scores.values(), default=0.0) - UNKNOWN_PENALTY

    def cut(self, word: str, count: int, random: Random, *, dropout: float) -> list[list[int]]:
        """Return `count` random cuts of a word (normalised, without spaces).

        dropout: for BPE the chance that a merge is left out (0: the usual cut); for unigram the power to which the
        probability of each cut is raised (small: all cuts are nearly equally likely).
        """
        text = SPACE + word
        if self._kind == "bpe":
            return [self._ids(self._merge(text, random, dropout)) for _ in range(count)]
        weights = self._sum_up(text, dropout)
        return [self._ids(self._draw(text, weights, random)) for _ in range(count)]

    def _merge(self, text: str, random: Random, dropout: float) -> list[str]:
        """Merge the best pair until none is left; a pair that was left out gets another chance with a new neighbour."""
        parts = list(text)
        scores = self._scores
        pairs = [scores.get(left + right, _NEVER) for left, right in pairwise(parts)]
        while pairs and (best := max(pairs)) > _NEVER:
            place = pairs.index(best)
            if random.random() < dropout:
                pairs[place] = _NEVER
                continue
            parts[place : place + 2] = [parts[place] + parts[place + 1]]
            del pairs[place]
            if place > 0:
                pairs[place - 1] = scores.get(parts[place - 1] + parts[place], _NEVER)
            if place < len(pairs):
                pairs[place] = scores.get(parts[place] + parts[place + 1], _NEVER)
        return parts

    def _sum_up(self, text: str, power: float) -> list[dict[int, float]]:
        """Return for each end where the last piece may start, with the weight of all cuts that end in this piece."""
        totals = [0.0]  # logarithm of the weight of all cuts of text[:end]
        weights: list[dict[int, float]] = [{}]
        for end in range(1, len(text) + 1):
            found = {}
            for start in range(max(0, end - self._longest), end):
                score = self._scores.get(text[start:end], self._unknown_score if start == end - 1 else _NEVER)
                if score > _NEVER:
                    found[start] = totals[start] + power * score
            highest = max(found.values())
            weights.append({start: math.exp(weight - highest) for start, weight in found.items()})
            totals.append(highest + math.log(sum(weights[end].values())))
        return weights

    @staticmethod
    def _draw(text: str, weights: list[dict[int, float]], random: Random) -> list[str]:
        """Draw a cut from its end to its beginning."""
        parts = []
        end = len(text)
        while end > 0:
            [start] = random.choices(list(weights[end]), list(weights[end].values()))
            parts.append(text[start:end])
            end = start
        return parts[::-1]

    def _ids(self, parts: list[str]) -> list[int]:
        ids: list[int] = []
        for part in parts:
            if part in self._known:
                ids.append(self._known[part])
            elif self._bytes:
                ids += [self._bytes[byte] for byte in part.encode()]
            elif ids[-1:] != [self._unknown]:  # as SentencePiece does, unknown characters in a row are one
                ids.append(self._unknown)
        return ids
