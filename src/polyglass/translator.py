"""Text in, text out: the only door to a trained model for command line, evaluation and whoever looks inside.

`Translator.load("en-de").translate(["Good morning."])[0].text`
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from threading import Lock
from typing import Any, Literal

from torch import Tensor

from polyglass.bundle import Bundle, load_bundle
from polyglass.config import DecodeConfig
from polyglass.data.batch import pad
from polyglass.data.subwords import Subwords
from polyglass.decoding.forced import force
from polyglass.decoding.hypothesis import Hypothesis
from polyglass.decoding.search import search
from polyglass.errors import InputError, PolyglassError
from polyglass.interop.engine import open_engine
from polyglass.model.seq2seq import Seq2Seq
from polyglass.replay import Alignment, align, replay
from polyglass.sentences import Sentences, listed
from polyglass.settings import resolve


@dataclass(frozen=True)
class Candidate:
    """One possible translation.

    pieces: its subwords as SentencePiece writes them ("▁" is a space), eos included if it ended by itself.
    token_log_probs: natural log of the model's probability of each piece. log_prob: their sum.
    score: what candidates are ranked by, log_prob over the length penalty.
    finish_reason: "end", or "length" if it was cut at the length limit.
    alignment: one row for each piece, one column for each source piece, rows sum to 1; None if not asked for, or
        if the model has no attention.
    """

    text: str
    pieces: tuple[str, ...]
    token_log_probs: tuple[float, ...]
    log_prob: float
    score: float
    finish_reason: Literal["end", "length"]
    alignment: Alignment | None = None


@dataclass(frozen=True)
class Translation:
    """What became of one source text: candidates, best first, at least one.

    source_pieces: the subwords that the model read, eos included; empty for an empty text.
    cut_tokens: how many more it did not read because the source was longer than the model takes.
    """

    source: str
    candidates: tuple[Candidate, ...]
    source_pieces: tuple[str, ...] = ()
    cut_tokens: int = 0

    @property
    def text(self) -> str:
        """The best translation."""
        return self.candidates[0].text


@dataclass(frozen=True)
class Trace:
    """Everything that was asked for of one pass through the model, by tap path; tensors have a batch of 1.

    source_pieces: eos included. target_pieces: what the hypothesis wrote; the decoder read bos and all but the last.
    """

    source_pieces: tuple[str, ...]
    target_pieces: tuple[str, ...]
    tensors: dict[str, Tensor]
    hypothesis: Hypothesis


EMPTY = Candidate("", (), (), 0.0, 0.0, "end")


class Translator:
    """A model that translates text. Calls from several threads are safe; they wait for each other."""

    def __init__(self, bundle: Bundle, *, engine: str = "torch", folder: Path = Path()) -> None:
        self.bundle = bundle
        self._find = open_engine(engine, bundle, folder)
        self._sentences = Sentences(bundle.subwords, longest=bundle.model.max_positions - 1)
        self._lock = Lock()  # a model grows its table of positions while it reads

    @classmethod
    def load(cls, path: str | Path, *, device: str = "cpu", engine: str = "torch") -> "Translator":
        """Read a model folder. Raises BundleError if it is damaged or foreign, ConfigError if there is no such device.

        device: "cpu", "cuda", "cuda:1", "mps", or "auto". engine: who searches, see `interop.engine.open_engine`.
        """
        return cls(load_bundle(Path(path), device=device), engine=engine, folder=Path(path))

    def translate(
        self,
        texts: Sequence[str],
        *,
        n_best: int = 1,
        prefix: Sequence[str] | None = None,
        alignment: bool = False,
        beam_size: int | None = None,
        length_penalty: float | None = None,
        sample: bool | None = None,
        temperature: float | None = None,
        top_k: int | None = None,
        top_p: float | None = None,
        seed: int | None = None,
        max_length_factor: float | None = None,
        max_length_extra: int | None = None,
        batch_tokens: int | None = None,
    ) -> list[Translation]:
        """Translate each text; the answers come in the order of the texts.

        A text is one sentence or line: a line feed in it counts as a space. A text without any word becomes an empty
        translation without asking the model. One longer than the model takes is cut, and `cut_tokens` says so.
        n_best: candidates for each text. prefix: for each text, what its translations must begin with.
        alignment: also say where the model looked. The others are options of `DecodeConfig`; None means the model's
        own. Raises ConfigError for an impossible option, PolyglassError naming a text that the model fails on.
        """
        changes = {
            "n_best": n_best,
            "beam_size": beam_size,
            "length_penalty": length_penalty,
            "sample": sample,
            "temperature": temperature,
            "top_k": top_k,
            "top_p": top_p,
            "seed": seed,
            "max_length_factor": max_length_factor,
            "max_length_extra": max_length_extra,
            "batch_tokens": batch_tokens,
        }
        options = self._options({name: value for name, value in changes.items() if value is not None})
        wanted = [alignment] * len(listed(texts))
        return list(map(_unless_failed, self.translate_each(texts, options, prefix=prefix, alignment=wanted)))

    def score(self, sources: Sequence[str], targets: Sequence[str]) -> list[Candidate]:
        """Say how likely each target is as the translation of its source (forced decoding; eos counts).

        Sources longer than the model takes are cut; a target that is longer raises InputError.
        """
        read = [self._sentences.read(text)[0] for text in listed(sources)]
        written = self._sentences.write(targets, rows=len(read), word="target")
        decode = self.bundle.config.decode
        lengths = [len(source) + len(target) for source, target in zip(read, written, strict=True)]
        scores: dict[int, Candidate] = {}
        for batch in _batches(range(len(read)), lengths, decode.batch_tokens):
            rows, wanted = [read[index] for index in batch], [written[index] for index in batch]
            with self._lock:
                hypotheses = force(self.bundle.model, self._padded(rows), wanted, decode.length_penalty)
            for index, hypothesis in zip(batch, hypotheses, strict=True):
                if failure := _failure(hypothesis, f"pair {index + 1}", sources[index]):
                    raise failure
                scores[index] = _candidate(self.bundle.subwords, hypothesis)
        return [scores[index] for index in range(len(read))]

    def trace(self, source: str, target: str | None = None, *, keep: tuple[str, ...] = ("*",)) -> Trace:
        """Record the model's inner numbers while it reads `source` and writes `target` (None: its best translation).

        keep: shell patterns of tap paths, such as "*.cross_attention.weights". The numbers come from one pass over all
        positions. Raises InputError for an empty source.
        """
        read, _ = self._sentences.read(source)
        if len(read) == 1:
            raise InputError("A source to look at must hold a word, but this one is empty.")
        options = self._options({})
        written = None if target is None else self._sentences.write([target], rows=1, word="target")
        with self._lock:
            padded = self._padded([read])
            if written is None:
                hypothesis = search(self.bundle.model, padded, options)[0][0]
            else:
                hypothesis = force(self.bundle.model, padded, written, options.length_penalty)[0]
            if failure := _failure(hypothesis, "this text", source):
                raise failure
            tensors = replay(self.bundle.model, [read], [hypothesis], keep=keep)
        subwords = self.bundle.subwords
        return Trace(
            tuple(subwords.source_pieces(read)), tuple(subwords.target_pieces(hypothesis.ids)), tensors, hypothesis
        )

    def translate_each(
        self,
        texts: Sequence[str],
        options: DecodeConfig,
        *,
        prefix: Sequence[str] | None = None,
        alignment: Sequence[bool],
    ) -> list[Translation | PolyglassError]:
        """Translate as `translate` does, but a text that the model fails on has its error in its place.

        alignment: for each text, whether to say where the model looked.
        """
        read, cut = zip(*map(self._sentences.read, texts), strict=True) if texts else ((), ())
        forced = [] if prefix is None else self._sentences.write(prefix, rows=len(texts), word="prefix")
        found: dict[int, Translation | PolyglassError] = {}
        asked = [index for index, ids in enumerate(read) if len(ids) > 1]
        rows_each = options.n_best if options.sample else options.beam_size
        for batch in _batches(asked, list(map(len, read)), options.batch_tokens // rows_each):
            rows = [read[index] for index in batch]
            begun = None if prefix is None else [forced[index] for index in batch]
            with self._lock:
                answers = self._find(rows, options, begun)
                looks = _looks(self.bundle.model, rows, answers, wanted=[alignment[index] for index in batch])
            for index, hypotheses in zip(batch, answers, strict=True):
                if failure := _failure(hypotheses[0], f"text {index + 1}", texts[index]):
                    found[index] = failure
                    continue
                candidates = tuple(_candidate(self.bundle.subwords, one, looks.get(id(one))) for one in hypotheses)
                pieces = tuple(self.bundle.subwords.source_pieces(read[index]))
                found[index] = Translation(texts[index], candidates, pieces, cut[index])
        return [found.get(index, Translation(text, (EMPTY,))) for index, text in enumerate(texts)]

    def explore(self, text: str, *, target: str | None = None) -> Any:
        """Return a page about one sentence, which a notebook shows; see `polyglass.explorer.show`."""
        # By its name, because the explorer stands above this room and imports it.
        return import_module("polyglass.explorer").show(self, text, target=target)

    def _options(self, changes: dict[str, int | float | bool]) -> DecodeConfig:
        own = self.bundle.config.decode.model_dump()
        return resolve(overrides={f"decode.{name}": value for name, value in {**own, **changes}.items()}).config.decode

    def _padded(self, rows: Sequence[Sequence[int]]) -> Tensor:
        return pad(rows, self.bundle.model.ids.pad).to(self.bundle.model.device)


def _candidate(subwords: Subwords, hypothesis: Hypothesis, alignment: Alignment | None = None) -> Candidate:
    return Candidate(
        text=subwords.decode_target(hypothesis.ids).replace("\n", " "),  # subwords can spell any byte
        pieces=tuple(subwords.target_pieces(hypothesis.ids)),
        token_log_probs=hypothesis.token_log_probs,
        log_prob=hypothesis.log_prob,
        score=hypothesis.score,
        finish_reason=hypothesis.finish_reason,
        alignment=alignment,
    )


def _looks(
    model: Seq2Seq, rows: Sequence[Sequence[int]], answers: Sequence[Sequence[Hypothesis]], *, wanted: Sequence[bool]
) -> dict[int, Alignment | None]:
    """Say by the id() of each hypothesis of the wanted rows where the model looked; all in one pass."""
    pairs = [
        (row, one)
        for row, hypotheses, is_wanted in zip(rows, answers, wanted, strict=True)
        if is_wanted
        for one in hypotheses
        if one.ids
    ]
    if not pairs:
        return {}
    found = align(model, [row for row, _ in pairs], [one for _, one in pairs])
    return {id(one): look for (_, one), look in zip(pairs, found, strict=True)}


def _batches(chosen: Iterable[int], lengths: Sequence[int], budget: int) -> Iterator[list[int]]:
    """Put rows of like length together: each batch has at most `budget` tokens with its padding, or is one row."""
    batch: list[int] = []
    for index in sorted(chosen, key=lambda index: lengths[index]):
        if batch and (len(batch) + 1) * lengths[index] > budget:
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch


def _failure(hypothesis: Hypothesis, name: str, text: str) -> PolyglassError | None:
    """Return the error if the model failed on this text."""
    if hypothesis.ids and math.isfinite(hypothesis.log_prob):
        return None
    return PolyglassError(
        f"The model failed on {name}: what it computed is not a number. The text begins {text[:60]!r}. "
        "If this happens with most texts, the model is unusable: take an earlier one."
    )


def _unless_failed(answer: Translation | PolyglassError) -> Translation:
    if isinstance(answer, PolyglassError):
        raise answer
    return answer
