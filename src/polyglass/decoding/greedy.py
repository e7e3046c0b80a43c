"""One row for each output, one word a step: greedy search, and the loop that sampling shares with it."""

import math
from collections.abc import Callable, Sequence
from itertools import zip_longest

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from polyglass.config import DecodeConfig
from polyglass.decoding.hypothesis import BeamNode, Hypothesis, SearchTrace
from polyglass.decoding.length import output_limits
from polyglass.decoding.prefix import forced_tokens
from polyglass.decoding.ranking import FAILED, scored
from polyglass.decoding.words import next_log_probs
from polyglass.model.seq2seq import Seq2Seq

Choose = Callable[[Tensor, Tensor, int], Tensor]
"""(log_probs [N, V], row numbers [N], step) -> the chosen token of each row [N]."""


@torch.inference_mode()
def greedy(
    model: Seq2Seq,
    source: Int64[Tensor, "B S"],
    options: DecodeConfig,
    *,
    prefix: Sequence[Sequence[int]] | None = None,
    trace: SearchTrace | None = None,
) -> list[list[Hypothesis]]:
    """Take the likeliest word at each step until eos or the length limit; one hypothesis for each sentence.

    Same promises and errors as `beam_search`. The trace holds one chain of nodes for each sentence.
    """
    rows = follow(model, source, options, choose=likeliest, prefix=prefix)
    if trace is not None:
        _record_chains(trace, rows)
    return [[hypothesis] for hypothesis in rows]


def likeliest(log_probs: Float[Tensor, "N V"], rows: Int64[Tensor, " N"], step: int) -> Int64[Tensor, " N"]:
    """Choose the word with the largest log-probability."""
    return log_probs.max(dim=1).indices  # torch's argmax takes three times as long on a CPU


def follow(
    model: Seq2Seq,
    source: Int64[Tensor, "B S"],
    options: DecodeConfig,
    *,
    choose: Choose,
    copies: int = 1,
    prefix: Sequence[Sequence[int]] | None = None,
) -> list[Hypothesis]:
    """Extend every row by the word that `choose` names until it ends; return one hypothesis for each row.

    Row b * copies + c is copy c of sentence b. A row that ended leaves the batch, so later steps are cheaper.
    """
    if not len(source):
        return []
    ids, device = model.ids, source.device
    limits = output_limits(model, source, options)
    forced = forced_tokens(prefix, limits, ids=ids, device=device).repeat_interleave(copies, dim=0)
    limit = torch.tensor(limits, dtype=torch.int64, device=device).repeat_interleave(copies)
    rows = torch.arange(len(limit), device=device)
    state = model.start(model.encode(source))
    if copies > 1:
        state = state.select(rows // copies)
    token = torch.full_like(rows, ids.bos)
    history: list[tuple[Tensor, Tensor, Tensor]] = []
    while True:
        step = len(history)
        logits, state = model.step(token, state)
        log_probs = next_log_probs(logits, ids, forced=forced[rows, step] if step < forced.shape[1] else None)
        token = choose(log_probs, rows, step)
        log_prob = log_probs.gather(1, token[:, None]).squeeze(1)
        history.append((rows, token, log_prob))
        # NaN is not larger than minus infinity: a row without a possible word stops here.
        going = (token != ids.eos) & (limit > step + 1) & (log_prob > -math.inf)
        if not going.all():
            left = going.nonzero().squeeze(1)
            if not len(left):
                return _gather(history, len(limits) * copies, alpha=options.length_penalty, eos=ids.eos)
            rows, token, limit, state = rows[left], token[left], limit[left], state.select(left)


def _gather(history: Sequence[tuple[Tensor, Tensor, Tensor]], rows: int, *, alpha: float, eos: int) -> list[Hypothesis]:
    """Collect the (row, token, log-probability) columns of all steps into one hypothesis for each row."""
    found: list[tuple[list[int], list[float]]] = [([], []) for _ in range(rows)]
    columns = [torch.cat(column).tolist() for column in zip(*history, strict=True)]
    for row, token, log_prob in zip(*columns, strict=True):
        found[row][0].append(token)
        found[row][1].append(log_prob)
    hypotheses = [scored(tokens, log_probs, alpha=alpha, eos=eos) for tokens, log_probs in found]
    return [one if one.log_prob > FAILED.log_prob else FAILED for one in hypotheses]


def _record_chains(trace: SearchTrace, hypotheses: Sequence[Hypothesis]) -> None:
    """Write the steps of all hypotheses into the trace, step by step as a beam search would."""
    parent = [-1] * len(hypotheses)
    log_prob = [0.0] * len(hypotheses)
    for step, tokens in enumerate(zip_longest(*(one.ids for one in hypotheses))):
        for sentence, token in enumerate(tokens):
            if token is None:
                continue
            one = hypotheses[sentence]
            log_prob[sentence] += one.token_log_probs[step]
            finished = one.finish_reason == "end" and step == len(one.ids) - 1
            number = one.token_log_probs[step]
            node = BeamNode(sentence, step, parent[sentence], token, number, log_prob[sentence], finished, kept=True)
            parent[sentence] = len(trace.nodes)
            trace.nodes.append(node)
