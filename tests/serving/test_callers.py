"""Whose request it is: X-Forwarded-For counts only where a proxy of ours wrote it, to the last hop that is none."""

import concurrent.futures
import threading
from collections.abc import Sequence

import pytest
from starlette.requests import Request

from polyglass.errors import ConfigError
from polyglass.serving.callers import Proxies, is_here
from serving_live import PATIENCE_SECONDS, Answer, Live, StandIn, live, wait_until

ASKED = {"source": "en", "target": "de"}


def request(peer: str, *forwarded: str, host: str = "localhost:5000", **headers: str) -> Request:
    named = [(b"host", host.encode()), *((b"x-forwarded-for", line.encode()) for line in forwarded)]
    named += [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "method": "GET", "path": "/", "headers": named, "client": (peer, 1234)})


@pytest.mark.parametrize(
    ("trusted", "peer", "forwarded", "caller"),
    [
        ("", "10.0.0.1", ["1.2.3.4"], "10.0.0.1"),
        ("10.0.0.0/8", "10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.0/8", "10.0.0.1", ["1.2.3.4"], "1.2.3.4"),
        ("10.0.0.0/8", "11.0.0.1", ["1.2.3.4"], "11.0.0.1"),
        ("10.0.0.0/8", "10.0.0.1", ["9.9.9.9, 1.2.3.4"], "1.2.3.4"),
        ("10.0.0.0/8", "10.0.0.1", ["9.9.9.9, 1.2.3.4, 10.0.0.2"], "1.2.3.4"),
        ("10.0.0.0/8", "10.0.0.1", ["9.9.9.9", "1.2.3.4,10.7.0.2"], "1.2.3.4"),
        ("10.0.0.0/8", "10.0.0.1", ["10.0.0.9"], "10.0.0.9"),
        ("10.0.0.0/8", "10.0.0.1", ["9.9.9.9, <script>"], "10.0.0.1"),
        ("10.0.0.0/8", "10.0.0.1", ["9.9.9.9, "], "10.0.0.1"),
        ("10.0.0.0/8", "10.0.0.1", ["1.2.3.4:5678"], "1.2.3.4"),
        ("10.0.0.0/8, ::1", "::1", ["[2001:db8::7]:99"], "2001:db8::7"),
        ("10.0.0.0/8", "::ffff:10.0.0.1", ["::ffff:1.2.3.4"], "1.2.3.4"),
    ],
)
def test_the_caller_is_the_last_hop_that_is_no_proxy_of_ours(
    trusted: str, peer: str, forwarded: Sequence[str], caller: str
) -> None:
    assert Proxies(trusted).caller(request(peer, *forwarded)) == caller


@pytest.mark.parametrize("named", ["everybody", "10.0.0.1/8", "10.0.0.0/40", "10.0.0.0/8;::1"])
def test_what_is_no_network_is_said(named: str) -> None:
    with pytest.raises(ConfigError, match=r"serve\.trusted_proxy: must be networks such as 10\.0\.0\.0/8"):
        Proxies(named)


@pytest.mark.parametrize(
    ("asked", "here"),
    [
        (request("127.0.0.1"), True),
        (request("::1", host="[::1]:5000"), True),
        (request("192.168.0.7"), False),
        (request("127.0.0.1", "1.2.3.4"), False),
        (request("127.0.0.1", forwarded="for=1.2.3.4"), False),
        (request("127.0.0.1", via="1.1 proxy"), False),
        (request("127.0.0.1", host="translate.example"), False),
    ],
)
def test_a_request_is_from_here_only_without_a_proxy_in_between(asked: Request, here: bool) -> None:
    assert is_here(asked) is here


class Held:
    """A stand-in that answers when it is let go."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.model = StandIn(say=self.say)

    def say(self, text: str) -> str:
        assert "hold" not in text or self.go.wait(PATIENCE_SECONDS)
        return text


def at_the_same_time(server: Live, held: Held, forwarded: Sequence[str]) -> list[int]:
    """Send requests that all stay at work together, then let them go; return their statuses."""

    def send(number: int) -> Answer:
        body = {**ASKED, "texts": [f"hold {number}"]}
        return server.post("/v1/translate", body, x_forwarded_for=forwarded[number])

    with concurrent.futures.ThreadPoolExecutor(len(forwarded)) as threads:
        going = [threads.submit(send, number) for number in range(len(forwarded))]
        # Each is at work now, or was refused.
        wait_until(lambda: sum(one.done() for one in going) + server.site.callers.inside == len(going))
        held.go.set()
        return [one.result().status for one in going]


def test_rotating_the_header_gets_nobody_past_the_limit_of_an_address() -> None:
    held = Held()
    with live(held.model, connections_each=3) as server:  # nobody is trusted: the connections themselves are counted
        assert server.get("/health", x_forwarded_for="1.1.1.1").status == 200
        open_ones = [server.connect() for _ in range(3)]
        try:
            statuses = {_status(server, f"2.2.2.{number}") for number in range(5)}
        finally:
            for one in open_ones:
                one.close()
        assert statuses <= {503, None}


def _status(server: Live, forwarded: str) -> int | None:
    """Return the status of an answer, or None if the connection was closed before it came."""
    try:
        return server.get("/health", x_forwarded_for=forwarded).status
    except ConnectionError:
        return None


def test_behind_a_proxy_each_address_has_its_own_limit_and_invented_hops_do_not_count() -> None:
    held = Held()
    with live(held.model, connections_each=3, trusted_proxy="127.0.0.1", queue_seconds=60) as server:
        invented = [f"8.8.8.{number}, 1.2.3.4" for number in range(6)]
        assert sorted(at_the_same_time(server, held, invented)) == [200, 200, 200, 429, 429, 429]
        held.go.clear()
        others = [f"1.2.3.{number}" for number in range(6)]
        assert at_the_same_time(server, held, others) == [200] * 6
        wait_until(lambda: server.site.callers.inside == 0)
