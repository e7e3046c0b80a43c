"""Scores against values computed by hand, against sacreBLEU's command line, and against what they promise."""

import json
import math
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
import sacrebleu
from hypothesis import given, settings
from hypothesis import strategies as st

from polyglass.errors import ConfigError, DataError
from polyglass.evaluation.score import corpus_scores, count_all, length_buckets, quick_scores, summarise

ROUNDING = 1e-9  # the same sum in another order
FLOAT32 = 2e-4  # sacreBLEU sums its bootstrap samples in float32
TEXT = "der die das ein eine Hund Katze Mann Frau läuft schläft springt über unter im Gras Haus schnell"
WORDS = TEXT.split()


def _sentences(number: int, *, seed: int) -> list[str]:
    draw = random.Random(seed)
    return [" ".join(draw.choices(WORDS, k=draw.randint(3, 12))) + "." for _ in range(number)]


def _noisy(texts: list[str], share: float, *, seed: int) -> list[str]:
    draw = random.Random(seed)
    return [" ".join(draw.choice(WORDS) if draw.random() < share else w for w in text.split()) for text in texts]


def test_bleu_of_a_small_case_equals_the_formula_worked_out_by_hand() -> None:
    # 13a splits the full stops off. Hypothesis: the cat sat on the mat . (7 tokens), reference: the cat is on the mat .
    # 1-grams 6/7; 2-grams: "the cat", "on the", "the mat", "mat ." = 4/6; 3-grams: "on the mat", "the mat ." = 2/5;
    # 4-grams: "on the mat ." = 1/4; lengths 7 and 7: no brevity penalty.
    by_hand = 100 * math.exp((math.log(6 / 7) + math.log(4 / 6) + math.log(2 / 5) + math.log(1 / 4)) / 4)
    bleu, _, _ = quick_scores(["the cat sat on the mat."], ["the cat is on the mat."])
    assert bleu == pytest.approx(by_hand, abs=ROUNDING)


def test_a_short_output_pays_the_brevity_penalty_of_the_formula() -> None:
    # All 5 + 4 + 3 + 2 n-grams are right; 5 tokens against 7: BP = exp(1 - 7/5).
    bleu, _, _ = quick_scores(["the cat is on the"], ["the cat is on the mat."])
    assert bleu == pytest.approx(100 * math.exp(1 - 7 / 5), abs=ROUNDING)


def test_chrf_of_a_small_case_equals_the_formula_worked_out_by_hand() -> None:
    # "abc" against "abd": 1-grams 2/3, 2-grams 1/2, 3-grams 0/1; precision = recall = their mean = F.
    _, chrf, _ = quick_scores(["abc"], ["abd"])
    assert chrf == pytest.approx(100 * (2 / 3 + 1 / 2 + 0) / 3, abs=ROUNDING)


def test_outputs_equal_to_the_references_score_100() -> None:
    texts = _sentences(20, seed=1)
    scores = corpus_scores(texts, texts, metrics=("chrf", "bleu", "bleu_lc", "bleu_lc_intl", "bleu_lc_spaces"))
    for metric in scores.metrics:
        assert (metric.value, metric.low, metric.high) == pytest.approx((100.0, 100.0, 100.0))


def test_lower_cased_bleu_forgives_case_and_cased_bleu_does_not() -> None:
    scores = corpus_scores(["EIN HUND LÄUFT SCHNELL."], ["ein Hund läuft schnell."], resamples=0)
    assert scores["bleu_lc"].value == pytest.approx(100.0)
    assert scores["bleu"].value < 50


def test_tokenised_text_gets_the_bleu_of_older_papers_and_says_so() -> None:
    references = ["ein hund läuft .", "eine katze schläft .", "ein mann springt ."]
    scores = corpus_scores(references, references, resamples=0)
    assert "tok:none|smooth:none" in scores["bleu_lc_spaces"].signature
    assert "case:lc" in scores["bleu_lc_spaces"].signature
    assert scores.notes[0].startswith('The references look tokenised (100% end in " ." or the like).')
    assert [m.name for m in corpus_scores(["Ein Hund."], ["Ein Hund."]).metrics] == ["chrf", "bleu", "bleu_lc"]


