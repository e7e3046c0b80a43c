"""The finished trials of `window` in; findings, charts and words of its page out."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from polyglass.experiments.axes import spell
from polyglass.experiments.families import Family
from polyglass.experiments.figures import Axis, Bar, BarChart, Figure, LineChart, Mark, Point, Series, Table
from polyglass.experiments.intervals import mean_interval
from polyglass.experiments.outcome import Finding, Section
from polyglass.experiments.results import Results
from polyglass.experiments.window_tasks import CHANCE, Task
from polyglass.experiments.window_trials import (
    ACCURACY,
    ATTENTION,
    BLEU,
    CHRF,
    HALF,
    HIGH,
    INFLUENCE,
    LOW,
    NINE_TENTHS,
    PARAMETERS,
    SECONDS,
    STEPS,
    TRANSLATION,
)
from polyglass.experiments.window_verdict import HALFWAY, Recalled, judge, spell_half_life

SEEDS = "95 % interval of the mean over the seeds (Student's t)"
FARTHEST_SHOWN = 40
FAR = 16


@dataclass(frozen=True)
class Shown:
    """A model whose texts and reach are shown: part and case of its trials, and what people call it."""

    part: str
    case: str
    label: str


class Report:
    """Everything that the page of `window` says."""

    def __init__(
        self, results: Results, tasks: tuple[Task, Task], families: Sequence[Family], shown: Sequence[Shown], text: str
    ) -> None:
        self._results, self._tasks, self._families, self._shown, self._text = results, tasks, families, shown, text
        self._recalled = [one for task in tasks for one in self._of(task)]

    def _of(self, task: Task) -> Iterator[Recalled]:
        for family in self._families:
            curve = self._results.values(task.name, family.name, ACCURACY)
            if curve:
                yield Recalled(task, family, curve)

    def findings(self) -> tuple[Finding, ...]:
        """Return the verdicts."""
        return judge(self._recalled)

    def sections(self) -> tuple[Section, ...]:
        """Return the parts of the page that have something to show."""
        copy, recall = self._tasks
        found = [
            Section(
                "A sequence to say again",
                (
                    "The source is a sequence of random letters, the target the same sequence: between a letter and "
                    "its copy lie as many words as the sequence has, and all of them must be kept. This asks how much "
                    "a model can hold, and is what a translator without attention has to do.",
                ),
                (self._accuracy(copy, "words in the sequence"), self._half_lives(copy)),
            ),
            Section(
                "A word to carry",
                (
                    "One letter stands among digits, and the target is the letter. Recurrent models read from left to "
                    "right here, so that the letter must be carried through every step to the end. This asks how long "
                    "a model can hold a little.",
                ),
                (self._accuracy(recall, "digits between the letter and the end"), self._half_lives(recall)),
            ),
        ]
        if any(self._results.of(one.part, one.case) for one in self._shown):
            found.append(self._text_section())
            found.append(self._reach_section())
        found.append(Section("What it cost", (), (self._cost(),)))
        return tuple(found)

    def method(self) -> tuple[str, ...]:
        """Return how it was measured, in words."""
        copy, recall = self._tasks
        return (
            "Each model is small and is trained with the library's own loop: copying with sequences of 1 to "
            f"{copy.longest} letters, recall with 0 to {recall.longest} digits after the letter. The dotted line marks "
            "the longest in training; what is right of it, no model has seen. Accuracy is the share of letters "
            f"that are named rightly when the letters before are given; guessing gives {CHANCE:.1%}. The test "
            "sequences are the same for all models. A training ends early when the model makes no mistakes any more.",
            "The encoders of recurrent models read in both directions, half of the width each, except in the recall "
            "task. All models of a task have vectors of the same width; the table has their parameters.",
            "Influence of a source word is the norm of the derivative of an output with respect to the word's vector, "
            "as a share of all words of the sentence; for the encoder it is estimated along a random direction for "
            "each of its vectors. Distances are in subword tokens; for a translation they are counted from the place "
            "in the source that lies as far along as the target word.",
        )

    def _accuracy(self, task: Task, across: str) -> LineChart:
        series = []
        for family in self._families:
            curve = self._results.values(task.name, family.name, ACCURACY)
            points = [Point(x, *mean_interval(ys, low=0.0, high=1.0)) for x, ys in curve.items()]
            series.append(Series(family.label, tuple(points)))
        known = {one.family.name: one for one in self._recalled if one.task == task}
        words = ", ".join(f"{one.family.label} {one.mean(task.longest):.0%}" for one in known.values())
        far = ", ".join(f"{one.family.label} {one.mean(max(task.tested)):.0%}" for one in known.values())
        return LineChart(
            f"{task.name.capitalize()}: accuracy against distance",
            f"Right at {task.longest}, the longest in training: {words or 'not measured yet'}. "
            f"At {max(task.tested)}: {far or 'not measured yet'}.",
            Axis(across, scale="log", ticks=tuple(map(float, task.tested))),
            Axis("share of letters named rightly", "share", low=0.0, high=1.0),
            tuple(series),
            (Mark(task.longest, "longest in training"),),
            SEEDS if self._results.repeats(task.name) > 1 else "",
        )

    def _half_lives(self, task: Task) -> BarChart:
        bars, words = [], []
        most = float(max(task.tested))
        for family in self._families:
            found = [one for one in self._recalled if one.task == task and one.family == family]
            if not found:
                bars.append(Bar(family.label, None))
                continue
            lives = [min(most, life) for life in found[0].half_lives]
            several = len(lives) > 1
            middle = median(lives)
            bars.append(Bar(family.label, middle, min(lives) if several else None, max(lives) if several else None))
            words.append(f"{family.label} {spell_half_life(found[0])}")
        return BarChart(
            f"{task.name.capitalize()}: half-life",
            f"Where accuracy has fallen halfway to chance ({HALFWAY:.0%}): {', '.join(words) or 'not measured yet'}. "
            f"A full bar of {most:.0f} means: nowhere within what was tested.",
            Axis("words, median of the seeds", low=0.0, high=most),
            tuple(bars),
            "from the smallest to the largest seed",
        )

    def _text_section(self) -> Section:
        charts: list[Figure] = [self._scores(CHRF), self._scores(BLEU)]
        own = "; your own model has seen what it was trained on" if self._shown[0].part == "model" else ""
        return Section(
            "Real sentences, joined",
            (
                f"Sentences of a corpus ({self._text}), joined by one, two, three and four. Models that were trained "
                f"here have seen all four lengths, as many words of each{own}. Where memory is short, the score falls "
                "as the sentence grows.",
            ),
            tuple(charts),
        )

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
            f"How many times the influence of a word at distance {FAR} goes into that of one at distance 0: "
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
                ends = [self._mean(one, f"{name}, {end}") for end in (HALF, NINE_TENTHS)]
                rows.append((one.label, name, *ends))
        return Table(
            "Within how many tokens half and nine tenths lie", ("model", "of what", HALF, NINE_TENTHS), tuple(rows)
        )

    def _attention(self) -> LineChart | None:
        series = []
        for one in self._shown:
            known = {measure.what for trial in self._results.of(one.part, one.case) for measure in trial.measures}
            for name in sorted(name for name in known if name.startswith(ATTENTION) and "," not in name):
                curve = self._results.values(one.part, one.case, name)
                points = [Point(x, mean_interval(ys)[0]) for x, ys in curve.items() if x <= FARTHEST_SHOWN]
                series.append(Series(f"{one.label}, {name.removeprefix(ATTENTION)}", tuple(points)))
        if not series:
            return None
        far = {line.name: 1 - sum(point.y for point in line.points if point.x <= 8) for line in series}
        name, share = max(far.items(), key=lambda item: item[1])
        return LineChart(
            "Attention by distance",
            f"The mean of the heads of each layer. Most far-sighted: {name}, with {share:.0%} beyond 8 tokens.",
            Axis("distance in tokens"),
            Axis("share of the attention", "share", low=0.0),
            tuple(series),
        )

    def _cost(self) -> Table:
        rows: list[tuple[str | float | None, ...]] = []
        for part in (*(task.name for task in self._tasks), "text"):
            for family in self._families:
                one = Shown(part, family.name, family.label)
                if self._results.of(part, family.name):
                    rows.append((part, family.label, *(self._mean(one, what) for what in (PARAMETERS, STEPS, SECONDS))))
        return Table("Trainings", ("task", "model", PARAMETERS, STEPS, SECONDS), tuple(rows))

    def _mean(self, one: Shown, what: str) -> float | None:
        values: Mapping[float, list[float]] = self._results.values(one.part, one.case, what)
        return None if not values else mean_interval(next(iter(values.values())))[0]
