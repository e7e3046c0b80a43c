"""The finished cells of `speed` in; findings, charts and words of its page out."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from polyglass.config import TransformerConfig
from polyglass.experiments.axes import spell
from polyglass.experiments.families import Family
from polyglass.experiments.figures import Axis, Bar, BarChart, Figure, LineChart, Point, Series, Table
from polyglass.experiments.flops import Shape, attention_flops, forward_flops
from polyglass.experiments.intervals import growth, median_interval
from polyglass.experiments.outcome import Finding, Section
from polyglass.experiments.results import Results
from polyglass.experiments.speed_cells import LOAD, Model
from polyglass.experiments.speed_verdict import Gain, Place, judge_sequential, judge_slow
from polyglass.experiments.timing import Quiet, how_quiet

MEDIAN = "95 % interval of the median (order statistics; all values where there are fewer than six)"
TIMED = ("train parameters", "train operations", "decode", "batch", "threads", "attention")
FIT_FROM = 3  # the exponent of attention is fitted to the longest three lengths, where nothing else counts

Cells = dict[float, list[float]]


@dataclass(frozen=True)
class Plan:
    """What was to be measured. devices: name -> in words. parameters, operations: the models that are equal in it."""

    families: Sequence[Family]
    devices: Mapping[str, str]
    parameters: Sequence[Model]
    operations: Sequence[Model]
    threads: int


class Report:
    """Everything that the page of `speed` says."""

    def __init__(self, results: Results, plan: Plan) -> None:
        self._results, self._plan = results, plan
        self._quiet = self._how_quiet()

    def findings(self) -> tuple[Finding, ...]:
        """Return the verdicts; on a busy machine each says so."""
        steps = {family.name: self._steps(family.name) for family in self._plan.families}
        found = judge_slow(list(self._places())), judge_sequential(steps, list(self._gains()), self._plan.families)
        if not self._quiet.is_busy:
            return found
        return tuple(replace(one, words=f"{one.words} {self._quiet.warning()}") for one in found)

    def sections(self) -> tuple[Section, ...]:
        """Return the parts of the page."""
        found = [self._training(), self._sequential(), self._writing(), self._attention(), self._batches()]
        return (*found, Section("The models", (), (self._sizes(),)))

    def method(self) -> tuple[str, ...]:
        """Return how it was measured, in words."""
        return (
            "A cell is one model at one length or batch size. Each is warmed up once and then timed in turns with the "
            "others (A B C A B C ...), so that whatever slows the machine slows all alike; the whole is repeated, and "
            f"the median counts. {self._quiet.words()}",
            "Training is a whole update of the library's own loop: forward, backward, optimizer, on random tokens, "
            "source and target equally long, and about as many target tokens in each update whatever the length. "
            "Writing is greedy search, one step for each word, with what earlier steps computed kept. Output words are "
            "given in advance, so that no model ends early.",
            "Equal parameters: the width of each recurrent model is chosen so that it has as many parameters as the "
            "Transformer. Equal operations: so that a forward pass needs as many multiplications for each token, at 64 "
            "tokens. Operations are counted by formula.",
            f"Devices: {', '.join(self._plan.devices.values())}.{self._no_gpu()}",
        )

    def _no_gpu(self) -> str:
        return "" if any(name.startswith("cuda") for name in self._plan.devices) else " There is no GPU here."

    def _training(self) -> Section:
        charts: list[Figure] = []
        for device in self._plan.devices:
            for equal in ("parameters", "operations"):
                charts.append(self._speed(f"train {equal}", device, f"Training at equal {equal}"))
        return Section(
            "Training",
            (
                "A Transformer reads all words of a batch at once, a recurrent model one after another. On a GPU, with "
                "room for thousands of products at a time, the recurrent model waits. A CPU with a few cores is busy "
                "with one word of a small model already: there is little to win by reading all at once, while "
                "attention has more to compute the longer the sequence is." + self._no_gpu(),
            ),
            tuple(charts),
        )

    def _writing(self) -> Section:
        charts = [self._speed("decode", device, "Writing a translation") for device in self._plan.devices]
        return Section(
            "Writing",
            (
                "When a translation is written, every model goes word by word: a Transformer, too, must know its last "
                "word before the next. A recurrent step costs the same at every length; a step with attention looks at "
                "all words so far, and costs more with each.",
            ),
            tuple(charts),
        )

    def _batches(self) -> Section:
        charts = [
            self._speed("batch", device, "Training by batch size", across="sequences in a batch")
            for device in self._plan.devices
        ]
        return Section(
            "Many sentences at once",
            (
                "Sentences of a batch are read side by side by every kind of model: this is where recurrent models get "
                "their parallel work from.",
            ),
            tuple(charts),
        )

    def _speed(
        self, part: str, device: str, title: str, *, across: str = "tokens in source and target each"
    ) -> LineChart:
        series, words = [], []
        for family in self._plan.families:
            cells = self._cells(part, device, family.name)
            points = tuple(Point(x, *median_interval(ys)) for x, ys in cells.items())
            series.append(Series(family.label, points))
            if points:
                ends = [spell(point.y, "number") for point in (points[0], points[-1])]
                words.append(f"{family.label} {ends[0]} and {ends[-1]}")
        xs = sorted({point.x for line in series for point in line.points})
        span = f"at {xs[0]:,.0f} and at {xs[-1]:,.0f}" if xs else ""
        return LineChart(
            f"{title} ({self._plan.devices[device]})",
            f"Target tokens a second {span}: {'; '.join(words) or 'not measured yet'}.",
            Axis(across, scale="log", ticks=tuple(xs)),
            Axis("target tokens a second", scale="log"),
            tuple(series),
            interval=MEDIAN,
        )

    def _sequential(self) -> Section:
        series, words = [], []
        for family in self._plan.families:
            steps = self._steps(family.name)
            series.append(Series(family.label, tuple(Point(x, y) for x, y in steps.items())))
            if len(steps) > 1:
                words.append(f"{family.label} {growth(list(steps), list(steps.values())):.2f}")
        xs = sorted({point.x for line in series for point in line.points})
        counted = LineChart(
            "Matrix products one after another, in one forward pass",
            f"They grow with the length to the power of: {', '.join(words) or 'not measured yet'}.",
            Axis("tokens in source and target each", scale="log", ticks=tuple(xs)),
            Axis("matrix products, counted by the profiler", scale="log"),
            tuple(series),
        )
        return Section(
            "One after another",
            (
                "How many matrix products must wait for the one before. A recurrence has some for each word, a "
                "Transformer has the same few whatever the length: each is larger, and parallel hardware computes its "
                "parts at the same time. A fused LSTM kernel has the same loop inside, and is switched off for the "
                "count.",
            ),
            (counted, *map(self._gain_chart, self._gains())),
        )

    def _gain_chart(self, gain: Gain) -> BarChart:
        bars = []
        for family in self._plan.families:
            if family.name in gain.slow and family.name in gain.fast:
                bars.append(Bar(family.label, gain.times(family.name), *gain.ends(family.name)))
        words = ", ".join(f"{bar.name} {bar.value:.2f}" for bar in bars if bar.value is not None)
        return BarChart(
            "What parallel hardware wins",
            f"{gain.words}, how many times faster is training? {words}.",
            Axis("times faster", low=0.0),
            tuple(bars),
            "as far as both medians can be apart (95 %)",
        )

    def _attention(self) -> Section:
        figures: list[Figure] = []
        for device in self._plan.devices:
            cells = self._cells("attention", device, "attention")
            points = tuple(Point(x, *median_interval(ys)) for x, ys in cells.items())
            fitted = points[-FIT_FROM:]
            exponent = growth([p.x for p in fitted], [p.y for p in fitted]) if len(fitted) > 1 else None
            words = "Not measured yet."
            if exponent is not None:
                words = (
                    f"From {fitted[0].x:,.0f} to {fitted[-1].x:,.0f} tokens the time grows with the length to the "
                    f"power of {exponent:.2f}; the number of products grows with the power of 2."
                )
            figures.append(
                LineChart(
                    f"Attention alone ({self._plan.devices[device]})",
                    words,
                    Axis("tokens", scale="log", ticks=tuple(cells)),
                    Axis("time of one forward pass", "seconds", "log"),
                    (Series("attention", points),),
                    interval=MEDIAN,
                )
            )
        return Section(
            "What attention costs",
            (
                "Every word looks at every other: twice the length, four times the work. In short sentences this is a "
                "small part of a Transformer; the table says from where on it is a large one.",
            ),
            (*figures, self._attention_share()),
        )

    def _attention_share(self) -> Table:
        rows: list[tuple[str | float | None, ...]] = []
        model = next((model for model in self._plan.parameters if model.family.heads), None)
        for length in (16, 64, 256, 1024, 4096) if model else ():
            assert model is not None
            config, shape = model.config(longest=length).model, Shape(1, length, length)
            assert isinstance(config, TransformerConfig)
            whole = forward_flops(config, shape, vocabulary=model.vocabulary)
            rows.append((f"{length:,} tokens", attention_flops(config, shape) / whole))
        return Table(
            "Attention's share of the operations of a forward pass", ("length", "share"), tuple(rows), unit="share"
        )

    def _sizes(self) -> Table:
        rows: list[tuple[str | float | None, ...]] = []
        for equal, models in (("parameters", self._plan.parameters), ("operations", self._plan.operations)):
            for model in models:
                flops = model.flops_per_token(64)
                rows.append((equal, model.family.label, float(model.width), float(model.parameters()), flops))
        columns = ("equal", "model", "width", "parameters", "operations for a token, forward")
        return Table("Sizes", columns, tuple(rows))

    def _cells(self, part: str, device: str, what: str) -> Cells:
        """Return x -> all values of one line."""
        found: Cells = {}
        for case in {trial.case for trial in self._results.of(part)}:
            if case.rpartition(" ")[0] == device:
                for x, ys in self._results.values(part, case, what).items():
                    found.setdefault(x, []).extend(ys)
        return dict(sorted(found.items()))

    def _steps(self, family: str) -> dict[float, float]:
        cells: Cells = {}
        for trial in self._results.of("steps"):
            for measure in trial.measures:
                if measure.what == family:
                    cells.setdefault(measure.x, []).append(measure.y)
        return {x: ys[0] for x, ys in sorted(cells.items())}

    def _places(self) -> Iterator[Place]:
        for device, words in self._plan.devices.items():
            lines = {
                family.name: self._cells("train parameters", device, family.name) for family in self._plan.families
            }
            common = set.intersection(*(set(cells) for cells in lines.values())) if lines else set()
            if common:
                longest = max(common)
                yield Place(words, int(longest), {name: cells[longest] for name, cells in lines.items()})

    def _gains(self) -> Iterator[Gain]:
        names = [family.name for family in self._plan.families]
        for device in self._plan.devices:
            lines = {name: self._cells("threads", device, name) for name in names}
            if all(lines.values()):
                slow, fast = ({name: cells[n] for name, cells in lines.items()} for n in (1, self._plan.threads))
                yield Gain(f"With {self._plan.threads} CPU threads for one", slow, fast)
        places = {place.device: place for place in self._places()}
        words = self._plan.devices
        if {"cpu", "cuda"} <= words.keys() and {words["cpu"], words["cuda"]} <= places.keys():
            cpu, gpu = places[words["cpu"]], places[words["cuda"]]
            yield Gain(f"With {gpu.device} for {cpu.device}, {cpu.length:,} tokens", cpu.speeds, gpu.speeds)

    def _how_quiet(self) -> Quiet:
        loads, spreads = [], []
        for part in TIMED:
            for trial in self._results.of(part):
                loads += [measure.y for measure in trial.measures if measure.what == LOAD]
                cells: dict[tuple[str, float], list[float]] = {}
                for measure in trial.measures:
                    if measure.what != LOAD:
                        cells.setdefault((measure.what, measure.x), []).append(measure.y)
                spreads += [(max(ys) - min(ys)) / sorted(ys)[len(ys) // 2] for ys in cells.values() if len(ys) > 1]
        return how_quiet(loads, spreads)
