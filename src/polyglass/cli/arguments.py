"""Flags that several verbs share: how options are given on the command line."""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from polyglass.presets import PRESETS

if TYPE_CHECKING:
    from polyglass.settings import Given, Settings


def add_settings_arguments(parser: argparse.ArgumentParser) -> None:
    """Add --preset, --config and --set; `settings_from` reads them."""
    group = parser.add_argument_group("any option", 'see "polyglass config options" for their names and meaning')
    group.add_argument("--preset", metavar="NAME", help=f"start from: {', '.join(PRESETS)}")
    group.add_argument("--config", metavar="FILE.toml", type=Path, help="read options from a TOML file")
    group.add_argument(
        "--set",
        action=_Remember,
        metavar="A.B=C",
        help="set one option, for example model.dropout=0.2; can be repeated",
    )


def add_option_flag(
    parser: argparse._ActionsContainer, flag: str, *, option: str, help: str, metavar: str | None = None
) -> None:
    """Add a flag of its own for one option: `add_option_flag(parser, "--beam", option="decode.beam_size", ...)`.

    Without a metavar the flag takes no value and sets the option to true.
    """
    nargs = 0 if metavar is None else None
    parser.add_argument(flag, action=_Remember, option=option, metavar=metavar, nargs=nargs, help=help)


def settings_from(arguments: argparse.Namespace) -> "Settings":
    """Merge what was given on the command line, in the environment and in the file; raise ConfigError."""
    from polyglass.settings import resolve

    preset, file = getattr(arguments, "preset", None), getattr(arguments, "config", None)
    return resolve(preset=preset, file=file, environment=os.environ, flags=given_options(arguments))


def given_options(arguments: argparse.Namespace) -> "list[Given]":
    """Return what was given by flags for single options, in the order of the command line."""
    from polyglass.settings import from_assignment

    return [from_assignment(text, f"flag {flag}") for flag, text in getattr(arguments, _DEST, ())]


def decode_options(arguments: argparse.Namespace) -> dict[str, Any]:
    """The options of the search that somebody set; the others are the model's own affair."""
    from polyglass.settings import DEFAULT

    settings = settings_from(arguments)
    return {
        name.removeprefix("decode."): settings.value(name)
        for name, origin in settings.origins.items()
        if name.startswith("decode.") and origin != DEFAULT
    }


_DEST = "given_options"


class _Remember(argparse.Action):
    """Collect (flag as typed, "section.field=value") in the order of the command line, so that the last one wins."""

    def __init__(self, *, option: str = "", dest: str, **settings: Any) -> None:
        super().__init__(dest=_DEST, default=(), **settings)
        self.option = option

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        value = values if isinstance(values, str) else "true"
        typed = f"{option_string} {value}" if isinstance(values, str) else f"{option_string}"
        assignment = f"{self.option}={value}" if self.option else value
        setattr(namespace, self.dest, (*getattr(namespace, self.dest), (typed, assignment)))
