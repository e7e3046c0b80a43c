"""What people gave in, one checked `Config` out, with the origin of every value.

Options reach us from five sides; a later one wins: default, preset, TOML file, environment, flag (and Python code,
which is last). Every wrong name or value is a ConfigError that names the option, the value, where it came from and
what would be right. All names, types and limits come from `config.py` (through `options.py`).
"""

import json
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from polyglass.config import Config
from polyglass.errors import ConfigError
from polyglass.options import TAG, Option, options_of, sections_of, shorten, show, show_bare
from polyglass.presets import PRESETS
from polyglass.spelling import did_you_mean

DEFAULT = "default"
_NOTHING: Mapping[str, object] = MappingProxyType({})
_SEE_OPTIONS = '. "polyglass config options" lists all options.'


@dataclass(frozen=True)
class Given:
    """One value that somebody gave for one option.

    value: of the option's type, or text to be read. origin: "flag --set model.dropout=0.2", "file my.toml:3", ...
    """

    name: str
    value: object
    origin: str


@dataclass(frozen=True)
class Settings:
    """A checked configuration and where each value came from (option name -> origin)."""

    config: Config
    origins: Mapping[str, str]

    def value(self, name: str) -> Any:
        """Return the value of the option `name` ("model.dropout")."""
        section, _, field = name.partition(".")
        return getattr(getattr(self.config, section), field)

    def with_values(self, values: Mapping[str, object], origin: str) -> "Settings":
        """Return settings in which some options have new values; everything is checked again."""
        before = [Given(name, self.value(name), came) for name, came in self.origins.items() if came != DEFAULT]
        return _settle([*before, *(Given(name, value, origin) for name, value in values.items())])


def resolve(
    *,
    preset: str | None = None,
    file: Path | None = None,
    environment: Mapping[str, str] | None = None,
    flags: Sequence[str | Given] = (),
    overrides: Mapping[str, object] = _NOTHING,
) -> Settings:
    """Merge all sides into settings.

    environment: variables such as POLYGLASS_TRAIN_SEED (hand in `os.environ`). flags: "model.dropout=0.2", as after
    --set. overrides: option name -> value, from Python code. Raises ConfigError; one line for each mistake.
    """
    given = [] if file is None else from_file(file)
    given += from_environment(environment or {})
    given += [from_assignment(flag) if isinstance(flag, str) else flag for flag in flags]
    given += [Given(name, value, "Python") for name, value in overrides.items()]
    if preset is not None:
        families = [str(item.value) for item in given if item.name == f"model.{TAG}"]
        given = from_preset(preset, family=families[-1] if families else None) + given
    return _settle(given)


def from_preset(name: str, *, family: str | None = None) -> list[Given]:
    """Return what the preset sets for a family of models (None: its own), without options that the family lacks."""
    if name not in PRESETS:
        hint = did_you_mean(name, PRESETS, otherwise=".")
        raise ConfigError(f"unknown preset {show(name)}{hint} The presets are {', '.join(PRESETS)}.")
    options = options_of(Config)
    family = str(family or options[f"model.{TAG}"].default).strip()
    return [
        Given(option, value, f"preset {name}")
        for option, value in PRESETS[name].values_for(family).items()
        if options[option].is_for(family)
    ]


def from_assignment(text: str, origin: str | None = None) -> Given:
    """Read "model.dropout=0.2", as it stands after --set."""
    name, equals, value = text.partition("=")
    origin = origin or f"flag --set {shorten(text)}"
    if not equals or not name.strip():
        raise ConfigError(f"{origin}: must look like SECTION.FIELD=VALUE, for example --set model.dropout=0.2")
    return Given(name.strip(), value, origin)


def from_environment(environment: Mapping[str, str]) -> list[Given]:
    """Return the options set by POLYGLASS_<SECTION>_<FIELD>; an empty variable counts as unset.

    A name that begins like an option but is none raises ConfigError; other POLYGLASS_ variables are left alone.
    """
    options = {option.variable: option for option in options_of(Config).values()}
    beginnings = tuple(f"POLYGLASS_{section.upper()}_" for section in sections_of(Config))
    found = {name: value for name, value in environment.items() if name.startswith(beginnings) and value.strip()}
    wrong = [
        f"unknown environment variable {name}{did_you_mean(name, options, otherwise=_SEE_OPTIONS)}"
        for name in found
        if name not in options
    ]
    if wrong:
        raise ConfigError("\n".join(wrong))
    return [Given(options[name].name, value, f"environment {name}") for name, value in found.items()]