def test_few_sentences_are_called_few() -> None:
    assert corpus_scores(["a b"], ["a b"]).notes == ("Only 1 sentences were scored; scores of so few say little.",)


def test_japanese_and_chinese_references_are_not_cut_at_spaces() -> None:
    assert "tok:zh" in quick_scores(["我喜欢猫。"], ["我喜欢狗。"])[2]
    assert "tok:13a" not in quick_scores(["これは猫です。"], ["これは犬です。"])[2]
    assert "tok:char" in quick_scores(["แมว"], ["แมวดำ"])[2]
    assert "tok:13a" in quick_scores(["Это кошка."], ["Это собака."])[2]


@pytest.mark.parametrize(
    ("flags", "name"),
    [
        (["-m", "bleu"], "bleu"),
        (["-m", "bleu", "-lc"], "bleu_lc"),
        (["-m", "bleu", "-lc", "-tok", "intl"], "bleu_lc_intl"),
        (["-m", "bleu", "-lc", "-tok", "none", "-s", "none"], "bleu_lc_spaces"),
        (["-m", "chrf"], "chrf"),
        (["-m", "ter"], "ter"),
    ],
    ids=lambda value: "".join(value) if isinstance(value, list) else value,
)
def test_number_signature_and_interval_are_those_of_the_sacrebleu_command(
    flags: list[str], name: str, tmp_path: Path
) -> None:
    references = _sentences(40, seed=2)
    outputs = _noisy(references, 0.3, seed=3)
    (tmp_path / "ref").write_text("\n".join(references) + "\n", encoding="utf-8", newline="\n")
    (tmp_path / "out").write_text("\n".join(outputs) + "\n", encoding="utf-8", newline="\n")
    command = [sys.executable, "-m", "sacrebleu", "ref", "-i", "out", *flags, "--confidence", "-w", "6", "--force"]
    environment = {key: value for key, value in os.environ.items() if key != "SACREBLEU_SEED"}
    printed = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    theirs = json.loads(printed.stdout)
    ours = corpus_scores(outputs, references, metrics=(name,))[name]
    assert ours.value == pytest.approx(theirs["score"], abs=1e-5)
    assert ours.signature == theirs["signature"]
    assert ours.mean == pytest.approx(theirs["confidence_mean"], abs=FLOAT32)
    assert ours.low is not None
    assert ours.high is not None
    assert (ours.high - ours.low) / 2 == pytest.approx(theirs["confidence_var"], abs=FLOAT32)


def test_sentences_counted_in_pieces_score_as_those_counted_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    references = _sentences(30, seed=4)
    outputs = _noisy(references, 0.3, seed=5)
    at_once = corpus_scores(outputs, references)
    monkeypatch.setattr("polyglass.evaluation.sentence_counts._SENTENCES_AT_ONCE", 7)
    assert corpus_scores(outputs, references) == at_once


def test_a_bootstrap_drawn_in_pieces_equals_one_drawn_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    references = _sentences(30, seed=4)
    outputs = _noisy(references, 0.3, seed=5)
    at_once = corpus_scores(outputs, references)
    monkeypatch.setattr("polyglass.evaluation.sentence_counts._NUMBERS_AT_ONCE", 30 * 7)
    assert corpus_scores(outputs, references) == at_once


def test_the_interval_holds_the_score_and_the_same_seed_gives_the_same_interval() -> None:
    references = _sentences(200, seed=6)
    outputs = _noisy(references, 0.3, seed=7)
    bleu = corpus_scores(outputs, references)["bleu"]
    assert bleu.low is not None
    assert bleu.high is not None
    assert bleu.low < bleu.value < bleu.high
    assert corpus_scores(outputs, references)["bleu"] == bleu
    assert corpus_scores(outputs, references, seed=1)["bleu"].low != bleu.low


def test_without_resamples_there_is_no_interval_and_no_seed_in_the_signature() -> None:
    bleu = corpus_scores(["a b c d"], ["a b c d"], resamples=0)["bleu"]
    assert (bleu.low, bleu.high, bleu.mean) == (None, None, None)
    assert bleu.signature == f"nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:{sacrebleu.__version__}"


