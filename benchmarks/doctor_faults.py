"""Clean pairs and a seed in, the same pairs with known faults out, and which line got which. For `doctor.py`."""

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

Texts = tuple[str, str]
RATE = 0.01  # of the pairs, for each kind
_FEWEST, _MOST = 20, 120  # characters of a text that is put in from elsewhere
_SENTENCE = 40  # characters of a side that is cut: a shorter one is hardly ever cut off
_LEFT = (0.15, 0.6)  # share of its words that a cut leaves
_ENDS = ".!?。"
_PLACEHOLDERS = ("%s", "%(name)s", "{count}", "${HOME}", "<b>", "<br/>", "{0}", "%1$d")


@dataclass
class Row:
    """A line to write. origin: its place in the clean corpus; -1 for one that was put in."""

    source: str
    target: str
    origin: int
    fault: str = ""
    encoding: str = "utf-8"  # of the target


@dataclass
class Material:
    """What faults are made of. foreign: texts of a third language; held_out: pairs; old: an encoding of the target."""

    foreign: Sequence[str]
    held_out: Sequence[Texts]
    old: str
    rng: random.Random = field(default_factory=random.Random)

    @property
    def others(self) -> list[str]:
        """Sentences of the source's own language."""
        return [source for source, _ in self.held_out if len(source) >= _FEWEST]


def inject(pairs: Sequence[Texts], material: Material, *, rate: float = RATE) -> list[Row]:
    """Give each kind of fault to `rate` of the pairs, no pair two; near-duplicates and leaks are put in."""
    rng = material.rng
    rows = [Row(source, target, place) for place, (source, target) in enumerate(pairs)]
    order = rng.sample(range(len(rows)), len(rows))
    count = max(1, round(rate * len(rows)))
    boilerplate = next(rows[place].target for place in order if len(rows[place].target) >= _FEWEST)
    for kind, fits, change in _CHANGES:
        taken = [place for place in order if not rows[place].fault and fits(rows[place], material)][:count]
        for place in taken:
            row = rows[place]
            row.fault = kind
            if kind == "boilerplate":
                row.target = boilerplate
            else:
                change(row, material)
    for place in [place for place in order if not rows[place].fault][:count]:  # whole ones beside the broken ones
        mark = rng.choice(_PLACEHOLDERS)
        rows[place].source, rows[place].target = f"{rows[place].source} {mark}", f"{mark} {rows[place].target}"
        rows[place].fault = "none"
    return _with_more(rows, material, count)