def from_file(path: Path) -> list[Given]:
    """Read a TOML file with a table for each section; ConfigError names file and line."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
        tables = tomllib.loads(text)
    except OSError as error:
        raise ConfigError(f"cannot read the options file {path}: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ConfigError(
            f"{path}:{line}: not UTF-8 text (byte 0x{error.object[error.start]:02X}). Save it as UTF-8."
        ) from error
    except tomllib.TOMLDecodeError as error:
        where = re.search(r"^(.*) \(at line (\d+), column (\d+)\)$", str(error))
        place, reason = (f"{path}:{where[2]}", f"{where[1]}, column {where[3]}") if where else (str(path), str(error))
        raise ConfigError(
            f"{place}: not TOML: {reason}. An option looks like: dropout = 0.2, below a line [model]."
        ) from error
    except (RecursionError, ValueError):  # ValueError: an integer of thousands of digits
        raise ConfigError(
            f"{path}: nested too deeply, or a number too long. An option is a plain value below its [section]."
        ) from None
    lines = dict(_lines(text))
    return [
        Given(name, value, f"file {path}:{lines[name]}" if name in lines else f"file {path}")
        for name, value in _flatten(tables)
    ]


def _flatten(tables: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    for section, table in tables.items():
        if isinstance(table, dict):
            yield from ((f"{section}.{field}", value) for field, value in table.items())
        else:
            yield section, table


def _lines(text: str) -> Iterator[tuple[str, int]]:
    """Guess the line of each option in TOML text (the parser does not tell)."""
    section = ""
    for number, line in enumerate(text.split("\n"), start=1):
        if header := re.match(r"\s*\[\s*([\w.-]+)\s*\]", line):
            section = header[1] + "."
        elif key := re.match(r"\s*([\w.-]+)\s*=", line):
            yield section + key[1], number


def _settle(given: Iterable[Given]) -> Settings:
    """Let later values win, read text by the option's type, and check the whole."""
    options = options_of(Config)
    chosen: dict[str, Given] = {}
    wrong: list[str] = []
    for item in given:
        option = options.get(item.name)
        if option is None:
            wrong.append(_unknown(item))
        else:
            value = option.parse(item.value) if isinstance(item.value, str) else item.value
            chosen[item.name] = Given(item.name, value, item.origin)
    if wrong:
        raise ConfigError("\n".join(wrong))
    values: dict[str, dict[str, object]] = {section: {} for section in sections_of(Config)}
    for section, families in sections_of(Config).items():
        if len(families) > 1:  # a union of families cannot be read without its tag
            values[section][TAG] = options[f"{section}.{TAG}"].default
    for item in chosen.values():
        section, _, field = item.name.partition(".")
        values[section][field] = item.value
    try:
        config = Config.model_validate(values, strict=True)
    except ValidationError as error:
        raise ConfigError("\n".join(_explain(problem, chosen) for problem in error.errors())) from None
    names = [f"{section}.{field}" for section, table in config for field in type(table).model_fields]
    return Settings(config, {name: chosen[name].origin if name in chosen else DEFAULT for name in names})


def _unknown(item: Given) -> str:
    if item.name in sections_of(Config):
        return f"{item.name} is a section, not an option (from {item.origin}): write [{item.name}], options below it."
    hint = did_you_mean(item.name, options_of(Config), otherwise=_SEE_OPTIONS)
    return f"unknown option {item.name} (from {item.origin}){hint}"


def _explain(problem: ErrorDetails, chosen: Mapping[str, Given]) -> str:
    """Say one of pydantic's errors in our words."""
    place = problem["loc"]
    name = f"{place[0]}.{TAG if problem['type'] == 'union_tag_invalid' else place[-1]}"
    option = options_of(Config).get(name)
    if problem["type"] == "value_error":
        text = str(problem["ctx"]["error"])
        reasons = [f"{name} = {show(item.value)} from {item.origin}" for name, item in chosen.items() if name in text]
        return text + (f" ({'; '.join(reasons)})" if reasons else "")
    if option is None or name not in chosen:
        return f"{'.'.join(map(str, place))}: {problem['msg']}."
    item = chosen[name]
    said = f"{name} = {show(item.value)} (from {item.origin})"
    if problem["type"] == "extra_forbidden":
        has = "has" if len(option.families) == 1 else "have"
        return (
            f"{said}: only {', '.join(option.families)} {has} this option, but {place[0]}.{TAG} is {place[1]}. "
            f"Leave it out, or set {place[0]}.{TAG}={option.families[0]}."
        )
    return f"{said}: must be {option.rule}{_hint(option, item.value)}"


def _hint(option: Option, value: object) -> str:
    otherwise = f"; the default is {show(option.default)}."
    return did_you_mean(show_bare(value), option.choices, otherwise=otherwise)


def to_toml(config: Config, origins: Mapping[str, str] | None = None) -> str:
    """Write all options as TOML that `resolve(file=...)` reads back; unset ones and origins become comments."""
    lines: list[str] = []
    for section, table in config:
        lines += ["", f"[{section}]"]
        for field, value in table:
            option = options_of(Config)[f"{section}.{field}"]
            if value is None and option.default is None:
                lines.append(f"# {field} is not set ({option.meaning})")
            else:
                comment = f"  # {_toml_text(origins[option.name])[1:-1]}" if origins else ""
                lines.append(f"{field} = {_toml_text('none' if value is None else value)}{comment}")
    return "\n".join(lines[1:]) + "\n"


def _toml_text(value: str | int | float | bool) -> str:
    # JSON's true, 0.1, 1e-09 and "text" are TOML's, but for the delete character.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
