"""One step of a beam search on tensors: live hypotheses and log-probabilities in, the best continuations out.

Letters: A sentences still searched, W live hypotheses of each, N = A * W rows (those of a sentence stand together),
C candidates of each sentence, V vocabulary, t tokens so far.
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from polyglass.decoding.words import largest


@dataclass(frozen=True)
class Candidates:
    """Continuations of live hypotheses by one token, the best of each sentence first.

    log_prob: sum over all tokens, the new one included; minus infinity in an empty place.
    row: which row of the batch it continues. token, token_log_prob: the new token.
    """

    log_prob: Float[Tensor, "A C"]
    row: Int64[Tensor, "A C"]
    token: Int64[Tensor, "A C"]
    token_log_prob: Float[Tensor, "A C"]

    def ended(self, eos: int, beam_size: int) -> Bool[Tensor, "A C"]:
        """Say which candidates are whole outputs: they end in eos and are among the `beam_size` best."""
        ended = (self.token == eos) & (self.log_prob > -math.inf)
        ended[:, beam_size:] = False
        return ended

    def growing(self, eos: int, beam_size: int) -> "Candidates":
        """Return the `beam_size` best candidates that do not end; places that none of them fills are empty."""
        log_prob = self.log_prob.masked_fill(self.token == eos, -math.inf)
        log_prob, place = log_prob.topk(min(beam_size, log_prob.shape[1]), dim=1)
        return Candidates(
            log_prob, self.row.gather(1, place), self.token.gather(1, place), self.token_log_prob.gather(1, place)
        )


@dataclass(frozen=True)
class Live:
    """The hypotheses that still grow, the best of each sentence first.

    log_prob: sum over the tokens so far; minus infinity in an empty place (its row is computed and ignored).
    tokens, token_log_probs: what each row has read after bos, and the log-probability of each.
    """

    log_prob: Float[Tensor, "A W"]
    tokens: Int64[Tensor, "N t"]
    token_log_probs: Float[Tensor, "N t"]

    @classmethod
    def start(cls, sentences: int, device: torch.device) -> "Live":
        """Return one hypothesis without tokens for each sentence; more would be copies of it."""
        return cls(
            torch.zeros((sentences, 1), dtype=torch.float32, device=device),
            torch.empty((sentences, 0), dtype=torch.int64, device=device),
            torch.empty((sentences, 0), dtype=torch.float32, device=device),
        )

    def candidates(self, log_probs: Float[Tensor, "N V"], count: int) -> Candidates:
        """Return the `count` best continuations of each sentence (all, if there are fewer) over all its rows.

        A row whose log-probabilities are not numbers has no continuation.
        """
        sentences, width = self.log_prob.shape
        log_probs, tokens = largest(log_probs, count)  # [N, K]: nobody can need more of one row
        log_probs = log_probs.nan_to_num(nan=-math.inf, neginf=-math.inf)
        totals = (self.log_prob.view(-1, 1) + log_probs).view(sentences, -1)  # [A, W*K]
        log_prob, place = totals.topk(min(count, totals.shape[1]), dim=1)  # [A, C]
        first_row = torch.arange(0, sentences * width, width, device=place.device)[:, None]
        return Candidates(
            log_prob,
            first_row + place // tokens.shape[1],
            tokens.view(sentences, -1).gather(1, place),
            log_probs.view(sentences, -1).gather(1, place),
        )

    def grown(self, kept: Candidates) -> "Live":
        """Return the hypotheses that `kept` makes of these."""
        rows = kept.row.flatten()
        return Live(
            kept.log_prob,
            torch.cat([self.tokens.index_select(0, rows), kept.token.view(-1, 1)], dim=1),
            torch.cat([self.token_log_probs.index_select(0, rows), kept.token_log_prob.view(-1, 1)], dim=1),
        )

    def of(self, sentences: Int64[Tensor, " a"]) -> "Live":
        """Return the hypotheses of these sentences only."""
        rows = torch.arange(len(self.tokens), device=self.tokens.device).view(self.log_prob.shape)[sentences].flatten()
        return Live(self.log_prob[sentences], self.tokens[rows], self.token_log_probs[rows])
