"""A site in, a listening server out; and how it ends: whole, in time, or with the exit code of a fault."""

import asyncio
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from types import FrameType

import uvicorn

from polyglass.config import ServeConfig
from polyglass.errors import EXIT_INTERNAL, InputError
from polyglass.serving.app import build_app
from polyglass.serving.protocol import Connections, protocol_for
from polyglass.serving.refusals import Refusal
from polyglass.serving.site import Site

logger = logging.getLogger("polyglass.serving")

_START_SECONDS = 300.0  # the first sentence of a large model takes its time
_LAST_WORDS_SECONDS = 1.0  # after the model thread died: time to tell everybody who waits


class Server(uvicorn.Server):
    """One site that listens. announce: called once it has decoded its first sentences.

    The first SIGTERM or Ctrl-C lets it finish: /ready says 503 at once, and no new work is taken; after the grace
    (SIGTERM only) connections are refused; what was accepted is finished. A second one ends it now.
    """

    def __init__(self, site: Site, *, announce: Callable[[], None]) -> None:
        self.site = site
        self.exit_code = 0
        self.problem = ""
        self._announce = announce
        self._close_at: float | None = None
        config = site.config
        shared = Connections(
            config.connections,
            config.connections_each,
            config.header_seconds,
            config.body_seconds,
            trusts=site.proxies.trusts,
        )
        super().__init__(
            uvicorn.Config(
                build_app(site),
                http=protocol_for(shared),
                ws="none",
                loop="asyncio",
                lifespan="on",
                interface="asgi3",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_keep_alive=config.keep_alive_seconds,  # type: ignore[arg-type]
                timeout_graceful_shutdown=config.drain_seconds,  # type: ignore[arg-type]
            )
        )

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Open the doors, and see that every model translates."""
        await super().startup(sockets)
        try:
            await self.site.readiness.check(patience=_START_SECONDS)
        except Refusal as refusal:
            self.problem, self.exit_code, self.should_exit = refusal.message, 1, True
        else:
            self._announce()

    async def on_tick(self, counter: int) -> bool:
        """Look ten times a second whether it is time to go."""
        now = time.monotonic()
        if self._close_at is None and self.site.desk.batcher.death is not None:
            self._report_death(self.site.desk.batcher.death)
            self.exit_code, self._close_at = EXIT_INTERNAL, now + _LAST_WORDS_SECONDS
        if self._close_at is not None and now >= self._close_at:
            self.should_exit = True
        return await super().on_tick(counter)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to end, or end now."""
        if self.site.gate.draining:
            self.exit_code, self.force_exit, self.should_exit = 128 + sig, True, True
            return
        self.site.gate.draining = True
        grace = self.site.config.grace_seconds if sig == signal.SIGTERM else 0.0
        self._close_at = time.monotonic() + grace
        waiting = self.site.gate.inside
        logger.info("stopping: %d requests are finished first; another signal stops at once", waiting)

    def _report_death(self, death: BaseException) -> None:
        error = RuntimeError(type(death).__name__).with_traceback(death.__traceback__)
        logger.critical("the model thread has ended; so does the server", exc_info=error)


def listen(config: ServeConfig) -> socket.socket:
    """Return a socket that is bound to the address of the settings. Raises InputError if that cannot be done."""
    try:
        found = socket.getaddrinfo(config.host, config.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, address = min(found, key=lambda one: one[0] != socket.AF_INET)
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise InputError(
            f"The address {config.host} cannot be used: {error.strerror or error}. Try --host 127.0.0.1."
        ) from None
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
        listener.listen(2048)
    except OSError as error:
        listener.close()
        raise InputError(
            f"{config.host}:{config.port} cannot be used: {error.strerror or error}. Choose another port with --port, "
            "or 0 for any that is free."
        ) from None
    listener.setblocking(False)
    return listener


def run_server(server: Server, listener: socket.socket) -> int:
    """Serve until a signal comes, and return the exit code. Raises InputError if the models turn out not to work."""
    asyncio.run(server.serve(sockets=[listener]))
    if server.problem:
        raise InputError(f"The server was not started: {server.problem} Check the model with: polyglass translate")
    if not server.site.desk.batcher.close(0 if server.exit_code else _LAST_WORDS_SECONDS):
        # The model is at something that nobody waits for, and Python would wait for it.
        logging.shutdown()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(server.exit_code)
    return server.exit_code
