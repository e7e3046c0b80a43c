"""What the last state of a recurrent encoder still holds of each source word: gradients, leaving words out, likeness.

Letters: B batch, S source pieces, D d_model, P probes.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from polyglass.config import RecurrentConfig
from polyglass.data.batch import pad
from polyglass.explorer.capture import Check, Run
from polyglass.explorer.pieces import Span
from polyglass.explorer.refusal import RefusedError
from polyglass.tap import Edit, Recorder

EXACT_CELLS = 2**15  # d_model times source length, up to which every number of the state is followed back by itself
PROBES = 64
ROWS_AT_ONCE = 64


@dataclass(frozen=True)
class Direction:
    """One reading direction of the top layer.

    gradient: for each piece, how strongly its embedding still moves the last state (the Frobenius norm of the
    Jacobian). likeness: for each piece, the cosine of the state above it and the last state.
    """

    name: str
    gradient: list[float]
    likeness: list[float]


@dataclass(frozen=True)
class Held:
    """directions: left to right first. left_out: for each word, how far the last state moves without it, as a share
    of its length; None for eos. exact: whether gradients are exact, or estimated from random probes.
    """

    directions: tuple[Direction, ...]
    left_out: list[float | None]
    exact: bool


def held(run: Run, spans: Sequence[Span], check: Check) -> Held:
    """Ask what is left of each word at the end of the source. Raises RefusedError for a model that is not recurrent."""
    config = run.subject.bundle.config.model
    if not isinstance(config, RecurrentConfig):
        raise RefusedError(
            "does_not_fit", "Only a recurrent model has a last state; this one looks at all words at once."
        )
    path = f"encoder.layers.{config.encoder_layers - 1}.hidden"
    states = run.tensors([path], check)[path][0]  # [S, D]
    length, width = states.shape
    halves = [("forward", slice(None), states[-1])]
    if config.bidirectional:
        left, right = slice(0, width // 2), slice(width // 2, width)
        # Read from right to left, the last state is the one above the first word.
        halves = [("forward", left, states[-1, left]), ("backward", right, states[0, right])]
    exact = length * width <= EXACT_CELLS
    with run.subject.lock:
        check()
        left_out = _left_out(run, spans, check)
        directions = tuple(
            Direction(
                name,
                _jacobian_norms(run, part, _probes(len(last), exact=exact), check),
                torch.cosine_similarity(states[:, part], last[None], dim=-1).tolist(),
            )
            for name, part, last in halves
        )
    return Held(directions, left_out, exact)


def _probes(width: int, *, exact: bool) -> Float[Tensor, "P D"]:
    """Return directions whose mean outer product is the identity: all axes, or random signs (Hutchinson 1989)."""
    if exact or width <= PROBES:
        return torch.eye(width)
    generator = torch.Generator().manual_seed(1)
    signs = torch.randint(0, 2, (PROBES, width), generator=generator).float() * 2 - 1
    return signs / math.sqrt(PROBES)


def _jacobian_norms(run: Run, part: slice, probes: Float[Tensor, "P D"], check: Check) -> list[float]:
    """Return, for each source piece, the Frobenius norm of d last state / d its embedding."""
    squares = torch.zeros(len(run.source), dtype=torch.float64)
    for some in torch.split(probes, ROWS_AT_ONCE):
        check()
        recorder = Recorder(("encoder.embedding",), gradients=True)
        tap = Edit({"encoder.embedding": lambda x: x.detach().requires_grad_()}, recorder)
        with torch.inference_mode(False), torch.enable_grad():
            device = run.subject.bundle.model.device
            source = torch.tensor([run.source] * len(some), device=device)
            final = run.model(check).encode(source, tap=tap).final[-1][:, 0, part]  # [P, D]
            (gradient,) = torch.autograd.grad((final * some.to(final)).sum(), recorder.tensors["encoder.embedding"])
        squares += gradient.double().square().sum(dim=(0, 2)).cpu()
    return squares.sqrt().tolist()


@torch.inference_mode()
def _left_out(run: Run, spans: Sequence[Span], check: Check) -> list[float | None]:
    shortened = [(*run.source[:start], *run.source[end:]) for start, end in spans[:-1]]
    if len(shortened) < 2:
        return [None] * len(spans)
    found: list[float | None] = []
    whole = _last_states(run, [run.source], check)[0]
    for first in range(0, len(shortened), ROWS_AT_ONCE):
        check()
        some = _last_states(run, shortened[first : first + ROWS_AT_ONCE], check)
        found += ((some - whole).norm(dim=-1) / whole.norm()).tolist()
    return [*found, None]


def _last_states(run: Run, sources: Sequence[Sequence[int]], check: Check) -> Float[Tensor, "B D"]:
    """Return the top layer's last hidden state for each source."""
    model = run.model(check)
    return model.encode(pad(sources, model.ids.pad).to(model.device)).final[-1][:, 0]
