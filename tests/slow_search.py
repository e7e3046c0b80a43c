"""Two searches that are too slow to use and too simple to be wrong: no batch, no cache, no early stop, plain lists."""

import math
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import product

import torch
from torch import Tensor

from polyglass.decoding.hypothesis import Hypothesis
from polyglass.model.seq2seq import Seq2Seq

Path = tuple[tuple[int, ...], tuple[float, ...]]  # tokens, log-probability of each


class SlowModel:
    """The log-probability of each next token of one sentence, from a full teacher-forced pass for each question."""

    def __init__(self, model: Seq2Seq, source: Tensor) -> None:
        self.model = model
        self.source = source[source != model.ids.pad][None]
        self.next = cache(self._next)

    @torch.inference_mode()
    def _next(self, tokens: tuple[int, ...]) -> list[float]:
        target_in = torch.tensor([[self.model.ids.bos, *tokens]])
        return self.model(self.source, target_in)[0, -1].float().log_softmax(-1).tolist()


def slow_beam_search(
    model: Seq2Seq, source: Tensor, *, beam_size: int, n_best: int, limit: int, alpha: float, prefix: Sequence[int] = ()
) -> list[Hypothesis]:
    """Search one sentence [S] to the length limit whatever happens; the same rules as `beam_search`."""
    ids, slow = model.ids, SlowModel(model, source)
    live: list[Path] = [((), ())]
    whole: list[Path] = []
    for step in range(limit):
        candidates: list[Path] = []
        for tokens, log_probs in live:
            for token, log_prob in enumerate(slow.next(tokens)):
                allowed = token == prefix[step] if step < len(prefix) else token not in (ids.pad, ids.bos)
                if allowed and not math.isnan(log_prob):
                    candidates.append(((*tokens, token), (*log_probs, log_prob)))
        candidates.sort(key=lambda path: -sum(path[1]))
        whole += [path for path in candidates[:beam_size] if path[0][-1] == ids.eos]
        live = [path for path in candidates if path[0][-1] != ids.eos][:beam_size]
    return rank(whole, live, n_best=n_best, alpha=alpha)


def exhaustive_search(model: Seq2Seq, source: Tensor, *, n_best: int, limit: int, alpha: float) -> list[Hypothesis]:
    """Score every output there is: each sequence of words and eos up to the limit, and those cut at the limit."""
    slow = SlowModel(model, source)
    words = set(range(len(slow.next(())))) - {model.ids.pad, model.ids.bos, model.ids.eos}
    whole = [_walk(slow, (*text, model.ids.eos)) for length in range(limit) for text in product(words, repeat=length)]
    cut = [_walk(slow, text) for text in product(words, repeat=limit)]
    return rank(whole, cut, n_best=n_best, alpha=alpha)


def _walk(slow: SlowModel, tokens: tuple[int, ...]) -> Path:
    return tokens, tuple(slow.next(tokens[:place])[token] for place, token in enumerate(tokens))


def rank(whole: Sequence[Path], cut: Sequence[Path], *, n_best: int, alpha: float) -> list[Hypothesis]:
    """Sort outputs by log-probability over ((5 + length) / 6)^alpha, whole ones before cut ones."""

    def ranked(paths: Sequence[Path], reason: str) -> Iterator[Hypothesis]:
        made = []
        for tokens, log_probs in paths:
            log_prob = sum(log_probs)
            score = log_prob / math.pow((5 + len(tokens)) / 6, alpha)
            made.append(Hypothesis(tokens, log_probs, log_prob, score, reason))  # type: ignore[arg-type]
        yield from sorted(made, key=lambda one: -one.score)

    return [*ranked(whole, "end"), *ranked(cut, "length")][:n_best]
