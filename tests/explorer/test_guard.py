"""Who may ask: every combination of Host, Origin, Sec-Fetch-Site and cookie, over real sockets."""

import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from explorer_world import talker
from polyglass.errors import InputError
from polyglass.explorer.assets import Asset
from polyglass.explorer.look import Explorer
from polyglass.explorer.messages import SAFETY
from polyglass.explorer.server import Server

FILES = {
    "index.html": Asset(b"<!doctype html><title>page</title>", "text/html; charset=utf-8"),
    "app.js": Asset(b"export {};", "text/javascript; charset=utf-8"),
    "stages/one.js": Asset(b"1;", "text/javascript; charset=utf-8"),
}
RUN = {"model": "a", "text": "The dog sees a bird."}
ASKED = ("run", "tensors", "thumbnails", "why", "neighbours", "map", "leak", "batch", "held")
POSTS = [f"/api/{name}" for name in ASKED]
GETS = ["/api/models", "/api/vocabulary?model=a&side=source&query=a"]


@dataclass(frozen=True)
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes
    rest: bytes

    @property
    def code(self) -> str:
        return str(json.loads(self.body)["error"]["code"])


@dataclass
class Site:
    """A running server, asked with nothing but bytes."""

    server: Server
    cookie: str = ""

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.server.port}"

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.server.port), timeout=20)

    def raw(self, request: bytes) -> Reply:
        """Send bytes, and read until the other end closes or one whole response is there."""
        with self.connect() as connection:
            connection.sendall(request)
            return read_reply(connection)

    def ask(self, method: str, path: str, body: Any = None, **changes: str | None) -> Reply:
        """Ask as the page does, but for `changes` of headers (underscores are hyphens; None: left out)."""
        content = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        headers: dict[str, str | None] = {"Host": self.host, "Cookie": self.cookie}
        if method == "POST":
            headers |= {"Origin": f"http://{self.host}", "Content-Type": "application/json"}
            headers |= {"Content-Length": str(len(content)), "Sec-Fetch-Site": "same-origin"}
        if method == "HEAD":  # there will be no body to wait for
            headers |= {"Connection": "close"}
        headers |= {name.replace("_", "-"): value for name, value in changes.items()}
        lines = [
            f"{method} {path} HTTP/1.1",
            *(f"{name}: {value}" for name, value in headers.items() if value is not None),
        ]
        return self.raw("\r\n".join([*lines, "", ""]).encode("latin-1") + content)


def read_reply(connection: socket.socket) -> Reply:
    received = b""
    while b"\r\n\r\n" not in received:
        more = connection.recv(65536)
        if not more:
            return Reply(0, {}, b"", received)
        received += more
    head, _, rest = received.partition(b"\r\n\r\n")
    status, *lines = head.decode("latin-1").split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    length = int(headers["Content-Length"])
    while len(rest) < length and (more := connection.recv(65536)):
        rest += more
    return Reply(int(status.split()[1]), headers, rest[:length], rest[length:])


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    server = Server(Explorer([talker()]), 0, files=lambda: FILES)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    made = Site(server)
    token = server.guard.token
    reply = made.ask("POST", "/api/session", {"token": token})
    assert reply.status == 200
    made.cookie = reply.headers["Set-Cookie"].partition(";")[0]
    yield made
    server.shutdown()
    thread.join()
    server.server_close()


