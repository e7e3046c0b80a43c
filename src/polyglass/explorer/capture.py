"""A text in, one run of a model out: search first, then one replay of the outcome with a tap.

The search is not recorded, it only draws its tree; probabilities and inner numbers all come from the replay.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import torch
from torch import Tensor

from polyglass.config import DecodeConfig
from polyglass.data.batch import pad
from polyglass.decoding.hypothesis import BeamNode, Hypothesis, SearchTrace
from polyglass.decoding.ranking import scored
from polyglass.decoding.search import search
from polyglass.errors import InputError
from polyglass.explorer.ask import SOURCE_TOKENS, TARGET_TOKENS, TOP, RunRequest
from polyglass.explorer.edits import Plan, plan, shuffled
from polyglass.explorer.measured import Measured
from polyglass.explorer.pieces import Span, kind, words
from polyglass.explorer.refusal import RefusedError, too_much
from polyglass.explorer.steps import Steps, steps_of
from polyglass.explorer.subject import Subject
from polyglass.model.tapped import Tapped
from polyglass.replay import read_again, replay
from polyglass.sentences import Sentences

Check = Callable[[], None]
KEPT_BYTES = 2**26  # of the numbers of one run; a longer sentence is replayed for each question


@dataclass(frozen=True)
class Run:
    """One or several sentences that went through a model once.

    plan: the changes that the model was under. sources: token ids that the model read, eos included; order: where
    each stood before the words were shuffled. hypotheses: what was written, with the replay's log-probabilities.
    steps: each choice. nodes: the beam tree. forced: how many first tokens were given. shapes: of all tap paths, with
    a batch axis. recorded: the tensors, or nothing if they were too many.
    """

    id: str
    subject: Subject
    request: RunRequest
    plan: Plan
    sources: tuple[tuple[int, ...], ...]
    order: tuple[int, ...] | None = None
    hypotheses: tuple[Hypothesis, ...] = ()
    steps: tuple[Steps, ...] = ()
    nodes: tuple[BeamNode, ...] = ()
    origin: Literal["search", "forced", "prefix"] = "search"
    forced: int = 0
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)
    recorded: dict[str, Tensor] = field(default_factory=dict)

    @property
    def source(self) -> tuple[int, ...]:
        """The source of a run of one sentence."""
        return self.sources[0]

    @property
    def hypothesis(self) -> Hypothesis:
        """The output of a run of one sentence."""
        return self.hypotheses[0]

    @property
    def kept_bytes(self) -> int:
        """How much memory the recorded tensors take."""
        return sum(tensor.nbytes for tensor in self.recorded.values())

    def model(self, check: Check) -> Tapped:
        """The model under the changes of this run; `check` is called at each step of a search."""
        return Tapped(self.subject.bundle.model, self.plan.changes, check=check)

    def tensors(self, paths: Sequence[str], check: Check) -> dict[str, Tensor]:
        """Return the tensors of these tap paths, with a batch axis.

        Raises RefusedError for a path that does not exist. Takes the subject's lock if the model has to be asked again.
        """
        if any(path not in self.shapes for path in paths):
            raise RefusedError("not_found", "want: this run has no such path. /api/run and /api/models list all.")
        if self.recorded or not paths:
            return {path: self.recorded[path] for path in paths}
        with self.subject.lock:
            check()
            return replay(self.model(check), self.sources, self.hypotheses, keep=tuple(paths))


def capture(subject: Subject, request: RunRequest, check: Check, *, known: Run | None = None) -> Run:
    """Run the model on a text as the request says.

    known: what is written when the model cannot write by itself, since its causal mask is lifted.
    Raises RefusedError for a text that is empty or too long, or an edit that does not fit the model.
    """
    source = read_source(subject, request.text)
    changed = plan(request.edits, subject)
    order: tuple[int, ...] | None = None
    if changed.shuffle is not None:
        order = tuple(shuffled(word_spans(subject, source), seed=changed.shuffle))
        source = tuple(source[place] for place in order)
    run = Run(run_id(request), subject, request, changed, (source,), order)
    if request.target is not None:
        target = write_target(subject, request.target)
        run = replace(run, origin="forced", forced=len(target))
    elif known is not None:
        target = known.hypothesis.ids
        run = replace(run, origin="forced", forced=len(target))
    else:
        target, nodes = _search(run, check)
        prefix = request.prefix_ids
        run = replace(run, origin="prefix" if prefix else "search", forced=len(prefix), nodes=nodes)
    return recorded(run, (target,), check)


def run_id(request: RunRequest) -> str:
    """Return the name of the run that a request asks for: equal requests, equal names."""
    return f"{request.model}.{hashlib.sha256(request.model_dump_json().encode()).hexdigest()[:16]}"


@torch.inference_mode()
def recorded(run: Run, targets: Sequence[Sequence[int]], check: Check, *, keep_bytes: int = KEPT_BYTES) -> Run:
    """Let the model read its targets once more; return the run with all its numbers, if they fit into `keep_bytes`.

    Raises RefusedError if the probabilities are not numbers.
    """
    bundle = run.subject.bundle
    measured = Measured(keep_bytes)
    with run.subject.lock:
        check()
        logits = read_again(run.model(check), run.sources, targets, tap=measured)
    steps, hypotheses = [], []
    for row, target in zip(logits, targets, strict=True):
        chosen = torch.tensor(target, dtype=torch.int64, device=row.device)
        steps.append(steps_of(row[: len(target)], chosen, temperature=run.plan.temperature, top=TOP))
        if not target or not steps[-1].log_probs.isfinite().all():
            raise RefusedError("model_failed", "The model failed on this text: what it computed is not a number.")
        alpha, eos = bundle.config.decode.length_penalty, bundle.model.ids.eos
        hypotheses.append(scored(target, steps[-1].log_probs.tolist(), alpha=alpha, eos=eos))
    return replace(
        run,
        hypotheses=tuple(hypotheses),
        steps=tuple(steps),
        shapes=measured.shapes,
        recorded=measured.tensors,
    )


def read_source(subject: Subject, text: str) -> tuple[int, ...]:
    """Return the ids of a source, eos included. Raises RefusedError if it is empty or too long: nothing is cut here."""
    ids, cut = _sentences(subject, SOURCE_TOKENS).read(text)
    if cut:
        limit, remedy = subject.longest_source, "Take a part of it."
        raise too_much(
            "A source", "subwords (eos included)", limit=limit, value=len(ids) + cut, remedy=remedy, key="long_source"
        )
    if len(ids) == 1:
        raise RefusedError(
            "bad_request", "text: a source to look at must hold a word, but this one is empty.", key="empty_source"
        )
    return tuple(ids)


def write_target(subject: Subject, text: str) -> tuple[int, ...]:
    """Return the ids of a given target, eos included. Raises RefusedError if it is too long."""
    try:
        ids = _sentences(subject, TARGET_TOKENS).write([text], rows=1, word="target")[0]
    except InputError as error:
        raise RefusedError("too_much", str(error), key="long_target", limit=TARGET_TOKENS) from None
    return (*ids, subject.bundle.subwords.ids.eos)


def word_spans(subject: Subject, source: Sequence[int]) -> list[Span]:
    """Return the words of a source as ranges of pieces."""
    pieces, ids = subject.pieces("source", source), subject.bundle.subwords.ids
    return words(pieces, [kind(token, piece, ids) for token, piece in zip(source, pieces, strict=True)])


def _sentences(subject: Subject, limit: int) -> Sentences:
    return Sentences(subject.bundle.subwords, longest=min(subject.bundle.model.max_positions, limit) - 1)


def _search(run: Run, check: Check) -> tuple[tuple[int, ...], tuple[BeamNode, ...]]:
    """Return what the model writes, and the tree of its search."""
    model, request, trace = run.subject.bundle.model, run.request, SearchTrace()
    options = _options(run)
    with run.subject.lock:
        check()
        source = pad([run.source], model.ids.pad).to(model.device)
        try:
            prefix = [request.prefix_ids] if request.prefix_ids else None
            hypothesis = search(run.model(check), source, options, prefix=prefix, trace=trace)[0][0]
        except InputError as error:
            raise RefusedError("bad_request", f"prefix_ids: {error}") from None
    if not hypothesis.ids:
        raise RefusedError("model_failed", "The model failed on this text: what it computed is not a number.")
    return hypothesis.ids, tuple(trace.nodes)


def _options(run: Run) -> DecodeConfig:
    """Return how the search goes: greedy unless a beam was asked for, and not without end."""
    own, beam_size = run.subject.bundle.config.decode, run.request.beam_size or 1
    changes: dict[str, float] = {"beam_size": beam_size, "n_best": 1, "sample": False}
    if own.max_length_factor * len(run.source) + own.max_length_extra > TARGET_TOKENS:
        changes |= {"max_length_factor": 0.0, "max_length_extra": TARGET_TOKENS}
    return own.model_copy(update=changes)
