"""Sources, outputs and references in; out: what is wrong with the outputs, where, and the most likely cause in words.

A score says how bad; this says why. Each check looks at one output with its source and reference, so that what is
right in the data is no fault: a copied source where the reference copies it, a row of dashes where the source has it.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from polyglass.errors import DataError
from polyglass.evaluation.words import Splitter, looks_tokenised, plain_words, splitter_for

__all__ = ["KINDS", "Diagnosis", "Finding", "diagnose"]

LOOP_LENGTHS = (1, 2, 3, 4)  # words in a repeated group
LOOP_TIMES = 4  # so often in a row is a loop
_CHARACTER_LOOP = re.compile(r"(\S{1,4}?)\1{11,}")  # up to four characters, twelve times in a row
OVERLONG_FACTOR, OVERLONG_EXTRA = 2.0, 50  # words: longer than 2 x source + 50
SHORT_SHARE, SHORT_REFERENCE = 0.3, 5  # under 0.3 of a reference of at least 5 words
SOURCE_SHARE, SOURCE_WORDS = 0.5, 3  # more than half of at least 3 words are words of the source language
SAME_TIMES, SAME_SHARE = 5, 0.01  # one wrong output for at least 5 sources and 1 % of them
LINES_NAMED = 5
_MANY = 0.5  # share of the outputs from which a fault explains a score near zero
_LOW_BLEU = 2.0  # "near zero"
_SOME = 0.02  # share from which a fault is worth a word in the verdict even if the score is fine
_SHIFTS = (-2, -1, 1, 2)

# kind: (what "38 of 200 outputs" do, most likely cause).
KINDS: Mapping[str, tuple[str, str]] = {
    "empty": (
        "are empty",
        "The model ends every sentence at once. It is barely trained, or many training targets are empty: look at "
        "`polyglass data check`, then train longer.",
    ),
    "copied": (
        "copy the source",
        "The training pairs hold copies of the source, the model was trained for another direction, or it has not "
        "learned to translate yet. Check the languages of the files, and `polyglass data check`.",
    ),
    "source_language": (
        "look like the source language",
        "The direction is the wrong way round: the files of source and target were swapped here or in training.",
    ),
    "repeating": (
        "repeat the same words",
        "The model has lost its place in the source. It is trained too little, or the learning rate was too high; the "
        "training curve tells which.",
    ),
    "same": (
        "are the same sentence as for other sources",
        "The model does not look at the source yet. It is trained too little, the learning rate was too high, or "
        "source and target lines of the training files do not belong together.",
    ),
    "overlong": (
        "are too long or hit the length limit",
        "The model does not end its sentences. It is trained too little, or the training targets hold several "
        "sentences where the sources hold one.",
    ),
    "short": (
        "are far shorter than the reference",
        "The model stops early. Raise the length penalty, train longer, or look for long pairs that were dropped in "
        "training.",
    ),
    "tokenised": (
        "have a space before the last mark, and the reference has none",
        "The model was trained on tokenised text. Score it against tokenised references, or train it on text as people "
        "write it.",
    ),
}


_OF_ONE = {"are": "is", "copy": "copies", "look": "looks", "repeat": "repeats", "have": "has"}


@dataclass(frozen=True)
class Finding:
    """One fault and the outputs that have it. lines: the first few, counting from 1."""

    kind: str
    count: int
    share: float
    lines: tuple[int, ...]
    sentence: str
    cause: str


@dataclass(frozen=True)
class Diagnosis:
    """All faults found, most frequent first; verdict: what to know first, with its likely cause."""

    sentences: int
    findings: tuple[Finding, ...]
    verdict: str


def diagnose(
    sources: Sequence[str],
    outputs: Sequence[str],
    references: Sequence[str],
    *,
    finish_reasons: Sequence[str] | None = None,
    bleu: float | None = None,
    line_numbers: Sequence[int] | None = None,
) -> Diagnosis:
    """Look for the faults in `KINDS`, and name the likeliest cause of a score near zero.

    finish_reasons: "end" or "length" of each output, if known; line_numbers: where each pair stands in its file, if
    that is not 1, 2, 3. Raises DataError if the lists differ in length.
    """
    counts = [len(sources), len(outputs), len(references), len(outputs if finish_reasons is None else finish_reasons)]
    if len(set(counts)) != 1 or not outputs:
        raise DataError(
            f"A diagnosis needs one source and one reference for each output, but there are {counts[0]:,} sources, "
            f"{counts[1]:,} outputs, {counts[2]:,} references and {counts[3]:,} finish reasons."
        )
    rows_of = _find(sources, outputs, references, finish_reasons or ["end"] * len(outputs))
    numbers = line_numbers or range(1, len(outputs) + 1)
    findings = [_finding(kind, [numbers[row] for row in rows], len(outputs)) for kind, rows in rows_of.items() if rows]
    findings.sort(key=lambda finding: -finding.count)  # stable: equally many stay in the order of KINDS
    if findings and findings[0].share >= _MANY:
        verdict = f"{findings[0].sentence} {findings[0].cause}"
    elif bleu is not None and bleu < _LOW_BLEU:
        verdict = _why_so_low(outputs, references)
    elif findings and findings[0].share >= _SOME:
        verdict = f"Most frequent fault: {findings[0].sentence} {findings[0].cause}"
    else:
        verdict = f"No fault is frequent: each of those looked for is in under {_SOME:.0%} of the outputs."
    return Diagnosis(len(outputs), tuple(findings), verdict)


def has_loop(words: Sequence[str]) -> bool:
    """Whether a group of 1 to 4 words comes at least 4 times in a row."""
    for length in LOOP_LENGTHS:
        same = 0  # how many words in a row equal the one `length` places before
        for place in range(length, len(words)):
            same = same + 1 if words[place] == words[place - length] else 0
            if same == length * (LOOP_TIMES - 1):
                return True
    return False


@dataclass(frozen=True)
class _Corpus:
    """What the checks of one sentence need to know about all of them."""

    split_source: Splitter
    split_target: Splitter
    source_words: frozenset[str]  # words far more frequent in the sources than in the references
    repeated: frozenset[str]  # outputs that stand, wrongly, for many different sources


def _find(
    sources: Sequence[str], outputs: Sequence[str], references: Sequence[str], finish_reasons: Sequence[str]
) -> dict[str, list[int]]:
    """The rows with each fault."""
    in_sources = Counter(word for source in sources for word in plain_words(source))
    in_references = Counter(word for reference in references for word in plain_words(reference))
    wrong = {(o.strip(), s) for s, o, r in zip(sources, outputs, references, strict=True) if o.strip() != r.strip()}
    given = Counter(output for output, _ in wrong)
    corpus = _Corpus(
        splitter_for(sources),
        splitter_for(references),
        frozenset(word for word, count in in_sources.items() if count > 2 * in_references[word]),
        frozenset(output for output, count in given.items() if count >= max(SAME_TIMES, SAME_SHARE * len(outputs))),
    )
    rows_of: dict[str, list[int]] = {kind: [] for kind in KINDS}
    for row, texts in enumerate(zip(sources, outputs, references, finish_reasons, strict=True)):
        for kind in _faults(*texts, corpus=corpus):
            rows_of[kind].append(row)
    return rows_of


def _faults(source: str, output: str, reference: str, finish_reason: str, *, corpus: _Corpus) -> list[str]:
    """The faults of one output; an empty or copied one has no other."""
    if not source.strip():
        return []  # empty in, anything out: the data's fault
    if not output.strip():
        return ["empty"] if reference.strip() else []
    if _same_text(output, source):
        return [] if _same_text(reference, source) else ["copied"]
    output_words, reference_words = corpus.split_target(output), corpus.split_target(reference)
    limit = OVERLONG_FACTOR * len(corpus.split_source(source)) + OVERLONG_EXTRA
    checks = {
        "source_language": _in_source_language(output, corpus) and not _in_source_language(reference, corpus),
        "repeating": _repeats(output, output_words)
        and not _repeats(reference, reference_words)
        and not _repeats(source, corpus.split_source(source)),
        "same": output.strip() in corpus.repeated and not _same_text(output, reference),
        "overlong": finish_reason == "length" or len(output_words) > limit,
        "short": len(reference_words) >= SHORT_REFERENCE and len(output_words) < SHORT_SHARE * len(reference_words),
        "tokenised": looks_tokenised(output) and not looks_tokenised(reference),
    }
    return [kind for kind, is_so in checks.items() if is_so]


def _same_text(one: str, other: str) -> bool:
    return one.casefold().split() == other.casefold().split()


def _repeats(text: str, words: Sequence[str]) -> bool:
    return has_loop(words) or _CHARACTER_LOOP.search(text) is not None


def _in_source_language(text: str, corpus: _Corpus) -> bool:
    words = plain_words(text)
    known = sum(word in corpus.source_words for word in words)
    return len(words) >= SOURCE_WORDS and known > SOURCE_SHARE * len(words)


def _finding(kind: str, lines: Sequence[int], total: int) -> Finding:
    """Word a fault of the outputs in these lines."""
    says, cause = KINDS[kind]
    count, share = len(lines), len(lines) / total
    if count == total:
        who = f"All {total:,} outputs" if total > 1 else "The only output"
    else:
        who = f"{count:,} of {total:,} outputs ({share:.0%})" if share >= 0.01 else f"{count:,} of {total:,} outputs"
    if count == 1:
        verb, _, rest = says.partition(" ")
        says = f"{_OF_ONE[verb]} {rest}"
    return Finding(kind, count, share, tuple(lines[:LINES_NAMED]), f"{who} {says}.", cause)


def _why_so_low(outputs: Sequence[str], references: Sequence[str]) -> str:
    """The likeliest cause of a score near zero where no single fault is frequent."""
    output_words = [set(plain_words(output)) for output in outputs]
    reference_words = [set(plain_words(reference)) for reference in references]
    fits = {shift: _overlap(output_words, reference_words, shift) for shift in (0, *_SHIFTS)}
    best = max(fits, key=lambda shift: fits[shift])
    if best and fits[best] > max(0.3, 2 * fits[0]):
        lines = "line" if abs(best) == 1 else "lines"
        return (
            f"The outputs fit the references {abs(best)} {lines} {'later' if best > 0 else 'earlier'}: source and "
            "reference files are shifted against each other. Find the extra line with `polyglass data check`."
        )
    return (
        "The outputs are wrong, but neither empty nor copied nor looping. Either the model is trained too little, or "
        "the lines of the files do not belong together: look at the worst sentences (--show-worst 5)."
    )


def _overlap(outputs: Sequence[set[str]], references: Sequence[set[str]], shift: int) -> float:
    """Mean share of words that output i and reference i + shift have in common (Dice)."""
    pairs = [
        (output, references[row + shift]) for row, output in enumerate(outputs) if 0 <= row + shift < len(references)
    ]
    return sum(2 * len(o & r) / max(1, len(o) + len(r)) for o, r in pairs) / max(1, len(pairs))