SAME = "same-origin"
EVIL = "http://evil.example"
# what is asked, what is changed of a request of the page, and what must come of it; {h} is host:port, {p} the port
MATRIX: list[tuple[str, str, dict[str, str | None], int]] = [
    # Host: the names of this machine with this port, and nothing else ("DNS rebinding")
    ("GET", "/", {"Host": "127.0.0.1:{p}"}, 200),
    ("GET", "/", {"Host": "localhost:{p}"}, 200),
    ("GET", "/", {"Host": "[::1]:{p}"}, 200),
    ("GET", "/", {"Host": "evil.example"}, 403),
    ("GET", "/", {"Host": "evil.example:{p}"}, 403),
    ("GET", "/", {"Host": "127.0.0.1"}, 403),
    ("GET", "/", {"Host": "127.0.0.1:1"}, 403),
    ("GET", "/", {"Host": "127.0.0.1:{p}.evil.example"}, 403),
    ("GET", "/", {"Host": "evil.example@127.0.0.1:{p}"}, 403),
    ("GET", "/", {"Host": "localhost.:{p}"}, 403),
    ("GET", "/", {"Host": "LOCALHOST:{p}"}, 403),
    ("GET", "/", {"Host": "0.0.0.0:{p}"}, 403),
    ("GET", "/", {"Host": "127.1:{p}"}, 403),
    ("GET", "/", {"Host": "2130706433:{p}"}, 403),
    ("GET", "/", {"Host": ""}, 403),
    ("GET", "/", {"Host": None}, 400),
    ("GET", "/static/app.js", {"Host": "evil.example"}, 403),
    ("GET", "/api/models", {"Host": "evil.example"}, 403),
    ("POST", "/api/run", {"Host": "evil.example", "Origin": "http://evil.example"}, 403),
    ("POST", "/api/session", {"Host": "evil.example", "Origin": "http://evil.example"}, 403),
    # Origin: this page, by the name that it was opened with
    ("POST", "/api/run", {}, 200),
    ("POST", "/api/run", {"Host": "localhost:{p}", "Origin": "http://localhost:{p}"}, 200),
    ("POST", "/api/run", {"Origin": None}, 403),
    ("POST", "/api/run", {"Origin": "null"}, 403),
    ("POST", "/api/run", {"Origin": EVIL}, 403),
    ("POST", "/api/run", {"Origin": "https://127.0.0.1:{p}"}, 403),
    ("POST", "/api/run", {"Origin": "http://127.0.0.1"}, 403),
    ("POST", "/api/run", {"Origin": "http://127.0.0.1:1"}, 403),
    ("POST", "/api/run", {"Origin": "http://localhost:{p}"}, 403),
    ("POST", "/api/run", {"Origin": "http://127.0.0.1:{p}.evil.example"}, 403),
    ("POST", "/api/run", {"Origin": "http://127.0.0.1:{p}/"}, 403),
    ("POST", "/api/session", {"Origin": EVIL}, 403),
    ("GET", "/api/models", {"Origin": EVIL}, 403),
    ("GET", "/static/app.js", {"Origin": EVIL}, 403),
    # Sec-Fetch-Site: what browsers say of the page that asks
    ("POST", "/api/run", {"Sec-Fetch-Site": None}, 200),
    ("POST", "/api/run", {"Sec-Fetch-Site": "cross-site"}, 403),
    ("POST", "/api/run", {"Sec-Fetch-Site": "same-site"}, 403),
    ("POST", "/api/run", {"Sec-Fetch-Site": "none"}, 403),
    ("GET", "/api/models", {"Sec-Fetch-Site": SAME}, 200),
    ("GET", "/api/models", {"Sec-Fetch-Site": "cross-site"}, 403),
    ("GET", "/api/models", {"Sec-Fetch-Site": "same-site"}, 403),
    ("GET", "/api/models", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}, 403),
    ("GET", "/static/app.js", {"Sec-Fetch-Site": "cross-site"}, 403),
    ("GET", "/", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}, 200),
    ("GET", "/", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}, 403),
    ("GET", "/", {"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate"}, 200),
    # the cookie of a session
    ("POST", "/api/run", {"Cookie": None}, 401),
    ("POST", "/api/run", {"Cookie": ""}, 401),
    ("POST", "/api/run", {"Cookie": "polyglass_{p}=wrong"}, 401),
    ("POST", "/api/run", {"Cookie": "polyglass_{p}="}, 401),
    ("POST", "/api/run", {"Cookie": "polyglass_1={c}"}, 401),
    ("POST", "/api/run", {"Cookie": "other=1; polyglass_{p}={c}; more=2"}, 200),
    ("POST", "/api/run", {"Cookie": "polyglass_{p}=wrong; polyglass_{p}={c}"}, 401),
    ("POST", "/api/run", {"Cookie": "polyglass_{p}={c}x"}, 401),
    ("POST", "/api/run", {"Cookie": "POLYGLASS_{p}={c}"}, 401),
    ("GET", "/api/models", {"Cookie": None}, 401),
    ("GET", "/api/vocabulary?model=a&side=source", {"Cookie": None}, 401),
    # the content type that no form of another page can send
    ("POST", "/api/run", {"Content-Type": None}, 415),
    ("POST", "/api/run", {"Content-Type": "text/plain"}, 415),
    ("POST", "/api/run", {"Content-Type": "application/x-www-form-urlencoded"}, 415),
    ("POST", "/api/run", {"Content-Type": "multipart/form-data; boundary=x"}, 415),
    ("POST", "/api/run", {"Content-Type": "text/plain; application/json"}, 415),
    ("POST", "/api/run", {"Content-Type": "application/json; charset=utf-8"}, 200),
    ("POST", "/api/run", {"Content-Type": "Application/JSON"}, 200),
    ("POST", "/api/session", {"Content-Type": "text/plain"}, 415),
    # methods
    ("OPTIONS", "/api/run", {"Origin": EVIL, "Access-Control-Request-Method": "POST"}, 405),
    ("HEAD", "/", {}, 405),
    ("PUT", "/api/run", {}, 405),
    ("DELETE", "/api/models", {}, 405),
    ("TRACE", "/", {}, 405),
    ("GET", "/api/run", {}, 405),
    ("GET", "/api/session", {}, 405),
    ("POST", "/", {}, 405),
    ("POST", "/api/models", {}, 405),
    ("POST", "/static/app.js", {}, 404),
]


