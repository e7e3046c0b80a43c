"""S19: requests that two programs could read in two ways, on bare sockets: no second request is ever seen."""

import socket
from collections.abc import Iterator

import pytest

from serving_live import Live, StandIn, live

SMUGGLED = b"GET /version HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
HEAD = b"POST /v1/translate HTTP/1.1\r\nHost: localhost\r\n"


@pytest.fixture(scope="module")
def server() -> Iterator[Live]:
    with live(StandIn("en", "de"), header_seconds=2.0, body_seconds=2.0) as one:
        yield one


def chunked(value: bytes, body: bytes = b"0\r\n\r\n") -> bytes:
    return HEAD + b"Transfer-Encoding: " + value + b"\r\n\r\n" + body + SMUGGLED


REQUESTS = {
    "length behind encoding": HEAD + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "length with a plus": HEAD + b"Content-Length: +3\r\n\r\nabc" + SMUGGLED,
    "length in hex": HEAD + b"Content-Length: 0x3\r\n\r\nabc" + SMUGGLED,
    "length with underscore": HEAD + b"Content-Length: 1_0\r\n\r\nabc" + SMUGGLED,
    "length in other digits": HEAD + "Content-Length: ٣\r\n\r\nabc".encode() + SMUGGLED,
    "length of nothing": HEAD + b"Content-Length: \r\n\r\n" + SMUGGLED,
    "length of forty digits": HEAD + b"Content-Length: " + b"9" * 40 + b"\r\n\r\n" + SMUGGLED,
    "chunked in capitals and twice": chunked(b"CHUNKED, chunked"),
    "chunked, then identity": chunked(b"chunked, identity"),
    "chunked with a tab": chunked(b"\tchunked\x0b"),
    "chunked with NUL": chunked(b"chunked\x00"),
    "chunked in quotes": chunked(b'"chunked"'),
    "gzip, then chunked": chunked(b"gzip, chunked"),
    "chunk size with sign": chunked(b"chunked", b"+3\r\nabc\r\n0\r\n\r\n"),
    "chunk size in 0x": chunked(b"chunked", b"0x3\r\nabc\r\n0\r\n\r\n"),
    "chunk size of nothing": chunked(b"chunked", b"\r\nabc\r\n0\r\n\r\n"),
    "chunk longer than it says": chunked(b"chunked", b"1\r\nabc\r\n0\r\n\r\n"),
    "space before the colon": HEAD + b"Content-Length : 3\r\n\r\nabc" + SMUGGLED,
    "name with a NUL": HEAD + b"X\x00: y\r\n\r\n" + SMUGGLED,
    "name with a line feed": HEAD + b"X\nContent-Length: 3: y\r\n\r\n" + SMUGGLED,
    "no colon": HEAD + b"Content-Length 3\r\n\r\n" + SMUGGLED,
}


def answers(server: Live, content: bytes) -> bytes:
    """Send bytes, say that no more come, and return everything that comes back."""
    with server.connect() as connection:
        connection.sendall(content)
        connection.shutdown(socket.SHUT_WR)
        seen = b""
        try:
            while part := connection.recv(65536):
                seen += part
        except ConnectionResetError:
            pass
        return seen


@pytest.mark.parametrize("name", REQUESTS)
def test_what_could_be_read_in_two_ways_is_refused_and_nothing_behind_it_is_read(server: Live, name: str) -> None:
    seen = answers(server, REQUESTS[name])
    assert seen == b"" or seen.startswith(b"HTTP/1.1 4"), seen[:200]
    assert b'"version"' not in seen
    assert b" 200 OK" not in seen
    assert seen.count(b"HTTP/1.1 ") <= 1
