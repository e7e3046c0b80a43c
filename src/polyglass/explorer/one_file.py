"""The files of the page and some data in, one HTML file out that needs nothing else: no server, no network.

Modules become functions that run one after another in one script, by these rules (a test holds the page to them):
imports name what they want and stand at the beginning of a line, exports stand before what they export.
"""

import base64
import gzip
import hashlib
import json
import posixpath
import re
import zlib
from collections.abc import Mapping

from polyglass.errors import PolyglassError
from polyglass.explorer.assets import PAGE, Asset

ENTRY = "app.js"
_IMPORT = re.compile(r'^import\s*(?:\{([^{}]*)\}\s*from\s*)?"(\.{1,2}/[\w./-]+)";[ \t]*$', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function\*?|class|const|let) ([\w$]+))", re.MULTILINE)
_LEFT = re.compile(r"^\s*(?:import\b|export\b)", re.MULTILINE)
_STYLE = re.compile(r'<link rel="stylesheet" href="/static/([\w./-]+)">\n?')
_SCRIPT = re.compile(r'<script type="module" src="/static/[\w./-]+"></script>\n?')
_ICON = re.compile(r'<link rel="icon" href="/static/([\w./-]+)"[^>]*>\n?')
_STRINGS = re.compile(r' data-strings="([^"]*)"')


def one_file(assets: Mapping[str, Asset], data: str) -> str:
    """Return the page as one file. data: JSON, what the page would otherwise ask a server for."""
    page = _text(assets, PAGE)
    style = "".join(_text(assets, name) for name in _STYLE.findall(page))
    strings: dict[str, object] = {}
    for names in _STRINGS.findall(page):
        for name in names.split():
            strings |= json.loads(_text(assets, name.removeprefix("/static/")))
    script = f"'use strict';\n{inlined(assets, ENTRY)}"
    policy = (
        f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; img-src data: blob:; "
        "base-uri 'none'; form-action 'none'"
    )
    page = _ICON.sub(lambda found: _icon(assets[found[1]]), page)
    page = _STRINGS.sub("", _SCRIPT.sub("", _STYLE.sub("", page)))
    head = f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n<style>{style}</style>\n'
    # The policy must come before anything that it speaks of.
    page = page.replace('<meta charset="utf-8">\n', f'<meta charset="utf-8">\n{head}', 1)
    blocks = [
        f'<script type="application/json" id="strings">{_quiet(json.dumps(strings, ensure_ascii=False))}</script>',
        f'<script type="text/plain" id="replies">{_packed(data)}</script>',
        f"<script>{script}</script>",
    ]
    return page.replace("</body>", "\n".join([*blocks, "</body>"]), 1)


def inlined(assets: Mapping[str, Asset], entry: str) -> str:
    """Return one script that does what the module `entry` does with all that it imports."""
    order: list[str] = []
    _visit(assets, entry, order, ())
    return "\n".join(_module(_text(assets, name), name, order) for name in order)


def _visit(assets: Mapping[str, Asset], name: str, order: list[str], above: tuple[str, ...]) -> None:
    """Put what a module imports before the module."""
    if name in above:
        raise PolyglassError(f"The modules of the page import each other in a circle: {' -> '.join([*above, name])}.")
    if name in order:
        return
    for _, path in _IMPORT.findall(_text(assets, name)):
        _visit(assets, _resolve(name, path), order, (*above, name))
    order.append(name)


def _module(text: str, name: str, order: list[str]) -> str:
    """Turn a module into a call that returns what it exports."""

    def bind(found: re.Match[str]) -> str:
        if found[1] is None:
            return ""
        names = " ".join(found[1].replace(" as ", ": ").split())
        return f"const {{ {names} }} = m{order.index(_resolve(name, found[2]))};"

    exported = _EXPORT.findall(text)
    body = _EXPORT.sub("", _IMPORT.sub(bind, text))
    if _LEFT.search(body):
        raise PolyglassError(
            f"The module {name} of the page imports or exports in a way that cannot be put in one file."
        )
    # A script in HTML ends at the first closing tag, even in a string.
    body = re.sub(r"</(?=script)", r"<\\/", body, flags=re.IGNORECASE).replace("<!--", r"<\!--")
    return f"const m{order.index(name)} = (() => {{\n{body}\nreturn {{ {', '.join(exported)} }};\n}})();"


def _resolve(name: str, path: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(name), path))


def _text(assets: Mapping[str, Asset], name: str) -> str:
    if name not in assets:
        raise PolyglassError(f"The page has no file {name}: this installation is not whole. Install it again.")
    return assets[name].content.decode("utf-8")


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _icon(asset: Asset) -> str:
    content = base64.b64encode(asset.content).decode("ascii")
    return f'<link rel="icon" href="data:{asset.media_type};base64,{content}">\n'


def packed_bytes(data: str) -> int:
    """Return how much room some data takes in the file, or a little less than that."""
    return len(zlib.compress(data.encode("utf-8", "replace"), 6)) * 4 // 3


def _packed(data: str) -> str:
    """Return data as base64 of gzip. A browser unpacks it by itself, and no text in it can end its element."""
    return base64.b64encode(gzip.compress(data.encode("utf-8", "replace"), 9, mtime=0)).decode("ascii")


def _quiet(data: str) -> str:
    """Return JSON in which no text can end the element that it stands in."""
    return data.replace("<", r"\u003c")
