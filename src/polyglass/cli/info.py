"""`polyglass info`: what a model folder holds, after proving that it is whole."""

import argparse
import json
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

from polyglass.cli.main import visible

if TYPE_CHECKING:
    from polyglass.bundle import Bundle

_DESCRIPTION = """\
Check every byte of a model folder, then print its card: languages, sizes, data,
training, scores with their signatures, files.
"""
_WIDTH = 80


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb."""
    parser = subparsers.add_parser(
        "info", description=_DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", metavar="MODEL", type=Path, help="a model folder")
    parser.add_argument("--json", action="store_true", help="print one JSON object with everything")


def run(arguments: argparse.Namespace) -> int:
    """Print the card."""
    from polyglass.bundle import load_bundle

    bundle = load_bundle(arguments.model)
    sizes = _file_sizes(arguments.model)
    if arguments.json:
        print(json.dumps(_record(bundle, arguments.model, sizes), indent=2, ensure_ascii=False))
    else:
        print(_card(bundle, arguments.model, sizes), end="")
    return 0


def _file_sizes(folder: Path) -> dict[str, int]:
    from polyglass.bundle import CONFIG, TOKENIZERS, WEIGHTS

    paths = [folder / name for name in (CONFIG, *TOKENIZERS, WEIGHTS)]
    return {path.name: path.stat().st_size for path in paths if path.exists()}


def _record(bundle: "Bundle", folder: Path, sizes: dict[str, int]) -> dict[str, Any]:
    from polyglass.parameters import parameters_by_part

    parts = parameters_by_part(bundle.model)
    return {
        "folder": str(folder),
        "source_lang": bundle.source_lang,
        "target_lang": bundle.target_lang,
        "vocabulary": {"source": bundle.subwords.source_size, "target": bundle.subwords.target_size},
        "parameters": {**parts, "all": sum(parts.values())},
        "files": sizes,
        "facts": bundle.facts,
        "config": bundle.config.model_dump(mode="json"),
    }


def _card(bundle: "Bundle", folder: Path, sizes: dict[str, int]) -> str:
    from polyglass.card import card_sections
    from polyglass.parameters import parameters_by_part

    languages = (bundle.source_lang, bundle.target_lang)
    sections = card_sections(bundle.config, bundle.facts, languages=languages, parts=parameters_by_part(bundle.model))
    subwords = bundle.subwords
    sizes_of_vocabulary = {subwords.source_size} if subwords.joint else (subwords.source_size, subwords.target_size)
    sections["Model"].append(("subwords", " and ".join(f"{size:,}" for size in sizes_of_vocabulary)))
    sections["Files"] = [*((name, _bytes(size)) for name, size in sizes.items()), ("all", _bytes(sum(sizes.values())))]
    wide = max(len(name) for rows in sections.values() for name, _ in rows)
    lines = [f"{folder}: whole, every byte checked"]
    for title, rows in sections.items():
        lines += ["", title]
        for name, value in rows:
            head = f"  {name:<{wide}}  "
            wrapped = textwrap.wrap(value, max(20, _WIDTH - len(head)), break_on_hyphens=False) or [""]
            lines += [head + wrapped[0], *(" " * len(head) + more for more in wrapped[1:])]
    return "".join(f"{visible(line)}\n" for line in lines)


def _bytes(size: int) -> str:
    """Return a size as people say it."""
    if size < 1000:
        return f"{size} bytes"
    return f"{size / 1000:.1f} kB" if size < 1_000_000 else f"{size / 1_000_000:.1f} MB"
