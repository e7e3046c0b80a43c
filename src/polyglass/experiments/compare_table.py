"""Results in, the two tables of the page out: one row for each model, one row for each run."""

from collections.abc import Callable, Sequence
from statistics import fmean

from polyglass.experiments.compare_record import ContestantRecord, Results, RunRecord, Spread
from polyglass.training.markup import Html, tag
from polyglass.training.plan_view import milliseconds
from polyglass.training.wording import count, duration, large, size

COLOURS = 6  # of the charts
STATES = {
    "waiting": "not begun",
    "running": "trains now",
    "scoring": "is scored now",
    "stopped": "stopped, can go on",
    "done": "done",
    "diverged": "diverged",
    "failed": "failed",
}
Cell = tuple[str, Sequence[str]]
"""What a cell says, and what stands below it in small letters."""


def result_table(results: Results) -> Html:
    """Return a row for each contestant, in the order they were named."""
    columns = _columns(results)
    head = tag(
        "tr", tag("th", "Model", scope="col"), *(tag("th", name, scope="col", class_="number") for name in columns)
    )
    rows = []
    for place, one in enumerate(results.contestants):
        done, total = len(one.done), len(one.runs)
        title = tag(
            "th", tag("i", class_=f"s{place % COLOURS}"), one.name, tag("small", _seeds(done, total)), scope="row"
        )
        cells = [_cell(name, *measure(one)) for name, measure in columns.items()]
        rows.append(tag("tr", title, *cells))
    return tag("table", tag("thead", head), tag("tbody", *rows), class_="results")


def _columns(results: Results) -> dict[str, Callable[[ContestantRecord], Cell]]:
    return {
        "BLEU": lambda one: _score(one.score("bleu")),
        "chrF2": lambda one: _score(one.score("chrf")),
        "Validation loss": _loss,
        "Parameters": lambda one: (large(one.parameters), ()),
        "Trained": _trained,
        "Tokens/s": lambda one: _mean(one, lambda run: run.tokens_per_second, count),
        "One sentence": _latency,
        "Sentences/s": lambda one: _mean(one, lambda run: run.sentences_per_second, lambda value: f"{value:,.1f}"),
        "Memory": _memory,
    }


def _seeds(done: int, total: int) -> str:
    return f"{done} of {total} seeds" if total > 1 else ("one seed" if done else "not done")


def _cell(name: str, words: str, below: Sequence[str]) -> Html:
    inner = tag("span", words, *(tag("small", line) for line in below))
    return tag("td", inner, class_="number", data_label=name)


def _score(spread: Spread | None) -> Cell:
    if spread is None:
        return "-", ()
    below = [f"{spread.low:.1f} to {spread.high:.1f}"]
    if len(spread.seeds) > 1:
        below.append(f"seeds {spread.smallest:.1f} to {spread.largest:.1f}")
    return f"{spread.mean:.1f}", below


def _loss(one: ContestantRecord) -> Cell:
    """Return the lowest validation loss of each seed, as a mean."""
    losses = [min(at.loss for at in run.validation) for run in one.done if run.validation]
    return (f"{fmean(losses):.3f}", ()) if losses else ("-", ())


def _trained(one: ContestantRecord) -> Cell:
    runs = [run for run in one.done if run.train_seconds]
    if not runs:
        return "-", (f"{count(one.steps)} steps planned",)
    tokens = fmean(run.target_tokens for run in runs)
    return duration(fmean(run.train_seconds for run in runs)), (f"{count(one.steps)} steps", f"{large(tokens)} tokens")


def _latency(one: ContestantRecord) -> Cell:
    medians = [run.latency_median_ms for run in one.done if run.latency_median_ms is not None]
    slow = [run.latency_p95_ms for run in one.done if run.latency_p95_ms is not None]
    if not medians or not slow:
        return "-", ()
    return milliseconds(fmean(medians)), (f"95 %: {milliseconds(fmean(slow))}",)


def _memory(one: ContestantRecord) -> Cell:
    peaks = [run.memory_peak for run in one.done if run.memory_peak is not None]
    before = [run.memory_before for run in one.done if run.memory_before is not None]
    if not peaks:
        return "-", ()
    return size(fmean(peaks)), ((f"{size(fmean(before))} at the start",) if before else ())


def _mean(one: ContestantRecord, measure: Callable[[RunRecord], float | None], words: Callable[[float], str]) -> Cell:
    values = [value for run in one.done if (value := measure(run)) is not None]
    return (words(fmean(values)), ()) if values else ("-", ())


def run_table(results: Results) -> Html:
    """Return a row for each run, failed ones too."""
    names = ("State", "BLEU", "chrF2", "Steps", "Best at", "Trained", "Folder")
    head = tag("tr", tag("th", "Run", scope="col"), *(tag("th", name, scope="col") for name in names))
    rows = [tag("tr", *_run_cells(one, run)) for one in results.contestants for run in one.runs]
    return tag("table", tag("thead", head), tag("tbody", *rows), class_="results runs")


def _run_cells(one: ContestantRecord, run: RunRecord) -> list[Html]:
    scores = {metric.name: f"{metric.value:.1f}" for metric in run.scores}
    lost = "state lost" if run.state in ("diverged", "failed") else "state"
    trouble = [tag("small", run.trouble)] if run.trouble else []
    state = tag("td", tag("span", tag("span", STATES[run.state], class_=lost), *trouble), data_label="State")
    cells = {
        "BLEU": scores.get("bleu", "-"),
        "chrF2": scores.get("chrf", "-"),
        "Steps": f"{count(run.steps)} of {count(run.planned_steps)}",
        "Best at": count(run.best_step) if run.best_step else "-",
        "Trained": duration(run.train_seconds) if run.steps else "-",
        "Folder": run.folder,
    }
    title = tag("th", f"{one.name}, seed {run.seed}", scope="row")
    return [title, state, *(tag("td", tag("span", words), data_label=name) for name, words in cells.items())]
