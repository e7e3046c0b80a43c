"""The door to decoding: source sentences in, hypotheses out, found as the options say."""

from collections.abc import Sequence

from jaxtyping import Int64
from torch import Tensor

from polyglass.config import DecodeConfig
from polyglass.decoding.beam import beam_search
from polyglass.decoding.hypothesis import Hypothesis, SearchTrace
from polyglass.decoding.sampling import sample
from polyglass.model.seq2seq import Seq2Seq


def search(
    model: Seq2Seq,
    source: Int64[Tensor, "B S"],
    options: DecodeConfig,
    *,
    prefix: Sequence[Sequence[int]] | None = None,
    trace: SearchTrace | None = None,
) -> list[list[Hypothesis]]:
    """Sample if options.sample says so, else search with a beam (greedily where beam_size is 1).

    Returns and raises what `beam_search` and `sample` do. Samples draw no tree: they leave `trace` empty.
    """
    if options.sample:
        return sample(model, source, options, prefix=prefix)
    return beam_search(model, source, options, prefix=prefix, trace=trace)
