"""`position`: rows of bounded length, rows out of order, vectors that change or not, and each verdict by rule."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from polyglass.errors import DataError, InputError, ShapeError
from polyglass.experiments.experiment import POSITION, Request
from polyglass.experiments.outcome import Finding
from polyglass.experiments.position import open_experiment
from polyglass.experiments.position_order import decoder_changes, encoder_change
from polyglass.experiments.position_text import (
    TRAINED_JOINED,
    Group,
    bounded_lesson,
    longest_trained,
    shuffled,
)
from polyglass.experiments.position_text import (
    test_groups as groups_of,
)
from polyglass.experiments.position_trials import (
    CUT,
    DECODER,
    ENCODER,
    KINDS,
    REFUSED,
    SAME,
    Effort,
    Kind,
    Schooling,
    config_of,
    place_accuracy,
    position_trial,
    with_table_of,
)
from polyglass.experiments.position_verdict import Ordered, judge
from polyglass.experiments.results import Measure
from polyglass.experiments.trial import fresh_model
from polyglass.experiments.window_text import learn_subwords, read_texts
from polyglass.model.seq2seq import Seq2Seq

CPU = torch.device("cpu")
EFFORT = Effort(steps=4, rate=3e-3, batch_tokens=128, width=16, layers=2, sentences=2)
ROUNDING = 1e-5
ROW = [11, 12, 13, 14, 15, 16, 17]


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> None:
    torch.set_num_threads(1)


@cache
def school() -> Schooling:
    texts = read_texts([], [], most=600)
    subwords = learn_subwords(texts, size=600)
    longest = longest_trained(texts.train, subwords)
    groups = groups_of(texts.test, subwords, longest=longest, sentences=EFFORT.sentences)
    return Schooling(texts.train, tuple(groups), subwords, longest, EFFORT, CPU)


def fresh(name: str) -> Seq2Seq:
    lesson = bounded_lesson(school().train[:8], school().subwords, longest=school().longest, seed=1)
    return fresh_model(config_of(Kind(name, name), EFFORT, seed=1), lesson, CPU).eval()


@settings(deadline=None, max_examples=50)
@given(st.lists(st.integers(4, 9), max_size=12), st.integers(0, 2**31))
def test_a_shuffled_row_has_the_same_tokens_in_another_order(row: list[int], seed: int) -> None:
    mixed, order = shuffled(row, np.random.default_rng(seed))
    assert Counter(mixed) == Counter(row)
    assert [row[place] for place in order] == mixed
    assert (mixed != row) == (len(set(row)) > 1)


def test_no_training_row_is_longer_than_the_longest_and_every_row_beyond_is() -> None:
    store = bounded_lesson(school().train, school().subwords, longest=school().longest, seed=1).store
    trained = [1 + max(len(store.source(pair)), len(store.target(pair))) for pair in range(len(store))]
    assert max(trained) == school().longest
    assert {group.joined for group in school().groups} == {1, 2, 3, 4, 6}
    for group in school().groups:
        rows = [*group.sources, *group.targets]
        if group.joined <= TRAINED_JOINED:
            assert 1 + max(map(len, rows)) <= school().longest
        else:
            assert 1 + min(map(len, rows)) > school().longest


def test_lengths_grow_from_group_to_group_and_texts_belong_to_their_rows() -> None:
    lengths = [group.tokens for group in school().groups]
    assert lengths == sorted(lengths)
    for group in school().groups:
        assert [list(row) for row in group.sources] == school().subwords.encode_source([one for one, _ in group.texts])
        assert group.references == [other for _, other in group.texts]


def test_without_positions_the_encoder_is_blind_to_order_and_with_them_it_is_not() -> None:
    sources = [ROW, ROW[::-1]]
    orders = [[3, 0, 6, 1, 5, 2, 4], [6, 5, 4, 3, 2, 1, 0]]
    changes = {kind.name: encoder_change(fresh(kind.name), sources, orders) for kind in KINDS}
    assert changes["none"] < ROUNDING
    assert min(changes[name] for name in ("sinusoidal", "learned", "rotary")) > 0.01


def test_an_order_that_is_none_changes_nothing() -> None:
    for kind in KINDS:
        assert encoder_change(fresh(kind.name), [ROW], [list(range(len(ROW)))]) < ROUNDING


def test_the_decoder_without_positions_is_blind_in_its_first_layer_and_sees_order_above_it() -> None:
    changes = decoder_changes(fresh("none"), [ROW] * 3, [ROW] * 3, np.random.default_rng(1))
    assert list(changes) == [1, 2]
    assert changes[1] < ROUNDING
    assert changes[2] > 0.001
    assert decoder_changes(fresh("sinusoidal"), [ROW], [ROW], np.random.default_rng(1))[1] > 0.01


def test_targets_too_short_to_shuffle_are_left_out() -> None:
    assert decoder_changes(fresh("none"), [ROW], [[4, 5, 6]], np.random.default_rng(1)) == {}


def test_accuracy_by_place_counts_from_one_and_leaves_out_places_that_few_sentences_have() -> None:
    rows = tuple(tuple(ROW) for _ in range(12))
    found = place_accuracy(fresh("sinusoidal"), [Group(1, (("", ""),) * 12, rows, rows)])
    # Seven tokens and eos: places 1 to 4 and 5 to 8, twelve times four each.
    assert [measure.x for measure in found] == [2.5, 6.5]
    assert place_accuracy(fresh("sinusoidal"), [Group(1, (("", ""),) * 2, rows[:2], rows[:2])]) == []


def test_a_table_that_ends_gives_the_same_within_it_and_refuses_what_is_longer() -> None:
    whole = fresh("learned")
    cut = with_table_of(whole, config_of(Kind("learned", "learned"), EFFORT, seed=1), school()).bundle.model
    assert cut.max_positions == school().longest
    inside = torch.tensor([[5] * school().longest])
    assert torch.equal(cut.encode(inside).states, whole.encode(inside).states)
    with pytest.raises(ShapeError, match=f"at most model.max_positions = {school().longest} tokens"):
        cut.encode(torch.tensor([[5] * (school().longest + 1)]))


@pytest.mark.parametrize("name", ["learned", "none"])
def test_a_trial_measures_lengths_places_and_orders(name: str) -> None:
    few = replace(school(), groups=(school().groups[0], school().groups[2]))
    measures, note = position_trial(Kind(name, name), few, seed=1)
    found: dict[str, list[Measure]] = {}
    for measure in measures:
        found.setdefault(measure.what, []).append(measure)
    assert [measure.x for measure in found["chrF"]] == [group.tokens for group in few.groups]
    assert [measure.x for measure in found[DECODER]] == [1, 2]
    assert "for one sentence" in note
    if name == "learned":
        cut = [measure.y for measure in found[CUT]]
        assert cut == [0.0, 1.0]
        assert found[REFUSED][0].y == 1.0
    else:
        assert found[ENCODER][0].y < ROUNDING
        assert found[SAME][0].y == 1.0
        assert CUT not in found


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_kinds_differ_in_positions_alone(kind: Kind) -> None:
    one, other = config_of(kind, EFFORT, seed=1), config_of(KINDS[0], EFFORT, seed=1)
    assert one.model_copy(update={"model": one.model.model_copy(update={"positions": "sinusoidal"})}) == other


def ordered(
    name: str, *, single: float = 60, inside: float = 50, beyond: float | None = 20, encoder: float = 0.8
) -> Ordered:
    return Ordered(
        name, (single, single - 2, single + 2), (inside, inside - 2, inside + 2), beyond, encoder, {1: 0.2, 2: 0.3}
    )


NONE = Ordered("none", (40, 38, 42), (30, 28, 32), 10, 1e-7, {1: 1e-7, 2: 0.1})
USUAL: Mapping[str, Ordered] = {
    "sinusoidal": ordered("sinusoidal"),
    "learned": ordered("learned"),
    "rotary": ordered("rotary"),
    "none": NONE,
}


def findings(**changes: Ordered) -> Sequence[Finding]:
    return judge(list({**USUAL, **changes}.values()))


def test_what_is_expected_of_a_transformer_gives_these_verdicts() -> None:
    verdicts = [finding.verdict for finding in findings()]
    assert verdicts == ["confirmed", "confirmed with a condition", "not confirmed here", "confirmed"]


@pytest.mark.parametrize(
    ("single", "inside", "verdict"),
    [
        (64, 46, "confirmed"),  # intervals that touch
        (65, 50, "confirmed with a condition"),
        (60, 45, "confirmed with a condition"),
        (55, 55, "not confirmed here"),
    ],
)
def test_learned_and_sinusoidal_positions_are_alike_if_their_intervals_touch(
    single: float, inside: float, verdict: str
) -> None:
    found = findings(learned=ordered("learned", single=single, inside=inside))[3]
    assert (found.verdict, found.whose) == (verdict, "Vaswani et al. 2017 found")


def test_positions_that_are_no_better_than_none_are_a_condition() -> None:
    found = findings(rotary=ordered("rotary", single=41))[0]
    assert found.verdict == "confirmed with a condition"
    assert "Only sinusoidal and learned positions are better" in found.words


def test_a_model_without_positions_that_is_as_good_contradicts_the_claim() -> None:
    assert (
        findings(none=Ordered("none", (60, 58, 62), (30, 28, 32), 10, 0, {1: 0, 2: 0.1}))[0].verdict
        == "not confirmed here"
    )


def test_a_decoder_that_is_blind_without_positions_leaves_no_condition() -> None:
    blind = Ordered("none", (40, 38, 42), (30, 28, 32), 10, 1e-7, {1: 1e-7, 2: 1e-7})
    assert findings(none=blind)[1].verdict == "confirmed"


@pytest.mark.parametrize(
    "changed", [ordered("learned", encoder=0.001), Ordered("none", (40, 38, 42), (30, 28, 32), 10, 0.1, {1: 0, 2: 0.1})]
)
def test_an_encoder_that_does_not_do_as_said_contradicts_the_claim(changed: Ordered) -> None:
    assert findings(**{changed.name: changed})[1].verdict == "not confirmed here"


def test_going_on_beyond_the_trained_lengths_needs_nine_tenths_of_the_score() -> None:
    found = findings(rotary=ordered("rotary", beyond=45))[2]
    assert found.verdict == "confirmed with a condition"
    assert "Only rotary positions go on." in found.words
    everyone = {name: ordered(name, beyond=45) for name in ("sinusoidal", "learned", "rotary")}
    assert findings(**everyone)[2].verdict == "confirmed"
    assert findings(rotary=ordered("rotary", beyond=44.9))[2].verdict == "not confirmed here"


def test_a_corpus_without_long_sentences_decides_nothing_about_them() -> None:
    assert findings(learned=ordered("learned", beyond=None))[2].verdict == "not decided yet"


def test_nothing_is_decided_before_the_trials_are_finished() -> None:
    assert [finding.verdict for finding in judge([])] == ["not decided yet"] * 4
    assert [finding.verdict for finding in judge([NONE])] == ["not decided yet"] * 4


def test_every_finding_says_its_rule_and_what_the_notes_say() -> None:
    assert [finding.claim for finding in findings()] == list(POSITION.claims)
    assert all("confirmed" in finding.rule for finding in findings())


def test_a_test_set_alone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"--test is text to score models on.* Add FILES\."):
        open_experiment(Request(out=tmp_path, test=(tmp_path / "t.en", tmp_path / "t.de")))


def write(path: Path, lines: Sequence[str]) -> Path:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8", newline="\n")
    return path


def test_a_test_set_of_long_sentences_alone_is_refused_before_anything_is_trained(tmp_path: Path) -> None:
    files = tuple(write(tmp_path / f"a.{side}", [f"{side} number {n}" for n in range(300)]) for side in ("en", "de"))
    tests = tuple(write(tmp_path / f"t.{side}", ["one two three four " * 20] * 6) for side in ("en", "de"))
    with pytest.raises(DataError, match=r"the test set must have sentences of at most \d+ subword tokens.* all 6 are"):
        open_experiment(Request(out=tmp_path, files=files, test=tests))
