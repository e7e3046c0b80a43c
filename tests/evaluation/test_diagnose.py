"""Each fault is found where it was planted, and not where the data itself is like that."""

import re

import pytest

from polyglass.errors import DataError
from polyglass.evaluation.diagnose import KINDS, Diagnosis, _finding, diagnose, has_loop

SOURCES = [
    f"the dog number {word} runs over the green grass" for word in ["one", "two", "three", "four", "five", "six"]
]
REFERENCES = [
    f"der Hund Nummer {wort} läuft über das grüne Gras" for wort in ["eins", "zwei", "drei", "vier", "fünf", "sechs"]
]


def _kinds(diagnosis: Diagnosis) -> dict[str, tuple[int, ...]]:
    return {finding.kind: finding.lines for finding in diagnosis.findings}


def _with(row: int, text: str) -> list[str]:
    return [text if place == row else reference for place, reference in enumerate(REFERENCES)]


def test_perfect_outputs_have_no_fault() -> None:
    result = diagnose(SOURCES, REFERENCES, REFERENCES)
    assert result.findings == ()
    assert result.verdict == "No fault is frequent: each of those looked for is in under 2% of the outputs."


@pytest.mark.parametrize(
    ("output", "kind"),
    [
        ("", "empty"),
        (" \t", "empty"),
        ("the dog number three runs over the green grass", "copied"),
        ("The dog  number three runs over the green grass", "copied"),
        ("the green dog runs", "source_language"),
        ("der Hund läuft läuft läuft läuft über das Gras", "repeating"),
        ("der Hund der Hund der Hund der Hund läuft über Gras", "repeating"),
        ("der Hund läuft über das Graaaaaaaaaaaaaaas", "repeating"),
        ("der Hund läuft über hahahahahahahahahahahahahaha das Gras", "repeating"),
        (" ".join(f"Wort{number}" for number in range(69)), "overlong"),
        ("der Hund", "short"),
        ("der Hund Nummer drei läuft über das grüne Gras .", "tokenised"),
    ],
)
def test_a_planted_fault_is_found_in_its_line(output: str, kind: str) -> None:
    assert _kinds(diagnose(SOURCES, _with(2, output), REFERENCES)) == {kind: (3,)}


def test_an_output_that_hit_the_length_limit_is_overlong_however_short_it_looks() -> None:
    reasons = ["end"] * 5 + ["length"]
    assert _kinds(diagnose(SOURCES, REFERENCES, REFERENCES, finish_reasons=reasons)) == {"overlong": (6,)}


def test_what_is_right_in_the_data_is_no_fault() -> None:
    sources = ["libc6-dev", "ho ho ho ho ho", "--------------------------", "", "the the dog"]
    references = ["libc6-dev", "ha ha ha ha ha ha", "--------------------------", "", ""]
    outputs = ["libc6-dev", "ha ha ha ha ha", "--------------------------", "irgendwas", ""]
    assert diagnose(sources, outputs, references).findings == ()


def test_one_sentence_given_for_many_sources_is_found() -> None:
    result = diagnose(SOURCES, ["ein Mann läuft über das Gras"] * 6, REFERENCES)
    assert _kinds(result) == {"same": (1, 2, 3, 4, 5)}
    assert result.verdict.startswith(
        "All 6 outputs are the same sentence as for other sources. The model does not look"
    )


def test_one_sentence_given_for_many_sources_is_right_where_the_references_say_so() -> None:
    sources = [f"yes {number}" for number in range(6)]
    assert diagnose(sources, ["ja"] * 6, ["ja"] * 6).findings == ()


def test_empty_outputs_explain_a_bleu_of_zero() -> None:
    result = diagnose(SOURCES, [""] * 6, REFERENCES, bleu=0.0)
    assert result.verdict.startswith("All 6 outputs are empty. The model ends every sentence at once.")
    assert result.findings[0].share == 1.0


def test_repetition_explains_a_bleu_of_zero_with_its_share() -> None:
    outputs = [*(f"{'der ' * 8}{number}" for number in range(5)), "ein ganz anderer Satz steht hier"]
    result = diagnose(SOURCES, outputs, REFERENCES, bleu=0.1)
    assert result.verdict.startswith("5 of 6 outputs (83%) repeat the same words. The model has lost its place")


def test_swapped_languages_explain_a_bleu_of_zero() -> None:
    outputs = [f"the runs over {number} grass the dog" for number in range(6)]
    result = diagnose(SOURCES, outputs, REFERENCES, bleu=0.1)
    assert result.verdict.startswith("All 6 outputs look like the source language. The direction is the wrong")


def test_files_shifted_by_a_line_explain_a_bleu_of_zero() -> None:
    references = [f"{word} " * 3 for word in ["ab", "cd", "ef", "gh", "ij", "kl", "mn", "op"]]
    outputs = [*references[1:], "zz zy zx"]
    result = diagnose(["quelle satz wort"] * 8, outputs, references, bleu=0.0)
    assert result.verdict.startswith("The outputs fit the references 1 line later: source and reference files")


def test_a_low_score_without_a_frequent_fault_points_at_training_and_data() -> None:
    outputs = [
        f"ganz {word} andere Worte stehen hier nun" for word in ["wenig", "viel", "kaum", "oft", "nie", "selten"]
    ]
    result = diagnose(SOURCES, outputs, REFERENCES, bleu=0.0)
    assert result.verdict.startswith("The outputs are wrong, but neither empty nor copied nor looping. Either")


def test_a_fault_worth_a_word_is_named_even_where_the_score_is_fine() -> None:
    result = diagnose(SOURCES, _with(0, ""), REFERENCES, bleu=80.0)
    assert result.verdict.startswith("Most frequent fault: 1 of 6 outputs (17%) is empty.")


def test_faults_come_most_frequent_first_with_the_first_lines_and_the_callers_numbers() -> None:
    outputs = ["", "", "", "der Hund", REFERENCES[4], REFERENCES[5]]
    result = diagnose(SOURCES, outputs, REFERENCES, line_numbers=[10, 20, 30, 40, 50, 60])
    assert [(f.kind, f.count, f.lines) for f in result.findings] == [("empty", 3, (10, 20, 30)), ("short", 1, (40,))]


@pytest.mark.parametrize("kind", KINDS)
def test_every_fault_can_be_told_of_one_output_and_of_many(kind: str) -> None:
    assert re.match(r"2 of 300 outputs (are|copy|look|repeat|have) ", _finding(kind, [1, 2], 300).sentence)
    assert re.match(r"1 of 2 outputs \(50%\) (is|copies|looks|repeats|has) ", _finding(kind, [1], 2).sentence)
    assert re.match(r"The only output (is|copies|looks|repeats|has) ", _finding(kind, [1], 1).sentence)


def test_lists_of_different_length_are_refused_in_words() -> None:
    with pytest.raises(DataError, match="one source and one reference for each output, but there are 6 sources"):
        diagnose(SOURCES, ["a"], REFERENCES)
    with pytest.raises(DataError, match="but there are 0 sources"):
        diagnose([], [], [])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a a a a", True),
        ("a a a b", False),
        ("x a b a b a b a b", True),
        ("a b a b a b a", False),
        ("a b c d a b c d a b c d a b c d", True),
        ("a b c d e a b c d e a b c d e a b c d e", False),
        ("", False),
    ],
)
def test_a_loop_is_one_to_four_words_four_times_in_a_row(text: str, expected: bool) -> None:
    assert has_loop(text.split()) is expected
