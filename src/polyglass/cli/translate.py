"""`polyglass translate`: lines in, as many lines out; a file in, the same file translated; or a prompt for a person."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from polyglass.cli.arguments import add_option_flag, add_settings_arguments, decode_options
from polyglass.cli.progress import Progress, naming
from polyglass.cli.translate_large import add_large_arguments
from polyglass.errors import InputError

if TYPE_CHECKING:
    from polyglass.translator import Translator

_DESCRIPTION = """\
Translate text, line by line: as many lines come out as go in, in the same order,
and an empty line stays empty. Text comes from the command line, from --input, or
from standard input; with none of them at a terminal there is a prompt.

  echo "Good morning." | polyglass translate en-de
  polyglass translate en-de --input news.en --output news.de
  polyglass translate en-de "A dog runs." --n-best 3

A file of a translation tool (TMX, XLIFF, gettext PO, subtitles, HTML, Markdown,
TSV, JSONL; by its ending) comes out as the same file: what is empty is filled and
marked, what is translated stays, and so do layout, tags and placeholders.

  polyglass translate en-de --input messages.po --output messages.de.po
"""
ENGINES = ("torch", "auto", "ctranslate2", "ctranslate2-int8")
"""As in `interop.engine`, which is not loaded for --help; a test holds them equal."""
_CHUNKS = (32, 128, 512, 2000)
"""Lines translated together, the last size for ever: a pipe shows something soon, then large batches are faster."""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb."""
    parser = subparsers.add_parser(
        "translate", description=_DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", metavar="MODEL", type=Path, help="a model folder")
    parser.add_argument("texts", metavar="TEXT", nargs="*", help="translate these instead of standard input")
    parser.add_argument(
        "--input", metavar="FILE", type=Path, help="read lines from here; .gz, .xz and .zst too; or a file, see above"
    )
    parser.add_argument("--output", metavar="FILE", type=Path, help="write there; the file appears when all is done")
    files = parser.add_argument_group("files of translation tools")
    files.add_argument("--overwrite", action="store_true", help="translate anew what has a translation")
    files.add_argument(
        "--split",
        choices=("always", "needed", "never"),
        default="always",
        help="cut segments into sentences: always (default), needed (only what is too long), never",
    )
    files.add_argument(
        "--any-language", action="store_true", help="do not ask whether the file is in the languages of the model"
    )
    add_large_arguments(parser)
    shape = parser.add_argument_group("what is printed")
    add_option_flag(
        shape, "--n-best", option="decode.n_best", metavar="N", help="N candidates: line number, score, text (TSV)"
    )
    shape.add_argument("--scores", action="store_true", help="print the score before the text (TSV)")
    shape.add_argument(
        "--alignment", action="store_true", help="print which words belong together after the text, as in 0-0 1-2 (TSV)"
    )
    shape.add_argument("--json", action="store_true", help="print one JSON object a line, with everything asked for")
    search = parser.add_argument_group("how it is searched (otherwise as the model prefers)")
    add_option_flag(search, "--beam-size", option="decode.beam_size", metavar="N", help="hypotheses kept; 1: greedy")
    add_option_flag(
        search, "--length-penalty", option="decode.length_penalty", metavar="A", help="higher: longer translations"
    )
    search.add_argument("--prefix", metavar="TEXT", help="every translation must begin with this")
    add_option_flag(search, "--sample", option="decode.sample", help="draw words at random by their probability")
    add_option_flag(
        search, "--temperature", option="decode.temperature", metavar="T", help="below 1 sharper, above 1 flatter"
    )
    add_option_flag(search, "--top-k", option="decode.top_k", metavar="K", help="only the k likeliest words; 0: all")
    add_option_flag(search, "--top-p", option="decode.top_p", metavar="P", help="only words that add up to p")
    add_option_flag(search, "--seed", option="decode.seed", metavar="N", help="same seed, same words")
    add_option_flag(
        search, "--batch-tokens", option="decode.batch_tokens", metavar="N", help="less: less memory; more: faster"
    )
    add_engine_argument(add_machine_arguments(parser))
    add_settings_arguments(parser)


def add_engine_argument(group: argparse._ArgumentGroup) -> None:
    """Add --engine: one of `ENGINES`, which `load_translator` takes, or "ray", alone or with one of them behind "+"."""
    group.add_argument(
        "--engine",
        metavar="NAME",
        type=_engine,
        default=ENGINES[0],
        help=f"who searches: {', '.join(ENGINES)} (default: {ENGINES[0]}); ray, or ray+NAME: many processes do",
    )


def _engine(text: str) -> str:
    first, plus, search = text.partition("+")
    if (search if plus and first == "ray" else text) not in (*ENGINES, *(() if plus else ("ray",))):
        known = ", ".join((*ENGINES, "ray"))
        raise argparse.ArgumentTypeError(f"must be one of {known}, or ray+NAME, but it is {text!r}")
    return text


def add_machine_arguments(parser: argparse.ArgumentParser) -> "argparse._ArgumentGroup":
    """Add --device and --threads, which `load_translator` reads; return their group."""
    group = parser.add_argument_group("machine")
    group.add_argument("--device", default="cpu", help="where to compute: cpu (default), cuda, mps, auto")
    group.add_argument("--threads", metavar="N", type=_positive, help="CPU threads (default: all cores)")
    return group


def load_translator(arguments: argparse.Namespace, *, engine: str = "torch") -> "Translator":
    """Load the model that the arguments name, on the device that they name; `engine` searches."""
    import torch

    from polyglass.translator import Translator

    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    return Translator.load(arguments.model, device=arguments.device, engine=engine)


def run(arguments: argparse.Namespace) -> int:
    """Translate what is given, to the end."""
    from polyglass.cli.translate_file import is_document, refuse_flags_for_lines, translate_file
    from polyglass.cli.translate_large import is_large, translate_large
    from polyglass.cli.translate_lines import Form, Lines, chunks, sink

    if arguments.texts and arguments.input:
        raise InputError("Give TEXT or --input, but not both.")
    large = is_large(arguments)
    if is_document(arguments.input) and not large:
        chosen = decode_options(arguments)
        refuse_flags_for_lines(arguments, chosen)
        return translate_file(load_translator(arguments, engine=arguments.engine), arguments, chosen)
    options = decode_options(arguments) | {"alignment": arguments.alignment}
    form = Form(
        n_best=options.get("n_best", 1), scores=arguments.scores, alignment=arguments.alignment, json=arguments.json
    )
    if large:
        return translate_large(arguments, options, form, _load_for_lines)
    lines = None if _is_conversation(arguments) else Lines.of(arguments.texts, arguments.input)
    translator = _load_for_lines(arguments)
    if lines is None:
        from polyglass.cli.translate_prompt import converse

        return converse(translator, options, form, prefix=arguments.prefix)
    with sink(arguments.output) as out, Progress("line") as progress:
        cut: list[int] = []
        for chunk in chunks(lines, sizes=_CHUNKS):
            with naming(f"{lines.name}, from line {progress.done + 1} on"):
                prefix = None if arguments.prefix is None else [arguments.prefix] * len(chunk)
                translations = translator.translate([line.text for line in chunk], prefix=prefix, **options)
            for number, (line, translation) in enumerate(zip(chunk, translations, strict=True), progress.done + 1):
                out.write(form.render(number, translation) + line.end)
                if translation.cut_tokens:
                    cut.append(number)
            out.flush()
            progress.advance(len(chunk))
    if cut:
        warn_of_cut(lines.name, cut, translator.bundle.model.max_positions - 1)
    return 0


def _load_for_lines(arguments: argparse.Namespace) -> "Translator":
    """Load the model. Raises InputError if it cannot say what is to be printed."""
    translator = load_translator(arguments, engine=arguments.engine)
    if arguments.alignment and translator.bundle.model.alignment_path is None:
        raise InputError(
            "--alignment shows where a model's attention looked, but this model has none (model.attention=none). "
            "Leave --alignment out, or train with --set model.attention=additive."
        )
    return translator


def warn_of_cut(name: str, cut: Sequence[int], longest: int) -> None:
    """Say on stderr which lines were too long for the model."""
    some = ", ".join(f"{number:,}" for number in cut[:10]) + (", ..." if len(cut) > 10 else "")
    were = "1 line was" if len(cut) == 1 else f"{len(cut):,} lines were"
    print(
        f"polyglass: {name}: {were} longer than the {longest:,} subwords that the model takes, and cut: {some}. "
        "Split them into sentences.",
        file=sys.stderr,
    )


def _is_conversation(arguments: argparse.Namespace) -> bool:
    given = arguments.texts or arguments.input or arguments.output
    return not given and sys.stdin.isatty() and sys.stdout.isatty()


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number
