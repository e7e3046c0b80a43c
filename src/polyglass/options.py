"""The schema in, one record for each option out: type, limits, default and meaning, and values read from text.

Everything here is derived from the fields of a pydantic schema (`config.Config`) through its JSON schema, so that no
option's name, limit or meaning is written twice. A section may be a union of families (`model.family` tells which):
then an option belongs to the families that have it.
"""

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Literal

from pydantic import BaseModel

from polyglass.errors import ConfigError

TAG = "family"  # the field that tells the families of a section apart

Kind = Literal["integer", "number", "boolean", "string", "duration"]

_WORDS: Mapping[Kind, str] = {
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "string": "text",
    "duration": "a duration such as 45m, 1h30m or 2700 (seconds)",
}
_LIMITS = {
    "exclusiveMinimum": "greater than",
    "minimum": "at least",
    "exclusiveMaximum": "less than",
    "maximum": "at most",
}
_DURATION = re.compile(r"(?:([\d.]+)d)?(?:([\d.]+)h)?(?:([\d.]+)m(?:in)?)?(?:([\d.]+)s)?")
_SECONDS = (86400, 3600, 60, 1)
_LONGEST_SHOWN = 60  # characters of a wrong value that a message repeats


@dataclass(frozen=True)
class Option:
    """One field of one section.

    choices: the words that are allowed, if only these are. optional: may be none (unset).
    limits: (words, number) pairs such as ("at least", 0). families: those that have it; empty: all.
    other_defaults: (family, its default) for the families in which it is not `default`.
    """

    section: str
    field: str
    kind: Kind
    choices: tuple[str, ...]
    optional: bool
    limits: tuple[tuple[str, float], ...]
    default: Any
    meaning: str
    families: tuple[str, ...] = ()
    other_defaults: tuple[tuple[str, Any], ...] = ()

    @property
    def name(self) -> str:
        """How the option is called everywhere: "model.dropout"."""
        return f"{self.section}.{self.field}"

    @property
    def variable(self) -> str:
        """The environment variable that sets it."""
        return f"POLYGLASS_{self.section}_{self.field}".upper()

    @property
    def rule(self) -> str:
        """Which values are allowed: "a whole number greater than 0 and at most 16384, or none"."""
        words = f"one of {', '.join(self.choices)}" if self.choices else _WORDS[self.kind]
        limits = " and ".join(f"{word} {show(number)}" for word, number in self.limits)
        return words + (f" {limits}" if limits else "") + (", or none" if self.optional else "")

    @property
    def default_words(self) -> str:
        """The default as people type it, with those of other families: "6 (rnn, gru, lstm: 1)"."""
        values = dict.fromkeys(show_bare(value) for _, value in self.other_defaults)
        others = "; ".join(
            f"{', '.join(family for family, own in self.other_defaults if show_bare(own) == value)}: {value}"
            for value in values
        )
        return show_bare(self.default) + (f" ({others})" if others else "")

    def is_for(self, family: str) -> bool:
        """Say whether a model of this family has the option; other sections have no families."""
        return not self.families or family in self.families

    def parse(self, text: str) -> Any:
        """Read a value from text; what is not of the option's type comes back as the text it was."""
        text = text.strip()
        if text in self.choices:
            return text
        if self.optional and text.lower() == "none":
            return None
        try:
            match self.kind:
                case "boolean":
                    return {"true": True, "false": False}.get(text.lower(), text)
                case "integer":
                    return int(text)
                case "number":
                    return float(text)
                case "duration":
                    return _seconds(text)
                case "string":
                    return text
        except ValueError:
            return text


def parse_duration(text: str) -> float:
    """Read "45m", "1h30m", "90s", "3h" or "2700" and return seconds; raise ConfigError for anything else."""
    try:
        seconds = _seconds(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < math.inf:
        raise ConfigError(
            f"A duration must be longer than 0 and look like 45m, 1h30m, 90s or 2700 (seconds), but got {show(text)}."
        )
    return seconds


def _seconds(text: str) -> float:
    text = text.replace(" ", "").lower()
    found = _DURATION.fullmatch(text)
    if not found or not any(found.groups()):
        return float(text)
    return sum(float(part) * unit for part, unit in zip(found.groups(), _SECONDS, strict=True) if part)


def show(value: object) -> str:
    """Write a value as people type it: true, none, "text", 0.1; long ones are cut."""
    try:
        text = "none" if value is None else json.dumps(value, ensure_ascii=False, default=str)
    except ValueError:  # Python refuses to write integers of thousands of digits
        return "a number of thousands of digits"
    return shorten(text)


def shorten(text: str) -> str:
    """Cut text that is too long to repeat in a message."""
    return text if len(text) <= _LONGEST_SHOWN else text[: _LONGEST_SHOWN - 3] + "..."


def show_bare(value: object) -> str:
    """Write a value as it stands after `--set model.norm=`: as `show`, but text without quotes."""
    return value if isinstance(value, str) else show(value)


@cache
def options_of(schema: type[BaseModel]) -> Mapping[str, Option]:
    """Return every option of a schema by name, in the schema's order."""
    found: dict[str, Option] = {}
    for section, families in sections_of(schema).items():
        for properties in families.values():
            for field, facts in properties.items():
                owners = tuple(family for family, others in families.items() if field in others)
                if field == TAG and len(families) > 1:  # each family's schema knows its own words only
                    facts = {**facts, "enum": list(families)}
                option = _option(section, field, facts, owners if len(owners) < len(families) else ())
                if field != TAG:
                    defaults = {family: families[family][field].get("default") for family in owners}
                    others = tuple((family, own) for family, own in defaults.items() if own != option.default)
                    option = replace(option, other_defaults=others)
                found.setdefault(option.name, option)
    return found


@cache
def sections_of(schema: type[BaseModel]) -> Mapping[str, Mapping[str, dict[str, Any]]]:
    """Return section -> family -> field -> JSON schema; the default family first; "" if there is but one."""
    document = schema.model_json_schema()
    sections: dict[str, dict[str, dict[str, Any]]] = {}
    for section, facts in document["properties"].items():
        references = facts.get("discriminator", {}).get("mapping") or {"": facts["$ref"]}
        default = facts.get("default", {}).get(TAG)
        found = {
            family: document["$defs"][reference.rpartition("/")[2]]["properties"]
            for family, reference in references.items()
        }
        # The default family first, then the words of each class in its own order (the document sorts them).
        order = [default, *(word for facts in found.values() for word in facts.get(TAG, {}).get("enum", []))]
        sections[section] = {family: found[family] for family in dict.fromkeys([*order, *found]) if family in found}
    return sections


def _option(section: str, field: str, facts: dict[str, Any], families: tuple[str, ...]) -> Option:
    variants = [variant for variant in facts.get("anyOf", [facts]) if variant.get("type") != "null"]
    variant = {**variants[0], **{key: value for key, value in facts.items() if key == "enum"}}
    kind: Kind = variant.get("type", "string")
    return Option(
        section=section,
        field=field,
        kind="duration" if kind == "number" and field.endswith("_seconds") else kind,
        choices=tuple(variant.get("enum") or ([variant["const"]] if "const" in variant else [])),
        optional="anyOf" in facts,
        limits=tuple(_limits(variant)),
        default=facts.get("default"),
        meaning=facts.get("description", ""),
        families=families,
    )


def _limits(variant: dict[str, Any]) -> Iterator[tuple[str, float]]:
    for key, word in _LIMITS.items():
        if key in variant:
            yield word, variant[key]
