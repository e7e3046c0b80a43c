"""What `window` says about text: scores of joined sentences by length, influence and attention by distance."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from polyglass.experiments.axes import spell
from polyglass.experiments.figures import Axis, Figure, LineChart, Point, Series, Table
from polyglass.experiments.intervals import mean_interval
from polyglass.experiments.outcome import Section
from polyglass.experiments.results import Results
from polyglass.experiments.window_trials import (
    ATTENTION,
    BLEU,
    CHRF,
    HALF,
    HIGH,
    INFLUENCE,
    LOW,
    NINE_TENTHS,
    TRANSLATION,
)

FARTHEST_SHOWN = 40
FAR = 16


@dataclass(frozen=True)
class Shown:
    """A model whose texts and reach are shown: part and case of its trials, and what people call it."""

    part: str
    case: str
    label: str


def mean_of(results: Results, one: Shown, what: str) -> float | None:
    """Return the mean over the seeds of a number that has no distance; None if it was not measured."""
    values: Mapping[float, list[float]] = results.values(one.part, one.case, what)
    return None if not values else mean_interval(next(iter(values.values())))[0]


class TextReport:
    """The parts of the page about real sentences. text: what they are, for people."""

    def __init__(self, results: Results, shown: Sequence[Shown], text: str) -> None:
        self._results, self._shown, self._text = results, shown, text

    def sections(self) -> tuple[Section, ...]:
        """Return both parts, or none while nothing was measured."""
        if not any(self._results.of(one.part, one.case) for one in self._shown):
            return ()
        return self._text_section(), self._reach_section()

    def _text_section(self) -> Section:
        charts: list[Figure] = [self._scores(CHRF), self._scores(BLEU)]
        words = f"Sentences ({self._text}), joined by one, two, three and four. "
        if self._results.of("text"):
            words += "Models that were trained here have seen all four lengths, as many words of each. "
        if self._results.of("model"):
            words += (
                "Your own model has seen what it was trained on: where that was short, long sentences are new to it. "
            )
        words += "Where memory is short, the score falls as the sentence grows."
        return Section("Real sentences, joined", (words,), tuple(charts))

    def _scores(self, name: str) -> LineChart:
        series, words = [], []
        for one in self._shown:
            points = []
            for x, ys in self._results.values(one.part, one.case, name).items():
                centre, low, high = mean_interval(ys, low=0.0, high=100.0)
                if low is None:  # one seed: the interval over sentences is what there is
                    low = next(iter(self._results.values(one.part, one.case, name + LOW).get(x, [])), None)
                    high = next(iter(self._results.values(one.part, one.case, name + HIGH).get(x, [])), None)
                points.append(Point(x, centre, low, high))
            series.append(Series(one.label, tuple(points)))
            if points:
                words.append(f"{one.label} {points[0].y:.1f} and {points[-1].y:.1f}")
        return LineChart(
            f"{name} against length",
            f"Single sentences and the longest: {'; '.join(words) or 'not measured yet'}.",
            Axis("words in the source, on average"),
            Axis(name, "score", low=0.0),
            tuple(series),
            interval="95 % interval, over seeds if there are several, else over sentences (bootstrap)",
        )

    def _reach_section(self) -> Section:
        charts: list[Figure] = [self._influence(INFLUENCE), self._influence(TRANSLATION), self._within()]
        looks = self._attention()
        return Section(
            "How far one word reaches",
            (
                "How much an output changes when one source word is changed a little, by the distance between them. "
                "In a recurrence the influence passes through every step between, and fades or grows with each; "
                "attention goes there in one step. That a model could look far does not mean that it does: most of "
                "what matters for a word stands near it.",
            ),
            (*charts, *([looks] if looks else [])),
        )

    def _influence(self, what: str) -> LineChart:
        series = []
        for one in self._shown:
            curve = self._results.values(one.part, one.case, what)
            points = [Point(x, mean_interval(ys)[0]) for x, ys in curve.items() if x <= FARTHEST_SHOWN and min(ys) > 0]
            series.append(Series(one.label, tuple(points)))
        ratios = []
        for line in series:
            known = {point.x: point.y for point in line.points}
            if {0, FAR} <= known.keys():
                ratios.append(f"{line.name} {spell(known[0] / known[FAR], 'number')}")
        return LineChart(
            what.capitalize(),
            f"How many times more influence a word at distance 0 has than one at distance {FAR}: "
            f"{', '.join(ratios) or 'not measured yet'}.",
            Axis("distance in tokens"),
            Axis("share of the influence that one word has", "share", "log"),
            tuple(series),
        )

    def _within(self) -> Table:
        rows: list[tuple[str | float | None, ...]] = []
        for one in self._shown:
            known = {measure.what for trial in self._results.of(one.part, one.case) for measure in trial.measures}
            names = [name.removesuffix(f", {HALF}") for name in sorted(known) if name.endswith(HALF)]
            for name in names:
                ends = [mean_of(self._results, one, f"{name}, {end}") for end in (HALF, NINE_TENTHS)]
                rows.append((one.label, name, *ends))
        return Table(
            "Within how many tokens half and nine tenths lie", ("model", "of what", HALF, NINE_TENTHS), tuple(rows)
        )

    def _attention(self) -> LineChart | None:
        found: list[tuple[str, str, tuple[Point, ...]]] = []
        for one in self._shown:
            known = {measure.what for trial in self._results.of(one.part, one.case) for measure in trial.measures}
            for name in sorted(name for name in known if name.startswith(ATTENTION) and "," not in name):
                curve = self._results.values(one.part, one.case, name)
                points = [Point(x, mean_interval(ys)[0]) for x, ys in curve.items() if x <= FARTHEST_SHOWN]
                found.append((one.label, name.removeprefix(ATTENTION), tuple(points)))
        if not found:
            return None
        is_one = len({label for label, _, _ in found}) == 1
        series = [Series(where if is_one else f"{label}, {where}", points) for label, where, points in found]
        far = {line.name: 1 - sum(point.y for point in line.points if point.x <= 8) for line in series}
        name, share = max(far.items(), key=lambda item: item[1])
        return LineChart(
            "Attention by distance",
            f"The mean of the heads of each layer. Most far-sighted: {name}, with {share:.0%} beyond 8 tokens.",
            Axis("distance in tokens"),
            Axis("share of the attention", "share", low=0.0),
            tuple(series),
        )
