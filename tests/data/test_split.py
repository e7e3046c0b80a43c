"""A split without a leak: what is nearly the same never stands on both sides."""

import random
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from polyglass.data.likeness import fingerprint, near_fingerprints
from polyglass.data.pair import Pair
from polyglass.data.split import TEST, TRAIN, VALID, split_corpus, with_near
from polyglass.errors import DataError

WORDS = st.lists(st.sampled_from(["a", "b", "c", "d", "e", "f", "g", "h"]), min_size=6, max_size=9)


def distance(one: list[str], other: list[str]) -> int:
    """Count the words to change, add or leave out (Levenshtein), in the plainest way."""
    row = list(range(len(other) + 1))
    for number, word in enumerate(one, start=1):
        new = [number]
        for place, (again, (before, above)) in enumerate(zip(other, pairwise(row), strict=True)):
            new.append(min(new[place] + 1, above + 1, before + (word != again)))
        row = new
    return row[-1]


@given(WORDS, WORDS)
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_texts_one_word_apart_share_a_fingerprint_and_others_only_if_two_apart(
    one: list[str], other: list[str]
) -> None:
    shared = not near_fingerprints(" ".join(one)).isdisjoint(near_fingerprints(" ".join(other)))
    apart = distance(one, other)
    assert shared or apart > 1
    assert not shared or apart <= 2  # a word moved counts as two


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Hello, World!", "hello world"),
        ("It is 5 o'clock.", "it is 17 o'clock"),
        ("12:30", "1 2 : 3 0"),
        ("STRASSE", "straße"),
    ],
)
def test_case_signs_and_digits_count_for_nothing(one: str, other: str) -> None:
    assert fingerprint(one) == fingerprint(other)


def test_short_texts_are_alike_only_if_their_words_are_the_same() -> None:
    assert near_fingerprints("I see a dog").isdisjoint(near_fingerprints("I see a cat"))
    assert fingerprint("!?") != fingerprint("...")


def corpus(seed: int, count: int) -> list[Pair]:
    """Draw pairs of which many share their source, their target, or all but a word."""
    dice = random.Random(seed)
    words = [f"{a}{b}" for a in "klmn" for b in "aeiou"]
    texts = [" ".join(dice.choices(words, k=dice.randint(2, 9))) for _ in range(count)]
    pairs = [Pair(number, text, f"T {text}") for number, text in enumerate(texts, start=1)]
    for pair in dice.sample(pairs, count // 4):
        changed = pair.source.split()
        changed[dice.randrange(len(changed))] = dice.choice(words)
        pairs.append(Pair(len(pairs) + 1, pair.source.upper() + "!", dice.choice(texts)))
        pairs.append(Pair(len(pairs) + 1, " ".join(changed), pair.target))
    return pairs


@pytest.mark.parametrize("seed", range(5))
def test_no_pair_of_one_part_gives_away_a_pair_of_another(seed: int) -> None:
    pairs = corpus(seed, 300)
    split = with_near(split_corpus(pairs, valid=30, test=30, seed=seed), pairs)
    parts: dict[int, list[Pair]] = {TRAIN: [], VALID: [], TEST: []}
    for pair, part in zip(pairs, split.parts.tolist(), strict=True):
        if split.leak(pair, part) is None:
            parts[part].append(pair)
    assert len(parts[TEST]) == 30
    for part, other in ((TRAIN, VALID), (TRAIN, TEST), (VALID, TEST)):
        held = [words_of(pair.source) for pair in parts[other]]
        assert {pair.target.casefold() for pair in parts[part]} & {
            pair.target.casefold() for pair in parts[other]
        } == set()
        for pair in parts[part]:
            words = words_of(pair.source)
            assert words not in held
            assert len(words) < 7 or all(distance(words, one) > 1 for one in held)


def words_of(text: str) -> list[str]:
    return text.casefold().strip("!").split()


def test_pairs_that_are_joined_in_a_chain_stay_together() -> None:
    chain = [Pair(n, f"source {'abcdefghij'[n // 2]}", f"target {'abcdefghij'[(n + 1) // 2]}") for n in range(8)]
    alone = [Pair(n + 9, f"other {chr(65 + n)}x", f"another {chr(65 + n)}y") for n in range(20)]
    for seed in range(10):
        parts = split_corpus([*chain, *alone], valid=2, test=10, seed=seed).parts
        assert len(set(parts[:8].tolist())) == 1
        assert np.bincount(parts, minlength=3)[1:].tolist() == [2, 10]


def test_the_same_seed_gives_the_same_split_and_another_one_another() -> None:
    pairs = corpus(1, 200)
    one, same, other = (split_corpus(pairs, valid=20, test=20, seed=seed).parts.tolist() for seed in (1, 1, 2))
    assert one == same != other


def test_a_corpus_too_small_or_too_uniform_says_so() -> None:
    with pytest.raises(
        DataError, match=r"^5 pairs were to be set apart for test, but only 3 of 3 can be: the others are"
    ):
        split_corpus(corpus(1, 3), valid=0, test=5, seed=1)
    same = [Pair(n, "always the same", f"target {n}") for n in range(100)]
    with pytest.raises(DataError, match="only 0 of 100 can be"):
        split_corpus(same, valid=0, test=5, seed=1)
