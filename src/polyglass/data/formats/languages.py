"""File names and keys in, language codes out: "train.en.gz" is English, "train.txt" tells nothing."""

import re
from pathlib import Path

_CODE = re.compile(r"[a-z]{2,3}(?:[-_](?:[A-Z][a-z]{3}))?(?:[-_](?:[A-Z]{2}|[a-z]{2}|\d{3}))?")
_TWO_CODES = re.compile(r"([a-z]{2,3})-([a-z]{2,3})")
_COMPRESSED = (".gz", ".xz", ".zst")
# Endings of two or three letters that are no languages.
_NO_LANGUAGES = frozenset(
    ["txt", "tsv", "csv", "tab", "raw", "tok", "bpe", "src", "tgt", "trg", "ref", "hyp", "out", "log", "xml", "sgm"]
) | {"tmx", "old", "new", "tmp", "bak", "org", "sub", "seg", "md", "srt", "vtt", "xlf", "gz", "xz", "zst"}


def is_language(text: str) -> bool:
    """True for what looks like a code: two or three letters, then perhaps a script or region (pt-BR, zh_Hans)."""
    return _CODE.fullmatch(text) is not None and text not in _NO_LANGUAGES


def same_language(code: str, other: str) -> bool:
    """True if two codes name one language, whatever their regions: "en-US" and "en", "pt_BR" and "pt-PT"."""
    one, two = (re.split("[-_]", text.strip().lower())[0] for text in (code, other))
    return one == two and bool(one)


def bare_name(path: Path) -> Path:
    """Return the path without the ending of its compression."""
    return path.with_suffix("") if path.suffix in _COMPRESSED else path


def language_of(path: Path) -> str | None:
    """Guess the language of one side from its name: "train.en.gz", "corpus.pt-BR", "news.de.txt", "en.txt"."""
    bare = bare_name(path)
    parts = bare.name.split(".")
    if len(parts) > 1 and is_language(parts[-1]):
        return parts[-1]
    before = parts[-2] if len(parts) > 1 and parts[-1] in ("txt", "srt", "vtt") else ""
    # In the middle of a name three letters are mostly a word ("train.new.txt"), two hardly ever.
    return before if is_language(before) and len(re.split("[-_]", before)[0]) == 2 else None


def languages_of(path: Path) -> tuple[str | None, str | None]:
    """Guess both languages of one file with two sides: "train.en-de.tsv"."""
    for part in reversed(bare_name(path).stem.split(".")):
        if (found := _TWO_CODES.fullmatch(part)) and is_language(found[1]) and is_language(found[2]):
            return found[1], found[2]
    return None, None
