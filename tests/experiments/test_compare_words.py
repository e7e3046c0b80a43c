"""What a comparison says in words: the best, the doubtful, the lost, and what was not equal."""

from dataclasses import replace

import pytest

from fake_compare import contestant, pair, run_record
from polyglass.errors import ConfigError
from polyglass.experiments.compare_contestants import read_contestants
from polyglass.experiments.compare_folder import Entry, Plan
from polyglass.experiments.compare_record import ContestantRecord, PairRecord
from polyglass.experiments.compare_terms import Terms
from polyglass.experiments.compare_words import held_equal, not_equal, verdict
from polyglass.run.prepare import CorpusPaths
from polyglass.settings import Given, resolve


def said(*contestants: ContestantRecord, pairs: tuple[PairRecord, ...] = (), sentences: int = 500) -> list[str]:
    return list(verdict(contestants, pairs, sentences, open_runs=0))


def test_the_best_comes_first_and_each_step_down_is_told() -> None:
    good, fair, poor = contestant("transformer", bleu=36), contestant("gru", bleu=28), contestant("rnn", bleu=13)
    pairs = (pair("gru", "transformer"), pair("rnn", "gru", delta=15), pair("rnn", "transformer", metric="chrf"))
    lines = said(poor, good, fair, pairs=pairs)
    assert lines[0] == "transformer translates best: 36.0 BLEU, the mean of 2 seeds."
    assert lines[1:3] == ["transformer is better than gru by 2.0 BLEU.", "gru is better than rnn by 15.0 BLEU."]


@pytest.mark.parametrize("ground", ["chance", "same", "seeds overlap"])
def test_a_lead_that_may_be_luck_is_no_victory(ground: str) -> None:
    lines = said(contestant("lstm", bleu=30), contestant("gru", bleu=29.8), pairs=(pair("gru", "lstm", ground=ground),))
    assert lines[0] == (
        "lstm has the highest score, 30.0 BLEU, the mean of 2 seeds; but between lstm and gru the order may well be "
        "chance."
    )


def test_where_every_bleu_is_low_chrf_decides_and_faults_are_named() -> None:
    lines = said(contestant("rnn", bleu=1.0, diagnosis="All outputs are empty."), contestant("gru", bleu=2.0))
    assert lines[0] == "gru translates best: 27.0 chrF2 (every BLEU is below 5, so chrF decides), the mean of 2 seeds."
    assert "rnn: All outputs are empty." in lines


def test_metrics_that_disagree_are_not_hidden() -> None:
    odd = contestant("gru", bleu=20)
    odd = replace(odd, scores=tuple(replace(s, mean=70.0) if s.name == "chrf" else s for s in odd.scores))
    assert "By chrF2, gru is first (70.0): the two metrics do not agree." in said(contestant("lstm", bleu=30), odd)


def test_long_sentences_are_compared_only_where_there_are_enough() -> None:
    """The fake groups: 40 sentences of 1 to 5 words, 100 of 6 to 10, and 4 of more, which count for nothing."""
    lines = said(contestant("lstm", bleu=30), contestant("gru", bleu=20))
    assert (
        "From the shortest sentences (1 to 5 words) to the longest that there are at least 30 of (6 to 10 words), in "
        "BLEU: gru loses 5.0, lstm loses 5.0."
    ) in lines


def test_lost_runs_are_told_and_count_nowhere() -> None:
    diverged = run_record(2, state="diverged", trouble="the loss is not a number.", scores=())
    failed = run_record(1, state="failed", trouble="its process was ended.", scores=())
    lines = said(
        contestant("lstm", runs=(run_record(1), diverged)), contestant("gru", runs=(failed,)), contestant("rnn", bleu=9)
    )
    assert "lstm, seed 2, diverged: the loss is not a number." in lines
    assert "lstm is judged by 1 of 2 seeds; those that were lost count nowhere." in lines
    assert "gru, seed 1, has no result: its process was ended." in lines
    assert lines[0] == "lstm translates best: 30.0 BLEU, one run."


def test_a_comparison_without_a_score_says_so() -> None:
    lines = list(verdict([contestant("lstm", runs=(run_record(1, state="running"),))], (), 500, open_runs=1))
    assert lines == ["So far: 0 of 1 runs have ended. What follows may still change.", "No run has a score yet."]


