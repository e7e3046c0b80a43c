"""The words after `--models`, or a TOML file, in; a list of contestants out: what each is called and what it changes.

    rnn,lstm,lstm+attention,transformer
    transformer,transformer[norm=batch],transformer[preset=small,learning_rate=1e-3]

    models     = contestant { "," contestant }
    contestant = family [ "+" attention ] [ "[" change { "," change } "]" ]
    change     = "preset=" NAME  |  OPTION "=" VALUE

family: a word of `model.family`. attention: "attention" (the family's usual kind) or a word of `model.attention`; a
family that can do without attention does without it unless it is asked for. OPTION: as after `--set`; the section
may be left out, and is then looked for in model, train and decode, in this order.

A TOML file holds a table for each contestant, with sections as in an options file:

    [wide]
    preset = "small"
    model = { family = "lstm", attention = "additive" }
    train = { learning_rate = 1e-3 }
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from polyglass.config import Config
from polyglass.errors import ConfigError
from polyglass.experiments.compare_defaults import MODELS
from polyglass.options import options_of, shorten, show_bare
from polyglass.presets import PRESETS
from polyglass.spelling import did_you_mean

__all__ = ["Contestant", "read_contestants"]

FAMILY, ATTENTION = "model.family", "model.attention"
OURS = ("train.seed", "train.steps", "train.epochs", "train.budget_seconds")
ALIKE = ("train.device", "train.threads", "train.validate_sentences")
MOST_CONTESTANTS = 24
LONGEST_NAME = 100
_SECTIONS = ("model", "train", "decode")
_FORM = re.compile(r"([^\[\]+=]*)(?:\+([^\[\]+=]*))?(?:\[([^\[\]]*)\])?")
_LOOKS_LIKE = "A contestant looks like lstm, lstm+attention or transformer[norm=batch,dropout=0.2]."
_TABLE_LOOKS_LIKE = 'A contestant is a table, [wide], and below it model.family = "lstm" and the like.'

Value = str | int | float | bool


@dataclass(frozen=True)
class Contestant:
    """One model that takes part. name: unique, what people read. preset: what it starts from instead of the common one.

    options: (option, value) in the order given; text is read by the option's type.
    """

    name: str
    options: tuple[tuple[str, Value], ...]
    preset: str | None = None

    @property
    def family(self) -> str:
        """The word of `model.family`."""
        return next(str(value) for name, value in self.options if name == FAMILY)


def read_contestants(text: str) -> tuple[Contestant, ...]:
    """Read what stands after `--models`: a list, or the name of a TOML file. Raises ConfigError."""
    found = _from_toml(Path(text)) if text.strip().endswith(".toml") else [_parse(part) for part in _split(text)]
    if not 1 <= len(found) <= MOST_CONTESTANTS:
        raise ConfigError(
            f"A comparison takes 1 to {MOST_CONTESTANTS} models, but {len(found)} were named. "
            f"The usual ones: --models {MODELS}"
        )
    names = [contestant.name for contestant in found]
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f"Each model takes part once, but {name} was named {names.count(name)} times.")
    same: dict[object, str] = {}
    for one in found:
        what = (one.preset, frozenset((option, show_bare(value)) for option, value in one.options))
        if (other := same.setdefault(what, one.name)) != one.name:
            raise ConfigError(
                f"{other} and {one.name} are the same model. Leave one out; seeds are given by --seeds N."
            )
    return tuple(found)


def _split(text: str) -> list[str]:
    """Cut at the commas that stand outside brackets."""
    parts, depth, start = [], 0, 0
    for place, character in enumerate(text):
        depth += (character == "[") - (character == "]")
        if depth not in (0, 1):
            raise ConfigError(f"--models {shorten(text)}: a bracket too many. {_LOOKS_LIKE}")
        if character == "," and depth == 0:
            parts.append(text[start:place])
            start = place + 1
    if depth:
        raise ConfigError(f"--models {shorten(text)}: a bracket is not closed. {_LOOKS_LIKE}")
    return [*parts, text[start:]]


def _parse(text: str) -> Contestant:
    """Read one contestant of a list."""
    name = re.sub(r"\s+", "", text)
    form = _FORM.fullmatch(name)
    if form is None or not form[1]:
        raise ConfigError(f"--models: {shorten(text) or 'an empty name'} is no contestant. {_LOOKS_LIKE}")
    if len(name) > LONGEST_NAME:
        raise ConfigError(
            f"--models: a name has at most {LONGEST_NAME} characters, but {shorten(name)} has {len(name)}. "
            "Put long lists of options into a TOML file: --models models.toml"
        )
    options: list[tuple[str, Value]] = [(FAMILY, _family(form[1], name)), *_attention(form[1], form[2], name)]
    preset = None
    for change in form[3].split(",") if form[3] is not None else ():
        option, equals, value = change.partition("=")
        if not equals or not option or not value:
            raise ConfigError(f"--models {name}: {shorten(change) or 'an empty change'} must look like OPTION=VALUE.")
        if option == "preset":
            preset = value
        else:
            options.append((_full_name(option, name), value))
    return _checked(Contestant(name, tuple(options), preset))


def _family(word: str, name: str) -> str:
    known = options_of(Config)[FAMILY].choices
    if word not in known:
        hint = did_you_mean(word, known, otherwise=".")
        raise ConfigError(f"--models {name}: unknown model {word}{hint} The families are {', '.join(known)}.")
    return word


def _attention(family: str, word: str | None, name: str) -> Iterator[tuple[str, Value]]:
    """Yield the option that the word after "+" stands for; without a word, "none" where that is possible."""
    option = options_of(Config).get(ATTENTION)
    has_choice = option is not None and (not option.families or family in option.families)
    if option is None or not has_choice:
        if word is not None:
            raise ConfigError(f"--models {name}: {family} takes no +{word}; it has the attention that it has.")
        return
    kinds = [kind for kind in option.choices if kind != "none"]
    if word is None:
        yield ATTENTION, "none"
    elif word == "attention":
        yield ATTENTION, kinds[0]
    elif word in kinds:
        yield ATTENTION, word
    else:
        known = ["attention", *kinds]
        hint = did_you_mean(word, known, otherwise=".")
        raise ConfigError(f"--models {name}: unknown attention +{shorten(word)}{hint} It is one of {', '.join(known)}.")


def _full_name(option: str, name: str) -> str:
    """Put the section before an option that was named without it."""
    known = options_of(Config)
    if "." in option:
        full = option
    else:
        full = next((f"{section}.{option}" for section in _SECTIONS if f"{section}.{option}" in known), option)
    if full not in known and full.partition(".")[0] != "data":
        choices = ["preset", *(one for one in known if not one.startswith("data."))]
        raise ConfigError(f"--models {name}: unknown option {shorten(option)}{did_you_mean(option, choices)}")
    return full


def _checked(contestant: Contestant) -> Contestant:
    """Refuse what would make the comparison another one than it says."""
    name = contestant.name
    if contestant.preset is not None and contestant.preset not in PRESETS:
        hint = did_you_mean(contestant.preset, PRESETS, otherwise=".")
        raise ConfigError(
            f"--models {name}: unknown preset {shorten(contestant.preset)}{hint} The presets are {', '.join(PRESETS)}."
        )
    given = [option for option, _ in contestant.options]
    for option in given:
        if given.count(option) > 1:
            raise ConfigError(f"--models {name}: {option} is set twice. Set it once.")
        if option in OURS:
            raise ConfigError(
                f"--models {name}: {option} is the comparison's own affair. Use --seeds, and --budget or --steps."
            )
        if option.startswith("data.") or option in ALIKE:
            raise ConfigError(
                f"--models {name}: {option} must be the same for all models. Give it once: --set {option}=..."
            )
    return contestant


def _from_toml(path: Path) -> list[Contestant]:
    """Read a file of contestants."""
    try:
        tables = tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        raise ConfigError(f"--models {path}: the file cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:  # no UTF-8, no TOML, or nested without end
        reason = shorten(" ".join(str(error).split()))
        raise ConfigError(f"--models {path}: not TOML: {reason}. {_TABLE_LOOKS_LIKE}") from error
    return [_from_table(path, name, table) for name, table in tables.items()]


def _from_table(path: Path, name: str, table: object) -> Contestant:
    where = f"{path}: [{shorten(name)}]"
    if not isinstance(table, dict) or not name.strip() or len(name) > LONGEST_NAME or not name.isprintable():
        raise ConfigError(f"{where}: must be a table with a name of 1 to {LONGEST_NAME} printable characters.")
    preset = table.get("preset")
    if preset is not None and not isinstance(preset, str):
        raise ConfigError(f"{where}: preset must be a name, but it is {show_bare(preset)}.")
    options = dict(_flat(where, {key: value for key, value in table.items() if key != "preset"}))
    family = _family(str(options.setdefault(FAMILY, options_of(Config)[FAMILY].default)), name)
    if ATTENTION not in options:
        options.update(_attention(family, None, name))
    return _checked(Contestant(name, tuple(options.items()), preset))


def _flat(where: str, sections: Mapping[str, object]) -> Iterator[tuple[str, Value]]:
    for section, fields in sections.items():
        if not isinstance(fields, dict):
            choices = ["preset", *_SECTIONS]
            raise ConfigError(
                f"{where}: {shorten(section)} must be one of the tables {', '.join(_SECTIONS)}, or preset"
                f"{did_you_mean(section, choices, otherwise='.')}"
            )
        for field, value in fields.items():
            if not isinstance(value, str | int | float | bool):
                raise ConfigError(f"{where}: {section}.{field} must be a plain value, but it is {show_bare(value)}.")
            yield _full_name(f"{section}.{field}", where), value
