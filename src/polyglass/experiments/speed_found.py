"""The finished cells of `speed`, asked for by what the report and the verdicts need."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from polyglass.experiments.families import Family
from polyglass.experiments.results import Results
from polyglass.experiments.speed_cells import LOAD, Model
from polyglass.experiments.speed_verdict import Gain, Place
from polyglass.experiments.timing import Quiet
from polyglass.experiments.timing import how_quiet as sum_up

TIMED = ("train parameters", "train operations", "decode", "batch", "threads", "attention")

Cells = dict[float, list[float]]


@dataclass(frozen=True)
class Plan:
    """What was to be measured. devices: name -> in words. parameters, operations: the models that are equal in it."""

    families: Sequence[Family]
    devices: Mapping[str, str]
    parameters: Sequence[Model]
    operations: Sequence[Model]
    threads: int


class Found:
    """What was measured so far."""

    def __init__(self, results: Results, plan: Plan) -> None:
        self._results, self._plan = results, plan

    def cells(self, part: str, device: str, what: str) -> Cells:
        """Return x -> all values of one line."""
        found: Cells = {}
        for case in {trial.case for trial in self._results.of(part)}:
            if case.rpartition(" ")[0] == device:
                for x, ys in self._results.values(part, case, what).items():
                    found.setdefault(x, []).extend(ys)
        return dict(sorted(found.items()))

    def steps(self, family: str) -> dict[float, float]:
        """Return length -> matrix products in a row."""
        cells: Cells = {}
        for trial in self._results.of("steps"):
            for measure in trial.measures:
                if measure.what == family:
                    cells.setdefault(measure.x, []).append(measure.y)
        return {x: ys[0] for x, ys in sorted(cells.items())}

    def places(self) -> Iterator[Place]:
        """Yield the speeds of each device at the greatest length that every family was timed at."""
        for device, words in self._plan.devices.items():
            lines = {family.name: self.cells("train parameters", device, family.name) for family in self._plan.families}
            common = set.intersection(*(set(cells) for cells in lines.values())) if lines else set()
            if common:
                longest = max(common)
                yield Place(words, int(longest), {name: cells[longest] for name, cells in lines.items()})

    def gains(self) -> Iterator[Gain]:
        """Yield what more threads gain, and what a GPU gains."""
        names = [family.name for family in self._plan.families]
        for device in self._plan.devices:
            lines = {name: self.cells("threads", device, name) for name in names}
            if all(lines.values()):
                slow, fast = ({name: cells[n] for name, cells in lines.items()} for n in (1, self._plan.threads))
                yield Gain(f"With {self._plan.threads} CPU threads for one", slow, fast)
        places = {place.device: place for place in self.places()}
        words = self._plan.devices
        if {"cpu", "cuda"} <= words.keys() and {words["cpu"], words["cuda"]} <= places.keys():
            cpu, gpu = places[words["cpu"]], places[words["cuda"]]
            yield Gain(f"With {gpu.device} for {cpu.device}, {cpu.length:,} tokens", cpu.speeds, gpu.speeds)

    def how_quiet(self) -> Quiet:
        """Say how quiet the machine was in all timed cells."""
        loads, spreads = [], []
        for part in TIMED:
            for trial in self._results.of(part):
                loads += [measure.y for measure in trial.measures if measure.what == LOAD]
                cells: dict[tuple[str, float], list[float]] = {}
                for measure in trial.measures:
                    if measure.what != LOAD:
                        cells.setdefault((measure.what, measure.x), []).append(measure.y)
                spreads += [(max(ys) - min(ys)) / sorted(ys)[len(ys) // 2] for ys in cells.values() if len(ys) > 1]
        return sum_up(loads, spreads)
