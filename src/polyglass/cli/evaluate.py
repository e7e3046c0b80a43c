"""`polyglass evaluate`: translate a test set (or take translations from a file), and say how good they are."""

import argparse
import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from polyglass.cli.arguments import add_option_flag, add_settings_arguments, decode_options

if TYPE_CHECKING:
    from polyglass.cli.evaluate_systems import Request, Translated
    from polyglass.data.pair import Pair

_DESCRIPTION = """\
Translate the sources of a test set and compare with its references: BLEU, chrF,
length buckets, what goes wrong, and sentences per second.

  polyglass evaluate en-de test.en test.de
  polyglass evaluate en-de test.tsv --against old-model --show-worst 5
  polyglass evaluate --outputs translations.txt test.en test.de
"""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb."""
    parser = subparsers.add_parser(
        "evaluate", description=_DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "paths",
        nargs="+",
        metavar="MODEL FILE",
        type=Path,
        help="a model folder, then the test set: two text files (source, target), or one TSV, JSONL, TMX, XLIFF or PO; "
        "packed ones (.gz, .xz, .zst) too",
    )
    parser.add_argument("--outputs", metavar="FILE", type=Path, help="score these translations; then give no MODEL")
    parser.add_argument(
        "--against", metavar="MODEL|FILE", type=Path, help="test whether the difference to this one is chance"
    )
    parser.add_argument("--output", metavar="FILE", type=Path, help="write the translations there, one a line")
    parser.add_argument("--limit", metavar="N", type=_positive, help="take only the first N sentences")
    parser.add_argument(
        "--metrics", metavar="A,B", type=_names, help="choose from chrf, bleu, bleu_lc, bleu_lc_intl, ter, ..."
    )
    parser.add_argument(
        "--show-worst", metavar="N", type=_positive, default=0, help="show the N worst and best sentences"
    )
    parser.add_argument("--errors", choices=("strict", "skip"), default="strict", help="what to do with broken lines")
    parser.add_argument("--source-lang", metavar="CODE", help="language of the sources, if file names do not tell")
    parser.add_argument("--target-lang", metavar="CODE", help="language of the references")
    parser.add_argument("--device", default="cpu", help="where to compute: cpu (default), cuda, mps")
    parser.add_argument("--json", action="store_true", help="print one JSON object with everything")
    add_option_flag(parser, "--beam-size", option="decode.beam_size", metavar="N", help="hypotheses kept; 1: greedy")
    add_option_flag(
        parser, "--length-penalty", option="decode.length_penalty", metavar="A", help="higher: longer translations"
    )
    add_settings_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Translate, score, and print a table or a JSON object."""
    from polyglass.cli.evaluate_systems import Request
    from polyglass.cli.evaluate_text import as_text
    from polyglass.cli.main import visible
    from polyglass.evaluation.report import make_report

    _check_flags(arguments)
    model, files = _model_and_files(arguments)
    pairs, languages = _read_pairs(files, arguments)
    options = decode_options(arguments)
    request = Request(
        pairs, options, languages, device=arguments.device, errors=arguments.errors, limit=arguments.limit
    )
    system, other = _systems(model, arguments, request)
    if arguments.output:
        _write_lines(arguments.output, system.outputs)
    started = time.perf_counter()
    report = make_report(
        pairs,
        system.outputs,
        finish_reasons=system.finish_reasons,
        against=other.outputs if other else None,
        metrics=arguments.metrics,
        examples=arguments.show_worst,
    )
    record = {
        **_provenance(files, pairs, system, other),
        "time": _times(system, len(pairs), time.perf_counter() - started),
        **asdict(report),
    }
    if arguments.json:
        print(json.dumps(record, ensure_ascii=False, allow_nan=False, indent=2))
    else:
        print(visible(as_text(report, record)), end="")
    return 0


def _check_flags(arguments: argparse.Namespace) -> None:
    """Raise for what would only fail after minutes of translating."""
    from polyglass.errors import InputError
    from polyglass.evaluation.sentence_counts import check_metrics

    check_metrics(arguments.metrics or [])
    if arguments.output and arguments.outputs:
        raise InputError("--output writes what a model translates, but --outputs gives the translations already.")
    if arguments.output and not arguments.output.absolute().parent.is_dir():
        raise InputError(f"--output {arguments.output} cannot be written: there is no such folder. Make it first.")