def test_single_runs_and_few_sentences_are_warned_of() -> None:
    lines = said(contestant("lstm", runs=(run_record(1),)), contestant("gru", runs=(run_record(1),)), sentences=20)
    assert any("Each model has one run only" in line for line in lines)
    assert lines[-1] == "The test set has only 20 sentences; scores of so few say little."


def test_runs_that_missed_their_time_are_named_together() -> None:
    slow, fine = run_record(1, train_seconds=90.0), run_record(2, train_seconds=65.0)
    lines = said(contestant("lstm", runs=(slow, fine)))
    assert any(
        line.startswith("Training took another time than planned in 1 of 2 runs: lstm, seed 1 (1m 30s, 50% more). The")
        for line in lines
    )


def entry(name: str, *, steps: int = 100, parameters: int = 1000, **options: object) -> Entry:
    family = name.partition("+")[0]
    values = {"model.family": family, "train.steps": steps, "train.batch_tokens": 512, "train.learning_rate": 1e-3}
    config = resolve(overrides={**values, **{key.replace("__", "."): value for key, value in options.items()}}).config
    return Entry(name, name, config, parameters, 0.5, 5.0, 50.0, {}, ())


def plan(*entries: Entry, equal: str = "time", budget: float | None = 60.0, steps: int | None = None) -> Plan:
    terms = {"equal": equal, "budget_seconds": budget, "steps": steps, "seeds": 2}
    return Plan(terms, entries, "en", "de", {"data": {"vocabulary_size": 4000}}, (), "")


def test_with_equal_time_the_passes_are_not_equal() -> None:
    made = plan(entry("lstm", steps=100), entry("gru", steps=200, parameters=2000))
    assert any(line.startswith("1m 00s of training in each run, without validating") for line in held_equal(made))
    unequal = list(not_equal(made))
    assert "parameters: lstm 1,000, gru 2,000" in unequal
    assert "how often each reads the corpus in its time (passes): lstm 2.0, gru 4.0" in unequal


def test_with_equal_steps_the_time_is_not_equal() -> None:
    made = plan(entry("lstm"), entry("gru"), equal="steps", budget=None, steps=100)
    assert "100 updates in each run" in list(held_equal(made))
    assert "the time that its updates take (expected): lstm 50s, gru 50s" in list(not_equal(made))


def test_what_was_asked_for_one_alone_is_named() -> None:
    made = plan(entry("lstm"), entry("gru", train__batch_tokens=1024, model__dropout=0.5, decode__beam_size=1))
    unequal = list(not_equal(made))
    assert "tokens in a batch, as asked for: lstm 512, gru 1,024" in unequal
    assert "dropout: lstm 0.2, gru 0.5" in unequal
    assert "the search, as asked for: lstm beam 5, gru beam 1" in unequal
    assert not any("batches of" in line for line in held_equal(made))


def terms(models: str, *common: Given, preset: str | None = None) -> Terms:
    return Terms(
        CorpusPaths(()),
        read_contestants(models),
        1,
        "time",
        60.0,
        None,
        preset=preset,
        common=common,
        models_given=models,
    )


def test_a_common_option_goes_to_the_families_that_have_it() -> None:
    made = terms("transformer,gru", Given("model.norm", "rms", "flag"), Given("model.dropout", "0.25", "flag"))
    transformer, gru = (made.settle(one).config.model for one in made.contestants)
    assert transformer.norm == "rms"  # type: ignore[union-attr]
    assert transformer.dropout == gru.dropout == 0.25


def test_a_preset_has_the_sizes_of_each_family_and_own_options_win() -> None:
    made = terms("transformer,gru,gru[preset=small],transformer[d_model=64]", preset="mini")
    widths = [made.settle(one).config.model.d_model for one in made.contestants]
    assert widths == [128, 256, 512, 64]


def test_a_wrong_value_names_the_model_it_was_asked_for() -> None:
    made = terms("transformer[dropout=2]")
    with pytest.raises(ConfigError, match=r"model.dropout = 2.0 \(from model transformer\[dropout=2\]\): must be"):
        made.settle(made.contestants[0])
