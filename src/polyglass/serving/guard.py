"""Which requests are heard at all: not those that a foreign web page makes a browser send to this machine.

A page can point a name of its own at 127.0.0.1 (DNS rebinding), but its Host header then has that name. And it can
send simple requests to any address, but the browser says so in Sec-Fetch-Site.
"""

from collections.abc import Collection

from starlette.requests import Request

from polyglass.serving.dialects import LIBRETRANSLATE, Dialect
from polyglass.serving.refusals import Refusal

LOOPBACK = ("localhost", "127.0.0.1", "[::1]", "::1")


class Guard:
    """hosts: names that the Host header may have, without port; None: any. foreign_pages: they may send requests."""

    def __init__(self, hosts: Collection[str] | None, *, foreign_pages: bool) -> None:
        self._hosts = None if hosts is None else {host.lower() for host in hosts}
        self._foreign_pages = foreign_pages

    def check(self, request: Request, dialect: Dialect) -> None:
        """Raise Refusal if the request must not be heard. LibreTranslate's routes are open to pages, as there."""
        headers = request.headers
        if self._hosts is not None and host_name(headers.get("host", "")) not in self._hosts:
            raise Refusal(
                421,
                "unknown_host",
                "This server listens on this machine only and does not answer to that name.",
                hint="Call it 127.0.0.1 or localhost, or start it with --hosts NAME.",
            )
        is_foreign = headers.get("sec-fetch-site") in ("cross-site", "same-site")
        if is_foreign and request.method == "POST" and dialect is not LIBRETRANSLATE and not self._foreign_pages:
            raise Refusal(403, "foreign_page", "Other web pages may not use this server.", hint="Ask for an API key.")


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach what listens there."""
    return host.lower() in LOOPBACK or host.startswith("127.")


def host_name(host: str) -> str:
    """Return the Host header without its port: "[::1]:5000" is "[::1]"."""
    name, _, port = host.rpartition(":")
    return (name if name and port.isdecimal() and not name.endswith(":") else host).lower().rstrip(".")
