"""Bytes of a socket in, one HTTP/1.1 request out, and a response back: a small strict reader, because the rest lies.

Only what a browser sends to a page of its own is understood (RFC 9112): GET and POST, a body only with its length, each
header once. Whatever could be read in two ways is refused and the connection closed, so no second request can hide in
a first one. Time and bytes are bounded.
"""

import json
import re
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from polyglass.explorer.refusal import RefusedError

HEAD_BYTES = 16_384
HEADERS = 100
HEAD_SECONDS = 10.0  # from the first byte to the empty line
BODY_SECONDS = 10.0
IDLE_SECONDS = 15.0  # between two requests of one connection
SEND_SECONDS = 30.0
DRAIN_SECONDS = 0.5

_REQUEST_LINE = re.compile(r"([A-Z]{1,16}) (/[!-~]{0,4095}) (HTTP/\d\.\d)")
_HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}):[ \t]*([ -~\t\x80-\xff]*?)[ \t]*")
_REASONS = {
    200: "OK", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed",
    408: "Request Timeout", 409: "Conflict", 410: "Gone", 411: "Length Required", 413: "Content Too Large",
    415: "Unsupported Media Type", 417: "Expectation Failed", 422: "Unprocessable Content", 429: "Too Many Requests",
    431: "Request Header Fields Too Large", 500: "Internal Server Error", 501: "Not Implemented",
    505: "HTTP Version Not Supported",
}  # fmt: skip
SAFETY = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data: blob:; object-src 'none'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""Headers of every response."""


@dataclass(frozen=True)
class Incoming:
    """A request without its body. path, query: of the address, as they came. headers: names in lower case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]

    @property
    def length(self) -> int:
        """How many bytes of body follow."""
        return int(self.headers.get("content-length", "0"))


@dataclass(frozen=True)
class Response:
    """What goes back. headers: beside those of `SAFETY`, the type and the length."""

    body: bytes
    media_type: str = "application/json"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


class Stream:
    """One connection: requests come out of it, responses go into it."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._buffer = bytearray()

    def request(self) -> Incoming | None:
        """Wait for the next request. None: there will be none.

        Raises RefusedError for one that cannot be understood.
        """
        if not self._buffer and not self._more(time.monotonic() + IDLE_SECONDS, quiet=True):
            return None
        deadline = time.monotonic() + HEAD_SECONDS
        while (end := self._buffer.find(b"\r\n\r\n")) < 0:
            if len(self._buffer) > HEAD_BYTES:
                raise RefusedError(
                    "header_too_long", f"The headers of a request may have at most {HEAD_BYTES:,} bytes."
                )
            if not self._more(deadline):
                return None
        if end > HEAD_BYTES:
            raise RefusedError("header_too_long", f"The headers of a request may have at most {HEAD_BYTES:,} bytes.")
        head = bytes(self._buffer[:end])
        del self._buffer[: end + 4]
        return parse_head(head)

    def body(self, length: int) -> bytes:
        """Return the body of the request. Raises RefusedError if it does not come in time."""
        deadline = time.monotonic() + BODY_SECONDS
        while len(self._buffer) < length:
            if not self._more(deadline):
                raise RefusedError("bad_request", "The body of the request is shorter than its length.")
        body = bytes(self._buffer[:length])
        del self._buffer[:length]
        return body

    def send(self, response: Response, *, close: bool, with_body: bool = True) -> None:
        """Write a response."""
        headers = {
            **SAFETY,
            "Content-Type": response.media_type,
            "Content-Length": str(len(response.body)),
            **response.headers,
            **({"Connection": "close"} if close else {}),
        }
        lines = [f"HTTP/1.1 {response.status} {_REASONS[response.status]}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        head = "\r\n".join([*lines, "", ""]).encode("latin-1")
        self._socket.settimeout(SEND_SECONDS)
        self._socket.sendall(head + response.body if with_body else head)

    def drain(self) -> None:
        """Read what still arrives for a moment: closing before would take the response away from the other end."""
        deadline = time.monotonic() + DRAIN_SECONDS
        with suppress(OSError, RefusedError):
            self._socket.shutdown(socket.SHUT_WR)
            while self._more(deadline, quiet=True):
                self._buffer.clear()

    def is_open(self) -> bool:
        """Whether somebody still waits at the other end."""
        self._socket.settimeout(0.0)
        try:
            return self._socket.recv(1, socket.MSG_PEEK) != b""
        except (BlockingIOError, InterruptedError):
            return True
        except OSError:
            return False

    def _more(self, deadline: float, *, quiet: bool = False) -> bool:
        """Read what is there, waiting for it until the deadline. False: the other end has closed."""
        left = deadline - time.monotonic()
        try:
            if left <= 0:
                raise TimeoutError
            self._socket.settimeout(left)
            received = self._socket.recv(65536)
        except TimeoutError:
            if quiet:
                return False
            raise RefusedError("too_slow", "The request did not arrive in time.") from None
        self._buffer += received
        return bool(received)


def parse_head(head: bytes) -> Incoming:
    """Take a request line and headers apart. Raises RefusedError for anything that could be read in two ways."""
    request_line, *lines = head.decode("latin-1").split("\r\n")
    matched = _REQUEST_LINE.fullmatch(request_line)
    if matched is None:
        raise RefusedError("bad_request", "The request line is not one of HTTP/1.1.")
    method, target, version = matched.groups()
    if version != "HTTP/1.1":
        raise RefusedError("wrong_version", "Only HTTP/1.1 is spoken here.")
    if len(lines) > HEADERS:
        raise RefusedError("header_too_long", f"A request may have at most {HEADERS} headers.")
    headers: dict[str, str] = {}
    for line in lines:
        found = _HEADER.fullmatch(line)
        if found is None:
            raise RefusedError("bad_request", "A header of the request is malformed.")
        name = found[1].lower()
        if name in headers:
            raise RefusedError("bad_request", "A header of the request stands there twice.")
        headers[name] = found[2]
    if "transfer-encoding" in headers:
        raise RefusedError("no_length", "A body must come with its Content-Length, and not in chunks.")
    if "expect" in headers:
        raise RefusedError("no_expectations", "Expect is not understood here.")
    if re.fullmatch(r"\d{1,9}", headers.get("content-length", "0"), re.ASCII) is None:
        raise RefusedError("bad_request", "Content-Length must be a plain number.")
    if "host" not in headers:
        raise RefusedError("bad_request", "A request needs a Host header.")
    path, _, query = target.partition("?")
    return Incoming(method, path, query, headers)


def json_response(content: object, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return a reply in JSON; a number that JSON does not know is a bug."""
    body = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode("utf-8", "replace")
    return Response(body, "application/json", status, headers or {})


def refusal_response(refusal: RefusedError) -> Response:
    """Return the reply that says why a request is not answered."""
    error: dict[str, object] = {"code": refusal.code, "key": refusal.key, "message": str(refusal)}
    error |= {name: value for name in ("limit", "value") if (value := getattr(refusal, name)) is not None}
    headers = {"Retry-After": "1"} if refusal.status == 429 else {}
    if refusal.status == 405:
        headers["Allow"] = "GET, POST"
    return json_response({"error": error}, status=refusal.status, headers=headers)
