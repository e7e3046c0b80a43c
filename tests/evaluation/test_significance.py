"""The tests find a planted difference, find none where there is none, and agree with sacreBLEU where it is right."""

import itertools
import random

import numpy as np
import pytest
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.significance import PairedTest

from polyglass.errors import DataError
from polyglass.evaluation.sentence_counts import count_sentences
from polyglass.evaluation.significance import Comparison, compare, compare_outputs

SAMPLING = 0.02  # two estimates of one p-value from 10,000 trials each: 4 standard errors
TEXT = "der die das ein eine Hund Katze Mann Frau läuft schläft springt über unter im Gras Haus schnell"
WORDS = TEXT.split()


def _world(number: int, shares: tuple[float, ...]) -> tuple[list[str], list[list[str]]]:
    """References, and one system for each share of words replaced at random."""
    draw = random.Random(1)
    references = [" ".join(draw.choices(WORDS, k=draw.randint(4, 12))) for _ in range(number)]
    systems = [
        [
            " ".join(draw.choice(WORDS) if draw.random() < share else word for word in text.split())
            for text in references
        ]
        for share in shares
    ]
    return references, systems


def test_identical_systems_show_no_difference() -> None:
    references, (system,) = _world(50, (0.3,))
    result = compare_outputs(system, list(system), references)
    assert (result.delta, result.low, result.high) == (0.0, 0.0, 0.0)
    assert (result.p_value, result.p_bootstrap, result.wins) == (1.0, 1.0, 0.5)
    assert result.verdict() == "A and B have the same BLEU."


def test_a_difference_in_one_sentence_is_never_significant() -> None:
    references, (system,) = _world(50, (0.3,))
    result = compare_outputs(system, ["Unsinn", *system[1:]], references)
    assert result.delta < 0
    assert result.p_value == 1.0  # whichever way this sentence is swapped, the difference is as large
    assert "may well be chance (p = 1.00)" in result.verdict()


@pytest.mark.parametrize("metric", ["bleu", "chrf"])
def test_a_planted_difference_is_found_and_worded(metric: str) -> None:
    references, (worse, better) = _world(200, (0.5, 0.2))
    result = compare_outputs(worse, better, references, metric=metric)
    assert result.p_value < 0.001
    assert result.p_bootstrap < 0.002
    assert 0 < result.low < result.delta < result.high
    assert result.wins == 1.0
    words = f"new is better by {result.delta:.1f} {result.label}; the difference is unlikely to be chance (p < 0.001)."
    assert result.verdict("old", "new") == words


def test_swapping_the_two_systems_mirrors_the_result() -> None:
    references, (a, b) = _world(80, (0.3, 0.25))
    forth, back = compare_outputs(a, b, references), compare_outputs(b, a, references)
    assert back.delta == -forth.delta
    assert (back.low, back.high) == pytest.approx((-forth.high, -forth.low))
    assert back.wins == pytest.approx(1 - forth.wins)
    assert back.p_bootstrap == forth.p_bootstrap


def test_fewer_edits_are_better() -> None:
    references, (worse, better) = _world(100, (0.5, 0.1))
    result = compare_outputs(worse, better, references, metric="ter")
    assert result.delta < 0
    assert result.wins == 1.0
    assert result.verdict().startswith("B is better by ")


def test_same_seed_same_result_other_seed_other_result() -> None:
    references, (a, b) = _world(60, (0.3, 0.28))
    result = compare_outputs(a, b, references)
    assert compare_outputs(a, b, references) == result
    assert compare_outputs(a, b, references, seed=7).p_value != result.p_value


def test_the_randomisation_test_equals_trying_all_swaps_by_hand() -> None:
    references, (a, b) = _world(8, (0.5, 0.2))
    counts_a, counts_b = count_sentences("chrf", a, references), count_sentences("chrf", b, references)
    real = abs(counts_b.score() - counts_a.score())
    as_large = 0
    for swaps in itertools.product((False, True), repeat=8):
        one = [y if swap else x for x, y, swap in zip(a, b, swaps, strict=True)]
        two = [x if swap else y for x, y, swap in zip(a, b, swaps, strict=True)]
        difference = count_sentences("chrf", one, references).score() - count_sentences("chrf", two, references).score()
        as_large += abs(difference) >= real - 1e-9
    assert compare(counts_a, counts_b).p_value == pytest.approx(as_large / 2**8, abs=SAMPLING)


def test_p_values_agree_with_sacrebleu_where_ties_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SACREBLEU_SEED", raising=False)
    references, (a, b) = _world(150, (0.34, 0.30))
    ours = compare_outputs(a, b, references)
    signatures, theirs = PairedTest([("a", a), ("b", b)], {"BLEU": BLEU()}, [references], test_type="ar")()
    assert ours.p_value == pytest.approx(theirs["BLEU"][1].p_value, abs=SAMPLING)
    assert (ours.a, ours.b) == pytest.approx((theirs["BLEU"][0].score, theirs["BLEU"][1].score))
    assert ours.signature.replace("|bs:1000", "") == str(signatures["BLEU"])


def test_about_one_in_twenty_comparisons_of_equally_good_systems_has_p_below_5_percent() -> None:
    draw = random.Random(3)
    below = 0
    for _ in range(200):
        references = [" ".join(draw.choices(WORDS, k=6)) for _ in range(30)]
        a, b = (
            [" ".join(draw.choice(WORDS) if draw.random() < 0.3 else w for w in text.split()) for text in references]
            for _ in range(2)
        )
        counts_a, counts_b = count_sentences("chrf", a, references), count_sentences("chrf", b, references)
        below += compare(counts_a, counts_b, trials=300, resamples=50).p_value < 0.05
    assert 2 <= below <= 22  # 10 expected; binomial, 4 standard deviations


def test_a_small_lead_is_not_claimed() -> None:
    values = {"a": 30.0, "b": 30.2, "low": -0.5, "high": 0.9, "wins": 0.6, "signature": "", "metric": "bleu"}
    result = Comparison(**values, label="BLEU", delta=0.2, p_value=0.41, p_bootstrap=0.4, higher_is_better=True)
    assert result.verdict() == "B is ahead by 0.2 BLEU, but that may well be chance (p = 0.41)."


def test_where_the_two_tests_disagree_both_are_told() -> None:
    values = {"a": 30.0, "b": 31.0, "low": -0.1, "high": 2.1, "wins": 0.97, "signature": "", "metric": "bleu"}
    result = Comparison(**values, label="BLEU", delta=1.0, p_value=0.042, p_bootstrap=0.057, higher_is_better=True)
    words = "B is ahead by 1.0 BLEU, at the edge of what chance can do (randomisation p = 0.042, bootstrap p = 0.057)."
    assert result.verdict() == words


def test_counts_of_different_recipes_are_refused() -> None:
    references, (a, b) = _world(5, (0.3, 0.3))
    with pytest.raises(DataError, match="Two systems can only be compared by one metric on the same sentences, but A"):
        compare(count_sentences("bleu", a, references), count_sentences("chrf", b, references))


def test_trials_drawn_in_pieces_give_valid_results(monkeypatch: pytest.MonkeyPatch) -> None:
    references, (a, b) = _world(40, (0.3, 0.2))
    whole = compare_outputs(a, b, references)
    monkeypatch.setattr("polyglass.evaluation.significance._NUMBERS_AT_ONCE", 40 * 100)
    pieces = compare_outputs(a, b, references)
    assert pieces.p_value == pytest.approx(whole.p_value, abs=SAMPLING)
    assert np.isclose(pieces.delta, whole.delta)
