"""The finished cells of `speed` in; findings, charts and words of its page out."""

from dataclasses import replace

from polyglass.experiments.figures import Figure, LineChart
from polyglass.experiments.outcome import Finding, Section
from polyglass.experiments.results import Results
from polyglass.experiments.speed_charts import (
    TOKENS,
    attention_chart,
    attention_share,
    gain_chart,
    sizes_table,
    speed_chart,
    steps_chart,
)
from polyglass.experiments.speed_found import Found, Plan
from polyglass.experiments.speed_verdict import judge_sequential, judge_slow


class Report:
    """Everything that the page of `speed` says."""

    def __init__(self, results: Results, plan: Plan) -> None:
        self._found, self._plan = Found(results, plan), plan
        self._quiet = self._found.how_quiet()

    def findings(self) -> tuple[Finding, ...]:
        """Return the verdicts; on a busy machine each says so."""
        steps = {family.name: self._found.steps(family.name) for family in self._plan.families}
        found = (
            judge_slow(list(self._found.places())),
            judge_sequential(steps, list(self._found.gains()), self._plan.families),
        )
        if not self._quiet.is_busy:
            return found
        return tuple(replace(one, words=f"{one.words} {self._quiet.warning()}") for one in found)

    def sections(self) -> tuple[Section, ...]:
        """Return the parts of the page."""
        found = [self._training(), self._sequential(), self._writing(), self._attention(), self._batches()]
        return (*found, Section("The models", (), (sizes_table(self._plan),)))

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
                charts.append(self._speeds(f"train {equal}", device, f"Training at equal {equal}"))
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
        charts = [self._speeds("decode", device, "Writing a translation") for device in self._plan.devices]
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
            self._speeds("batch", device, "Training by batch size", across="sequences in a batch")
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

    def _sequential(self) -> Section:
        families = self._plan.families
        return Section(
            "One after another",
            (
                "How many matrix products must wait for the one before. A recurrence has some for each word, a "
                "Transformer has the same few whatever the length: each is larger, and parallel hardware computes its "
                "parts at the same time. A fused LSTM kernel has the same loop inside, and is switched off for the "
                "count.",
            ),
            (steps_chart(self._found, families), *(gain_chart(gain, families) for gain in self._found.gains())),
        )

    def _attention(self) -> Section:
        figures = [attention_chart(self._found, self._plan, device) for device in self._plan.devices]
        return Section(
            "What attention costs",
            (
                "Every word looks at every other: twice the length, four times the work. In short sentences this is a "
                "small part of a Transformer; the table says from where on it is a large one.",
            ),
            (*figures, attention_share(self._plan.parameters)),
        )

    def _speeds(self, part: str, device: str, title: str, *, across: str = TOKENS) -> LineChart:
        cells = {family.label: self._found.cells(part, device, family.name) for family in self._plan.families}
        return speed_chart(f"{title} ({self._plan.devices[device]})", cells, across=across)
