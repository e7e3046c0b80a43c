r"""A file of JSON objects in, one to a line; one pair for each out. Texts may hold line feeds and tabs.

Three shapes are read, and the first record decides: {"source": ..., "target": ...}; keys named like the languages,
{"en": ..., "de": ...}; and these in "translation", as the Hugging Face Hub has them: {"translation": {"en": ...}}.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from polyglass.data.formats.languages import is_language
from polyglass.data.formats.lines import read_lines
from polyglass.data.pair import DamagedText, Errors, Pair
from polyglass.errors import DataError

_SHAPES = (
    '{"source": "...", "target": "..."}, {"en": "...", "de": "..."} or {"translation": {"en": "...", "de": "..."}}'
)


@dataclass(frozen=True)
class Keys:
    """Where the two texts stand in a record."""

    source: str
    target: str
    inside: str | None = None  # "translation", or the record itself

    @property
    def languages(self) -> tuple[str | None, str | None]:
        """The languages that the keys name."""
        return (
            self.source if is_language(self.source) else None,
            self.target if is_language(self.target) else None,
        )

    def texts(self, record: object) -> tuple[str, str] | None:
        """Return the two texts of a record, or None if it does not hold both as strings."""
        if self.inside is not None and isinstance(record, dict):
            record = record.get(self.inside)
        if not isinstance(record, dict):
            return None
        source, target = record.get(self.source), record.get(self.target)
        return (source, target) if isinstance(source, str) and isinstance(target, str) else None


def read_jsonl(
    path: Path, *, errors: Errors, languages: tuple[str | None, str | None] = (None, None)
) -> Iterator[Pair]:
    """Yield a pair for each line; DataError, or a damaged pair with errors="skip", for a line that holds none.

    languages: which keys are source and target, where the order of the keys should not decide.
    """
    keys: Keys | None = None
    for number, line in enumerate(read_lines(path, errors=errors), start=1):
        if isinstance(line, DamagedText):
            yield Pair(number, line, "", "bad_encoding")
        elif not line.strip():
            yield Pair(number, "", "")
        else:
            record = _parse(line)
            if keys is None and isinstance(record, dict):
                keys = _find_keys(path, number, record, languages)
            texts = keys.texts(record) if keys else None
            if texts is not None and not _has_surrogates(texts):
                yield Pair(number, *texts)
            elif errors == "skip":
                yield Pair(number, line, "", "malformed" if texts is None else "bad_encoding")
            else:
                raise _bad_record(path, number, record, keys)


def find_keys(path: Path) -> Keys | None:
    """Return where the texts stand, by the first record that can be read; None if there is none."""
    for number, line in enumerate(read_lines(path, errors="skip"), start=1):
        record = _parse(line) if line.strip() else None
        if isinstance(record, dict):
            return _find_keys(path, number, record, (None, None))
    return None


def _parse(line: str) -> object:
    """Return what the line says, or the ValueError or RecursionError that says why it is no JSON."""
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        return error


def _find_keys(path: Path, line: int, record: dict[str, object], languages: tuple[str | None, str | None]) -> Keys:
    if isinstance(record.get("source"), str) and isinstance(record.get("target"), str):
        return Keys("source", "target")
    inner = record.get("translation")
    inside, fields = ("translation", inner) if isinstance(inner, dict) else (None, record)
    texts = [key for key, value in fields.items() if isinstance(value, str) and is_language(key)]
    source, target = languages
    if source in texts and target in texts and source and target:
        return Keys(source, target, inside)
    if len(texts) == 2:
        return Keys(texts[0], texts[1], inside)
    if len(texts) > 2:
        raise DataError(
            f"{path}:{line}: there are {len(texts)} languages ({', '.join(sorted(texts))}). "
            f"Say which two: --source-lang {texts[0]} --target-lang {texts[1]}"
        )
    names = ", ".join(sorted(map(str, fields)))[:200]
    raise DataError(f"{path}:{line}: a record must look like {_SHAPES}, but its keys are: {names}.")


def _has_surrogates(texts: tuple[str, str]) -> bool:
    """True for \\ud800 and its like: JSON can write them, but they are no characters."""
    try:
        "".join(texts).encode("utf-8")
    except UnicodeEncodeError:
        return True
    return False


def _bad_record(path: Path, line: int, record: object, keys: Keys | None) -> DataError:
    skip = "Mend the line, or leave such lines out: --errors skip"
    if isinstance(record, Exception):
        reason = "it is nested too deeply" if isinstance(record, RecursionError) else str(record)[:200]
        return DataError(f"{path}:{line}: every line must be a JSON object, but this one is none ({reason}). {skip}")
    if keys is None:
        return DataError(f"{path}:{line}: every line must be a JSON object such as {_SHAPES}. {skip}")
    if keys.texts(record) is not None:
        return DataError(f"{path}:{line}: a text holds half of a surrogate pair (\\ud800 to \\udfff). {skip}")
    return DataError(f'{path}:{line}: the record needs text at "{keys.source}" and "{keys.target}". {skip}')
