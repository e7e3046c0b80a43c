"""Heads of one model switched off: the measured figures in, heat tables, curves and words out."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import expm1

from polyglass.experiments.figures import Axis, HeatTable, LineChart, Point, Series, Table
from polyglass.experiments.heads_off import KINDS, Attention, Head, heads_of
from polyglass.experiments.heads_trials import LEAST_FIRST, LOST, MOST_FIRST, RANDOM, RISE, TOGETHER, WHOLE
from polyglass.experiments.outcome import Section
from polyglass.experiments.results import Results

MOST_LISTED = 10


@dataclass(frozen=True)
class Shown:
    """A model whose heads are switched off: the part of its trials, what people call it, its attentions."""

    part: str
    label: str
    attentions: tuple[Attention, ...]


class OffReport:
    """What the page says about the heads of one model."""

    def __init__(self, results: Results, shown: Shown) -> None:
        self._results, self._shown = results, shown

    def rises(self) -> Sequence[float]:
        """Return the rise of the loss without each head, or nothing while one is missing."""
        found = self._of_heads(RISE)
        return list(found.values()) if len(found) == len(heads_of(self._shown.attentions)) else ()

    def _of_heads(self, what: str) -> dict[Head, float]:
        """Return the figure of each head that is measured."""
        found = {}
        for trial in self._results.of(self._shown.part):
            known = {(measure.what, round(measure.x)): measure.y for measure in trial.measures}
            for head in heads_of(self._shown.attentions):
                value = known.get((what + head.attention.name, head.number))
                if value is not None:
                    found[head] = value
        return found

    def sections(self) -> Iterator[Section]:
        """Return what is measured of it."""
        rises, lost = self._of_heads(RISE), self._of_heads(LOST)
        if rises:
            whole = self._whole()
            words = (
                f"Each cell is one head that is switched off, alone. BLEU of the whole model is {whole:.1f} on the "
                "sentences that are translated; a cell says how many points of it are lost, and how much held-out "
                "perplexity rises. Below zero the model does better without the head. BLEU of a hundred sentences "
                "moves by some tenths for little reason; perplexity is the finer measure.",
            )
            heats = [
                heat
                for kind in KINDS
                for heat in (_heat(self._shown, kind, lost, LOST), _heat(self._shown, kind, rises, RISE))
            ]
            yield Section(f"One head off: {self._shown.label}", words, (*heats, _listed(rises, lost)))
        if self._results.values(self._shown.part, TOGETHER, LEAST_FIRST):
            words = (
                "More and more heads switched off at the same time, in three orders. The order comes from the "
                "perplexity of other sentences than those that are translated here.",
            )
            yield Section(f"Many heads off: {self._shown.label}", words, (self._together(), self._together_table()))

    def _whole(self) -> float:
        trials = self._results.of(self._shown.part)
        return next(measure.y for trial in trials for measure in trial.measures if measure.what == LOST + WHOLE)

    def _together(self) -> LineChart:
        series = []
        for what in (LEAST_FIRST, RANDOM, MOST_FIRST):
            points = [Point(x, ys[0]) for x, ys in self._results.values(self._shown.part, TOGETHER, what).items()]
            series.append(Series(what.removeprefix("off, "), tuple(points)))
        return LineChart(
            "BLEU with heads off",
            f"{series[0].points[0].y:.1f} with all heads. At least nine tenths of that are left with: {_kept(series)}.",
            Axis("share of all heads that are off", "share"),
            Axis("BLEU", "score", low=0.0),
            tuple(series),
        )

    def _together_table(self) -> Table:
        known = [self._results.values(self._shown.part, TOGETHER, what) for what in (LEAST_FIRST, RANDOM, MOST_FIRST)]
        rows = tuple((f"{x:.0%}", *(f"{some[x][0]:.1f}" for some in known)) for x in known[0])
        return Table("The same in numbers", ("heads off", "least first", "random", "most first"), rows)


def _kept(series: Sequence[Series]) -> str:
    """Say for each order how many heads can go while BLEU stays above nine tenths."""
    words = []
    for line in series:
        enough = 0.9 * line.points[0].y
        kept = 0.0
        for point in line.points:
            if point.y < enough:
                break
            kept = point.x
        words.append(f"{line.name} {kept:.0%} off")
    return ", ".join(words)


def _heat(one: Shown, kind: str, values: Mapping[Head, float], what: str) -> HeatTable:
    some = [attention for attention in one.attentions if attention.kind == kind]
    width = max((attention.heads for attention in some), default=0)
    table = [[values.get(Head(attention, number)) for number in range(1, width + 1)] for attention in some]
    is_rise = what == RISE
    # What is printed as 0.0% is to be shaded as such, too.
    cells = [
        [None if value is None else round(expm1(value) if is_rise else value, 3) for value in row] for row in table
    ]
    known = [(value, y, x) for y, row in enumerate(cells) for x, value in enumerate(row) if value is not None]
    value, y, x = max(known, default=(0.0, 0, 0))
    size = f"{value:.1%}" if is_rise else f"{value:.1f} BLEU"
    return HeatTable(
        f"{kind.capitalize()}: {'rise of perplexity' if is_rise else 'BLEU lost'}",
        f"Head {x + 1} of layer {y + 1} matters most: {size}." if known else "Not measured yet.",
        "layer",
        tuple(f"{attention.layer}" for attention in some),
        tuple(f"head {number}" for number in range(1, width + 1)),
        tuple(tuple(row) for row in cells),
        "share" if is_rise else "score",
    )


def _listed(rises: Mapping[Head, float], lost: Mapping[Head, float]) -> Table:
    """Return the heads that matter most."""
    ordered = sorted(rises, key=lambda head: rises[head], reverse=True)[:MOST_LISTED]
    rows = tuple(
        (
            f"{head.attention.name}, head {head.number}",
            f"{expm1(rises[head]):+.1%}",
            f"{0.0 - round(lost.get(head, 0.0), 1):+.1f}",
        )
        for head in ordered
    )
    return Table("The heads that matter most", ("head", "perplexity without it", "BLEU without it"), rows)
