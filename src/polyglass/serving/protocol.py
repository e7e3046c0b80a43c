"""HTTP/1.1 as uvicorn speaks it, with deadlines and a bound on connections, which it does not have.

Without them a few hundred sockets that never finish a request keep everybody else out ("slow loris"). The head of a
request must arrive within a time; its body, and whoever reads an answer, must keep up a slow pace.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

_SLOWEST = 1024  # bytes a second

Phase = Literal["head", "body", "none"]


@dataclass
class Connections:
    """How many there may be, how long they may take, and how many there are. Shared by all connections of a server.

    trusts: whether an address is that of a proxy, which stands for many.
    """

    most: int
    most_each: int
    head_seconds: float
    body_seconds: float
    trusts: Callable[[str], bool] = lambda address: False
    open: Counter[str] = field(default_factory=Counter)

    def enter(self, address: str) -> bool:
        """Count a connection and say whether there is room for it."""
        too_many = self.open[address] >= self.most_each and not self.trusts(address)
        if self.open.total() >= self.most or too_many:
            return False
        self.open[address] += 1
        return True

    def leave(self, address: str) -> None:
        """Count a connection no more."""
        self.open[address] -= 1
        if not self.open[address]:
            del self.open[address]


class DeadlineProtocol(H11Protocol):
    """One connection. `connections` is set by `protocol_for`."""

    connections_of_server: Connections

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._shared = self.connections_of_server
        self._address = ""
        self._counted = False
        self._phase: Phase = "none"
        self._received = 0
        self._timer: asyncio.TimerHandle | None = None
        self._writing: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take the connection, or say that there are too many and close it."""
        super().connection_made(transport)
        self._address = self.client[0] if self.client else ""
        self._counted = self._shared.enter(self._address)
        if self._counted:
            self._enter("head")
        else:
            transport.write(_refusal(503, "Service Unavailable", "too_busy", "There are too many connections."))
            transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        if self._counted:
            self._shared.leave(self._address)
            self._counted = False
        self._enter("none")
        self._stop_writing_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on."""
        if not self._counted:
            return
        self._received += len(data)
        super().data_received(data)
        self._look()

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        super().on_response_complete()
        self._look()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP, in JSON as everything else."""
        self._enter("none")
        if not self.transport.is_closing():
            self.transport.write(_refusal(400, "Bad Request", "bad_request", "This is no valid HTTP request."))
            self.transport.close()

    def pause_writing(self) -> None:
        """Whoever does not read its answer is left alone with it after a while."""
        super().pause_writing()
        if self._writing is None:
            self._writing = self.loop.call_later(self._shared.body_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        """It reads on."""
        super().resume_writing()
        self._stop_writing_timer()

    def _look(self) -> None:
        """See what is awaited now, and give it its time."""
        their_state = self.conn.their_state
        if their_state is h11.SEND_BODY:
            self._enter("body")
        elif their_state is h11.IDLE and self.conn.trailing_data[0]:
            self._enter("head")  # part of a head; an idle connection without any is uvicorn's to close
        else:
            self._enter("none")

    def _enter(self, phase: Phase) -> None:
        if phase == self._phase:
            return
        self._phase, self._received = phase, 0
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if phase != "none":
            self._timer = self.loop.call_later(self._seconds(), self._expire)

    def _seconds(self) -> float:
        return self._shared.head_seconds if self._phase == "head" else self._shared.body_seconds

    def _expire(self) -> None:
        """Close the connection, unless a body comes in at a pace that is slow but sure."""
        if self._phase == "body" and self._received >= _SLOWEST * self._seconds():
            self._received = 0
            self._timer = self.loop.call_later(self._seconds(), self._expire)
        elif not self.transport.is_closing():
            self.transport.abort()

    def _stop_writing_timer(self) -> None:
        if self._writing is not None:
            self._writing.cancel()
            self._writing = None


def protocol_for(shared: Connections) -> type[DeadlineProtocol]:
    """Return the protocol of the connections of one server."""
    return type("ServerProtocol", (DeadlineProtocol,), {"connections_of_server": shared})


def _refusal(status: int, phrase: str, code: str, message: str) -> bytes:
    # Which dialect the client speaks is not known yet: "error" is for two of them, "message" for the third.
    body = json.dumps({"error": {"code": code, "message": message, "hint": ""}, "message": message}).encode()
    head = (
        f"HTTP/1.1 {status} {phrase}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
        "connection: close\r\nx-content-type-options: nosniff\r\ncache-control: no-store\r\n\r\n"
    )
    return head.encode() + body
