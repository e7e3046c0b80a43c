"""The finished trials of `ablation` in; findings, tables, charts and words of its page out."""

from collections.abc import Iterator, Mapping, Sequence
from math import exp, expm1
from statistics import mean

from polyglass.experiments import ablation_rows as rows
from polyglass.experiments.ablation_root import Sharpness
from polyglass.experiments.ablation_root_report import RootReport, measured_sharpness
from polyglass.experiments.ablation_rows import Row
from polyglass.experiments.ablation_table import Found, Table, paper_change
from polyglass.experiments.ablation_trials import LOSS, ROW, SEEN_LOSS
from polyglass.experiments.ablation_verdict import judge
from polyglass.experiments.figures import Axis, Figure, LineChart, Point, Series
from polyglass.experiments.figures import Table as Figures
from polyglass.experiments.intervals import mean_interval
from polyglass.experiments.outcome import Finding, Section
from polyglass.experiments.results import Finished, Results
from polyglass.experiments.short_text import SMALL
from polyglass.experiments.window_trials import BLEU, PARAMETERS

SEEDS = "95 % interval of the mean over the seeds (Student's t)"
GROUPS = {
    "A": "heads, at the same cost",
    "B": "width of queries and keys",
    "C": "size",
    "D": "dropout and label smoothing",
    "E": "positions",
    "root": "the root in the scores",
}
LINES: Sequence[tuple[str, str, Sequence[tuple[float, float, Row]]]] = (
    (
        "A: heads",
        "heads, as multiples of the base's",
        (
            (1 / 4, 1 / 8, rows.ONE_HEAD),
            (1 / 2, 1 / 2, rows.FEW_HEADS),
            (1, 1, rows.BASE),
            (2, 2, rows.MORE_HEADS),
            (4, 4, rows.MANY_HEADS),
        ),
    ),
    (
        "B: width of keys",
        "d_k, as multiples of the base's",
        ((1 / 4, 1 / 4, rows.QUARTER_KEYS), (1 / 2, 1 / 2, rows.HALF_KEYS), (1, 1, rows.BASE)),
    ),
    (
        "C: layers",
        "layers, as multiples of the base's",
        ((1 / 2, 1 / 3, rows.FEW_LAYERS), (1, 1, rows.BASE), (3 / 2, 4 / 3, rows.MORE_LAYERS)),
    ),
    (
        "C: width",
        "d_model, as multiples of the base's",
        ((1 / 2, 1 / 2, rows.NARROW), (1, 1, rows.BASE), (2, 2, rows.WIDE)),
    ),
    (
        "C: feed-forward width",
        "d_ff, as multiples of the base's",
        ((1 / 2, 1 / 2, rows.SMALL_INNER), (1, 1, rows.BASE), (2, 2, rows.LARGE_INNER)),
    ),
    (
        "D: dropout",
        "share that is silenced",
        ((0, 0, rows.NO_DROPOUT), (0.1, 0.1, rows.BASE), (0.2, 0.2, rows.MORE_DROPOUT)),
    ),
    (
        "D: label smoothing",
        "probability that is spread over all words",
        ((0, 0, rows.NO_SMOOTHING), (0.1, 0.1, rows.BASE), (0.2, 0.2, rows.MORE_SMOOTHING)),
    ),
)
"""Title, axis, and for each point of the line: where it is here, where it is in the paper, the row."""

PAPERS = tuple((row, row.paper) for row in rows.ROWS if row.paper is not None and row is not rows.BASE)


