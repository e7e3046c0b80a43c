"""The cells of `speed`: how fast training, writing and attention are at one length or batch size, families in turns."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch.profiler import ProfilerActivity, profile

from polyglass.config import Config, DecodeConfig
from polyglass.data.batch import Batch
from polyglass.data.batches import Position
from polyglass.decoding.greedy import greedy
from polyglass.experiments.families import Family
from polyglass.experiments.flops import Shape, forward_flops
from polyglass.experiments.results import Measure
from polyglass.experiments.timing import in_turns, load_now
from polyglass.experiments.trial import trial_config
from polyglass.model.attention import scaled_dot_product_attention
from polyglass.model.build import build_model
from polyglass.model.seq2seq import Seq2Seq
from polyglass.special_ids import SpecialIds
from polyglass.training.distributed import ALONE
from polyglass.training.loop import update
from polyglass.training.loss import TranslationLoss
from polyglass.training.state import TrainState

LOAD, PRODUCTS = "load", "products"
PRODUCT_KERNELS = frozenset(
    {"aten::mm", "aten::addmm", "aten::bmm", "aten::baddbmm", "aten::_scaled_dot_product_flash_attention_for_cpu"}
)


@dataclass(frozen=True)
class Model:
    """A family in a size. width: of its vectors."""

    family: Family
    width: int
    layers: int
    vocabulary: int

    def config(self, *, longest: int, seed: int = 1) -> Config:
        """Return its config for sequences of up to `longest` tokens."""
        options = {
            **self.family.sized(self.width, layers=self.layers),
            "model.max_positions": max(64, longest + 2),
            "train.average": "none",
            "train.learning_rate": 1e-4,
            "train.batch_tokens": 1_000_000,
        }
        return trial_config(options, seed=seed, steps=1)

    def build(self, device: torch.device, *, longest: int) -> Seq2Seq:
        """Return the model with random weights."""
        torch.manual_seed(1)
        config = self.config(longest=longest)
        return build_model(config.model, (self.vocabulary, self.vocabulary), SpecialIds()).to(device)

    def parameters(self) -> int:
        """Count its parameters without making room for them."""
        with torch.device("meta"):
            model = build_model(self.config(longest=64).model, (self.vocabulary, self.vocabulary), SpecialIds())
        return sum(parameter.numel() for parameter in model.parameters())

    def flops_per_token(self, length: int) -> float:
        """Return the operations of a forward pass for each target token, in sequences of one length."""
        config = self.config(longest=length).model
        return forward_flops(config, Shape(1, length, length), vocabulary=self.vocabulary) / length


def random_batch(rows: int, length: int, vocabulary: int, device: torch.device) -> Batch:
    """Return a batch whose sources and targets are all `length` tokens long, eos counted."""
    random = torch.Generator().manual_seed(rows * 100_003 + length)
    ids = SpecialIds()
    source, target = torch.randint(4, vocabulary, (2, rows, length), generator=random)
    source[:, -1] = target[:, -1] = ids.eos
    target_in = torch.cat([torch.full((rows, 1), ids.bos), target[:, :-1]], dim=1)
    return Batch(source, target_in, target, rows * length, tuple(range(rows))).to(device)


def train_cell(models: Sequence[Model], *, rows: int, length: int, device: torch.device, passes: int) -> list[Measure]:
    """Time whole updates (forward, backward, optimizer); y is target tokens a second, x the length."""
    runs = {model.family.name: _updater(model, rows=rows, length=length, device=device) for model in models}
    seconds = in_turns(runs, passes=passes, device=device)
    found = [Measure(name, length, rows * length / taken) for name, times in seconds.items() for taken in times]
    return [*found, Measure(LOAD, length, load_now())]


def batch_cell(models: Sequence[Model], *, rows: int, length: int, device: torch.device, passes: int) -> list[Measure]:
    """The same as `train_cell`, with the number of rows as x."""
    found = train_cell(models, rows=rows, length=length, device=device, passes=passes)
    return [Measure(measure.what, rows, measure.y) for measure in found]


def thread_cell(models: Sequence[Model], *, rows: int, length: int, threads: int, passes: int) -> list[Measure]:
    """Time updates with one CPU thread and with `threads`, in turns; x is the number of threads."""
    cpu = torch.device("cpu")
    before = torch.get_num_threads()
    updaters = {model.family.name: _updater(model, rows=rows, length=length, device=cpu) for model in models}

    def with_threads(count: int, run: Callable[[], object]) -> Callable[[], object]:
        def measured() -> None:
            torch.set_num_threads(count)
            run()

        return measured

    try:
        runs = {f"{name} {n}": with_threads(n, run) for name, run in updaters.items() for n in (1, threads)}
        seconds = in_turns(runs, passes=passes, device=cpu)
    finally:
        torch.set_num_threads(before)
    return [
        Measure(name, count, rows * length / taken)
        for name in updaters
        for count in (1, threads)
        for taken in seconds[f"{name} {count}"]
    ]


def decode_cell(models: Sequence[Model], *, rows: int, length: int, device: torch.device, passes: int) -> list[Measure]:
    """Time greedy search that writes exactly `length` tokens for each of `rows` sources as long; y as in `train_cell`.

    All words but the last are given in advance, so that no model ends early; each is written in a step of its own.
    """
    options = DecodeConfig(beam_size=1, max_length_factor=1e-9, max_length_extra=length)
    runs = {}
    for model in models:
        built = model.build(device, longest=length).eval()
        batch = random_batch(rows, length, model.vocabulary, device)
        given = batch.target_out[:, :-1].tolist()
        runs[model.family.name] = _writer(built, batch, given, options)
    seconds = in_turns(runs, passes=passes, device=device)
    found = [Measure(name, length, rows * length / taken) for name, times in seconds.items() for taken in times]
    return [*found, Measure(LOAD, length, load_now())]


def attention_cell(d_model: int, heads: int, *, length: int, device: torch.device, passes: int) -> list[Measure]:
    """Time attention alone: softmax(q k^T) v of one sequence, forward; y is seconds."""
    random = torch.Generator().manual_seed(length)
    shape = (1, heads, length, d_model // heads)
    q, k, v = (torch.randn(shape, generator=random).to(device) for _ in range(3))

    def attend() -> None:
        with torch.inference_mode():
            scaled_dot_product_attention(q, k, v, None, dropout=0.0)

    times = in_turns({"attention": attend}, passes=passes, device=device)["attention"]
    return [Measure("attention", length, taken) for taken in times]


def steps_cell(models: Sequence[Model], *, length: int) -> list[Measure]:
    """Count the matrix products that one forward pass starts one after another, with torch's profiler.

    The CPU's fused LSTM kernel is switched off, because it hides its loop inside one call.
    """
    found = []
    for model in models:
        built = model.build(torch.device("cpu"), longest=length).eval()
        batch = random_batch(1, length, model.vocabulary, torch.device("cpu"))
        counts = _kernels(built, batch)
        products = sum(count for name, count in counts.items() if name in PRODUCT_KERNELS)
        found.append(Measure(model.family.name, length, products))
    return found


def _kernels(model: Seq2Seq, batch: Batch) -> Mapping[str, int]:
    """Return how often one forward pass calls each kernel."""
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # or the profiler writes lines of its own to stderr
    mkldnn = torch.backends.mkldnn
    fused = bool(mkldnn.enabled)
    # By attribute, not `flags`: that one touches settings of other processors, too, and warns about them.
    setattr(mkldnn, "enabled", False)  # noqa: B010 (its type is that of a descriptor)
    try:
        with torch.inference_mode(), profile(activities=[ProfilerActivity.CPU]) as profiled:
            model(batch.source, batch.target_in)
    finally:
        setattr(mkldnn, "enabled", fused)  # noqa: B010
    return {event.key: event.count for event in profiled.key_averages()}


def _updater(model: Model, *, rows: int, length: int, device: torch.device) -> Callable[[], object]:
    """Return a function that makes one update with a fixed batch."""
    config = model.config(longest=length).train
    state = TrainState(model.build(device, longest=length), config)
    loss = TranslationLoss(state.model, config.label_smoothing)
    batch = random_batch(rows, length, model.vocabulary, device)

    def run() -> None:
        update(state, loss, iter([(batch, Position())]), config, rate=1e-4, team=ALONE)

    return run


def _writer(
    model: Seq2Seq, batch: Batch, given: Sequence[Sequence[int]], options: DecodeConfig
) -> Callable[[], object]:
    return lambda: greedy(model, batch.source, options, prefix=given)
