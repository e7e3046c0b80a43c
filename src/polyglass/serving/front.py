"""The ASGI application: every request comes in here, and every answer, whatever went wrong, leaves in its dialect.

What all routes have in common is done here once: who may ask (Host, other web pages, keys), whether there is room,
what happens when the client leaves, headers that protect browsers, and counting.
"""

import asyncio
import logging
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TypeVar

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from polyglass.serving.dialects import DEEPL, LIBRETRANSLATE, OWN, Dialect
from polyglass.serving.endpoints import Call, Endpoint, Routes, header_key
from polyglass.serving.guard import Guard
from polyglass.serving.refusals import Refusal
from polyglass.serving.site import Site

logger = logging.getLogger("polyglass.serving")
T = TypeVar("T")
Pages = Callable[[Request], Response | None]

LONGEST_HEAD = 16 * 1024
_DRAIN_BYTES, _DRAIN_SECONDS = 32 * 2**20, 5.0
_LIBRETRANSLATE_PATHS = ("/translate", "/translate_file", "/detect", "/languages", "/frontend/settings", "/suggest")
_HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
}


class ClientGone(Exception):  # noqa: N818 (nobody's error)
    """Whoever asked has closed the connection."""


@dataclass
class Exchange:
    """One request and what becomes of it. route: the template of its path; status: what was answered.

    caller: the address whose limits it counts against."""

    request: Request
    wire: Send
    cors: bool
    dialect: Dialect
    caller: str
    route: str = "other"
    status: int = 499
    id: str = field(default_factory=lambda: secrets.token_hex(8))
    began: float = field(default_factory=time.perf_counter)

    async def send(self, message: Message) -> None:
        """Send a part of the answer, its head with the headers that every answer has."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self._add_headers(MutableHeaders(scope=message))
        await self.wire(message)

    def _add_headers(self, headers: MutableHeaders) -> None:
        for name, value in _HEADERS.items():
            headers.setdefault(name, value)
        headers["x-trace-id" if self.dialect is DEEPL else "x-request-id"] = self.id
        if self.dialect is LIBRETRANSLATE and self.cors:
            headers["access-control-allow-origin"] = "*"
            if self.request.method == "OPTIONS":
                headers["access-control-allow-methods"] = "GET, POST, OPTIONS"
                headers["access-control-allow-headers"] = "Content-Type, Authorization"
                headers["access-control-max-age"] = "3600"


class Front:
    """Answers HTTP. pages: what may answer a GET request that none of the routes knows, or return None."""

    def __init__(self, site: Site, routes: Routes, *, guard: Guard, pages: Pages | None = None) -> None:
        self._site, self._routes, self._guard, self._pages = site, routes, guard, pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            request, dialect = Request(scope, receive), dialect_of(scope["path"])
            caller = self._site.proxies.caller(request)
            await self._exchange(Exchange(request, send, not self._site.keys, dialect, caller))

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        self._site.desk.open()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})

    async def _exchange(self, exchange: Exchange) -> None:
        request = exchange.request
        try:
            with self._site.callers.count(exchange.caller):
                answer = await self._answer(exchange)
                await answer(request.scope, request.receive, exchange.send)
        except ClientGone:
            self._site.metrics.client_gone()
        except Exception as error:
            # The message may hold a text of a client, and those are never logged.
            logger.error("request %s failed: %s", exchange.id, type(error).__name__, exc_info=_without_text(error))
            refusal = Refusal(
                500, "internal", "Something went wrong in the server.", hint="This is a bug in polyglass."
            )
            await exchange.dialect.response(refusal, exchange.id)(request.scope, request.receive, exchange.send)
        finally:
            seconds = time.perf_counter() - exchange.began
            self._site.metrics.request(exchange.route, exchange.status, seconds)
            if self._site.config.log_requests:
                line = "%s %s %d %.0f ms %s"
                logger.info(line, request.method, exchange.route, exchange.status, 1000 * seconds, exchange.id)

    async def _answer(self, exchange: Exchange) -> ASGIApp:
        """Return the answer to a request, which may be a refusal."""
        request = exchange.request
        try:
            _refuse_ambiguous(request)
            self._guard.check(request, exchange.dialect)
            self._site.callers.check(exchange.caller)
            endpoint, parts = self._routes.find(request.method, request.scope["path"])
            exchange.route, exchange.dialect = endpoint.path, endpoint.dialect
            return await self._handle(endpoint, request, parts)
        except Refusal as refusal:
            if refusal.code == "no_such_route" and (page := self._page(request)) is not None:
                exchange.route = "page"
                return page
            if refusal.status == 405 and request.method == "OPTIONS" and exchange.dialect is LIBRETRANSLATE:
                return Response(status_code=204, headers={"Allow": refusal.hint})
            response = exchange.dialect.response(refusal, exchange.id)
            if refusal.code in ("bad_http", "unknown_host"):
                response.headers["Connection"] = "close"
            return _early(response) if refusal.code == "body_too_large" else response

    def _page(self, request: Request) -> Response | None:
        return self._pages(request) if self._pages and request.method in ("GET", "HEAD") else None

    async def _handle(self, endpoint: Endpoint, request: Request, parts: Mapping[str, str]) -> Response:
        site = self._site
        if not endpoint.works:
            return await endpoint.handle(await self._read(endpoint, request, parts))
        site.gate.check()
        site.desk.refuse_if_full()
        call = await self._read(endpoint, request, parts)  # whoever sends slowly takes no place meanwhile
        with site.gate.pass_through():
            return await while_connected(request, endpoint.handle(call))

    async def _read(self, endpoint: Endpoint, request: Request, parts: Mapping[str, str]) -> Call:
        if endpoint.locked and endpoint.dialect is not LIBRETRANSLATE:
            self._site.check_key(header_key(request))
        call = await endpoint.read(request, parts)
        if endpoint.locked and endpoint.dialect is LIBRETRANSLATE:  # its clients put the key into the body
            self._site.check_key(call.key)
        return call


def _refuse_ambiguous(request: Request) -> None:
    """Refuse what a proxy before us may have read in another way: the next request could be somebody else's."""
    headers = request.headers
    if "content-length" in headers and "transfer-encoding" in headers:
        raise Refusal(400, "bad_http", "A request may tell its length once, but this one does it twice.")
    if request.scope["http_version"] not in ("1.0", "1.1"):
        raise Refusal(400, "bad_http", "This server speaks HTTP/1.1.")
    if sum(len(name) + len(value) for name, value in headers.raw) > LONGEST_HEAD:
        raise Refusal(431, "bad_http", f"The headers of a request may have {LONGEST_HEAD:,} bytes, but here are more.")


