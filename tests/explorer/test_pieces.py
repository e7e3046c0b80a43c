"""Pieces, words, characters and merges: compared with what SentencePiece itself does, and by hand."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polyglass.config import DataConfig
from polyglass.data.subwords import Subwords
from polyglass.explorer.pieces import Character, characters, is_delimiter, kind, label, merges, words
from polyglass.special_ids import SpecialIds
from tiny_bundle import SENTENCES, tiny_subwords

IDS = SpecialIds()


def kinds_of(pieces: list[str], subwords: Subwords | None = None) -> list[str]:
    known = {piece: token for piece, (token, _) in (subwords or tiny_subwords()).source_scores().items()}
    return [kind(known.get(piece, IDS.eos if piece == "</s>" else 99), piece, IDS) for piece in pieces]


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        (["▁The", "▁d", "og", "</s>"], ["▁The", "▁dog", "</s>"]),
        (["▁park", ".", "</s>"], ["▁park", ".", "</s>"]),
        (["▁(", "a", ")", "</s>"], ["▁(", "a", ")", "</s>"]),
        (["▁don", "'", "t", "</s>"], ["▁don", "'", "t", "</s>"]),
        (["▁n", "a", "<0xC3>", "<0xAF>", "ve", "</s>"], ["▁na<0xC3><0xAF>ve", "</s>"]),
        (["▁", "<0xE2>", "<0x98>", "<0x83>", "▁a", "</s>"], ["▁<0xE2><0x98><0x83>", "▁a", "</s>"]),
        (["▁", "dog", "</s>"], ["▁dog", "</s>"]),
        (["▁猫", "は", "小さい", "</s>"], ["▁猫", "は", "小さい", "</s>"]),
        (["</s>"], ["</s>"]),
    ],
    ids=["plain", "mark", "brackets", "apostrophe", "bytes", "bytes alone", "lonely space", "no spaces", "eos"],
)
def test_words_are_what_people_call_words(pieces: list[str], expected: list[str]) -> None:
    spans = words(pieces, kinds_of(pieces))  # type: ignore[arg-type]
    assert ["".join(pieces[start:end]) for start, end in spans] == expected


@settings(deadline=None, max_examples=60)
@given(st.text(max_size=40))
def test_words_cover_every_piece_once(text: str) -> None:
    subwords = tiny_subwords()
    ids = [*subwords.encode_source([text.replace("\ud800", "")])[0], IDS.eos]
    pieces = subwords.source_pieces(ids)
    spans = words(pieces, [kind(token, piece, IDS) for token, piece in zip(ids, pieces, strict=True)])
    assert [place for start, end in spans for place in range(start, end)] == list(range(len(ids)))


@settings(deadline=None, max_examples=60)
@given(st.text(alphabet=st.characters(exclude_categories=["C", "Z", "M"]), min_size=1, max_size=8))
def test_characters_that_are_spelt_in_bytes_are_found(text: str) -> None:
    subwords = tiny_subwords()
    ids = subwords.encode_source([text])[0]
    pieces = subwords.source_pieces(ids)
    found = characters(pieces, [kind(token, piece, IDS) for token, piece in zip(ids, pieces, strict=True)])
    spelt = [one.text for one in found]
    decoded = subwords.decode_source(ids)  # SentencePiece has made some characters others (NFKC)
    assert all(one in decoded for one in spelt)
    in_bytes = [piece for piece in pieces if piece.startswith("<0x")]
    assert sum(len(one.encode()) for one in spelt) == len(in_bytes)


def test_bytes_that_spell_nothing_are_left_alone() -> None:
    pieces = ["<0xE2>", "<0x98>", "a", "<0xFF>", "<0xC3>", "<0xAF>"]
    assert characters(pieces, kinds_of(pieces)) == [Character(4, 6, "ï")]  # type: ignore[arg-type]


def test_labels_are_pieces_without_the_mark_for_a_space() -> None:
    assert [label(piece) for piece in ("▁The", "og", "▁", "</s>", "<0xE2>")] == ["The", "og", "▁", "</s>", "<0xE2>"]


def test_delimiters_are_marks_and_special_symbols() -> None:
    pieces = ["▁The", ".", "</s>", "▁", "▁,", "<0xE2>"]
    found = [is_delimiter(piece, of) for piece, of in zip(pieces, kinds_of(pieces), strict=True)]  # type: ignore[arg-type]
    assert found == [False, True, True, False, True, False]


def test_every_piece_of_a_vocabulary_can_be_built_from_its_characters() -> None:
    scores = tiny_subwords(size=400).source_scores()
    for piece in scores:
        if not piece.startswith("<0x"):
            states = merges(piece, scores)
            assert states is not None, piece
            assert states[0] == list(piece)
            assert states[-1] == [piece]
            assert all("".join(state) == piece for state in states)
            assert [len(state) for state in states] == list(range(len(piece), 0, -1))


def test_merging_whole_words_gives_the_pieces_that_sentencepiece_cuts() -> None:
    """The rule of merges, run over a word that ends as several pieces, is compared with the tokenizer itself."""
    subwords = tiny_subwords(size=400)
    scores = subwords.source_scores()
    for sentence in SENTENCES:
        for word in sentence[0].split():
            parts = list(f"▁{word}")
            while True:
                pairs = [(scores[a + b][1], -place) for place, (a, b) in enumerate(pairwise(parts)) if a + b in scores]
                if not pairs:
                    break
                place = -max(pairs)[1]
                parts[place : place + 2] = ["".join(parts[place : place + 2])]
            assert parts == subwords.source_pieces(subwords.encode_source([word])[0])
            for piece in parts:
                assert (merges(piece, scores) or [[]])[-1] == [piece]


def test_a_piece_that_no_merge_builds_has_no_history() -> None:
    config = DataConfig(subwords="unigram")
    subwords = Subwords.train(lambda: iter(SENTENCES), config, size=330)
    assert merges("▁qqq", subwords.source_scores()) is None
    assert merges("x" * 200, {}) is None
