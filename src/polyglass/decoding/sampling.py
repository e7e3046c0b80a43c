"""Draw words at random by their probability: temperature, top-k (Fan et al. 2018) and top-p (Holtzman et al. 2020)."""

import hashlib
from collections.abc import Sequence

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from polyglass.config import DecodeConfig
from polyglass.decoding.greedy import follow
from polyglass.decoding.hypothesis import Hypothesis
from polyglass.decoding.length import output_limits
from polyglass.decoding.ranking import best_first
from polyglass.model.seq2seq import Seq2Seq


@torch.inference_mode()
def sample(
    model: Seq2Seq,
    source: Int64[Tensor, "B S"],
    options: DecodeConfig,
    *,
    prefix: Sequence[Sequence[int]] | None = None,
) -> list[list[Hypothesis]]:
    """Draw `options.n_best` outputs of each sentence independently and return them best first; some may be equal.

    Log-probabilities are the model's own, before temperature, top_k and top_p. Random numbers depend on options.seed
    and the sentence's own tokens only: the same sentence gets the same outputs in any batch. Otherwise same promises
    and errors as `beam_search`.
    """
    copies = options.n_best
    uniform = _uniform_numbers(source, output_limits(model, source, options), options=options, pad=model.ids.pad)

    def choose(log_probs: Tensor, rows: Tensor, step: int) -> Tensor:
        return draw(log_probs, uniform[rows, step], options=options)

    rows = follow(model, source, options, choose=choose, copies=copies, prefix=prefix)
    return [best_first(rows[first : first + copies]) for first in range(0, len(rows), copies)]


def draw(
    log_probs: Float[Tensor, "N V"], uniform: Float[Tensor, " N"], *, options: DecodeConfig
) -> Int64[Tensor, " N"]:
    """Choose the word of each row in whose stretch of the cumulative distribution the uniform number falls.

    temperature divides log-probabilities first, then only the top_k likeliest words remain, then only the likeliest of
    those whose probabilities reach top_p together (at least one).
    """
    # Less the maximum, and no temperature that float32 takes for 0: the best word's number stays 0 / t = 0.
    scores = (log_probs - log_probs.amax(dim=1, keepdim=True)) / max(options.temperature, 1e-30)
    words = None
    if options.top_k or options.top_p < 1:
        scores, words = scores.topk(min(options.top_k or scores.shape[1], scores.shape[1]), dim=1)
    probs = scores.softmax(dim=1)
    if options.top_p < 1:
        likelier = probs.cumsum(dim=1) - probs  # what the words before this one add up to
        likelier[:, 0] = 0
        probs = probs.masked_fill(likelier >= options.top_p, 0)
    cumulative = probs.cumsum(dim=1)
    # To the right of equal values, so that a word of probability 0 is never met.
    place = torch.searchsorted(cumulative, uniform[:, None] * cumulative[:, -1:], right=True)
    place = place.clamp(max=probs.shape[1] - 1)  # a row of NaN
    return place.squeeze(1) if words is None else words.gather(1, place).squeeze(1)


def _uniform_numbers(
    source: Int64[Tensor, "B S"], limits: Sequence[int], *, options: DecodeConfig, pad: int
) -> Float[Tensor, "N L"]:
    """Return a number in [0, 1) for each output (n_best of each sentence) and step.

    Each sentence has a generator of its own, seeded from options.seed and its tokens. The tokens, because one stream
    for all sentences would make all outputs of a corpus begin with an equally likely word.
    """
    table = torch.zeros((len(limits), options.n_best, max(limits, default=0)))
    for line, tokens, limit in zip(table, source.tolist(), limits, strict=True):
        name = f"{options.seed} {[token for token in tokens if token != pad]}"
        seed = int.from_bytes(hashlib.sha256(name.encode("utf-8")).digest()[:7], "big")
        line[:, :limit] = torch.rand((options.n_best, limit), generator=torch.Generator().manual_seed(seed))
    return table.flatten(0, 1).to(source.device)
