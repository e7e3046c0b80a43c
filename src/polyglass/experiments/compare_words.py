"""Results in, plain words out: what was held equal, what was not, and what came of it, without flattering anybody."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from statistics import fmean

from polyglass.experiments.compare_folder import Entry, Plan
from polyglass.experiments.compare_record import ContestantRecord, PairRecord, RunRecord
from polyglass.training.wording import count, duration, large, percent

LOW_BLEU = 5.0  # below it BLEU says little, and chrF decides
OFF_BUDGET = 0.1  # share by which a run may miss its time without a word
FEW_SENTENCES = 100
LONG_BUCKET = 30  # sentences that a claim about long ones needs


def held_equal(plan: Plan) -> Iterator[str]:
    """Say what every contestant had alike."""
    terms, entries = plan.terms, plan.entries
    yield "the same training, validation and test pairs, filtered and cut into subwords once"
    yield f"the same tokenizer, {count(plan.facts['data']['vocabulary_size'])} subwords"
    if _alike(entry.config.train.batch_tokens for entry in entries):
        yield (
            f"batches of {count(entries[0].config.train.batch_tokens or 0)} target tokens, and for the same seed the "
            "same batches in the same order"
        )
    if _alike(entry.steps for entry in entries):
        yield f"{count(entries[0].steps)} updates in each run"
    elif terms["budget_seconds"] is not None:
        yield (
            f"{duration(terms['budget_seconds'])} of training in each run, without validating and scoring: the number "
            "of updates was set before the first run, from each model's speed measured on this machine"
        )
    if terms["equal"] == "parameters":
        counts = [entry.parameters for entry in entries]
        yield f"the number of parameters, {large(min(counts))} to {large(max(counts))}, by searching for the width"
    if _alike(entry.config.decode for entry in entries):
        yield f"the search: beam {entries[0].config.decode.beam_size}"
    yield "for each run, the model with the best chrF on the validation set is the one that is judged"


def not_equal(plan: Plan) -> Iterator[str]:
    """Say what differed, whether somebody wanted it or not."""
    entries, terms = plan.entries, plan.terms
    if not _alike(entry.parameters for entry in entries) and terms["equal"] != "parameters":
        counts = ", ".join(f"{entry.name} {large(entry.parameters)}" for entry in entries)
        yield f"parameters: {counts}"
    if not _alike(entry.steps for entry in entries):
        passes = ", ".join(f"{entry.name} {entry.steps / entry.steps_per_epoch:.1f}" for entry in entries)
        yield f"how often each reads the corpus in its time (passes): {passes}"
    elif len(entries) > 1:
        times = ", ".join(f"{entry.name} {duration(entry.seconds)}" for entry in entries)
        yield f"the time that its updates take (expected): {times}"
    if not _alike(entry.config.train.learning_rate for entry in entries):
        rates = ", ".join(f"{entry.name} {entry.config.train.learning_rate:g}" for entry in entries)
        yield f"peak learning rate, chosen from the family and size of the model: {rates}"
    if not _alike(entry.config.train.batch_tokens for entry in entries):
        batches = ", ".join(f"{entry.name} {count(entry.config.train.batch_tokens or 0)}" for entry in entries)
        yield f"tokens in a batch, as asked for: {batches}"
    if not _alike(_dropout(entry) for entry in entries):
        yield "dropout: " + ", ".join(f"{entry.name} {_dropout(entry):g}" for entry in entries)
    if not _alike(entry.config.decode for entry in entries):
        yield "the search, as asked for: " + ", ".join(f"{e.name} beam {e.config.decode.beam_size}" for e in entries)
    yield (
        "the care that went into the options: none was tuned for this corpus, and a family that needs other options "
        "than these may do better with them"
    )


def verdict(
    contestants: Sequence[ContestantRecord], pairs: Sequence[PairRecord], sentences: int, *, open_runs: int
) -> Iterator[str]:
    """Say what came out, most important first."""
    ranked = [one for one in contestants if one.scores]
    metric = headline_metric(ranked)
    ranked.sort(key=lambda one: -_mean(one, metric))
    if open_runs:
        total = sum(len(one.runs) for one in contestants)
        yield f"So far: {total - open_runs} of {total} runs have ended. What follows may still change."
    if not ranked:
        yield "No run has a score yet."
    else:
        yield from _quality(ranked, [pair for pair in pairs if pair.metric == metric], metric)
        yield from _disagreement(ranked, metric)
        yield from _long_sentences(ranked, metric)
        yield from _speed(ranked)
    yield from _failures(contestants)
    yield from _off_budget(contestants)
    if ranked and all(len(one.done) < 2 for one in ranked):
        yield (
            "Each model has one run only, so nothing here can tell a better model from a lucky start. "
            "Give --seeds 3 or more to know."
        )
    if sentences < FEW_SENTENCES:
        yield f"The test set has only {sentences:,} sentences; scores of so few say little."


def headline_metric(ranked: Sequence[ContestantRecord]) -> str:
    """Return what models are ranked by: BLEU, or chrF where every BLEU is too low to say much."""
    return "bleu" if any(_mean(one, "bleu") >= LOW_BLEU for one in ranked) else "chrf"


def _quality(ranked: Sequence[ContestantRecord], pairs: Sequence[PairRecord], metric: str) -> Iterator[str]:
    best = ranked[0]
    spread = best.score(metric)
    assert spread is not None
    low = "" if metric == "bleu" else f" (every BLEU is below {LOW_BLEU:g}, so chrF decides)"
    of = f"the mean of {len(spread.seeds)} seeds" if len(spread.seeds) > 1 else "one run"
    if len(ranked) == 1:
        yield f"{best.name} reaches {spread.mean:.1f} {spread.label}{low}, {of}."
        return
    equals = [one for one in ranked[1:] if (pair := _pair(pairs, best, one)) and pair.ground in ("chance", "same")]
    unsure = [one for one in ranked[1:] if (pair := _pair(pairs, best, one)) and pair.ground == "seeds overlap"]
    if equals or unsure:
        names = _joined([best.name, *(one.name for one in (*equals, *unsure))])
        yield (
            f"{best.name} has the highest score, {spread.mean:.1f} {spread.label}{low}, {of}; but between {names} the "
            "order may well be chance."
        )
    else:
        yield f"{best.name} translates best: {spread.mean:.1f} {spread.label}{low}, {of}."
    for better, worse in pairwise(ranked):
        if pair := _pair(pairs, better, worse):
            yield pair.words


def _disagreement(ranked: Sequence[ContestantRecord], metric: str) -> Iterator[str]:
    other = "chrf" if metric == "bleu" else "bleu"
    by_other = max(ranked, key=lambda one: _mean(one, other))
    if by_other.name != ranked[0].name:
        spread = by_other.score(other)
        assert spread is not None
        yield f"By {spread.label}, {by_other.name} is first ({spread.mean:.1f}): the two metrics do not agree."


def _long_sentences(ranked: Sequence[ContestantRecord], metric: str) -> Iterator[str]:
    """Compare how much each loses from the shortest to the longest sentences that are numerous enough."""
    first = [bucket for bucket in ranked[0].lengths if bucket.sentences >= LONG_BUCKET]
    if len(first) < 2 or len(ranked) < 2 or metric != "bleu":  # where all are bad, length explains nothing
        return
    short, long = first[0].shortest, first[-1].shortest
    losses = []
    for one in ranked:
        value = {bucket.shortest: bucket.bleu for bucket in one.lengths}
        losses.append((value[short] - value[long], one.name))
    losses.sort()
    parts = ", ".join(f"{name} {'loses' if loss >= 0 else 'gains'} {abs(loss):.1f}" for loss, name in losses)
    yield (
        f"From the shortest sentences ({_span(first[0])}) to the longest that there are at least {LONG_BUCKET} of "
        f"({_span(first[-1])}), in BLEU: {parts}."
    )


def _speed(ranked: Sequence[ContestantRecord]) -> Iterator[str]:
    speeds = [(fmean(run.tokens_per_second or 0.0 for run in one.done), one.name) for one in ranked]
    speeds.sort(reverse=True)
    if len(speeds) > 1 and speeds[-1][0] > 0:
        yield (
            f"{speeds[0][1]} trains fastest here, {count(speeds[0][0])} target tokens a second, "
            f"{speeds[0][0] / speeds[-1][0]:.1f} times as fast as {speeds[-1][1]}."
        )
    waits = sorted((fmean(times), one.name) for one in ranked if (times := _latencies(one)))
    if len(waits) > 1 and waits[0][0] > 0:
        yield (
            f"{waits[0][1]} answers fastest: {waits[0][0]:.0f} ms for a sentence by itself (median), against "
            f"{waits[-1][0]:.0f} ms of {waits[-1][1]}."
        )


def _failures(contestants: Sequence[ContestantRecord]) -> Iterator[str]:
    for one in contestants:
        for run in one.runs:
            if run.state == "diverged":
                yield f"{one.name}, seed {run.seed}, diverged: {run.trouble}"
            elif run.state == "failed":
                yield f"{one.name}, seed {run.seed}, has no result: {run.trouble}"
        lost = sum(run.state in ("diverged", "failed") for run in one.runs)
        if lost and one.done:
            yield (
                f"{one.name} is judged by {len(one.done)} of {len(one.runs)} seeds; those that were lost count nowhere."
            )
        if one.diagnosis and one.scores and _mean(one, "bleu") < LOW_BLEU:
            yield f"{one.name}: {one.diagnosis}"


def _off_budget(contestants: Sequence[ContestantRecord]) -> Iterator[str]:
    """Name the runs whose training took another time than planned."""
    off = [
        f"{one.name}, seed {run.seed} ({_off_words(run)})"
        for one in contestants
        for run in one.done
        if abs(run.train_seconds / run.planned_seconds - 1) > OFF_BUDGET
    ]
    if off:
        total = sum(len(one.done) for one in contestants)
        yield (
            f"Training took another time than planned in {len(off)} of {total} runs: {'; '.join(off)}. "
            "The machine was not as fast as when it was measured, or not equally free."
        )


def _off_words(run: RunRecord) -> str:
    share = run.train_seconds / run.planned_seconds - 1
    return f"{duration(run.train_seconds)}, {percent(abs(share))} {'more' if share > 0 else 'less'}"


def _latencies(one: ContestantRecord) -> list[float]:
    return [run.latency_median_ms for run in one.done if run.latency_median_ms is not None]


def _mean(one: ContestantRecord, metric: str) -> float:
    spread = one.score(metric)
    return spread.mean if spread else 0.0


def _pair(pairs: Sequence[PairRecord], one: ContestantRecord, other: ContestantRecord) -> PairRecord | None:
    return next((pair for pair in pairs if {pair.a, pair.b} == {one.name, other.name}), None)


def _dropout(entry: Entry) -> float:
    return entry.config.model.dropout


def _span(bucket: object) -> str:
    shortest, longest, unit = (getattr(bucket, name) for name in ("shortest", "longest", "unit"))
    return f"{shortest} to {longest} {unit}" if longest is not None else f"{shortest} {unit} and more"


def _joined(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _alike(values: "Iterator[object] | Sequence[object]") -> bool:
    first, *rest = list(values)
    return all(value == first for value in rest)