def test_quick_scores_are_the_full_scores() -> None:
    references = _sentences(30, seed=8)
    outputs = _noisy(references, 0.3, seed=9)
    scores = corpus_scores(outputs, references, resamples=0)
    assert quick_scores(outputs, references) == (
        scores["bleu"].value,
        scores["chrf"].value,
        scores["bleu"].signature,
    )


def test_empty_outputs_score_zero_and_raise_nothing() -> None:
    scores = corpus_scores(["", " "], ["ein Hund", "eine Katze"])
    assert [(m.value, m.low, m.high) for m in scores.metrics] == [(0.0, 0.0, 0.0)] * 3


def test_lists_of_different_length_are_refused_in_words() -> None:
    with pytest.raises(DataError, match="Each output needs one reference, but there are 2 outputs and 1 references"):
        corpus_scores(["a", "b"], ["a"])


def test_nothing_to_score_is_refused_in_words() -> None:
    with pytest.raises(DataError, match="There is nothing to score: 0 outputs and 0 references"):
        quick_scores([], [])


def test_an_unknown_metric_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"There is no metric 'bleurt'. Choose from chrf, bleu, bleu_lc"):
        corpus_scores(["a"], ["a"], metrics=("bleurt",))


def test_a_metric_that_was_not_asked_for_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        corpus_scores(["a"], ["a"])["ter"]


def test_spbleu_never_uses_the_network_but_says_where_its_model_belongs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sacrebleu.utils.SACREBLEU_DIR", str(tmp_path))
    with pytest.raises(ConfigError, match=r"spBLEU needs the FLORES-200 .* at .*flores200sacrebleuspm"):
        corpus_scores(["a"], ["a"], metrics=("spbleu",))


@given(lengths=st.lists(st.integers(0, 70), min_size=1, max_size=30))
@settings(max_examples=30, deadline=None)
def test_length_buckets_add_up_to_the_corpus(lengths: list[int]) -> None:
    sources = ["wort " * length for length in lengths]
    references = _sentences(len(lengths), seed=10)
    buckets = length_buckets(sources, references, references)
    assert sum(bucket.sentences for bucket in buckets) == len(lengths)
    for bucket in buckets:
        longest = 10**9 if bucket.longest is None else bucket.longest
        assert bucket.sentences == sum(bucket.shortest <= length <= longest for length in lengths)


def test_the_buckets_are_those_of_the_manual() -> None:
    sources = ["w " * length for length in (0, 1, 5, 6, 10, 11, 15, 16, 20, 21, 30, 31, 50, 51)]
    buckets = length_buckets(sources, sources, sources)
    edges = [(0, 0), (1, 5), (6, 10), (11, 15), (16, 20), (21, 30), (31, 50), (51, None)]
    assert [(bucket.shortest, bucket.longest) for bucket in buckets] == edges
    assert [bucket.sentences for bucket in buckets] == [1, 2, 2, 2, 2, 2, 2, 1]


def test_a_bucket_scores_as_its_sentences_alone_do() -> None:
    references = _sentences(60, seed=11)
    outputs = _noisy(references, 0.3, seed=12)
    for bucket in length_buckets(references, outputs, references):
        longest = bucket.longest or 10**9
        rows = [row for row, text in enumerate(references) if bucket.shortest <= len(text.split()) <= longest]
        alone = quick_scores([outputs[row] for row in rows], [references[row] for row in rows])
        assert (bucket.bleu, bucket.chrf) == pytest.approx(alone[:2])
        assert bucket.length_ratio == 1.0


def test_lengths_of_japanese_sources_are_counted_in_characters() -> None:
    (bucket,) = length_buckets(["これは猫です。これは犬です。"], ["a"], ["a"])
    assert (bucket.shortest, bucket.longest, bucket.unit) == (11, 20, "characters")


def test_buckets_need_a_source_for_each_output() -> None:
    with pytest.raises(DataError, match="Each output needs its source, but there are 1 outputs and 2 sources"):
        length_buckets(["a", "b"], ["a"], ["a"])


def test_counting_once_is_enough_for_scores_and_buckets() -> None:
    references = _sentences(30, seed=13)
    outputs = _noisy(references, 0.3, seed=14)
    counted = count_all(outputs, references)
    assert summarise(counted, references) == corpus_scores(outputs, references)
    assert length_buckets(references, outputs, references, counted=counted) == length_buckets(
        references, outputs, references
    )