def dialect_of(path: str) -> Dialect:
    """Return the dialect that is spoken at this address, known or not."""
    if path.startswith("/v2/"):
        return DEEPL
    return LIBRETRANSLATE if path in _LIBRETRANSLATE_PATHS or path.startswith("/download_file/") else OWN


async def while_connected(request: Request, work: Awaitable[T]) -> T:
    """Return what the work returns, but stop it when the client leaves. Raises ClientGone then."""
    doing, leaving = asyncio.ensure_future(work), asyncio.ensure_future(_left(request.receive))
    try:
        await asyncio.wait((doing, leaving), return_when=asyncio.FIRST_COMPLETED)
        if not doing.done():
            raise ClientGone
        return doing.result()
    finally:
        leaving.cancel()
        if not doing.done():
            doing.cancel()
            with suppress(asyncio.CancelledError, Refusal):
                await doing


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _early(response: Response) -> ASGIApp:
    """Return an answer that is sent before the body was read; what still comes runs into the void for a while.

    A server that closes at once resets the connection, and many clients then never see the answer.
    """

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        headers = [*response.raw_headers, (b"connection", b"close")]
        await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
        await send({"type": "http.response.body", "body": bytes(response.body), "more_body": True})
        left = _DRAIN_BYTES
        with suppress(TimeoutError):
            async with asyncio.timeout(_DRAIN_SECONDS):
                while left > 0:
                    message = await receive()
                    left -= len(message.get("body", b""))
                    if message["type"] == "http.disconnect" or not message.get("more_body"):
                        break
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    return answer


def _without_text(error: BaseException) -> BaseException:
    """Return an error with the same traceback that says nothing of what it was about."""
    return RuntimeError(type(error).__name__).with_traceback(error.__traceback__)
