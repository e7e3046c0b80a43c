"""Source and target in, the model's log-probability of that target out: forced decoding, in one parallel pass."""

from collections.abc import Sequence

import torch
from jaxtyping import Int64
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from polyglass.decoding.hypothesis import Hypothesis
from polyglass.decoding.ranking import scored
from polyglass.errors import InputError, ShapeError
from polyglass.model.seq2seq import Seq2Seq

POSITIONS_AT_ONCE = 1024
"""Logits are made for so many target positions at a time, which bounds memory: positions times vocabulary."""


@torch.inference_mode()
def force(
    model: Seq2Seq, source: Int64[Tensor, "B S"], target: Sequence[Sequence[int]], alpha: float
) -> list[Hypothesis]:
    """Return one finished hypothesis for each pair: the target's tokens and eos, each with its log-probability.

    source: ends in eos, padded on the right. target: token ids without bos and eos. alpha: exponent of the length
    penalty. The model must be in eval mode. A log-probability that is not a number counts as minus infinity.
    Raises ShapeError if there is not one target for each sentence or one is longer than the model can read,
    InputError if a target holds padding, bos or eos.
    """
    _check(model, len(source), target)
    if not target:
        return []
    ids, device = model.ids, source.device
    target_out = [torch.tensor([*tokens, ids.eos], dtype=torch.int64, device=device) for tokens in target]
    target_in = [torch.cat([row.new_tensor([ids.bos]), row[:-1]]) for row in target_out]
    padded = pad_sequence(target_in, batch_first=True, padding_value=ids.pad)  # [B, T]
    states = model.decoder_states(padded, model.encode(source))[padded != ids.pad]  # [positions, D]
    pieces = zip(
        torch.split(states, POSITIONS_AT_ONCE), torch.split(torch.cat(target_out), POSITIONS_AT_ONCE), strict=True
    )
    log_probs = torch.cat(
        [model.logits(some).float().log_softmax(dim=-1).gather(1, tokens[:, None]) for some, tokens in pieces]
    )
    by_sentence = torch.split(log_probs.squeeze(1).cpu(), [len(row) for row in target_out])
    return [
        scored([*tokens, ids.eos], numbers.tolist(), alpha=alpha, eos=ids.eos)
        for tokens, numbers in zip(target, by_sentence, strict=True)
    ]


def _check(model: Seq2Seq, sentences: int, target: Sequence[Sequence[int]]) -> None:
    if len(target) != sentences:
        raise ShapeError(
            f"There must be one target for each source, but there are {len(target)} for {sentences}. "
            f"Give both in the same order."
        )
    ids = model.ids
    for row, tokens in enumerate(target):
        if len(tokens) >= model.max_positions:
            raise ShapeError(
                f"A target may have at most {model.max_positions - 1} tokens, since the model reads "
                f"{model.max_positions} positions and bos takes one, but target {row} has {len(tokens)}. Shorten it."
            )
        for token in tokens:
            if token < 0 or token in (ids.pad, ids.bos, ids.eos):
                raise InputError(
                    f"A target may hold words only, but target {row} holds {token} "
                    f"(padding is {ids.pad}, bos {ids.bos}, eos {ids.eos}). Leave it out; eos is added."
                )
