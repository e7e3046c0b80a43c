"""`polyglass config`: which options there are, which values they have, and where each value came from."""

import argparse
import json
import textwrap
from typing import TYPE_CHECKING

from polyglass.cli.arguments import add_settings_arguments, settings_from
from polyglass.cli.main import visible

if TYPE_CHECKING:
    from polyglass.options import Option
    from polyglass.settings import Settings

_WIDTH = 80
_HOW_TO_SET = (
    "Set an option with --set SECTION.FIELD=VALUE, in a TOML file for --config, or in the environment as "
    "POLYGLASS_SECTION_FIELD."
)


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb and its own verbs."""
    parser = subparsers.add_parser("config", description="Show options: meaning, value, and origin of the value.")
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    show = actions.add_parser(
        "show",
        help="every option's value, and where it came from",
        description="Show every option's value. A later side wins: default, preset, file, environment "
        "(POLYGLASS_MODEL_DROPOUT=0.2), flag.",
    )
    show.add_argument("--origin", action="store_true", help="say where each value came from")
    form = show.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print JSON")
    form.add_argument("--toml", action="store_true", help="print a file for --config")
    add_settings_arguments(show)
    options = actions.add_parser(
        "options", help="meaning, limits and default of each", description="List options: meaning, limits, default."
    )
    options.add_argument("section", nargs="?", metavar="SECTION", help="only these: data, model, train, decode")
    actions.add_parser("presets", help="what each preset sets", description="List the presets and what each sets.")


def run(arguments: argparse.Namespace) -> int:
    """Print what was asked for."""
    match arguments.action:
        case "show":
            print(_shown(arguments), end="")
        case "options":
            print(_listed(arguments.section), end="")
        case "presets":
            print(_presets(), end="")
    return 0


def _shown(arguments: argparse.Namespace) -> str:
    settings = settings_from(arguments)
    if arguments.json:
        return _as_json(settings, origin=arguments.origin)
    if arguments.toml:
        from polyglass.settings import to_toml

        return to_toml(settings.config, settings.origins if arguments.origin else None)
    return _as_table(settings, origin=arguments.origin)


def _as_json(settings: "Settings", *, origin: bool) -> str:
    content: dict[str, object] = settings.config.model_dump(mode="json")
    if origin:
        content = {"config": content, "origins": dict(settings.origins)}
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def _as_table(settings: "Settings", *, origin: bool) -> str:
    from polyglass.options import show_bare

    rows = [(name, show_bare(settings.value(name)), came) for name, came in settings.origins.items()]
    wide = max(len(name) for name, _, _ in rows)
    middle = max(len(value) for _, value, _ in rows)
    lines = [f"{name:<{wide}}  {value:<{middle}}  {came if origin else ''}" for name, value, came in rows]
    return "".join(f"{visible(line.rstrip())}\n" for line in lines)


def _listed(only: str | None) -> str:
    from polyglass.config import Config
    from polyglass.errors import InputError
    from polyglass.options import options_of, sections_of
    from polyglass.spelling import did_you_mean

    options, sections = options_of(Config).values(), list(sections_of(Config))
    if only is not None and only not in sections:
        hint = did_you_mean(only, sections, otherwise=".")
        raise InputError(f"unknown section {only}{hint} The sections are {', '.join(sections)}.")
    lines = textwrap.wrap(_HOW_TO_SET, _WIDTH)
    indent = max(len(option.field) for option in options) + 4
    for section in sections if only is None else [only]:
        lines += ["", f"[{section}]"]
        for option in options:
            if option.section == section:
                lines += _described(option, indent)
    return "".join(f"{line}\n" for line in lines)


def _described(option: "Option", indent: int) -> list[str]:
    facts = f"{option.rule}; default {option.default_words}"
    if option.families:
        facts += f"; only for {', '.join(option.families)}"
    text = [line for part in (option.meaning, f"({facts})") for line in textwrap.wrap(part, _WIDTH - indent)]
    heads = [f"  {option.field}", *[""] * len(text[1:])]
    return [f"{head:<{indent}}{line}" for head, line in zip(heads, text, strict=True)]


def _presets() -> str:
    from polyglass.options import show_bare
    from polyglass.presets import PRESETS

    lines: list[str] = []
    for name, preset in PRESETS.items():
        lines += textwrap.wrap(f"{name}: {preset.description}", _WIDTH, break_on_hyphens=False)
        for head, options in (("", preset.options), ("rnn, gru, lstm: ", preset.recurrent)):
            values = head + ", ".join(f"{option}={show_bare(value)}" for option, value in options.items())
            if options:
                lines += textwrap.wrap(
                    values, _WIDTH, initial_indent="    ", subsequent_indent="    ", break_on_hyphens=False
                )
    return "".join(f"{line}\n" for line in lines)
