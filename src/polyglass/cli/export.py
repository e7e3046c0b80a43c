"""`polyglass export`: a model folder for another program, with a proof that it says the same."""

import argparse
import sys
from pathlib import Path

from polyglass.errors import InputError

_DESCRIPTION = """\
Write the model for another program and prove that the copy says the same: both
translate some sentences word by word, and every difference is counted.

  polyglass export en-de --out en-de-ct2
  polyglass export en-de --out en-de-int8 --quantization int8 --proof test.en
"""
_SENTENCES = 200
_SHOWN = 3


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb."""
    parser = subparsers.add_parser(
        "export", description=_DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", metavar="MODEL", type=Path, help="a model folder")
    parser.add_argument("--out", metavar="FOLDER", type=Path, required=True, help="where to write; must not exist")
    parser.add_argument(
        "--to", choices=("ctranslate2",), default="ctranslate2", help="for which program (default: ctranslate2)"
    )
    parser.add_argument(
        "--quantization", metavar="TYPE", default="float32", help="numbers in the file: float32 (default), int8, ..."
    )
    parser.add_argument(
        "--proof",
        metavar="FILE",
        type=Path,
        help=f"a text whose first {_SENTENCES} lines are translated by both (default: the run's validation set)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Export, prove, say what was found; 1 if float32 translations differ."""
    from polyglass.bundle import load_bundle
    from polyglass.interop.to_ctranslate2 import prove, write_ctranslate2

    if arguments.out.exists():
        raise InputError(f"{arguments.out} must be a new folder, but it exists. Choose another name or remove it.")
    sentences, of = _sentences(arguments.proof, arguments.model)
    bundle = load_bundle(arguments.model)
    write_ctranslate2(bundle, arguments.out, quantization=arguments.quantization)
    size = sum(path.stat().st_size for path in arguments.out.iterdir())
    sys.stdout.write(f"Written to {arguments.out}: {size / 1e6:.1f} MB, {arguments.quantization}.\n")
    if not sentences:
        sys.stdout.write("Not proved: give a text with --proof FILE, and both will translate it.\n")
        return 0
    proof = prove(bundle, arguments.out, sentences)
    sys.stdout.write(
        f"Proof: {proof.equal:,} of {proof.sentences:,} sentences of {of}\n"
        f"get the same words from both (greedy search); the log-probability of a word\n"
        f"differs by {proof.largest_difference:.1g} at most.\n"
    )
    for source, ours, theirs in proof.differing[:_SHOWN]:
        sys.stdout.write(f"  source      {source}\n  polyglass   {ours}\n  exported    {theirs}\n")
    if len(proof.differing) > _SHOWN:
        sys.stdout.write(f"  ... and {len(proof.differing) - _SHOWN:,} more.\n")
    return 1 if proof.differing and arguments.quantization == "float32" else 0


def _sentences(named: Path | None, model: Path) -> tuple[list[str], str]:
    """Return the sentences of the proof and their file; none where a bare model folder has no text beside it."""
    from itertools import islice

    from polyglass.data.formats.lines import read_lines
    from polyglass.run.folder import RunFolder

    validation = RunFolder(model).data / "validation.source.txt"
    path = named or (validation if validation.is_file() else None)
    if path is None:
        return [], ""
    return [line for line in islice(read_lines(path, errors="strict"), _SENTENCES) if line.strip()], str(path)
