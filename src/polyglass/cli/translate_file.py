"""`polyglass translate --input messages.po`: a file of a translation tool in, the same file with translations out."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from polyglass.cli.main import visible
from polyglass.cli.progress import Progress, naming
from polyglass.errors import DataError, InputError

if TYPE_CHECKING:
    from polyglass.documents.document import Document, Report, Work
    from polyglass.text.parts import Output
    from polyglass.translator import Translator

_CHUNK = 2000  # sentences translated together
_SHOWN = 10  # flagged places that are named
_LINES = frozenset([".txt"])  # files that stay line by line


def is_document(path: Path | None) -> bool:
    """True if a file is of a format of its own, by its ending; otherwise it is lines of text."""
    from polyglass.documents.parse import ENDINGS

    return path is not None and path.suffix.lower() in ENDINGS - _LINES


def refuse_flags_for_lines(arguments: argparse.Namespace, options: dict[str, Any]) -> None:
    """Raise InputError for flags that have no meaning for a file."""
    given = {
        "--alignment": arguments.alignment,
        "--scores": arguments.scores,
        "--json": arguments.json,
        "--prefix": arguments.prefix is not None,
        "--n-best": options.get("n_best", 1) > 1,
    }
    wrong = next((flag for flag, is_given in given.items() if is_given), None)
    if wrong:
        raise InputError(
            f"{wrong} goes with lines of text, but {arguments.input} is a file of its own kind. Leave it out."
        )
    if arguments.output is None and sys.stdout.isatty():
        copy = arguments.input.with_stem(f"{arguments.input.stem}.translated")
        raise InputError(f"Say where the translated file goes, for example --output {copy}")


def translate_file(translator: "Translator", arguments: argparse.Namespace, options: dict[str, Any]) -> int:
    """Translate one file, write it, and say on stderr what became of it."""
    from polyglass.documents.parse import parse_document
    from polyglass.documents.translate import rules_for
    from polyglass.text.parts import Rules

    document = parse_document(_read(arguments.input), str(arguments.input))
    bundle = translator.bundle
    if not arguments.any_language:
        _refuse_other_languages(document, (bundle.source_lang, bundle.target_lang))
    longest, rules = rules_for(translator, Rules(split=arguments.split))
    work = document.begin(
        source_lang=bundle.source_lang,
        target_lang=bundle.target_lang,
        overwrite=arguments.overwrite,
        longest=longest,
        rules=rules,
    )
    finished = work.finish(_outputs(translator, work, options))
    _write(arguments.output, finished.content)
    _tell(document, finished.report, arguments)
    return 0


def _outputs(translator: "Translator", work: "Work", options: dict[str, Any]) -> "list[Output]":
    from polyglass.documents.translate import translate_sentences
    from polyglass.settings import resolve

    own = translator.bundle.config.decode.model_dump()
    chosen = resolve(overrides={f"decode.{name}": value for name, value in {**own, **options}.items()}).config.decode
    sentences, needed = work.sentences, work.needs_alignment
    outputs: list[Output] = []
    with Progress("sentence") as progress, naming(work.document.original.name):
        for start in range(0, len(sentences), _CHUNK):
            chunk = sentences[start : start + _CHUNK]
            outputs += translate_sentences(
                translator, chunk, needs_alignment=needed[start : start + _CHUNK], options=chosen
            )
            progress.advance(len(chunk))
    return outputs


def _read(path: Path) -> bytes:
    from polyglass.documents.parse import MOST_BYTES

    try:
        if path.is_dir():
            raise InputError(f"{path} is a folder, not a file. Name the file inside it.")
        with path.open("rb") as file:
            return file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        raise DataError(f"{path} does not exist. Check the name and the folder.") from None
    except OSError as error:
        raise DataError(
            f"{path} cannot be read: {error.strerror or error}. Check the file and its permissions."
        ) from error


def _refuse_other_languages(document: "Document", model: tuple[str, str]) -> None:
    from polyglass.data.formats.languages import same_language

    for said, known, word in zip(document.languages, model, ("from", "to"), strict=True):
        if said and known and not same_language(said, known):
            name = document.original.name
            raise InputError(
                f"{name} says that it is translated {word} {said}, but the model translates {word} {known}. "
                "Take another model, or give --any-language if the file is wrong."
            )


def _write(path: Path | None, content: bytes) -> None:
    if path is None:
        sys.stdout.flush()
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
    else:
        from polyglass.files import write_atomically

        write_atomically(path, content)


def _tell(document: "Document", report: "Report", arguments: argparse.Namespace) -> None:
    """Say on stderr what was done, at most 80 columns where no name is longer."""
    name = document.original.name
    lines = [f"{name}: {document.format}"]
    lines.append(f"  {report.segments:>7,} segments: {report.filled:,} filled, {report.kept:,} kept as they were")
    lines += [f"  {count:>7,} skipped: {reason}" for reason, count in report.skipped.most_common()]
    lines += _flags(report.flagged)
    if report.kept and not arguments.overwrite:
        lines.append("  --overwrite translates anew what has a translation.")
    if arguments.output is not None:
        lines.append(f"  written to {arguments.output}")
    print("\n".join(visible(line) for line in lines), file=sys.stderr)


def _flags(flagged: Sequence[str]) -> list[str]:
    if not flagged:
        return []
    lines = [f"  {len(flagged):>7,} to look at:", *(f"          {one}" for one in flagged[:_SHOWN])]
    return [*lines, f"          and {len(flagged) - _SHOWN:,} more"] if len(flagged) > _SHOWN else lines