def _model_and_files(arguments: argparse.Namespace) -> tuple[Path | None, list[Path]]:
    """Tell the model from the test set. Raises InputError if flags contradict each other."""
    from polyglass.errors import InputError

    paths: list[Path] = arguments.paths
    if arguments.outputs:
        if paths[0].is_dir():
            raise InputError(f"With --outputs nothing is translated, so leave the model {paths[0]} out.")
        return None, paths
    if len(paths) == 1:
        raise InputError(
            f"A test set must follow the model, but there is only {paths[0]}. "
            "Give: polyglass evaluate MODEL SOURCE TARGET, or with --outputs FILE no MODEL."
        )
    if paths[0].is_file():
        raise InputError(
            f"MODEL must be a model folder, but {paths[0]} is a file. Give: polyglass evaluate MODEL SOURCE TARGET; "
            "or with --outputs FILE no MODEL."
        )
    return paths[0], paths[1:]


def _read_pairs(
    files: Sequence[Path], arguments: argparse.Namespace
) -> tuple[list["Pair"], tuple[str | None, str | None]]:
    """The pairs to score, and the languages that flags or file names say they have."""
    from polyglass.data.corpus import open_corpus
    from polyglass.errors import DataError

    corpus = open_corpus(files, errors=arguments.errors, languages=(arguments.source_lang, arguments.target_lang))
    pairs = list(islice(corpus, arguments.limit))
    if not pairs:
        raise DataError(f"{', '.join(map(str, files))}: there is nothing to score. Give at least one pair.")
    return pairs, corpus.guess_languages()


def _systems(
    model: Path | None, arguments: argparse.Namespace, request: "Request"
) -> tuple["Translated", "Translated | None"]:
    """The translations to score, and those to compare with if there are any; files first, as they fail sooner."""
    from polyglass.cli.evaluate_systems import read_outputs, translate_with

    against: Path | None = arguments.against
    other = read_outputs(against, request) if against and not against.is_dir() else None
    system = translate_with(model, request) if model else read_outputs(arguments.outputs, request)
    if against and other is None:
        other = translate_with(against, request)
    return system, other


def _write_lines(path: Path, outputs: Sequence[str]) -> None:
    """One output a line: a line break inside an output would shift all that follow."""
    from polyglass.files import write_atomically

    lines = (output.replace("\r", " ").replace("\n", " ") for output in outputs)
    write_atomically(path, "".join(f"{line}\n" for line in lines).encode())


def _provenance(
    files: Sequence[Path],
    pairs: Sequence["Pair"],
    system: "Translated",
    other: "Translated | None",
) -> dict[str, Any]:
    """Where the numbers come from: programme, model, data."""
    from polyglass._version import __version__
    from polyglass.files import sha256_of

    text = "".join(f"{pair.source}\n{pair.target}\n" for pair in pairs)
    return {
        "polyglass": __version__,
        "system": _system_facts(system),
        "against": _system_facts(other) if other else None,
        "data": {
            "files": [{"path": str(file), "sha256": sha256_of(file)} for file in files],
            "sentences": len(pairs),
            "pairs_sha256": hashlib.sha256(text.encode()).hexdigest(),  # the same however the files are packed
        },
    }


def _system_facts(system: "Translated") -> dict[str, Any]:
    return {"name": system.name, "model": system.model, "cut_lines": list(system.cut_lines)}


def _times(system: "Translated", sentences: int, scoring: float) -> dict[str, float | None]:
    """Seconds; None where nothing was translated."""
    done = system.model is not None
    return {
        "load_seconds": round(system.load_seconds, 3) if done else None,
        "translate_seconds": round(system.seconds, 3) if done else None,
        "sentences_per_second": round(sentences / max(system.seconds, 1e-9), 2) if done else None,
        "score_seconds": round(scoring, 3),
    }


def _positive(text: str) -> int:
    number = int(text) if text.isascii() and text.isdigit() else 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number of at least 1, but it is {text!r}")
    return number


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",")]
