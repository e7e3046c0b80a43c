"""A test set in, the translations of one system out: by a model in a folder, or from a file of lines."""

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from polyglass.data.formats.lines import read_lines
from polyglass.data.pair import Errors, Pair
from polyglass.errors import DataError
from polyglass.files import sha256_of

if TYPE_CHECKING:
    from polyglass.translator import Translation, Translator

_AT_ONCE = 512  # sentences between two looks of the progress bar


@dataclass(frozen=True)
class Request:
    """What is to be translated, and how.

    options: those of the search that differ from the model's own. languages: of sources and references, as far as
    known. errors, limit: how the pairs were read.
    """

    pairs: Sequence[Pair]
    options: Mapping[str, Any]
    languages: tuple[str | None, str | None]
    device: str
    errors: Errors
    limit: int | None


@dataclass(frozen=True)
class Translated:
    """What one system made of the sources. model: facts for the record; None if the outputs came from a file."""

    name: str
    outputs: list[str]
    finish_reasons: list[str] | None = None
    cut_lines: tuple[int, ...] = ()
    seconds: float = 0.0
    load_seconds: float = 0.0
    model: Mapping[str, Any] | None = None


def translate_with(path: Path, request: Request) -> Translated:
    """Translations by the model in a folder. Raises DataError if the files are the wrong way round for it."""
    from polyglass.translator import Translator  # here, because scoring a file of translations needs no torch

    started = time.perf_counter()
    translator = Translator.load(path, device=request.device)
    loaded = time.perf_counter()
    _check_direction(path, translator, request.languages)
    translations: list[Translation] = []
    sources = [pair.source for pair in request.pairs]
    with _progress(f"translating with {path}", len(sources)) as advance:
        for start in range(0, len(sources), _AT_ONCE):
            some = sources[start : start + _AT_ONCE]
            translations += translator.translate(some, **request.options)
            advance(len(some))
    return Translated(
        name=str(path),
        outputs=[translation.text for translation in translations],
        finish_reasons=[translation.candidates[0].finish_reason for translation in translations],
        cut_lines=tuple(p.line for p, done in zip(request.pairs, translations, strict=True) if done.cut_tokens),
        seconds=time.perf_counter() - loaded,
        load_seconds=loaded - started,
        model=_model_facts(path, translator, request.options),
    )


def read_outputs(path: Path, request: Request) -> Translated:
    """The translations in a text file, one for each pair. Raises DataError if their number does not fit."""
    outputs = list(read_lines(path, errors=request.errors))
    pairs = request.pairs
    if request.errors == "skip" and len(outputs) >= pairs[-1].line:
        outputs = [outputs[pair.line - 1] for pair in pairs]  # the file has a line for skipped pairs, too
    elif request.limit:
        outputs = outputs[: len(pairs)]
    if len(outputs) != len(pairs):
        raise DataError(
            f"{path} must have one line for each pair of the test set, but it has {len(outputs):,} lines and the test "
            f"set has {len(pairs):,} pairs. Give the translations of exactly this test set."
        )
    return Translated(str(path), outputs)


@contextmanager
def _progress(title: str, total: int) -> Iterator[Callable[[int], None]]:
    """A bar on stderr while translating, where somebody looks; yields a function that is told of finished sentences."""
    if not sys.stderr.isatty():
        yield lambda finished: None
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(escape(title), total=total)
        yield lambda finished: bar.advance(task, finished)


def _check_direction(path: Path, translator: "Translator", languages: tuple[str | None, str | None]) -> None:
    """Raise DataError if the files hold the languages of the model the other way round."""
    source, target = translator.bundle.source_lang, translator.bundle.target_lang
    if source != target and languages == (target, source):
        raise DataError(
            f"{path} translates {source} to {target}, but the test set looks like {languages[0]} to {languages[1]}. "
            f"Give the {source} file first, or say --source-lang {source} --target-lang {target}."
        )


def _model_facts(path: Path, translator: "Translator", options: Mapping[str, Any]) -> dict[str, Any]:
    """What the record says about a model: where it is, which weights exactly, how it searched."""
    from polyglass.bundle import WEIGHTS

    bundle = translator.bundle
    return {
        "path": str(path),
        "sha256": sha256_of(path / WEIGHTS),
        "source_lang": bundle.source_lang,
        "target_lang": bundle.target_lang,
        "decode": {**bundle.config.decode.model_dump(mode="json"), **options},
    }
