"""`window`: its tasks are what they say, its texts are joined as they should be, and its rules give each verdict."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from polyglass.errors import BundleError, DataError, InputError
from polyglass.experiments.experiment import WINDOW, Request
from polyglass.experiments.families import FAMILIES, Family
from polyglass.experiments.outcome import Finding
from polyglass.experiments.window import open_experiment
from polyglass.experiments.window_tasks import CHANCE, DIGITS, FIRST, LETTERS, Task
from polyglass.experiments.window_text import joined, mean_words, mixed_lengths, read_texts
from polyglass.experiments.window_verdict import HALFWAY, Recalled, half_life, judge
from polyglass.model.seq2seq import DecoderState, Memory, Seq2Seq
from polyglass.special_ids import SpecialIds
from polyglass.tap import Tap, no_tap

COPY = Task("copy", 8, (1, 2, 4, 8, 16))
RECALL = Task("recall", 8, (1, 2, 4, 8, 16))
BY_NAME = {family.name: family for family in FAMILIES}
LETTER = range(FIRST, FIRST + LETTERS)
DIGIT = range(FIRST + LETTERS, FIRST + LETTERS + DIGITS)


class Knows(Seq2Seq):
    """Names the letter that is asked for if the source has at most `farthest` tokens before eos, else always 4."""

    def __init__(self, farthest: int) -> None:
        super().__init__()
        self.ids = SpecialIds()
        self.max_positions = 999
        self.farthest = farthest
        self.output = nn.Linear(1, FIRST + LETTERS + DIGITS, bias=False)

    def encode(self, source: Tensor, *, tap: Tap = no_tap) -> Memory:
        return Memory(source[..., None].float(), (source != self.ids.pad)[:, None, None, :])

    def decoder_states(self, target_in: Tensor, memory: Memory, *, tap: Tap = no_tap) -> Tensor:
        source = memory.states[..., 0].long()
        lengths = (source != self.ids.pad).sum(dim=1) - 1
        letters = torch.full(target_in.shape, FIRST)
        for row, length in enumerate(lengths.tolist()):
            if length <= self.farthest:
                found = [token for token in source[row].tolist() if token in LETTER]
                letters[row, : len(found)] = torch.tensor(found)
        return letters[..., None].float()

    def logits(self, states: Tensor, *, tap: Tap = no_tap) -> Tensor:
        return nn.functional.one_hot(states[..., 0].long(), self.output.out_features).float()

    def start(self, memory: Memory) -> DecoderState:
        raise NotImplementedError

    def step(self, token: Tensor, state: DecoderState, *, tap: Tap = no_tap) -> tuple[Tensor, DecoderState]:
        raise NotImplementedError


def test_copying_asks_for_the_source_itself() -> None:
    source, target = COPY.pair(np.random.default_rng(1), 5)
    assert source == target
    assert len(source) == 5
    assert set(source) <= set(LETTER)


@pytest.mark.parametrize("distance", [0, 1, 7])
def test_recall_has_one_letter_so_many_digits_before_the_end(distance: int) -> None:
    random = np.random.default_rng(1)
    for _ in range(20):
        source, target = RECALL.pair(random, distance)
        assert source[-1 - distance] == target[0] in LETTER
        assert {*source[: -1 - distance], *source[len(source) - distance :]} <= set(DIGIT)


@pytest.mark.parametrize("task", [COPY, RECALL], ids=lambda task: task.name)
def test_no_training_pair_is_longer_than_the_longest_in_training(task: Task) -> None:
    store = task.lesson(500, seed=1).store
    sources = [store.source(pair).tolist() for pair in range(len(store))]
    if task.name == "recall":
        distances = {len(row) - 1 - next(i for i, token in enumerate(row) if token in LETTER) for row in sources}
        assert (min(distances), max(distances)) == (1, 8)
    else:
        assert {len(row) for row in sources} == set(range(1, 9))


def test_another_seed_gives_other_training_pairs() -> None:
    rows = [COPY.lesson(20, seed=seed).store.source_ids.tolist() for seed in (1, 1, 2)]
    assert rows[0] == rows[1] != rows[2]


def test_accuracy_is_the_share_of_letters_that_are_right() -> None:
    model = Knows(farthest=4).eval()
    assert COPY.accuracy(model, 4, count=70) == 1.0
    # Beyond, it always names the first letter, which is right by chance.
    assert COPY.accuracy(model, 16, count=200) == pytest.approx(CHANCE, abs=0.02)


def test_neighbours_are_joined() -> None:
    pairs = [(f"s{n}", f"t{n}") for n in range(5)]
    assert joined(pairs, 1) == pairs
    assert joined(pairs, 2) == [("s0 s1", "t0 t1"), ("s2 s3", "t2 t3")]
    assert joined(pairs, 5) == [("s0 s1 s2 s3 s4", "t0 t1 t2 t3 t4")]
    assert joined(pairs, 6) == []


def test_training_has_as_many_words_of_each_length_and_no_sentence_twice() -> None:
    pairs = [(f"s{n}", f"t{n}") for n in range(48)]
    mixed = mixed_lengths(pairs, seed=1)
    assert [len(source.split()) for source, _ in mixed] == [1] * 12 + [2] * 6 + [3] * 4 + [4] * 3
    assert sorted(word for source, _ in mixed for word in source.split()) == sorted(source for source, _ in pairs)
    assert all(source.replace("s", "t") == target for source, target in mixed)


def test_words_are_characters_where_there_are_no_spaces() -> None:
    assert mean_words(["a dog", "one two three four"]) == 3
    assert mean_words(["我们去", "他"]) == 2


def test_the_demo_sentences_of_test_are_not_in_training() -> None:
    texts = read_texts([], [], most=1000)
    assert len(texts.train) == 1000
    assert not {source for source, _ in texts.train} & {source for source, _ in texts.test}
    assert texts.digest == read_texts([], [], most=1000).digest


def write(path: Path, lines: Sequence[str]) -> Path:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8", newline="\n")
    return path


def test_a_corpus_of_the_users_keeps_its_test_set_out_of_training(tmp_path: Path) -> None:
    source = write(tmp_path / "a.en", [f"sentence number {n}" for n in range(300)])
    target = write(tmp_path / "a.de", [f"Satz Nummer {n}" for n in range(300)])
    tests = (write(tmp_path / "t.en", ["sentence number 7"] * 4), write(tmp_path / "t.de", ["Satz Nummer 7"] * 4))
    texts = read_texts([source, target], tests)
    assert len(texts.train) == 299
    assert len(texts.test) == 4


def test_a_corpus_that_is_too_small_is_refused(tmp_path: Path) -> None:
    files = write(tmp_path / "a.en", ["one"] * 3), write(tmp_path / "a.de", ["eins"] * 3)
    with pytest.raises(DataError, match=r"a\.en must have at least 600 pairs that can be trained on, but 1 are left"):
        read_texts(files, [])


def test_a_model_needs_sentences(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"--model needs sentences in its languages.* Add --test SOURCE TARGET\."):
        open_experiment(Request(out=tmp_path, model=tmp_path))


def test_a_test_set_needs_a_model_or_text_to_train_on(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"Add FILES to train on, or --model FOLDER\."):
        open_experiment(Request(out=tmp_path, test=(tmp_path / "t.en", tmp_path / "t.de")))


def test_a_folder_that_is_no_model_is_refused_before_anything_is_trained(tmp_path: Path) -> None:
    tests = write(tmp_path / "t.en", ["one"] * 8), write(tmp_path / "t.de", ["eins"] * 8)
    with pytest.raises(BundleError, match=r"A model is a folder"):
        open_experiment(Request(out=tmp_path, model=tmp_path / "none", test=tests))


@pytest.mark.parametrize(
    ("curve", "expected"),
    [
        ([(1, 1.0), (2, 1.0)], math.inf),
        ([(1, 0.1), (2, 0.1)], 1),
        ([(1, 1.0), (4, 2 * HALFWAY - 1.0)], 2),  # halfway in the logarithm
        ([(2, HALFWAY), (4, 0.0)], 2),
        ([(1, 1.0), (2, 0.2), (4, 1.0)], pytest.approx(math.exp(math.log(2) * (1 - HALFWAY) / 0.8))),
    ],
)
def test_the_half_life_is_where_accuracy_falls_halfway(curve: Sequence[tuple[float, float]], expected: float) -> None:
    assert half_life(curve) == pytest.approx(expected)


def recalled(task: Task, family: Family, *half: float) -> Recalled:
    """A family whose seeds are right up to `half` and wrong beyond."""
    return Recalled(task, family, {x: [1.0 if x <= far else 0.0 for far in half] for x in task.tested})


def verdicts(copy: Mapping[str, Sequence[float]], recall: Mapping[str, Sequence[float]]) -> list[str]:
    return [finding.verdict for finding in findings(copy, recall)]


def findings(copy: Mapping[str, Sequence[float]], recall: Mapping[str, Sequence[float]]) -> Sequence[Finding]:
    return judge(
        [recalled(COPY, BY_NAME[name], *half) for name, half in copy.items()]
        + [recalled(RECALL, BY_NAME[name], *half) for name, half in recall.items()]
    )


FAR = {"lstm-attention": (16, 16), "transformer": (16, 16)}
SHORT = {"rnn": (2, 2), "lstm": (4, 4), **FAR}


def test_all_claims_are_confirmed_where_everything_is_as_they_say() -> None:
    assert verdicts(SHORT, SHORT) == ["confirmed"] * 3


def test_one_letter_that_is_carried_far_is_a_condition() -> None:
    carried = {**SHORT, "rnn": (16, 16), "lstm": (16, 16)}
    found = findings(SHORT, carried)
    assert [finding.verdict for finding in found] == ["confirmed with a condition", "confirmed", "confirmed"]
    assert "small for much, and not for little" in found[0].words


def test_an_rnn_that_forgets_nothing_contradicts_the_first_claim() -> None:
    far = {**FAR, "rnn": (16, 16), "lstm": (16, 16)}
    assert verdicts(far, far)[:2] == ["not confirmed here", "not confirmed here"]


def test_forgetting_shows_nothing_where_attention_forgets_too() -> None:
    bad = dict.fromkeys(SHORT, (1, 1))
    assert verdicts(bad, bad) == ["not confirmed here", "confirmed with a condition", "not confirmed here"]


def test_an_lstm_must_reach_further_with_every_seed() -> None:
    mixed = {**SHORT, "rnn": (2, 4), "lstm": (4, 4)}
    found = findings(mixed, mixed)[1]
    assert found.verdict == "confirmed with a condition"
    assert "Not every seed of the LSTM reaches further" in found.words


def test_attention_that_ends_where_training_ended_is_a_condition() -> None:
    ends = {**SHORT, "transformer": (8, 8)}
    found = findings(ends, SHORT)[2]
    assert found.verdict == "confirmed with a condition"
    assert "The window is as wide as what training showed" in found.words


def test_nothing_is_decided_before_the_trials_are_finished() -> None:
    assert [finding.verdict for finding in judge([])] == ["not decided yet"] * 3
    assert verdicts(SHORT, {})[0] == "not decided yet"


def test_every_finding_says_its_rule_and_what_the_notes_say() -> None:
    claims = [finding.claim for finding in findings(SHORT, SHORT)]
    assert claims == list(WINDOW.claims)
    assert all("confirmed" in finding.rule for finding in findings(SHORT, SHORT))