def shift(pairs: Sequence[Texts], rng: random.Random) -> tuple[list[Texts], int]:
    """Lose one or two lines of one side, and as many of the other at the end. Returns the line where it begins."""
    sides = [list(side) for side in zip(*pairs, strict=True)]
    place, lost, side = rng.randrange(len(pairs) // 10, len(pairs) * 9 // 10), rng.choice((1, 2)), rng.randrange(2)
    del sides[side][place : place + lost]
    del sides[1 - side][-lost:]
    return list(zip(*sides, strict=True)), place + 1


def _with_more(rows: list[Row], material: Material, count: int) -> list[Row]:
    """Put near-duplicates behind their originals, and sentences that are held out anywhere."""
    rng = material.rng
    after: dict[int, list[Row]] = {}
    whole = [row for row in rows if not row.fault and min(len(row.source), len(row.target)) >= _FEWEST]
    for row in rng.sample(whole, min(count, len(whole))):
        pair = (row.source, row.target)
        copy = Row(*_nearly(pair, rng), -1, "near_duplicates")
        while (copy.source.strip(), copy.target.strip()) == pair:
            copy.source, copy.target = _nearly(pair, rng)
        after.setdefault(rng.randrange(row.origin, len(rows)), []).append(copy)
    long = [pair for pair in material.held_out if len(pair[0]) >= _FEWEST]
    for pair in rng.sample(long, min(count, len(long))):
        leaked = pair if rng.random() < 0.5 else _nearly(pair, rng)
        after.setdefault(rng.randrange(len(rows)), []).append(Row(*leaked, -1, "leak"))
    return [new for row in rows for new in (row, *after.get(row.origin, ()))]


def _nearly(pair: Texts, rng: random.Random) -> Texts:
    """Change case and marks, or, in a long source, one word."""
    source, target = pair
    words = source.split()
    if len(re.findall(r"[^\W\d_]+", source)) >= 8 and rng.random() < 0.6:
        place = rng.choice([place for place, word in enumerate(words) if word.isalpha()] or [0])
        words[place : place + 1] = rng.choice(([], ["really"], [words[place], "really"]))
        return " ".join(words), target
    changed = rng.choice((source.upper(), source.rstrip(_ENDS), f"- {source}", source.replace(" ", "  ")))
    return changed, rng.choice((target, f"{target.rstrip(_ENDS)} !", target.replace(",", "")))


def _swap(row: Row, material: Material) -> None:
    row.source, row.target = row.target, row.source


def _translate_wrongly(row: Row, material: Material) -> None:
    """Write a third language, or now and then another sentence of the source's own."""
    rng = material.rng
    row.target = rng.choice(material.foreign if rng.random() < 0.7 else material.others)


def _encode(row: Row, material: Material) -> None:
    row.encoding = material.old


def _encode_twice(row: Row, material: Material) -> None:
    row.target = "".join(
        bytes([byte]).decode("cp1252") if byte not in (0x81, 0x8D, 0x8F, 0x90, 0x9D) else chr(byte)
        for byte in row.target.encode("utf-8")
    )


def _copy(row: Row, material: Material) -> None:
    row.target = row.source


def _change_number(row: Row, material: Material) -> None:
    rng = material.rng
    number = str(rng.randrange(2, 3000))
    if not re.search(r"\d", row.source + row.target):
        row.source, row.target = f"{row.source} ({number})", f"{row.target} ({number})"
    place = rng.choice([found.start() for found in re.finditer(r"[0-9]", row.target)])
    digit = rng.choice([digit for digit in "123456789" if digit != row.target[place]])
    row.target = row.target[:place] + digit + row.target[place + 1 :]


def _break_tag(row: Row, material: Material) -> None:
    rng = material.rng
    mark = rng.choice(_PLACEHOLDERS)
    row.source = f"{mark} {row.source}"
    other = rng.choice([placeholder for placeholder in _PLACEHOLDERS if placeholder != mark])
    row.target = row.target if rng.random() < 0.5 else f"{other} {row.target}"


def _cut(row: Row, material: Material) -> None:
    rng = material.rng
    left = rng.uniform(*_LEFT)
    side = rng.choice(("source", "target"))
    text: str = getattr(row, side)
    words = text.split()
    cut = " ".join(words[: max(1, int(left * len(words)))]) if len(words) >= 6 else text[: int(left * len(text))]
    setattr(row, side, cut)


def _is_text(row: Row, material: Material) -> bool:
    return min(len(row.source), len(row.target)) >= _FEWEST and row.source != row.target


def _is_sentence(row: Row, material: Material) -> bool:
    return min(len(row.source), len(row.target)) >= _SENTENCE and row.source[-1] in _ENDS and row.target[-1] in _ENDS


def _has_digits_alike(row: Row, material: Material) -> bool:
    runs = [sorted(re.findall(r"[0-9]+", text)) for text in (row.source, row.target)]
    return _is_text(row, material) and runs[0] == runs[1] and not re.search(r"[^\W\d_]\d|\d[^\W\d_]", row.target)


def _has_old_bytes(row: Row, material: Material) -> bool:
    try:
        row.target.encode(material.old).decode("utf-8")
    except UnicodeDecodeError:
        return True
    except UnicodeEncodeError:
        return False
    return False


def _is_not_ascii(row: Row, material: Material) -> bool:
    return not row.target.isascii()


_CHANGES: Sequence[tuple[str, Callable[[Row, Material], bool], Callable[[Row, Material], None]]] = (
    ("bad_encoding", _has_old_bytes, _encode),
    ("twice_encoded", _is_not_ascii, _encode_twice),
    ("truncated", _is_sentence, _cut),
    ("numbers", _has_digits_alike, _change_number),
    ("swapped", _is_text, _swap),
    ("language", _is_text, _translate_wrongly),
    ("copies", _is_text, _copy),
    ("tags", _is_text, _break_tag),
    ("boilerplate", _is_text, _copy),
)
