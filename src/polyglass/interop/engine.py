"""Who searches: our own decoder, or CTranslate2 with the same weights.

Our own decoder is the standard. CTranslate2 takes over what it does alike: greedy search, where both follow one path,
and beam search, where it stops by another rule (see `CTranslate2Engine`). Everything else goes to our own.
"""

import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from polyglass.bundle import Bundle
from polyglass.config import DecodeConfig, TransformerConfig
from polyglass.data.batch import pad
from polyglass.decoding.hypothesis import Hypothesis
from polyglass.decoding.length import output_limits
from polyglass.decoding.ranking import best_first, scored
from polyglass.decoding.search import search
from polyglass.errors import BundleError, ConfigError, InputError, OutOfSpaceError
from polyglass.files import make_folder, read_manifest, sha256_of
from polyglass.interop.to_ctranslate2 import write_ctranslate2

Rows = Sequence[Sequence[int]]
Engine = Callable[[Rows, DecodeConfig, Rows | None], list[list[Hypothesis]]]
"""(source rows that end in eos, options, prefixes or None) -> the n best hypotheses of each row, best first."""

ENGINES = ("torch", "auto", "ctranslate2", "ctranslate2-int8")
PATIENCE = 2
"""CTranslate2 goes on until it has so many times beam_size whole outputs. With 1 it misses about one best output in a
hundred; with 2 it missed none of 1,000 (see docs/performance.md)."""
_FORMAT = 1  # of the folders in the cache


def open_engine(name: str, bundle: Bundle, folder: Path) -> Engine:
    """Return the engine called `name` for the model that was read from `folder`.

    "torch": our own decoder. "ctranslate2", "ctranslate2-int8": CTranslate2, exported once into a cache inside the
    model folder. "auto": CTranslate2 where it finds the same words by construction (greedy search on a CPU, if it is
    installed and has this architecture), else our own.
    Raises InputError for another name or if ctranslate2 is not installed, ConfigError for an architecture or a device
    that it does not have.
    """
    if name not in ENGINES:
        raise InputError(f"The engine must be one of {', '.join(ENGINES)}, but it is {name!r}.")
    own = partial(_own_search, bundle)
    if name == "torch":
        return own
    if name == "auto":
        return CTranslate2Engine(bundle, folder, own=own, is_exact=True) if _may_take_over(bundle) else own
    if bundle.model.device.type != "cpu":
        raise ConfigError(
            f"The engine {name} computes on the CPU here, but the device is {bundle.model.device}. "
            "Leave --device out, or take the engine torch."
        )
    quantization = "int8" if name.endswith("int8") else "float32"
    engine = CTranslate2Engine(bundle, folder, own=own, quantization=quantization)
    engine.open()
    return engine


