"""Small corpora on disk, for tests of `polyglass.data`."""

import gzip
import lzma
from collections.abc import Sequence
from pathlib import Path


def write_side(path: Path, lines: Sequence[str]) -> Path:
    """Write one text for each line, each ended by LF."""
    path.write_bytes("".join(f"{line}\n" for line in lines).encode("utf-8"))
    return path


def write_sides(folder: Path, source: Sequence[str], target: Sequence[str], *, name: str = "train") -> list[Path]:
    """Write an English and a German side."""
    return [write_side(folder / f"{name}.en", source), write_side(folder / f"{name}.de", target)]


def read_packed(path: Path) -> list[str]:
    """Read a .gz or .xz file by other means than polyglass."""
    unpack = gzip.decompress if path.suffix == ".gz" else lzma.decompress
    return unpack(path.read_bytes()).decode("utf-8").split("\n")[:-1]


def captions(folder: Path, count: int, *, start: int = 0) -> tuple[list[str], list[str]]:
    """Return `count` real captions, English and German."""
    sides = (read_packed(folder / "multi30k" / f"train.{language}.gz") for language in ("en", "de"))
    english, german = (side[start : start + count] for side in sides)
    return english, german
