"""Shares of a file: every piece belongs to exactly one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyglass.batch.piece import Piece, Shard
from polyglass.errors import InputError


@given(st.integers(1, 40), st.integers(1, 500))
def test_each_piece_belongs_to_exactly_one_shard(of: int, number: int) -> None:
    assert sum(Shard(index, of).owns(number) for index in range(1, of + 1)) == 1


def test_shard_three_of_sixteen_has_every_sixteenth_piece_from_the_third_on() -> None:
    assert [number for number in range(1, 40) if Shard.parse("3/16").owns(number)] == [3, 19, 35]
    assert str(Shard.parse("3/16")) == "3/16"


@pytest.mark.parametrize("text", ["0/4", "5/4", "3", "3/", "/4", "a/b", "1/0", "-1/4", "1/4/9", "1/99999999", "١/٢"])
def test_a_share_that_cannot_be_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"counted from 1, but it is .*Write for example 3/16"):
        Shard.parse(text)


def test_a_piece_is_known_by_the_sha_256_of_its_content() -> None:
    known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-4, of "abc"
    assert Piece(1, 1, 1, b"abc").sha256 == known