def test_the_matrix_is_as_large_as_promised() -> None:
    assert len(MATRIX) >= 40


@pytest.mark.parametrize(("method", "path", "changes", "status"), MATRIX)
def test_only_this_page_in_this_browser_is_answered(
    site: Site, method: str, path: str, changes: dict[str, str | None], status: int
) -> None:
    words = {"{p}": str(site.server.port), "{h}": site.host, "{c}": site.cookie.partition("=")[2]}

    def filled(text: str | None) -> str | None:
        for mark, word in words.items():
            text = text and text.replace(mark, word)
        return text

    body = RUN if method == "POST" else None
    reply = site.ask(method, path, body, **{name.replace("-", "_"): filled(value) for name, value in changes.items()})
    assert reply.status == status, reply.body
    assert_safe(reply)
    if status >= 400 and method != "HEAD":
        assert json.loads(reply.body).keys() == {"error"}


def assert_safe(reply: Reply) -> None:
    """Every response carries the same protection, and tells nothing of the program behind it."""
    names = {name.lower() for name in reply.headers}
    assert {name.lower() for name in SAFETY} <= names
    assert reply.headers["Cache-Control"] == "no-store"
    policy = reply.headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert not {name for name in names if name.startswith("access-control-")}
    assert not {"server", "x-powered-by"} & names


@pytest.mark.parametrize("path", ["/", "/static/app.js", "/static/stages/one.js", "/nothing", *GETS])
def test_every_address_that_is_read_is_safe(site: Site, path: str) -> None:
    reply = site.ask("GET", path)
    assert reply.status == (404 if path == "/nothing" else 200)
    assert_safe(reply)


@pytest.mark.parametrize("path", POSTS)
def test_every_question_needs_a_session_and_is_safe_with_or_without(site: Site, path: str) -> None:
    assert site.ask("POST", path, RUN, Cookie=None).status == 401
    reply = site.ask("POST", path, {})
    assert reply.status == 400
    assert reply.code == "bad_request"
    assert_safe(reply)


def test_a_token_is_good_for_one_session_and_the_next_one_is_another() -> None:
    told: list[str] = []
    server = Server(Explorer([talker()]), 0, files=lambda: FILES, on_exchange=lambda: told.append(server.guard.token))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        made = Site(server)
        first = server.guard.token
        assert len(first) >= 22  # 128 bits in base64
        assert first in server.url()
        assert "#token=" in server.url()
        assert site_status(made, "wrong") == 401
        assert site_status(made, "") == 401
        assert told == []
        reply = made.ask("POST", "/api/session", {"token": first})
        assert reply.status == 200
        cookie = reply.headers["Set-Cookie"]
        assert cookie.endswith("; Path=/; HttpOnly; SameSite=Strict")
        assert cookie.startswith(f"polyglass_{server.port}=")
        assert site_status(made, first) == 401
        assert told == [server.guard.token]
        assert site_status(made, told[0]) == 200
        assert len({first, *told}) == 3
        assert made.ask("GET", "/api/models", Cookie=cookie.partition(";")[0]).status == 200
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def site_status(site: Site, token: str) -> int:
    return site.ask("POST", "/api/session", {"token": token}).status


