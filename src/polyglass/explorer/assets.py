"""The files of the page, read once from the package: a request names one of them, and never a place on the disk."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

from polyglass.errors import PolyglassError

PAGE = "index.html"
_TYPES = {
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "json": "application/json",
    "svg": "image/svg+xml",
}


@dataclass(frozen=True)
class Asset:
    """One file of the page."""

    content: bytes
    media_type: str


@cache
def assets() -> Mapping[str, Asset]:
    """Return every file of the page by its name below /static/, such as "stages/01-tokens.js"."""
    return read_assets()


def read_assets() -> Mapping[str, Asset]:
    """Read the files anew. Raises PolyglassError if the installation has none."""
    found = dict(_walk(files("polyglass.explorer") / "static", ""))
    if PAGE not in found:
        raise PolyglassError("The files of the page are missing: this installation is not whole. Install it again.")
    return found


def _walk(folder: Traversable, prefix: str) -> Iterator[tuple[str, Asset]]:
    if not folder.is_dir():
        return
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _walk(entry, f"{prefix}{entry.name}/")
        elif (media_type := _TYPES.get(entry.name.rpartition(".")[2])) is not None:
            yield f"{prefix}{entry.name}", Asset(entry.read_bytes(), media_type)
