"""Logits in, what there is to say about each choice out: the likeliest words, the chosen word's rank, the entropy.

Letters: T target length, V vocabulary, K words that are listed.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor


@dataclass(frozen=True)
class Steps:
    """The choices of one output. Logits are those at temperature 1, whatever the temperature was.

    ids, logits: the K likeliest words at each step, best first. chosen: the word that was taken, its logit, its rank
    (1: the likeliest). entropy: in nats. log_sum_exp: what to subtract from a logit to get a log-probability; the
    `tempered` one after division by the temperature.
    """

    ids: Int64[Tensor, "T K"]
    logits: Float[Tensor, "T K"]
    chosen: Int64[Tensor, " T"]
    chosen_logit: Float[Tensor, " T"]
    rank: Int64[Tensor, " T"]
    entropy: Float[Tensor, " T"]
    log_sum_exp: Float[Tensor, " T"]
    tempered_log_sum_exp: Float[Tensor, " T"]
    temperature: float

    @property
    def log_probs(self) -> Float[Tensor, " T"]:
        """The chosen words' log-probabilities under the temperature."""
        return self.chosen_logit / self.temperature - self.tempered_log_sum_exp


def steps_of(logits: Float[Tensor, "T V"], chosen: Int64[Tensor, " T"], *, temperature: float, top: int) -> Steps:
    """Look at each choice. logits: as the model gave them, that is after division by the temperature."""
    tempered = logits.double()
    plain = tempered * temperature
    best, ids = plain.topk(min(top, plain.shape[1]), dim=1)
    log_sum_exp = plain.logsumexp(dim=1)
    log_probs = plain - log_sum_exp[:, None]
    logit = plain.gather(1, chosen[:, None])
    return Steps(
        ids=ids,
        logits=best,
        chosen=chosen,
        chosen_logit=logit[:, 0],
        rank=(plain > logit).sum(dim=1) + 1,
        entropy=torch.special.entr(log_probs.exp()).sum(dim=1),
        log_sum_exp=log_sum_exp,
        tempered_log_sum_exp=tempered.logsumexp(dim=1),
        temperature=temperature,
    )
