"""Translation memories (TMX) and XLIFF in, one pair for each translated segment out; memory holds one unit at a time.

What stands for tags of the original text (`<bpt>`, `<ph>`, `<x>` and the like) is left out with all it holds; what only
marks text (`<g>`, `<hi>`, `<mrk>`, `<pc>`) is read. Units without a translation are no pairs.
"""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from polyglass.data.formats.languages import same_language
from polyglass.data.formats.opening import open_unpacked
from polyglass.data.formats.safe_xml import stream_elements
from polyglass.data.pair import Pair
from polyglass.errors import DataError

Languages = tuple[str | None, str | None]
_CODES = frozenset(["bpt", "ept", "it", "ph", "ut", "x", "bx", "ex", "sc", "ec", "cp", "sub"])
_UNTRANSLATED = frozenset(["new", "needs-translation", "needs-l10n", "initial"])
_LOOKED_AT = 1000  # units that are asked for their languages
_LANG = "{http://www.w3.org/XML/1998/namespace}lang"


def read_tmx(path: Path, *, languages: Languages = (None, None)) -> Iterator[Pair]:
    """Yield a pair for each unit of a memory that has both languages. Raises DataError if it is unclear which two."""
    source_lang, target_lang = _two_languages(path, languages)
    for unit in _elements(path, "tu"):
        texts = {
            _language(variant): _text(seg) for variant in unit.iterfind("{*}tuv") for seg in variant.iterfind("{*}seg")
        }
        source = _pick(texts, source_lang)
        target = _pick({code: text for code, text in texts.items() if code != source}, target_lang)
        if source is not None and target is not None and texts[target].strip():
            yield Pair(unit.sourceline or 1, texts[source], texts[target])


def tmx_languages(path: Path) -> Languages:
    """Return the language of the source, and that of the target if there is only one other."""
    header, found = "", dict[str, None]()
    for unit in islice(_elements(path, "tu"), _LOOKED_AT):
        node = unit.getroottree().getroot().find("{*}header")
        header = header or (node.get("srclang", "") if node is not None else "")
        found |= dict.fromkeys(_language(variant) for variant in unit.iterfind("{*}tuv"))
    names = [name for name in found if name]
    source = next((name for name in names if same_language(name, header)), names[0] if names else None)
    others = [name for name in names if source is None or not same_language(name, source)]
    bases = {name.lower().replace("_", "-").split("-")[0] for name in others}
    return source, others[0] if len(bases) == 1 else None


def read_xliff(path: Path) -> Iterator[Pair]:
    """Yield a pair for each segment that has a translation."""
    for unit in _elements(path, "trans-unit", "segment"):
        source, target = unit.find("{*}source"), unit.find("{*}target")
        if source is None or target is None:
            continue
        if _UNTRANSLATED & {unit.get("state", ""), target.get("state", "")}:
            continue
        line = unit.sourceline or 1
        segments = unit.find("{*}seg-source")
        marks = _marks(segments) if segments is not None else {}
        translated = _marks(target)
        if not marks or not translated:
            marks, translated = {"": source}, {"": target}
        for number, mark in marks.items():
            text = _text(translated[number]) if number in translated else ""
            if text.strip():
                yield Pair(line, _text(mark), text)


def xliff_languages(path: Path) -> Languages:
    """Return the languages that the file names."""
    for unit in _elements(path, "trans-unit", "segment"):
        for node in (unit, *unit.iterancestors()):
            source = node.get("source-language") or node.get("srcLang")
            if source:
                return source, node.get("target-language") or node.get("trgLang")
    return None, None


def _elements(path: Path, *names: str) -> Iterator[Any]:
    with open_unpacked(path) as stream:
        yield from stream_elements(stream, str(path), frozenset(names))


def _two_languages(path: Path, languages: Languages) -> tuple[str, str]:
    guessed = tmx_languages(path)
    source, target = languages[0] or guessed[0], languages[1] or guessed[1]
    if source is None or target is None:
        raise DataError(
            f"{path} does not say which two of its languages are meant. Say it, for example: "
            f"--source-lang {source or 'en'} --target-lang de"
        )
    return source, target


def _pick(texts: dict[str, str], language: str) -> str | None:
    """Return the code of the text in a language: the same region first."""
    exact = [code for code in texts if code.lower().replace("_", "-") == language.lower().replace("_", "-")]
    alike = [code for code in texts if same_language(code, language)]
    return next(iter(exact or alike), None)


def _language(variant: Any) -> str:
    language: str = variant.get(_LANG) or variant.get("lang") or ""
    return language


def _marks(element: Any) -> dict[str, Any]:
    """Return the segments of a seg-source or target by their number."""
    return {mark.get("mid", ""): mark for mark in element.iter("{*}mrk") if mark.get("mtype") == "seg"}


def _text(element: Any) -> str:
    """Return what a reader reads of an element."""
    parts = [element.text or ""]
    for child in element:
        name = child.tag.rpartition("}")[2] if isinstance(child.tag, str) else ""
        if name and name not in _CODES:
            parts.append(_text(child))
        parts.append(child.tail or "")
    return "".join(parts)
