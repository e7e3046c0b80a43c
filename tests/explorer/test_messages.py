"""HTTP by bytes: whatever could be read in two ways is refused and the connection closed; slow clients are let go."""

import json
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from explorer_world import talker
from polyglass.explorer import messages, server
from polyglass.explorer.assets import Asset
from polyglass.explorer.look import Explorer
from polyglass.explorer.messages import HEAD_BYTES, parse_head
from polyglass.explorer.refusal import RefusedError
from polyglass.explorer.server import Server

SECOND = b"GET /second HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    files = {"index.html": Asset(b"page", "text/html")}
    running = Server(Explorer([talker()]), 0, files=lambda: files)
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield running.port
    running.shutdown()
    thread.join()
    running.server_close()


def exchange(port: int, sent: bytes) -> bytes:
    """Send bytes and return everything that comes back until the other end closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(sent)
        received = b""
        while True:
            try:
                more = connection.recv(65536)
            except ConnectionResetError:  # it closed while our bytes were still on their way
                return received
            if not more:
                return received
            received += more


def get(port: int, *lines: str, method: str = "GET", path: str = "/") -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", *lines, "", ""]).encode("latin-1")


SMUGGLED = {
    "two lengths": ["Content-Length: 5", "Content-Length: 0"],
    "two equal lengths": ["Content-Length: 5", "Content-Length: 5"],
    "length and chunks": ["Content-Length: 5", "Transfer-Encoding: chunked"],
    "chunks": ["Transfer-Encoding: chunked"],
    "chunks in capitals": ["TRANSFER-ENCODING: CHUNKED"],
    "unknown coding": ["Transfer-Encoding: xchunked"],
    "identity": ["Transfer-Encoding: identity"],
    "negative length": ["Content-Length: -1"],
    "signed length": ["Content-Length: +5"],
    "hexadecimal length": ["Content-Length: 0x5"],
    "list of lengths": ["Content-Length: 5, 5"],
    "length with a space": ["Content-Length: 5 5"],
    "length in other digits": ["Content-Length: \u0665".encode().decode("latin-1")],
    "empty length": ["Content-Length:"],
    "huge length": ["Content-Length: 99999999999999999999"],
    "name with a space": ["Content-Length : 5"],
    "folded line": ["X-A: 1", " Content-Length: 5"],
    "folded by a tab": ["X-A: 1", "\tTransfer-Encoding: chunked"],
    "no colon": ["Content-Length 5"],
    "empty name": [": 5"],
    "name with control": ["X\x01: 5"],
    "value with control": ["X-A: a\x00b"],
    "value with carriage return": ["X-A: a\rContent-Length: 5"],
    "value with line feed": ["X-A: a\nContent-Length: 5"],
    "two hosts": ["Host: evil.example"],
    "two cookies": ["Cookie: a=1", "Cookie: b=2"],
    "expectation": ["Expect: 100-continue"],
    "too many headers": [f"X-{number}: 1" for number in range(150)],
    "long header": ["X-A: " + "a" * HEAD_BYTES],
    "body of a get": ["Content-Length: 5"],
}


def test_there_are_as_many_ways_as_promised() -> None:
    assert len(SMUGGLED) >= 30


@pytest.mark.parametrize("lines", SMUGGLED.values(), ids=SMUGGLED)
def test_no_second_request_hides_in_a_first_one(port: int, lines: list[str]) -> None:
    received = exchange(port, get(port, *lines) + b"12345" + SECOND)
    assert len(re.findall(rb"^HTTP/1.1 \d", received, re.MULTILINE)) == 1
    status = int(received.split()[1])
    assert status in (400, 411, 417, 431), received
    assert b"\r\nConnection: close\r\n" in received
    assert json.loads(received.partition(b"\r\n\r\n")[2])["error"]["message"]


BROKEN_LINES = [
    b"GET / HTTP/1.0", b"GET / HTTP/2.0", b"GET /", b"get / HTTP/1.1", b"GET  / HTTP/1.1", b"GET / HTTP/1.1 x",
    b"GET /\x00 HTTP/1.1", b"GET http://127.0.0.1/ HTTP/1.1", b"GET * HTTP/1.1", b"CONNECT 127.0.0.1:1 HTTP/1.1",
    b"GET \xff HTTP/1.1", b"", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"PRI * HTTP/2.0", b"GET / http/1.1",
]  # fmt: skip


@pytest.mark.parametrize("line", BROKEN_LINES)
def test_a_request_line_that_is_none_is_refused(port: int, line: bytes) -> None:
    received = exchange(port, line + b"\r\nHost: x\r\n\r\n" + SECOND)
    assert len(re.findall(rb"^HTTP/1.1 \d", received, re.MULTILINE)) == 1
    assert int(received.split()[1]) in (400, 505)
    assert b"\r\nConnection: close\r\n" in received


@settings(deadline=None, max_examples=300)
@given(st.binary(max_size=300))
@example(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
def test_no_bytes_make_the_reader_fail(head: bytes) -> None:
    try:
        incoming = parse_head(head)
    except RefusedError:
        return
    assert incoming.headers["host"] is not None
    assert incoming.length >= 0


def test_one_connection_carries_many_requests(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(get(port) + get(port) + get(port, "Connection: close"))
        received = b""
        while more := connection.recv(65536):
            received += more
    assert received.count(b"HTTP/1.1 200 OK") == 3


def test_a_request_in_small_pieces_is_read(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        for byte in get(port, "Connection: close"):
            connection.sendall(bytes([byte]))
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 OK")


def test_a_body_that_ends_too_soon_is_refused(port: int) -> None:
    origin = f"Origin: http://127.0.0.1:{port}"
    head = get(port, origin, "Content-Type: application/json", "Content-Length: 50", method="POST", path="/api/session")
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(head + b"{")
        connection.shutdown(socket.SHUT_WR)
        received = connection.recv(65536)
    assert received.startswith(b"HTTP/1.1 400")


def test_a_body_that_is_too_large_is_refused_before_it_is_read(port: int) -> None:
    origin = f"Origin: http://127.0.0.1:{port}"
    head = get(
        port, origin, "Content-Type: application/json", "Content-Length: 999999999", method="POST", path="/api/run"
    )
    began = time.monotonic()
    received = exchange(port, head)
    assert received.startswith(b"HTTP/1.1 413")
    assert json.loads(received.partition(b"\r\n\r\n")[2])["error"] == {
        "code": "too_much",
        "key": "too_much",
        "message": "A request may have at most 65,536 bytes, but here are 999,999,999. Ask for less at a time.",
        "limit": 65536,
        "value": 999999999,
    }
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\nHost:"], ids=["silent", "half a head"])
def test_a_client_that_is_too_slow_is_let_go(port: int, sent: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messages, "IDLE_SECONDS", 0.3)
    monkeypatch.setattr(messages, "HEAD_SECONDS", 0.5)
    began = time.monotonic()
    received = exchange(port, sent)
    assert time.monotonic() - began < 10
    assert received == b"" if not sent else received.startswith(b"HTTP/1.1 408")


def test_a_client_that_trickles_has_one_deadline_for_the_whole_head(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messages, "HEAD_SECONDS", 0.6)
    began = time.monotonic()
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\n")
        try:
            while time.monotonic() - began < 10:
                connection.sendall(b"X-A: 1\r\n")
                time.sleep(0.1)
        except OSError:
            pass
    assert time.monotonic() - began < 8


def test_slow_clients_do_not_keep_others_waiting(port: int) -> None:
    slow = [socket.create_connection(("127.0.0.1", port), timeout=20) for _ in range(20)]
    try:
        for one in slow:
            one.sendall(b"GET / HTTP/1.1\r\n")
        began = time.monotonic()
        assert exchange(port, get(port, "Connection: close")).startswith(b"HTTP/1.1 200 OK")
        assert time.monotonic() - began < 2
    finally:
        for one in slow:
            one.close()


def test_more_connections_than_there_is_room_for_are_closed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "CONNECTIONS", 3)
    files = {"index.html": Asset(b"page", "text/html")}
    running = Server(Explorer([talker()]), 0, files=lambda: files)
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    held = []
    try:
        for _ in range(3):
            held.append(socket.create_connection(("127.0.0.1", running.port), timeout=20))
            held[-1].sendall(b"GET")
        time.sleep(0.3)
        late = socket.create_connection(("127.0.0.1", running.port), timeout=20)
        with late, suppress(ConnectionResetError):
            assert late.recv(100) == b""
        held.pop().close()
        for _ in range(100):
            received = exchange(running.port, get(running.port, "Connection: close"))
            if received:
                break
            time.sleep(0.05)
        assert received.startswith(b"HTTP/1.1 200 OK")
    finally:
        for one in held:
            one.close()
        running.shutdown()
        thread.join()
        running.server_close()