class CTranslate2Engine:
    """Searches with CTranslate2 (Klein et al. 2020), and asks `own` for what that cannot do: samples and prefixes.

    Its beam keeps the same hypotheses as ours, but it stops after a number of whole outputs, where ours stops when no
    better one can come. So it is asked for more outputs than needed, and they are ranked by our score. A sentence
    whose outputs reach its length limit, or hold a piece that we never write, is searched by `own`, too.
    is_exact: take over greedy search only, where no rule differs. The model is exported when it is first needed.
    """

    def __init__(
        self, bundle: Bundle, folder: Path, *, own: Engine, quantization: str = "float32", is_exact: bool = False
    ) -> None:
        self._bundle = bundle
        self._folder = folder
        self._own = own
        self._quantization = quantization
        self._is_exact = is_exact
        self._program: Any = None
        subwords = bundle.subwords
        self._ids = {piece: number for number, piece in enumerate(subwords.target_pieces(range(subwords.target_size)))}

    def __call__(self, rows: Rows, options: DecodeConfig, prefix: Rows | None) -> list[list[Hypothesis]]:
        """Search as `decoding.search.search` does."""
        if options.sample or prefix is not None or (self._is_exact and options.beam_size > 1):
            return self._own(rows, options, prefix)
        limits = output_limits(self._bundle.model, pad(rows, self._bundle.model.ids.pad), options)
        found = self._found(rows, options, limit=max(limits))
        odd = [
            index
            for index, (one, limit) in enumerate(zip(found, limits, strict=True))
            if not one or any(self._is_odd(hypothesis, limit) for hypothesis in one)
        ]
        if odd:
            for index, own in zip(odd, self._own([rows[index] for index in odd], options, None), strict=True):
                found[index] = own
        return found

    def open(self) -> Any:
        """Return CTranslate2's translator, exporting the model if that has not been done."""
        if self._program is None:
            import torch

            folder = cached_export(self._bundle, self._folder, self._quantization)
            import ctranslate2

            self._program = ctranslate2.Translator(str(folder), device="cpu", intra_threads=torch.get_num_threads())
        return self._program

    def _found(self, rows: Rows, options: DecodeConfig, *, limit: int) -> list[list[Hypothesis]]:
        """Return the n best of each row, at most `limit` tokens long."""
        program, subwords = self.open(), self._bundle.subwords
        pieces = [subwords.source_pieces(row) for row in rows]
        count = 1 if options.beam_size == 1 else PATIENCE * options.beam_size
        answers = program.translate_batch(
            pieces,
            max_batch_size=0,
            beam_size=options.beam_size,
            num_hypotheses=count,
            patience=PATIENCE,
            length_penalty=0,
            max_decoding_length=limit,
            return_scores=True,
            return_end_token=True,
        )
        kept = [self._best(answer, options) for answer in answers]
        flat = [(source, one) for source, some in zip(pieces, kept, strict=True) for one in some]
        eos = self._bundle.model.ids.eos
        ended = [subwords.target_pieces(ids[:-1] if ids[-1] == eos else ids) for _, ids in flat]
        # A second pass over what was found: a search tells the sum only.
        told = program.score_batch([source for source, _ in flat], ended, max_batch_size=0)
        hypotheses = iter(
            [
                scored(ids, one.log_probs[: len(ids)], alpha=options.length_penalty, eos=eos)
                for (_, ids), one in zip(flat, told, strict=True)
            ]
        )
        return [best_first([next(hypotheses) for _ in some]) for some in kept]

    def _best(self, answer: Any, options: DecodeConfig) -> list[list[int]]:
        """Return the ids of the n best outputs of one sentence by our score."""
        eos = self._bundle.model.ids.eos
        outputs = [[self._ids[piece] for piece in output] for output in answer.hypotheses]
        ranked = best_first(
            scored(ids, [total], alpha=options.length_penalty, eos=eos)
            for ids, total in zip(outputs, answer.scores, strict=True)
            if ids
        )
        return [list(one.ids) for one in ranked[: options.n_best]]

    def _is_odd(self, one: Hypothesis, limit: int) -> bool:
        ids = self._bundle.model.ids
        return len(one.ids) > limit or one.finish_reason == "length" or ids.pad in one.ids or ids.bos in one.ids


def cached_export(bundle: Bundle, folder: Path, quantization: str) -> Path:
    """Return a whole CTranslate2 folder of this model: one from before, if every byte of it is proved, or a new one.

    It lies in `folder`/.ctranslate2 under the SHA-256 of the weights (which pin config and tokenizer); in a temporary
    folder where nothing may be written there.
    """
    name = f"{sha256_of(folder / 'model.safetensors')[:32]}-{quantization}-{_FORMAT}"
    cached = folder / ".ctranslate2" / name
    try:
        read_manifest(cached)
    except (BundleError, OSError):
        try:
            make_folder(cached.parent)
            write_ctranslate2(bundle, cached, quantization=quantization)
        except OutOfSpaceError:
            cached = Path(tempfile.mkdtemp(prefix="polyglass-")) / name
            write_ctranslate2(bundle, cached, quantization=quantization)
    return cached


def _own_search(bundle: Bundle, rows: Rows, options: DecodeConfig, prefix: Rows | None) -> list[list[Hypothesis]]:
    model = bundle.model
    return search(model, pad(rows, model.ids.pad).to(model.device), options, prefix=prefix)


def _may_take_over(bundle: Bundle) -> bool:
    config = bundle.config.model
    has_all = isinstance(config, TransformerConfig) and config.norm != "batch" and config.positions != "rotary"
    return has_all and bundle.model.device.type == "cpu" and find_spec("ctranslate2") is not None
