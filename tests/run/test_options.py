"""What the options of a run do to it, and that every kind of run leaves a model that translates."""

import json
from pathlib import Path
from typing import Any

import pytest

from polyglass import Translator, train
from polyglass.bundle import load_bundle
from polyglass.errors import ConfigError, DataError
from polyglass.run import judge as judging
from polyglass.run.prepare import CorpusPaths
from polyglass.run.train import resume, start_run
from polyglass.settings import resolve
from polyglass.training.metrics import read_metrics
from toy_corpus import OPTIONS, Told, Toy, outcome_of, toy_pairs, train_toy

SHORT = {"train.steps": 4, "train.validate_every": 2, "train.save_every": 2}


@pytest.mark.parametrize(
    "changes",
    [
        {"train.average": "ema"},
        {"train.average": "checkpoints", "train.average_checkpoints": 2},
        {"train.average": "none"},
        {"model.norm": "batch"},
        {"model.norm": "rms", "model.norm_place": "pre", "model.activation": "silu"},
        {"model.positions": "learned", "model.max_positions": 300},
        {"model.positions": "rotary", "model.attention_bias": True},
        {"data.joint_vocabulary": False},
        {"data.joint_vocabulary": False, "model.tie_embeddings": "two"},
        {"data.joint_vocabulary": False, "model.tie_embeddings": "none"},
        {"data.subwords": "unigram", "data.vocabulary_size": 64, "data.subword_sampling": 0.2},
        {"data.byte_fallback": True, "data.vocabulary_size": 300},
        {"train.precision": "bfloat16"},
        {"train.schedule": "paper", "train.optimizer": "adam", "train.clip_norm": 0.0},
        {"train.accumulate": 3, "train.label_smoothing": 0.0},
        {"train.validate_every": 100, "train.save_every": 100},
    ],
    ids=lambda changes: ", ".join(f"{name}={value}" for name, value in changes.items()),
)
def test_every_kind_of_run_leaves_a_model_that_translates(tmp_path: Path, toy: Toy, changes: dict[str, Any]) -> None:
    talk = Told()
    result = train_toy(toy, tmp_path / "model", {**SHORT, **changes}, talk=talk)
    assert (result.finished, result.step, result.exit_code) == (True, 4, 0)
    bundle = load_bundle(tmp_path / "model")
    for name, value in changes.items():
        section, _, field = name.partition(".")
        assert getattr(getattr(bundle.config, section), field) == value
    assert [report.step for report in talk.steps] == [1, 2, 3, 4]
    assert len(talk.cards) == 1
    [translation] = Translator.load(tmp_path / "model").translate(["a b c"])
    assert isinstance(translation.text, str)


