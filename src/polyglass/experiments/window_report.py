"""The finished trials of `window` in; findings, charts and words of its page out."""

from collections.abc import Iterator, Sequence
from statistics import median

from polyglass.experiments.families import Family
from polyglass.experiments.figures import Axis, Bar, BarChart, LineChart, Mark, Point, Series, Table
from polyglass.experiments.intervals import mean_interval
from polyglass.experiments.outcome import Finding, Section
from polyglass.experiments.results import Results
from polyglass.experiments.window_tasks import CHANCE, Task
from polyglass.experiments.window_text_report import Shown, TextReport, mean_of
from polyglass.experiments.window_trials import (
    ACCURACY,
    PARAMETERS,
    SECONDS,
    STEPS,
)
from polyglass.experiments.window_verdict import HALFWAY, Recalled, judge, spell_half_life

SEEDS = "95 % interval of the mean over the seeds (Student's t)"


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
        found += TextReport(self._results, self._shown, self._text).sections()
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

    def _cost(self) -> Table:
        rows: list[tuple[str | float | None, ...]] = []
        for part in (*(task.name for task in self._tasks), "text"):
            for family in self._families:
                one = Shown(part, family.name, family.label)
                if self._results.of(part, family.name):
                    figures = (mean_of(self._results, one, what) for what in (PARAMETERS, STEPS, SECONDS))
                    rows.append((part, family.label, *figures))
        return Table("Trainings", ("task", "model", PARAMETERS, STEPS, SECONDS), tuple(rows))
