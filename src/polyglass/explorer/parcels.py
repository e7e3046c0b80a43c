"""The files of the page in, what a browser is sent out: all modules as one script, and everything compressed.

A browser that asks for sixty modules one after another waits for each, and each alone is compressed badly. What is on
the disk stays plain modules; they are put together when the server starts.
"""

import gzip
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from polyglass.explorer.assets import PAGE, Asset
from polyglass.explorer.one_file import ENTRY, inlined

SCRIPT = "page.js"
_TAG = f'<script type="module" src="/static/{ENTRY}"></script>'


@dataclass(frozen=True)
class Parcel:
    """One file as it is sent. packed: the same by gzip, for a browser that takes it."""

    content: bytes
    packed: bytes
    media_type: str


def parcels(assets: Mapping[str, Asset]) -> Mapping[str, Parcel]:
    """Return what answers to each name below /static/: the files, and the script that holds all modules."""
    page = assets[PAGE].content.decode("utf-8")
    sent = dict(assets)
    if _TAG in page:
        script = f"'use strict';\n{inlined(assets, ENTRY)}\n".encode()
        sent[SCRIPT] = Asset(script, assets[ENTRY].media_type)
        joined = page.replace(_TAG, f'<script defer src="/static/{SCRIPT}"></script>')
        sent[PAGE] = Asset(joined.encode(), assets[PAGE].media_type)
    return {name: _parcel(asset) for name, asset in sent.items()}


@cache
def _parcel(asset: Asset) -> Parcel:
    # No time stamp: the same files give the same bytes.
    return Parcel(asset.content, gzip.compress(asset.content, 9, mtime=0), asset.media_type)
