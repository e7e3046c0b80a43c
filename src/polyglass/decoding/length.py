"""How long an output may become, and how length counts in its score (Wu et al. 2016, §7, eq. 14)."""

from jaxtyping import Int64
from torch import Tensor

from polyglass.config import DecodeConfig
from polyglass.model.seq2seq import Seq2Seq


def length_penalty(length: int, alpha: float) -> float:
    """Return GNMT's lp(Y) = ((5 + |Y|) / 6)^alpha, which a hypothesis' log-probability is divided by.

    length counts tokens, eos included. alpha 0 gives 1: no normalisation. For alpha >= 0 it never falls as the
    hypothesis grows, which the stopping rule of the beam search relies on.
    """
    return float(((5 + length) / 6) ** alpha)


def output_limits(model: Seq2Seq, source: Int64[Tensor, "B S"], options: DecodeConfig) -> list[int]:
    """Return the most tokens (eos included) that each sentence's output may have.

    It is max_length_factor times the source tokens (eos included, padding not) plus max_length_extra, at most what the
    model can read (max_positions - 1, since bos takes one place), and at least 1.
    """
    real = (source != model.ids.pad).sum(dim=1).tolist()
    wished = [int(options.max_length_factor * tokens + options.max_length_extra) for tokens in real]
    return [max(1, min(limit, model.max_positions - 1)) for limit in wished]