TRAVERSALS = [
    "/static/../app.js", "/static/../../etc/passwd", "/static/..%2f..%2fetc%2fpasswd",
    "/static/%2e%2e/%2e%2e/etc/passwd",
    "/static/%2e%2e%2fapp.js", "/static/..%5c..%5cwindows%5cwin.ini", "/static/..\\..\\app.js", "/static//etc/passwd",
    "/static/%2fetc%2fpasswd", "/static/....//....//etc/passwd", "/static/..;/app.js", "/static/.%00./app.js",
    "/static/app.js%00", "/static/app.js%00.png", "/static/%00", "/static/", "/static", "/static/.", "/static/..",
    "/static/./app.js", "/static/stages/../app.js", "/static/stages", "/static/stages/", "/static/stages/.",
    "/static/app.js/", "/static/app.js/..", "/static/APP.JS", "/static/app.js.", "/static/app.js%20",
    "/static/%61pp.js",
    "/static/app%2ejs", "/static/%c0%ae%c0%ae/app.js", "/static/%uff0e%uff0e/app.js",
    "/static/%252e%252e/app.js",
    "/static/..%252fapp.js", "/static/~root/.ssh/id_rsa", "/static/C:/windows/win.ini", "/static/C:\\windows\\win.ini",
    "/static/file:///etc/passwd", "/static/index.html/../app.js", "/static/__init__.py", "/static/../server.py",
    "/static/../../../../../../../../etc/passwd", "/static/%2e%2e/%2e%2e/%2e%2e/server.py", "/../static/app.js",
    "/./static/app.js", "//static/app.js", "/%2fstatic/app.js", "/static%2fapp.js", "/STATIC/app.js", "/etc/passwd",
    "/..", "/../", "/%2e%2e/", "/../../etc/passwd", "/..%2f..%2fetc/passwd", "/index.html", "/app.js", "/.git/config",
    "/proc/self/environ", "/static/..%c1%9capp.js", "/static/.../app.js", "/static/app.js;x", "/static/app.js/../../x",
]  # fmt: skip


def test_there_are_as_many_spellings_as_promised() -> None:
    assert len(set(TRAVERSALS)) >= 60


@pytest.mark.parametrize("path", TRAVERSALS)
def test_no_spelling_of_a_path_leads_to_a_file(site: Site, path: str) -> None:
    reply = site.ask("GET", path)
    assert reply.status == 404
    assert reply.code == "not_found"
    assert b"root:" not in reply.body


@pytest.mark.parametrize("query", ["?x=1", "?../../etc/passwd", "?"])
def test_a_query_behind_a_file_changes_nothing(site: Site, query: str) -> None:
    assert site.ask("GET", f"/static/app.js{query}").body == FILES["app.js"].content


def test_a_wrong_cookie_takes_no_longer_than_another_wrong_cookie(site: Site) -> None:
    """Nothing is said about how much of a guess was right (the comparison itself is `hmac.compare_digest`)."""
    name, _, secret = site.cookie.partition("=")
    answers = {site.ask("GET", "/api/models", Cookie=f"{name}={secret[:size]}").body for size in (1, 10, 20)}
    assert len(answers) == 1


def test_loopback_is_all_that_is_listened_to(site: Site) -> None:
    assert site.server.server_address[0] == "127.0.0.1"
    others = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)} - {"127.0.0.1"}
    for address in others:
        if address.startswith("127."):
            continue
        with pytest.raises(OSError):  # noqa: PT011 (refused or unreachable, as the system likes)
            socket.create_connection((address, site.server.port), timeout=1).close()


def test_a_taken_port_is_told_in_words(site: Site) -> None:
    with pytest.raises(InputError, match=rf"port {site.server.port} is taken by another program. Choose another one"):
        Server(Explorer([talker()]), site.server.port, files=lambda: FILES)
