"""The page at /: its files, read once from the package, and what it must know of this server before it asks anything.

A request names one of the files, and never a place on the disk.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from polyglass._version import __version__
from polyglass.documents.parse import ENDINGS
from polyglass.serving.callers import is_here
from polyglass.serving.site import Site

_TYPES = {
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "json": "application/json",
    "svg": "image/svg+xml",
}
ALTERNATIVES = 4
"""Candidates of each sentence that the page asks for."""
_POLICY = "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


@dataclass(frozen=True)
class Asset:
    """One file of the page. etag: changes with its content."""

    content: bytes
    media_type: str
    etag: str


@cache
def assets() -> Mapping[str, Asset]:
    """Return every file of the page by its name, such as "app.js"."""
    return dict(_read())


def _read() -> Iterator[tuple[str, Asset]]:
    for entry in (files("polyglass.serving") / "static").iterdir():
        if (media_type := _TYPES.get(entry.name.rpartition(".")[2])) is not None:
            content = entry.read_bytes()
            yield entry.name, Asset(content, media_type, f'"{hashlib.sha256(content).hexdigest()[:20]}"')


class Page:
    """Answers GET requests that no route of the API knows."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._assets = assets()  # a file that is missing is found out now, not by the first visitor

    def __call__(self, request: Request) -> Response | None:
        """Return a file of the page, or None if there is none at this address."""
        path: str = request.scope["path"]
        if path == "/page.json":
            return JSONResponse(self._facts(request))
        name = "index.html" if path == "/" else path.removeprefix("/static/") if path.startswith("/static/") else ""
        asset = self._assets.get(name)
        if asset is None:
            return None
        headers = {"ETag": asset.etag, "Cache-Control": "no-cache", "Content-Security-Policy": _POLICY}
        if asset.etag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        return Response(asset.content, media_type=asset.media_type, headers=headers)

    def _facts(self, request: Request) -> dict[str, object]:
        config = self._site.config
        languages = [name.split(".")[1] for name in self._assets if name.startswith("strings.")]
        return {
            "version": __version__,
            "key_required": bool(self._site.keys),
            "max_characters": config.max_characters,
            "max_document_bytes": int(config.max_document_mb * 2**20),
            "alternatives": min(config.max_beam, ALTERNATIVES),
            "endings": sorted(ENDINGS),
            "strings": sorted(languages),
            "explore": self._site.explore is not None and is_here(request),
        }
