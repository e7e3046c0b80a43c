"""`polyglass merge`: parts that shards of a job array translated, joined in order, if none is missing or foreign."""

import argparse
import sys
from pathlib import Path

_DESCRIPTION = """\
Join what the shards of `polyglass translate --shard` have translated. Their
parts lie in a folder beside the output, named after it: big.de.parts. Parts that
are missing, there twice, damaged or foreign are named, and nothing is written.
When the whole is written, the folder of parts is removed.

  polyglass merge big.de
"""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb."""
    parser = subparsers.add_parser(
        "merge", description=_DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("output", metavar="OUTPUT", type=Path, help="what --output of the shards was")
    parser.add_argument("--keep-parts", action="store_true", help="leave the folder of parts where it is")


def run(arguments: argparse.Namespace) -> int:
    """Join, and say how many lines came in and went out."""
    from polyglass.batch.join import join
    from polyglass.batch.parts import PartsFolder

    folder = PartsFolder.beside(arguments.output)
    joined = join(folder, arguments.output)
    if not arguments.keep_parts:
        folder.remove()
    sys.stdout.write(
        f"{arguments.output}: {joined.lines_in:,} lines in, {joined.lines_out:,} lines out, "
        f"from {joined.parts:,} parts.\n"
    )
    if joined.cut:
        were = "1 line was" if len(joined.cut) == 1 else f"{len(joined.cut):,} lines were"
        sys.stdout.write(f"{were} longer than the model takes, and cut; the first is line {joined.cut[0]:,}.\n")
    return 0
