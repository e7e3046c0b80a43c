"""Who may ask: only this page, in the browser of whoever holds the address that the terminal shows.

Another web page in the same browser can send requests to this port, too. It is stopped by three things at once: `Host`
must be this address by name (so no name of theirs can be pointed here, "DNS rebinding"), `Origin` must be this page,
and a cookie must come along that the browser sends for requests of this page only.
"""

import hmac
import secrets
from collections.abc import Callable

from polyglass.explorer.messages import Incoming
from polyglass.explorer.refusal import RefusedError

TOKEN_BYTES = 16
SESSIONS = 32
NAMES = ("127.0.0.1", "localhost", "[::1]")


def fresh_token() -> str:
    """Return 128 random bits as text."""
    return secrets.token_urlsafe(TOKEN_BYTES)


class Guard:
    """Checks requests to one port.

    token: what the address in the terminal holds behind "#", where no server and no log sees it. It buys one session,
    then another takes its place: whoever reads it later, in a list of processes, say, gets nothing for it.
    on_exchange: told when a token was used, so that the next one can be shown.
    """

    def __init__(
        self,
        port: int,
        *,
        new_token: Callable[[], str] = fresh_token,
        on_exchange: Callable[[], None] = lambda: None,
    ) -> None:
        self.port = port
        self.hosts = frozenset(f"{name}:{port}" for name in NAMES)
        self.token = new_token()
        self._new_token = new_token
        self._on_exchange = on_exchange
        self._sessions: list[str] = []

    @property
    def cookie_name(self) -> str:
        """Cookies are not told apart by port, so their name must be."""
        return f"polyglass_{self.port}"

    def check_host(self, incoming: Incoming) -> None:
        """Refuse a request that was sent to another name."""
        if incoming.headers["host"] not in self.hosts:
            raise RefusedError("forbidden", "This server answers only to the address that the terminal shows.")

    def check_place(self, incoming: Incoming) -> None:
        """Refuse a request that another page sent: by Origin, and by what browsers say of where it comes from."""
        site, origin = incoming.headers.get("sec-fetch-site"), incoming.headers.get("origin")
        own = f"http://{incoming.headers['host']}"
        navigates = incoming.headers.get("sec-fetch-mode") == "navigate" and incoming.path == "/"
        if site not in (None, "same-origin", "none") and not (navigates and incoming.method == "GET"):
            raise RefusedError("forbidden", "This request comes from another page.")
        if origin is not None and origin != own:
            raise RefusedError("forbidden", "This request comes from another page.")
        if incoming.method == "POST" and (origin is None or site == "none"):
            raise RefusedError(
                "forbidden", "A request that asks for work must come from this page and say so in Origin."
            )

    def check_session(self, incoming: Incoming) -> None:
        """Refuse a request without the cookie of a session."""
        pairs = [part.strip().partition("=") for part in incoming.headers.get("cookie", "").split(";")]
        given = [value for name, _, value in pairs if name == self.cookie_name]
        # All are compared, so that the time tells nothing.
        equal = [hmac.compare_digest(given[0].encode(), one.encode()) for one in self._sessions if len(given) == 1]
        known = any(equal)
        if not known:
            raise RefusedError("no_session", "Open the address that the terminal shows; it holds the key to this page.")

    def exchange(self, token: str) -> str:
        """Return the cookie that a token buys. Raises RefusedError if it is not the one that is valid now."""
        if not hmac.compare_digest(token.encode("utf-8", "replace"), self.token.encode()):
            raise RefusedError(
                "no_session", "This address was used already, or is of another start. Take the newest one."
            )
        session = fresh_token()
        self._sessions = [*self._sessions, session][-SESSIONS:]
        self.token = self._new_token()
        self._on_exchange()
        return f"{self.cookie_name}={session}; Path=/; HttpOnly; SameSite=Strict"
