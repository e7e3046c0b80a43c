"""What an experiment is: its name, what a user can ask of it, which trials it has, and what follows from them.

`EXPERIMENTS` names them all; `sitting.py` runs one. Nothing here loads torch, so that the list shows at once.
"""

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from polyglass.experiments.outcome import Finding, Section, Setting
    from polyglass.experiments.results import Measure, Results


@dataclass(frozen=True)
class Entry:
    """One experiment by name: `polyglass.experiments.NAME` has `open_experiment(request)`."""

    name: str
    title: str
    question: str
    claims: tuple[str, ...]
    takes: tuple[str, ...]
    """Which flags beside the common ones have a meaning for it: "files", "test", "model"."""


WINDOW = Entry(
    "window",
    "How far back can a model look?",
    "How far back in a sentence do a plain RNN, an LSTM and attention still know what stood there?",
    (
        "Normal RNN has a small reference window",
        "LSTM has a bigger reference window but is still limited",
        "Attention mechanism in theory has an infinite reference window",
    ),
    ("files", "test", "model"),
)
SPEED = Entry(
    "speed",
    "Does going through a sentence word by word cost time?",
    "How many tokens a second does each kind of model train on and write, by length, on this machine?",
    (
        "Normal RNN is slow, LSTM is more complex, therefore, is even slower",
        "Input data needs to be passed in sequentially one after another which does not make use of GPU's parallel "
        "computation power",
    ),
    (),
)
NORM = Entry(
    "norm",
    "Which normalisation, and where?",
    "Layer, batch and RMS norm, before or after each sub-layer: what is learned, how high may the learning rate be, "
    "and who needs a warm-up?",
    (
        "After every layer, we apply normalization",
        "Usually, we use batch normalization which smooths out the lost surface => easier to optimize using larger "
        "learning rate",
        "We can use layer normalization, which normalize across each feature instead of each sample for better "
        "stabilization",
        "With norm after each sub-layer the warm-up is needed, with norm before it can be left out",
    ),
    ("files", "test"),
)
POSITION = Entry(
    "position",
    "What does a model know of the order of words?",
    "Sinusoidal, learned, rotary or no positions: what is translated, what happens beyond the trained lengths, and "
    "what if the source is shuffled?",
    (
        "The input and previous output is vectorized and combined with positional information",
        "Apply positional encoding to input vectors => word vectors with positional information (or context)",
        "Attention mechanism in theory has an infinite reference window",
        "Learned and sinusoidal positions produce nearly identical results",
    ),
    ("files", "test"),
)
HEADS = Entry(
    "heads",
    "What are several heads good for?",
    "One to sixteen heads at the same cost: what is learned? And what is lost when a head of a trained model is "
    "switched off?",
    (
        "Because trios of queries, keys and values (Q, K, V) are independent of each other, therefore, we can separate "
        "them into multiple sets and compute them in parallel",
        "As Q, K, V are divided into sets, multiple attention vectors are calculated for each word then taken a "
        "weighted average to compute the final attention vector for that word",
    ),
    ("files", "test", "model"),
)
ABLATION = Entry(
    "ablation",
    "What does each part of the Transformer bring?",
    "Table 3 of the paper, rows A to E, on your data and machine, beside the paper's own numbers; and the root in the "
    "scores.",
    (
        "While single-head attention is 0.9 BLEU worse than the best setting, quality also drops off with too many "
        "heads",
        "Reducing the attention key size d_k hurts model quality",
        "As expected, bigger models are better",
        "Dropout is very helpful in avoiding over-fitting",
        "Label smoothing hurts perplexity, as the model learns to be more unsure, but improves accuracy and BLEU score",
        "Learned positional embedding instead of sinusoids: nearly identical results to the base model",
        "Z = softmax(Q K^T / sqrt(dimension of vector Q, K or V)) V",
    ),
    ("files", "test"),
)
EXPERIMENTS = {entry.name: entry for entry in (WINDOW, SPEED, NORM, POSITION, HEADS, ABLATION)}
"""Every experiment, by name. To add one: an entry here and a file of its name beside this one."""


@dataclass(frozen=True)
class Request:
    """What a user asked for. repeats, budget_seconds: None where nothing was said. command: as it was typed."""

    out: Path
    quick: bool = False
    repeats: int | None = None
    budget_seconds: float | None = None
    files: tuple[Path, ...] = ()
    test: tuple[Path, ...] = ()
    model: Path | None = None
    device: str = "auto"
    threads: int = 0
    command: str = ""


@dataclass(frozen=True)
class Trial:
    """One thing to measure. words: for the progress line. measure: does it; returns the numbers and a short note."""

    part: str
    case: str
    repeat: int
    words: str
    measure: "Callable[[], tuple[Sequence[Measure], str]]"


@dataclass(frozen=True)
class Conclusion:
    """What follows from the trials that are finished: the parts of an `Outcome` that only the experiment knows."""

    findings: "tuple[Finding, ...]"
    sections: "tuple[Section, ...]"
    method: tuple[str, ...]
    settings: "tuple[Setting, ...]"


class Experiment(Protocol):
    """What the frame asks of an experiment."""

    repeats: int
    """How many it does when nobody says."""

    def facts(self) -> Sequence[str]:
        """Return everything that the numbers depend on, beside versions and machine: settings, data, model."""
        ...

    def trials(self, repeat: int) -> Sequence[Trial]:
        """Return the trials of one repeat, the most telling first."""
        ...

    def conclude(self, results: "Results") -> Conclusion:
        """Say what the finished trials show; some or all of them may be missing."""
        ...


def open_experiment(entry: Entry, request: Request) -> Experiment:
    """Load the file of an experiment and let it read the request."""
    experiment: Experiment = importlib.import_module(f"polyglass.experiments.{entry.name}").open_experiment(request)
    return experiment
