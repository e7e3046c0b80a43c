"""Of a large corpus SentencePiece learns from a part that is spread over the whole."""

from itertools import pairwise

import pytest

from polyglass.run.prepare import evenly_spaced


@pytest.mark.parametrize(("total", "wanted"), [(10, 10), (10, 20), (10, 3), (1000, 999), (1000, 7), (5, 1)])
def test_as_many_pairs_as_wanted_are_taken_evenly_spaced(total: int, wanted: int) -> None:
    pairs = [(str(number), "") for number in range(total)]
    taken = [int(source) for source, _ in evenly_spaced(pairs, total=total, wanted=wanted)]
    assert len(taken) == min(total, wanted)
    gaps = [after - before for before, after in pairwise(taken)]
    assert not gaps or max(gaps) - min(gaps) <= 1