def test_the_model_at_the_top_of_the_folder_is_the_one_that_was_judged_best(
    tmp_path: Path, toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    chrf = {2: 10.0, 4: 30.0, 6: 20.0, 8: 30.0}
    steps = iter(chrf)
    monkeypatch.setattr(judging, "quick_scores", lambda outputs, references: (1.0, chrf[next(steps)], "test"))
    talk = Told()
    result = train_toy(toy, tmp_path / "model", {"train.steps": 8, "train.validate_every": 2}, talk=talk)
    assert [validation.is_best for validation in talk.validations] == [True, True, False, False]
    assert [validation.misses for validation in talk.validations] == [0, 0, 1, 2]
    assert [validation.best_step for validation in talk.validations] == [2, 4, 4, 4]
    assert (result.chrf, result.step) == (30.0, 8)
    facts = load_bundle(tmp_path / "model").facts
    assert facts["step"] == 4
    assert facts["validation"]["chrf"] == 30.0
    assert facts["validation"]["loss"] == talk.validations[1].loss


@pytest.mark.parametrize(("patience", "last"), [(0, 12), (2, 8), (5, 12)])
def test_patience_ends_a_run_in_which_nothing_gets_better(
    tmp_path: Path, toy: Toy, monkeypatch: pytest.MonkeyPatch, patience: int, last: int
) -> None:
    chrf = iter([10.0, 20.0, 19.0, 20.0, 18.0, 17.0])
    monkeypatch.setattr(judging, "quick_scores", lambda outputs, references: (1.0, next(chrf), "test"))
    talk = Told()
    changes = {"train.validate_every": 2, "train.patience": patience}
    result = train_toy(toy, tmp_path / "model", changes, talk=talk)
    assert (result.step, result.finished, result.exit_code) == (last, True, 0)
    assert talk.steps[-1].step == last
    assert len(talk.cards) == 1
    again = Told()
    monkeypatch.setattr(judging, "quick_scores", lambda outputs, references: pytest.fail("it was over"))
    train_again = resume(tmp_path / "model")
    assert (train_again.finished, train_again.step, again.steps) == (True, last, [])


def test_samples_are_shown_beside_what_they_were_the_last_time(tmp_path: Path, toy: Toy) -> None:
    talk = Told()
    train_toy(toy, tmp_path / "model", talk=talk)
    assert [sample.previous for sample in talk.validations[0].samples] == [None] * judging.SAMPLES
    for before, after in zip(talk.validations, talk.validations[1:], strict=False):
        assert [sample.previous for sample in after.samples] == [sample.output for sample in before.samples]
    source, target = (path.read_text(encoding="utf-8").splitlines() for path in toy.valid)
    shown = [(sample.source, sample.reference) for sample in talk.validations[0].samples]
    assert shown == list(zip(source, target, strict=True))[: judging.SAMPLES]


def test_without_validation_files_some_pairs_are_set_aside_and_not_trained_on(tmp_path: Path, toy: Toy) -> None:
    paths = CorpusPaths(toy.train)
    start_run(paths, tmp_path / "model", resolve(overrides={**OPTIONS, **SHORT}), Told())
    data = tmp_path / "model" / "data"
    lines = (data / "validation.source.txt").read_text(encoding="utf-8").splitlines()
    facts = load_bundle(tmp_path / "model").facts["data"]
    assert len(lines) == facts["validation"] == -(-(facts["kept"] + len(lines)) // 50)
    all_sources = toy.train[0].read_text(encoding="utf-8").splitlines()
    assert set(lines) <= set(all_sources)


def as_tsv(folder: Path) -> tuple[Path, ...]:
    path = folder / "corpus.en-de.tsv"
    path.write_bytes("".join(f"{source}\t{target}\n" for source, target in toy_pairs(300)).encode())
    return (path,)


def as_jsonl(folder: Path) -> tuple[Path, ...]:
    path = folder / "corpus.jsonl"
    records = [json.dumps({"en": source, "de": target}) for source, target in toy_pairs(300)]
    path.write_bytes("".join(f"{record}\n" for record in records).encode())
    return (path,)


@pytest.mark.parametrize("write", [as_tsv, as_jsonl])
def test_the_same_pairs_in_another_format_give_the_same_model(
    tmp_path: Path, toy: Toy, undisturbed: Path, write: Any
) -> None:
    paths = CorpusPaths(write(tmp_path), toy.valid, source_lang="en", target_lang="de")
    start_run(paths, tmp_path / "model", resolve(overrides=OPTIONS), Told())
    assert outcome_of(tmp_path / "model") == outcome_of(undisturbed)


def test_line_feeds_and_carriage_returns_inside_texts_shift_nothing(tmp_path: Path) -> None:
    """In JSONL a text may hold both; a pair must stay a pair, in training and in validation."""
    breaks = ("\n", "\r", "\r\n", "\u2028", "\x0b", "\x85")
    pairs = [(f"{s}{breaks[n % 6]}{s}", f"{t}{breaks[n % 5]}{t}") for n, (s, t) in enumerate(toy_pairs(300))]
    path = tmp_path / "corpus.jsonl"
    path.write_bytes("".join(json.dumps({"en": s, "de": t}) + "\n" for s, t in pairs).encode())
    start_run(CorpusPaths((path,)), tmp_path / "model", resolve(overrides={**OPTIONS, **SHORT}), Told())
    data = tmp_path / "model" / "data"
    sides = [(data / f"validation.{side}.txt").read_bytes().decode().split("\n")[:-1] for side in ("source", "target")]
    expected = {(s.replace("\n", " "), t.replace("\n", " ")) for s, t in pairs}
    assert set(zip(*sides, strict=True)) <= expected
    assert load_bundle(tmp_path / "model").facts["data"]["validation"] == len(sides[0])


def test_what_was_dropped_is_counted_and_written_down(tmp_path: Path, toy: Toy) -> None:
    for path, text in zip(toy.train, ("", "lost its source"), strict=True):
        (tmp_path / path.name).write_bytes(path.read_bytes() + f"{text}\n".encode())
    paths = CorpusPaths((tmp_path / "train.en", tmp_path / "train.de"), toy.valid)
    start_run(paths, tmp_path / "model", resolve(overrides={**OPTIONS, **SHORT}), Told())
    facts = load_bundle(tmp_path / "model").facts["data"]
    assert facts["read"] == 301
    assert facts["read"] == facts["kept"] + sum(facts["dropped"].values())
    rows = (tmp_path / "model" / "dropped.tsv").read_text(encoding="utf-8").splitlines()
    assert len(rows) == 1 + sum(facts["dropped"].values())
    assert "empty_source\t301\t\tlost its source" in rows


@pytest.mark.parametrize(
    ("count", "message"),
    [(0, r"empty|no pair"), (1, "validation and training need pairs of their own, but a corpus so small leaves none")],
)
def test_a_corpus_with_nothing_to_learn_from_is_refused(tmp_path: Path, count: int, message: str) -> None:
    for ending, side in (("en", "a b c\n"), ("de", "c b a\n")):
        (tmp_path / f"train.{ending}").write_text(side * count, encoding="utf-8")
    paths = CorpusPaths((tmp_path / "train.en", tmp_path / "train.de"))
    with pytest.raises(DataError, match=message):
        start_run(paths, tmp_path / "model", resolve(overrides=OPTIONS), Told())


def test_an_empty_validation_set_is_refused_by_name(tmp_path: Path, toy: Toy) -> None:
    for ending in ("en", "de"):
        (tmp_path / f"valid.{ending}").write_text("\n\n", encoding="utf-8")
    paths = CorpusPaths(toy.train, (tmp_path / "valid.en", tmp_path / "valid.de"))
    with pytest.raises(DataError, match=r"valid.en leaves none. Give more pairs."):
        start_run(paths, tmp_path / "model", resolve(overrides=OPTIONS), Told())


def test_languages_must_be_known(tmp_path: Path, toy: Toy) -> None:
    (tmp_path / "one.txt").write_bytes(toy.train[0].read_bytes())
    (tmp_path / "two.txt").write_bytes(toy.train[1].read_bytes())
    files = (tmp_path / "one.txt", tmp_path / "two.txt")
    with pytest.raises(ConfigError, match=r"not in the file names \(one.txt, two.txt\). Name them: --source-lang en"):
        start_run(CorpusPaths(files), tmp_path / "model", resolve(overrides=OPTIONS), Told())
    named = CorpusPaths(files, source_lang="x1", target_lang="y2")
    start_run(named, tmp_path / "model", resolve(overrides={**OPTIONS, **SHORT}), Told())
    bundle = load_bundle(tmp_path / "model")
    assert (bundle.source_lang, bundle.target_lang) == ("x1", "y2")


def test_python_code_can_train_with_one_call(tmp_path: Path, toy: Toy, undisturbed: Path) -> None:
    result = train(*toy.train, valid=toy.valid, out=tmp_path / "model", options=OPTIONS)
    assert result.folder == tmp_path / "model"
    assert (result.finished, result.step, result.steps, result.exit_code) == (True, 12, 12, 0)
    assert outcome_of(tmp_path / "model") == outcome_of(undisturbed)


def test_a_finished_run_leaves_a_report_a_card_and_its_figures(undisturbed: Path) -> None:
    final = json.loads((undisturbed / "final.json").read_text(encoding="utf-8"))
    best = max(
        (r for r in read_metrics(undisturbed / "metrics.jsonl") if r["kind"] == "validation"), key=lambda r: r["chrf"]
    )
    assert final["best_step"] == best["step"]
    assert final["parameters"] == sum(p.numel() for p in load_bundle(undisturbed).model.parameters())
    assert (undisturbed / "report.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert "chrF" in (undisturbed / "card.md").read_text(encoding="utf-8")


LETTERS_LEARNED = 60.0  # chrF; a model that guesses letters stays below 25


def test_a_model_learns_to_copy_letters(tmp_path: Path, toy: Toy) -> None:
    """The loop, the loss, the schedule, the average and the search together can do what they are for."""
    paths = CorpusPaths((toy.train[0], tmp_path / "copy.de"), (toy.valid[0], tmp_path / "valid.de"))
    for path, source in ((tmp_path / "copy.de", toy.train[0]), (tmp_path / "valid.de", toy.valid[0])):
        path.write_bytes(source.read_bytes())
    changes = {
        "data.drop_identical": False,
        "model.d_model": 32,
        "model.num_heads": 4,
        "model.d_ff": 64,
        "model.dropout": 0.0,
        "model.norm_place": "pre",
        "train.steps": 250,
        "train.warmup_steps": 20,
        "train.learning_rate": 0.01,
        "train.validate_every": 125,
        "train.save_every": 250,
        "train.batch_tokens": 512,
    }
    talk = Told()
    start_run(paths, tmp_path / "model", resolve(overrides={**OPTIONS, **changes}), talk)
    assert talk.validations[-1].chrf > LETTERS_LEARNED
