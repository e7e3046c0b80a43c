"""What the page weighs on the line, and that a browser gets gzip only if it says that it takes it."""

import gzip
import threading
from collections.abc import Iterator
from http.client import HTTPConnection

import pytest

from explorer_world import talker
from polyglass.explorer.assets import assets
from polyglass.explorer.look import Explorer
from polyglass.explorer.one_file import ENTRY, inlined
from polyglass.explorer.parcels import SCRIPT, parcels
from polyglass.explorer.server import Server

LIMIT_BYTES = 150_000
SENT = ("index.html", SCRIPT, "styles.css", "strings.en.json", "icon.svg")


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    server = Server(Explorer([talker()]), 0)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server.port
    server.shutdown()
    thread.join()
    server.server_close()


def get(port: int, path: str, accepted: str | None) -> tuple[dict[str, str], bytes]:
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    connection.putrequest("GET", path, skip_accept_encoding=True)
    if accepted is not None:
        connection.putheader("Accept-Encoding", accepted)
    connection.endheaders()
    reply = connection.getresponse()
    assert reply.status == 200
    found = dict(reply.getheaders()), reply.read()
    connection.close()
    return found


def test_all_that_a_page_needs_is_under_the_limit() -> None:
    """The sum of the bodies that are sent, each by gzip -9; `test_words_and_files.py` counts the same in a browser."""
    assert sum(len(parcels(assets())[name].packed) for name in SENT) <= LIMIT_BYTES


@pytest.mark.parametrize("accepted", ["gzip", "gzip, deflate, br, zstd", "br;q=1.0, GZIP;q=0.5", "gzip ; q=1"])
def test_a_browser_that_takes_gzip_gets_it(port: int, accepted: str) -> None:
    headers, body = get(port, f"/static/{SCRIPT}", accepted)
    assert headers["Content-Encoding"] == "gzip"
    assert headers["Vary"] == "Accept-Encoding"
    assert headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert gzip.decompress(body).decode() == f"'use strict';\n{inlined(assets(), ENTRY)}\n"


@pytest.mark.parametrize("accepted", [None, "", "identity", "br", "gzip;q=0", "gzip;q=0.000", "x-gzipped"])
def test_whoever_does_not_take_gzip_gets_the_plain_file(port: int, accepted: str | None) -> None:
    headers, body = get(port, "/static/styles.css", accepted)
    assert "Content-Encoding" not in headers
    assert headers["Vary"] == "Accept-Encoding"
    assert body == assets()["styles.css"].content


def test_the_page_asks_for_one_script_and_every_module_can_still_be_read(port: int) -> None:
    _, page = get(port, "/", None)
    assert page.count(b"<script") == 1
    assert f'src="/static/{SCRIPT}"'.encode() in page
    _, module = get(port, "/static/numbers.js", None)
    assert module == assets()["numbers.js"].content


def test_the_same_files_give_the_same_bytes() -> None:
    assert parcels(dict(assets())) == parcels(assets())