class Report:
    """Everything that the page of `ablation` says."""

    def __init__(self, results: Results, text: str, steps: int) -> None:
        self._results, self._text, self._steps = results, text, steps
        self._table = Table({row.name: found for row in rows.ROWS if (found := self._of(row)) is not None})

    def _of(self, row: Row) -> Found | None:
        trials = [trial for trial in self._results.of(ROW, row.name) if trial.measures]
        if not trials:
            return None
        return Found(
            _by_seed(trials, LOSS),
            _by_seed(trials, SEEN_LOSS),
            _by_seed(trials, BLEU),
            round(_by_seed(trials, PARAMETERS)[trials[0].repeat]),
        )

    def findings(self) -> tuple[Finding, ...]:
        """Return the verdicts."""
        width = int(str(SMALL["model.d_model"]))
        found: tuple[Sharpness, Sharpness] | None = measured_sharpness(self._results, width)
        return judge(self._table, found)

    def sections(self) -> tuple[Section, ...]:
        """Return the parts of the page that have something to show."""
        words = (
            f"A small Transformer on {self._text}: an eighth of the paper's base in width, half of its heads, a third "
            "of its layers. Each row changes one thing, by the same factor as in the paper where that can be. The "
            "paper's numbers are of English-German news (newstest2013), so perplexities cannot be laid side by side, "
            "but changes against the base can: in per cent of perplexity, and in points of BLEU.",
        )
        root = RootReport(self._results, self._table)
        charts: list[Figure] = [chart for chart in map(self._line, LINES) if chart is not None]
        return (
            Section("Table 3, here and in the paper", words, (self._perplexities(), self._scores(), self._measured())),
            Section("The same as lines", ("Below zero is better than the base.",), tuple(charts)),
            *root.sections(),
        )

    def method(self) -> tuple[str, ...]:
        """Return how it was measured, in words."""
        return (
            f"Every row is trained for {self._steps:,} updates with the same data, learning rate and, for a seed, the "
            "same order of batches; nothing was tuned for any row. Norms come before the sub-layers here, since the "
            "paper's order wants a longer warm-up than such a training has. Rows are compared "
            "with the base of the same seed.",
            "Perplexity is per subword on held-out pairs and is measured without label smoothing and without dropout, "
            "also for models that were trained with them. Translations are greedy; BLEU is sacreBLEU's.",
            "Row B has the base's heads, of which queries and keys are cut to a quarter and a half of d_k; values "
            "stay. Rows of W^Q and W^K that are cut do not learn and are not counted as parameters. Models without the "
            "root have W^Q multiplied by the root of d_k, which takes it out of the scores and of their gradients.",
            "The paper has 4 of 6 layers, too; between 1 and 2 there is nothing, so this row is left out. Its rows of "
            "d_k and d_v (C), and the model called big, are left out for time.",
        )

    def _perplexities(self) -> Figures:
        cells: list[tuple[str | float | None, ...]] = []
        for row, paper in PAPERS:
            here = _with_interval(self._table.changes(row), share=True)
            theirs = f"{expm1(paper_change(paper)):+.1%}"
            cells.append((f"({row.group}) {row.label}", here, theirs, self._table.agrees(row), paper.words))
        names = ("row", "here", "in the paper", "same direction", "the paper's row")
        return Figures("Perplexity against the base", names, tuple(cells))

    def _scores(self) -> Figures:
        cells: list[tuple[str | float | None, ...]] = []
        for row, paper in PAPERS:
            here = _with_interval(self._table.bleu_changes(row), share=False)
            cells.append((f"({row.group}) {row.label}", here, f"{paper.bleu - rows.PAPER_BASE.bleu:+.1f}"))
        return Figures("BLEU against the base", ("row", "here", "in the paper"), tuple(cells))

    def _measured(self) -> Figures:
        cells: list[tuple[str | float | None, ...]] = []
        for row in rows.ROWS:
            found = self._table.found.get(row.name)
            name = row.label if row.group in ("base", "root") else f"({row.group}) {row.label}"
            if found is None:
                cells.append((name, None, None, None, None, None))
                continue
            perplexity, seen = (exp(mean(losses.values())) for losses in (found.losses, found.seen))
            bleu = mean(found.bleu.values())
            cells.append((name, found.parameters, f"{perplexity:.2f}", f"{seen:.2f}", f"{bleu:.1f}", len(found.losses)))
        names = ("row", "parameters", "perplexity", "of training pairs", "BLEU", "seeds")
        return Figures("What was measured", names, tuple(cells))

    def _line(self, line: tuple[str, str, Sequence[tuple[float, float, Row]]]) -> LineChart | None:
        title, axis, points = line
        here: list[Point] = []
        paper: list[Point] = []
        words: list[str] = []
        their_words: list[str] = []
        for x, paper_x, row in points:
            changes = [0.0] if row is rows.BASE else self._table.changes(row)
            assert row.paper is not None
            paper.append(Point(paper_x, expm1(paper_change(row.paper))))
            if changes:
                here.append(_share_point(x, changes))
            if changes and row is not rows.BASE:
                words.append(f"{row.label} {here[-1].y:+.1%}")
                their_words.append(f"{row.paper.words} {paper[-1].y:+.1%}")
        if not words:
            return None
        is_share = "multiples" not in axis
        xs = tuple(sorted({*(point.x for point in here), *(point.x for point in paper)}))
        return LineChart(
            title,
            f"Here: {', '.join(words)}. In the paper: {', '.join(their_words)}.",
            Axis(axis, scale="linear" if is_share else "log", ticks=xs),
            Axis("perplexity against the base", "share"),
            (Series("here", tuple(here)), Series("the paper", tuple(paper))),
            interval=SEEDS if any(point.low is not None for point in here) else "",
        )


def _share_point(x: float, changes: Sequence[float]) -> Point:
    centre, low, high = mean_interval(changes)
    return Point(x, expm1(centre), None if low is None else expm1(low), None if high is None else expm1(high))


def _with_interval(values: Sequence[float], *, share: bool) -> str | None:
    """Write a change with its interval."""
    if not values:
        return None
    centre, low, high = mean_interval(values)
    if not share:
        return f"{centre:+.1f}" if low is None or high is None else f"{centre:+.1f} ({low:+.1f} to {high:+.1f})"
    written = f"{expm1(centre):+.1%}"
    return written if low is None or high is None else f"{written} ({expm1(low):+.1%} to {expm1(high):+.1%})"


def _by_seed(trials: Sequence[Finished], what: str) -> Mapping[int, float]:
    return dict(_pairs(trials, what))


def _pairs(trials: Sequence[Finished], what: str) -> Iterator[tuple[int, float]]:
    for trial in trials:
        for measure in trial.measures:
            if measure.what == what:
                yield trial.repeat, measure.y
