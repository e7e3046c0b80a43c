"""A port of this machine in, a page out: connections, threads and time limits. Loopback only.

The standard library alone, since a page for one person needs no more, and `explore` should work with every install.
"""

import errno
import os
import socket
import socketserver
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from polyglass.errors import InputError, PolyglassError
from polyglass.explorer.assets import Asset, assets
from polyglass.explorer.guard import Guard, fresh_token
from polyglass.explorer.look import Explorer
from polyglass.explorer.messages import Incoming, Response, Stream, refusal_response
from polyglass.explorer.refusal import GoneError, RefusedError
from polyglass.explorer.routes import Routes

ADDRESS = "127.0.0.1"
CONNECTIONS = 64
CLOSING_SECONDS = 10.0
LOOKS_EVERY = 0.05  # seconds between two looks whether somebody still waits


class Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    """Listens on one port of this machine; `serve_forever` answers until `shutdown`."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    # After a restart the old connections of a port linger for a minute; on Windows the flag means something else.
    allow_reuse_address = os.name == "posix"

    def __init__(
        self,
        explorer: Explorer,
        port: int,
        *,
        new_token: Callable[[], str] = fresh_token,
        on_exchange: Callable[[], None] = lambda: None,
        files: Callable[[], Mapping[str, Asset]] = assets,
    ) -> None:
        """port: 0 for any that is free. Raises InputError if it is taken."""
        found = files()  # a missing page is found out now, not by the first visitor
        self._lock = threading.Lock()
        self._closed = False
        self._connections: dict[threading.Thread, socket.socket] = {}
        try:
            super().__init__((ADDRESS, port), _Connection)
        except OSError as error:
            raise _no_port(port, error) from None
        self.guard = Guard(self.server_address[1], new_token=new_token, on_exchange=on_exchange)
        self.routes = Routes(explorer, self.guard, found)
        self._places = threading.BoundedSemaphore(CONNECTIONS)

    @property
    def port(self) -> int:
        """The port that was chosen."""
        return self.guard.port

    def url(self, state: str = "") -> str:
        """Return the address to open, with the token that is valid now. state: more for the page, as a query."""
        return f"http://{ADDRESS}:{self.port}/#token={self.guard.token}{'&' if state else ''}{state}"

    def server_close(self) -> None:
        """Close the port, hang up, and wait until no thread is at work: it would take the ending program down."""
        super().server_close()
        with self._lock:
            self._closed = True
            connections = dict(self._connections)
        for connection in connections.values():
            with suppress(OSError):  # the other end may have hung up already
                connection.shutdown(socket.SHUT_RDWR)
        deadline = time.monotonic() + CLOSING_SECONDS
        for thread in connections:
            thread.join(max(0.0, deadline - time.monotonic()))

    def process_request(self, request: Any, client_address: Any) -> None:
        """Give a connection a thread of its own, or close it at once if there are too many."""
        if not self._places.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve a connection to its end."""
        try:
            with self._lock:
                if self._closed:
                    return self.shutdown_request(request)
                self._connections[threading.current_thread()] = request
            super().process_request_thread(request, client_address)
        finally:
            with self._lock:
                self._connections.pop(threading.current_thread(), None)
            self._places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing about a connection that broke; anything else is a bug and shows its place."""
        if not isinstance(sys.exception(), OSError | GoneError):
            traceback.print_exc()


def _no_port(port: int, error: OSError) -> PolyglassError:
    if error.errno == errno.EADDRINUSE:
        return InputError(
            f"port {port} is taken by another program. Choose another one with --port, or leave --port out."
        )
    return InputError(f"port {port} cannot be used: {error.strerror}. Choose one from 1024 to 65535, or leave it out.")


class _Connection(socketserver.BaseRequestHandler):
    server: Server

    def handle(self) -> None:
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        stream = Stream(self.request)
        while self._one(stream):
            pass

    def _one(self, stream: Stream) -> bool:
        """Answer one request; return whether another may follow on this connection."""
        incoming, read = None, False

        def body() -> bytes:
            nonlocal read
            read = True
            return stream.body(incoming.length) if incoming else b""

        try:
            incoming = stream.request()
            if incoming is None:
                return False
            response = self._answered(incoming, body, _watch(stream))
        except RefusedError as refusal:
            response = refusal_response(refusal)
        except GoneError:
            return False
        # After a request that was not understood, or whose body still stands in the way, nobody knows what follows.
        unread = incoming is None or (incoming.length > 0 and not read)
        close = unread or incoming is None or "close" in incoming.headers.get("connection", "").lower()
        stream.send(response, close=close, with_body=incoming is None or incoming.method != "HEAD")
        if unread:
            stream.drain()
        return not close

    def _answered(self, incoming: Incoming, body: Callable[[], bytes], check: Callable[[], None]) -> Response:
        try:
            return self.server.routes.answer(incoming, body, check)
        except (RefusedError, GoneError):
            raise
        except InputError as error:
            raise RefusedError("bad_request", str(error)) from None
        except PolyglassError as error:
            raise RefusedError("model_failed", str(error)) from None
        except Exception:
            traceback.print_exc()
            raise RefusedError(
                "internal", "This is a bug in polyglass; the terminal shows where. Please report it."
            ) from None


def _watch(stream: Stream) -> Callable[[], None]:
    """Return a check that stops the work for a request when the page has given it up, or the server hangs up."""
    looked = time.monotonic()

    def check() -> None:
        nonlocal looked
        if time.monotonic() - looked > LOOKS_EVERY:
            looked = time.monotonic()
            if not stream.is_open():
                raise GoneError

    return check
