"""Why this word? Three answers beside each other: cross-attention, input x gradient, and leaving each word out.

Attention by itself is no explanation (Jain and Wallace 2019; Bastings and Filippova 2020); where the three disagree,
the page says so. Letters: S source pieces, T target pieces, W source words.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from polyglass.explorer.capture import Check, Run
from polyglass.explorer.pieces import Span
from polyglass.model.tapped import Tapped
from polyglass.replay import read_again
from polyglass.tap import Edit, Recorder, no_tap

ROWS_AT_ONCE = 32  # sources without a word that are read together
LEFT_OUT_AT_MOST = 64  # words; each costs a reading of the whole source
Numbers = list[float | None]


@dataclass(frozen=True)
class Reasons:
    """What each source word has to do with one output word.

    log_prob: of the output word. attention, gradient: by piece; attention is None for a model without. left_out: by
    word, what log_prob loses without it; None for eos, which no source can be without, and in a long source for the
    words that the other columns find least important.
    """

    log_prob: float
    attention: list[float] | None
    gradient: list[float]
    left_out: Numbers


def reasons(run: Run, position: int, spans: Sequence[Span], check: Check) -> Reasons:
    """Ask the model why it wrote the word at `position`, given the words before it. spans: the source's words."""
    attention = None
    path = run.subject.bundle.model.alignment_path
    if path is not None:
        attention = run.tensors([path], check)[path][0, :, position].mean(dim=0).tolist()
    with run.subject.lock:
        check()
        gradient, log_prob = input_x_gradient(run, position, check)
        chosen = most_important(attention, gradient, spans)
        left_out = leave_one_out(run, position, spans, check, chosen=chosen)
    return Reasons(log_prob, attention, gradient, left_out)


def input_x_gradient(run: Run, position: int, check: Check) -> tuple[list[float], float]:
    """Return, for each source piece, embedding times gradient of the word's log-probability, summed; and that.

    To first order it is what the log-probability loses if the embedding becomes zero (Denil et al. 2014, §3.2).
    """
    recorder = Recorder(("encoder.embedding",), gradients=True)
    # The parameters of a loaded model have no gradients; the graph begins where the embedding goes by.
    tap = Edit({"encoder.embedding": lambda x: x.detach().requires_grad_()}, recorder)
    target = run.hypothesis.ids[: position + 1]
    with torch.inference_mode(False), torch.enable_grad():
        logits = read_again(run.model(check), run.sources, [target], tap=tap)
        log_prob = logits[0, position].double().log_softmax(dim=-1)[target[position]]
        embedding = recorder.tensors["encoder.embedding"]
        (gradient,) = torch.autograd.grad(log_prob, embedding)
    return (embedding * gradient)[0].detach().sum(dim=-1).tolist(), float(log_prob.detach())


def most_important(attention: list[float] | None, gradient: list[float], spans: Sequence[Span]) -> list[int]:
    """Return the places of the words to leave out, eos never: all, or of a long source the most important ones."""
    words = list(range(len(spans) - 1))
    columns = [[abs(number) for number in by_word(gradient, spans)]]
    columns += [] if attention is None else [by_word(attention, spans)]
    # The two columns take turns, so that each has its say.
    orders = [sorted(words, key=lambda place, column=column: -column[place]) for column in columns]  # type: ignore[misc]
    ranked = dict.fromkeys(place for places in zip(*orders, strict=True) for place in places)
    return sorted(list(ranked)[:LEFT_OUT_AT_MOST])


@torch.inference_mode()
def leave_one_out(run: Run, position: int, spans: Sequence[Span], check: Check, *, chosen: Sequence[int]) -> Numbers:
    """Read the source once more without each of the `chosen` words; return how much the log-probability falls.

    Words that stay have None, and so has a word that is the whole source.
    """
    source, target = run.source, run.hypothesis.ids[: position + 1]
    found: Numbers = [None] * len(spans)
    if len(spans) < 3:  # eos is one of them
        return found
    model = run.model(check)
    whole = _log_prob(model, [source], target)[0]
    for first in range(0, len(chosen), ROWS_AT_ONCE):
        check()
        some = chosen[first : first + ROWS_AT_ONCE]
        shortened = [(*source[: spans[place][0]], *source[spans[place][1] :]) for place in some]
        for place, fall in zip(some, (whole - _log_prob(model, shortened, target)).tolist(), strict=True):
            found[place] = fall
    return found


def _log_prob(model: Tapped, sources: Sequence[Sequence[int]], target: Sequence[int]) -> Float[Tensor, " N"]:
    logits = read_again(model, sources, [target] * len(sources), tap=no_tap)
    return logits[:, -1].double().log_softmax(dim=-1)[:, target[-1]]


def by_word(numbers: Sequence[float], spans: Sequence[Span]) -> list[float]:
    """Add up the pieces of each word."""
    return [sum(numbers[start:end]) for start, end in spans]


def rank_correlation(left: Numbers, right: Numbers) -> float | None:
    """Return Spearman's correlation of absolute values, over the places where both are known; ties share their rank.

    None if fewer than three places are known or all of one side are alike.
    """
    pairs = [(abs(a), abs(b)) for a, b in zip(left, right, strict=True) if a is not None and b is not None]
    if len(pairs) < 3:
        return None
    ranks = [_ranks(np.array(column)) for column in zip(*pairs, strict=True)]
    if any(np.ptp(column) == 0 for column in ranks):
        return None
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1])


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the rank of each value, from 1; equal values get the mean of their ranks."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    mean_rank: NDArray[np.float64] = last - (counts - 1) / 2
    return mean_rank[place]
