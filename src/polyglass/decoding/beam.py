"""A model and source sentences in, the n best hypotheses of each out: beam search (Wu et al. 2016, §7).

What a beam keeps. Each step takes the 2 * beam_size best continuations of a sentence over all its live hypotheses
and all words. Those among the best beam_size that end in eos are whole outputs: they go to the sentence's n-best list
and leave the beam. The beam_size best of the others live on; since a hypothesis has one eos only, 2 * beam_size
continuations always hold that many. (fairseq and Hugging Face Transformers keep the same ones.) So a beam as wide as
the space of outputs loses nothing: every eos is within the best beam_size, and the search is exhaustive.

When it stops. Scores are log_prob / length_penalty(length, alpha). A log-probability can only fall, and the penalty
of a longer output is never smaller, so nothing that grows out of a live hypothesis can score above
log_prob / length_penalty(limit, alpha). A sentence is done when this bound of its best live hypothesis does not beat
the last of its n_best whole outputs. That changes no result: going on could add nothing to the list.

At the length limit the live hypotheses are cut. They fill the places that whole outputs left free, and always come
after those (see `best_first`).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Bool, Int64
from torch import Tensor

from polyglass.config import DecodeConfig
from polyglass.decoding.candidates import Candidates, Live
from polyglass.decoding.greedy import greedy
from polyglass.decoding.hypothesis import Hypothesis, SearchTrace
from polyglass.decoding.length import length_penalty, output_limits
from polyglass.decoding.prefix import forced_tokens
from polyglass.decoding.ranking import FAILED, best_first, scored
from polyglass.decoding.tree import Tree
from polyglass.decoding.words import next_log_probs
from polyglass.model.seq2seq import Seq2Seq


@dataclass
class Sentence:
    """A sentence under search: which row of the source it is, its length limit, and its best outputs so far."""

    index: int
    limit: int
    n_best: int
    alpha: float
    found: list[Hypothesis] = field(default_factory=list)

    def add(self, hypothesis: Hypothesis) -> None:
        """Put an output into the n-best list, if it is good enough."""
        self.found = best_first([*self.found, hypothesis])[: self.n_best]

    def is_done(self, length: int, best_live: float) -> bool:
        """Say whether no live hypothesis (the best one has this log-probability and length) can enter the list."""
        last = self.found[-1].score if len(self.found) == self.n_best else -math.inf
        return length >= self.limit or best_live / length_penalty(self.limit, self.alpha) <= last


@torch.inference_mode()
def beam_search(
    model: Seq2Seq,
    source: Int64[Tensor, "B S"],
    options: DecodeConfig,
    *,
    prefix: Sequence[Sequence[int]] | None = None,
    trace: SearchTrace | None = None,
) -> list[list[Hypothesis]]:
    """Return the `options.n_best` best hypotheses of each sentence, best first; beam_size 1 is greedy search.

    Sentences are searched independently: neither order nor padding nor neighbours change the tokens (float rounding
    moves scores by about 1e-6, which decides only between hypotheses that tie). There are fewer than n_best where the
    model allows fewer outputs. A sentence whose logits are not numbers gets the one hypothesis `FAILED`, without ids.
    source: ends in eos, padded on the right. prefix: for each sentence the tokens that its outputs must begin with;
    they count in ids and log-probabilities. trace: receives the beam tree. The model must be in eval mode.
    Raises ShapeError and InputError for a prefix that does not fit (see `forced_tokens`).
    """
    if options.beam_size == 1:
        return greedy(model, source, options, prefix=prefix, trace=trace)
    if not len(source):
        return []
    limits = output_limits(model, source, options)
    forced = forced_tokens(prefix, limits, ids=model.ids, device=source.device)
    everyone = [Sentence(row, limit, options.n_best, options.length_penalty) for row, limit in enumerate(limits)]
    tree = None if trace is None else Tree(trace)
    _search(model, source, beam_size=options.beam_size, forced=forced, sentences=everyone, tree=tree)
    return [sentence.found or [FAILED] for sentence in everyone]


def _search(
    model: Seq2Seq,
    source: Int64[Tensor, "B S"],
    *,
    beam_size: int,
    forced: Int64[Tensor, "B P"],
    sentences: list[Sentence],
    tree: Tree | None,
) -> None:
    """Fill the n-best list of every sentence. Only those that are not done stay in the batch."""
    eos = model.ids.eos
    live = Live.start(len(sentences), source.device)
    state = model.start(model.encode(source))
    token = torch.full_like(source[:, 0], model.ids.bos)
    while True:
        length, width = live.tokens.shape[1], live.log_prob.shape[1]
        logits, state = model.step(token, state)
        must = forced[:, length].repeat_interleave(width) if length < forced.shape[1] else None
        candidates = live.candidates(next_log_probs(logits, model.ids, forced=must), 2 * beam_size)
        ended, kept = candidates.ended(eos, beam_size), candidates.growing(eos, beam_size)
        _bring_home(sentences, live, candidates=candidates, ended=ended, eos=eos)
        if tree is not None:
            tree.grow([one.index for one in sentences], kept=kept, candidates=candidates, ended=ended)
        live, rows = live.grown(kept), kept.row
        best_live = live.log_prob[:, 0].tolist()
        done = [one.is_done(length + 1, best) for one, best in zip(sentences, best_live, strict=True)]
        if any(done):
            _cut(sentences, live, done=done, eos=eos)
            if all(done):
                return
            left = torch.tensor([place for place, is_done in enumerate(done) if not is_done], device=source.device)
            sentences = [sentences[place] for place in left.tolist()]
            live, rows, forced = live.of(left), rows[left], forced[left]
        state, token = state.select(rows.flatten()), live.tokens[:, -1]


def _bring_home(
    sentences: Sequence[Sentence], live: Live, *, candidates: Candidates, ended: Bool[Tensor, "A C"], eos: int
) -> None:
    """Add the candidates that ended to the n-best lists of their sentences."""
    places = ended.nonzero()
    if not len(places):
        return
    rows = candidates.row[ended]
    columns = (places[:, 0], live.tokens[rows], live.token_log_probs[rows], candidates.token_log_prob[ended])
    for place, tokens, log_probs, last in zip(*(column.tolist() for column in columns), strict=True):
        sentence = sentences[place]
        sentence.add(scored([*tokens, eos], [*log_probs, last], alpha=sentence.alpha, eos=eos))


def _cut(sentences: Sequence[Sentence], live: Live, *, done: Sequence[bool], eos: int) -> None:
    """Fill what is free in the n-best lists of sentences that are done with their live hypotheses."""
    width = live.log_prob.shape[1]
    for place, sentence in enumerate(sentences):
        if not done[place] or len(sentence.found) == sentence.n_best:
            continue
        for row in range(place * width, (place + 1) * width):
            if live.log_prob.view(-1)[row] > -math.inf:
                tokens, log_probs = live.tokens[row].tolist(), live.token_log_probs[row].tolist()
                sentence.add(scored(tokens, log_probs, alpha=sentence.alpha, eos=eos))
