"""Masked copies of pairs: what both sides have in common is replaced on both, and nothing else."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from polyglass.config import DataConfig
from polyglass.data.masks import has_placeholders, mask_pair, with_masks
from polyglass.data.subwords import Subwords
from polyglass.text.codes import FIRST_MASK, MASKS

MASK = "".join(map(chr, range(FIRST_MASK, FIRST_MASK + MASKS)))


def unmasked(text: str) -> str:
    return "".join("*" if sign in MASK else sign for sign in text)


def test_placeholders_of_both_sides_get_the_same_masks() -> None:
    copy = mask_pair("From %1$s to {name}, %1$s!", "Von %1$s nach {name}, %1$s!")
    assert copy is not None
    assert tuple(map(unmasked, copy)) == ("From * to *, *!", "Von * nach *, *!")
    masks = [[sign for sign in side if sign in MASK] for side in copy]
    assert masks[0] == masks[1]
    assert len(set(masks[0])) == 3


def test_masks_follow_their_placeholders_when_the_order_changes() -> None:
    copy = mask_pair("{a} of {b}", "{b}s {a}")
    assert copy is not None
    assert copy[0][0] == copy[1][3]
    assert copy[0][-1] == copy[1][0]


def test_a_pair_whose_placeholders_differ_has_no_copy() -> None:
    assert mask_pair("Open %s", "Öffne") is None
    assert mask_pair("Open %s", "Öffne %d") is None
    assert mask_pair("Open", "Öffne %d") is None


def test_words_that_both_sides_share_are_masked_where_there_are_no_placeholders() -> None:
    copy = mask_pair("Anna likes it.", "Anna mag es.")
    assert copy is not None
    assert tuple(map(unmasked, copy)) == ("* likes it.", "* mag es.")
    assert copy[0][0] == copy[1][0]
    assert mask_pair("A dog runs.", "Ein Hund rennt.") is None


@given(st.text(st.sampled_from("ab %s{x}. 12"), max_size=40), st.text(st.sampled_from("ab %s{x}. 12"), max_size=40))
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_copy_has_each_mask_once_on_each_side_and_the_same_on_both(source: str, target: str) -> None:
    copy = mask_pair(source, target)
    if copy is not None:
        masks = [sorted(sign for sign in side if sign in MASK) for side in copy]
        assert masks[0] == masks[1] == sorted(set(masks[0])) != []
    assert list(with_masks([(source, target)])) == [(source, target), *([copy] if copy else [])]


def test_one_pair_in_a_hundred_is_enough_to_count_as_a_corpus_with_placeholders() -> None:
    plain = ("A dog.", "Ein Hund.")
    assert has_placeholders([("Open %s", "Öffne %s"), *[plain] * 99])
    assert not has_placeholders([("Open %s", "Öffne %s"), *[plain] * 100])
    assert not has_placeholders([("Open %s", "Öffne %d")])
    assert not has_placeholders([])


def test_with_protection_every_mask_is_in_the_vocabulary() -> None:
    pairs = [("a small dog and a cat", "ein kleiner Hund und eine Katze")] * 3
    for protect in (True, False):
        subwords = Subwords.train(lambda: iter(pairs), DataConfig(protect=protect), size=400)
        pieces = "".join(subwords.source_pieces(subwords.encode_source([MASK])[0]))
        assert all(mask in pieces for mask in MASK) == protect
        assert subwords.decode_target(subwords.encode_target([f"a {MASK} b"])[0]) == f"a {MASK} b"
