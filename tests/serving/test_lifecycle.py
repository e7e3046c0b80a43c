"""How a server ends, and how connections end: nothing accepted is lost, and nobody can hold a place by being slow."""

import concurrent.futures
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from polyglass.errors import EXIT_INTERNAL
from polyglass.serving.orders import Sentence
from serving_live import PATIENCE_SECONDS, Live, StandIn, live, wait_until
from tiny_bundle import tiny_talker

ASKED = {"texts": ["A sentence."], "source": "en", "target": "de"}
HEAD = b"POST /v1/translate HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


def closed_after(connection: socket.socket) -> float:
    """Return the seconds until the server closes the connection."""
    began = time.monotonic()
    try:
        while connection.recv(65536):
            pass
    except ConnectionResetError:
        pass
    return time.monotonic() - began


@pytest.mark.parametrize(
    "beginning",
    [
        b"",
        b"P",
        b"POST /v1/translate HTTP/1.1\r\nHost: local",
        HEAD,
        HEAD + b"Content-Length: 50\r\n\r\n",
        HEAD + b"Content-Length: 50\r\n\r\n{",
    ],
    ids=["silence", "a letter", "half a line", "half a head", "no body", "half a body"],
)
def test_whoever_never_finishes_a_request_is_put_out(beginning: bytes) -> None:
    with live(header_seconds=0.3, body_seconds=0.4) as server, server.connect() as connection:
        connection.sendall(beginning)
        assert 0.2 < closed_after(connection) < 8


def test_whoever_never_finishes_its_second_request_is_put_out_too() -> None:
    with live(header_seconds=0.3, keep_alive_seconds=2) as server, server.connect() as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 200")
        connection.sendall(b"GET /hea")
        assert closed_after(connection) < 1.5


def test_an_idle_connection_is_closed() -> None:
    with live(keep_alive_seconds=1) as server, server.connect() as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 200")
        assert 0.5 < closed_after(connection) < 4


def test_one_byte_now_and_then_does_not_buy_time() -> None:
    with live(header_seconds=0.5, body_seconds=0.5) as server, server.connect() as connection:
        connection.sendall(HEAD + b"Content-Length: 500\r\n\r\n")
        began = time.monotonic()
        with suppress(OSError):
            while time.monotonic() - began < 5:
                connection.sendall(b"{")
                time.sleep(0.05)
        assert time.monotonic() - began < 3


def test_a_slow_but_steady_body_is_awaited() -> None:
    body = json.dumps({**ASKED, "texts": ["a" * 20_000]}).encode()
    with live(body_seconds=1.0) as server, server.connect() as connection:
        connection.sendall(HEAD + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(body))
        for start in range(0, len(body), 1000):
            connection.sendall(body[start : start + 1000])
            time.sleep(0.1)
        assert connection.recv(65536).startswith(b"HTTP/1.1 200")


def test_whoever_does_not_read_its_answer_is_put_out() -> None:
    body = json.dumps({**ASKED, "texts": ["12 " * 3_000_000]}).encode()
    with live(body_seconds=0.5, max_body_kb=20_000, max_characters=10**7) as server, server.connect() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        wait_until(lambda: not server.server.server_state.connections)


def test_silent_connections_do_not_keep_others_out_for_long() -> None:
    with live(header_seconds=1, connections=60, connections_each=60) as server:
        silent = [server.connect() for _ in range(60)]
        wait_until(lambda: len(server.server.server_state.connections) == 60)
        crowded = server.get("/health")
        assert (crowded.status, crowded.json["error"]["code"]) == (503, "too_busy")
        for connection in silent:
            closed_after(connection)
            connection.close()
        assert server.get("/health").status == 200


def test_one_address_cannot_take_all_connections() -> None:
    with live(connections_each=3) as server:
        held = [server.connect() for _ in range(3)]
        wait_until(lambda: len(server.server.server_state.connections) == 3)
        assert server.get("/health").status == 503
        held[0].close()
        wait_until(lambda: len(server.server.server_state.connections) == 2)
        assert server.get("/health").status == 200
        for connection in held:
            connection.close()


class Slow:
    """A stand-in that waits with what says "hold"."""

    def __init__(self) -> None:
        self.go, self.inside = threading.Event(), threading.Event()
        self.model = StandIn(say=self.say)

    def say(self, text: str) -> str:
        if "hold" in text:
            self.inside.set()
            assert self.go.wait(PATIENCE_SECONDS)
        return text.upper()


def test_after_sigterm_new_work_is_refused_and_accepted_work_is_finished() -> None:
    slow = Slow()
    with live(slow.model, grace_seconds=1.5) as server, concurrent.futures.ThreadPoolExecutor() as pool:
        accepted = pool.submit(server.translate, "hold")
        assert slow.inside.wait(PATIENCE_SECONDS)
        waiting = [pool.submit(server.translate, f"wait {number}") for number in range(5)]
        wait_until(lambda: server.site.gate.inside == 6)
        server.server.handle_exit(signal.SIGTERM, None)
        ready = server.get("/ready")
        assert (ready.status, ready.json["error"]["code"]) == (503, "draining")
        refused = server.post("/v1/translate", ASKED)
        assert (refused.status, refused.json["error"]["code"]) == (503, "draining")
        assert server.get("/health").status == 200
        wait_until(lambda: is_refused(server))
        slow.go.set()
        assert accepted.result()["translations"][0]["text"] == "HOLD"
        texts = [one.result()["translations"][0]["text"] for one in waiting]
        assert texts == [f"WAIT {number}" for number in range(5)]
    assert server.server.exit_code == 0


def is_refused(server: Live) -> bool:
    try:
        server.connect().close()
    except ConnectionRefusedError:
        return True
    return False


def test_if_the_model_thread_dies_everybody_is_told_and_the_server_ends_with_70() -> None:
    class Dying(StandIn):
        def translate(self, options: object, sentences: Sequence[Sentence]) -> list:  # type: ignore[type-arg, override]
            if any("die" in one.text for one in sentences):
                raise SystemExit(3)
            return super().translate(options, sentences)  # type: ignore[arg-type]

    with live(Dying()) as server:
        answer = server.post("/v1/translate", {**ASKED, "texts": ["die"]})
        assert (answer.status, answer.json["error"]["code"]) == (503, "not_ready")
        assert server.get("/ready").status == 503
        assert server.post("/v1/translate", {**ASKED, "texts": ["again"]}).status == 503
        began = time.monotonic()
        wait_until(lambda: server.server.should_exit)
        assert time.monotonic() - began < 5
        assert server.server.exit_code == EXIT_INTERNAL


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from polyglass.bundle import save_bundle

    path = tmp_path_factory.mktemp("models") / "tiny"
    save_bundle(path, tiny_talker())
    return path


@contextmanager
def process(folder: Path, *flags: str) -> Iterator[tuple[subprocess.Popen[str], int, str]]:
    """Run the real command; yield it, its port, and what it printed until it was ready."""
    command = [sys.executable, "-m", "polyglass", "serve", str(folder), "--port", "0", "--threads", "1", *flags]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "POLYGLASS_SERVE_GRACE_SECONDS": "0.2"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8", env=environment
    ) as running:
        assert running.stdout is not None
        printed = ""
        try:
            while "Ctrl-C" not in printed:
                line = running.stdout.readline()
                assert line, running.stderr.read() if running.stderr else ""
                printed += line
            found = re.search(r"http://127\.0\.0\.1:(\d+)", printed)
            assert found
            yield running, int(found[1]), printed
        finally:
            if running.poll() is None:
                running.kill()


def post(port: int, text: str) -> int:
    import http.client

    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)
    connection.request(
        "POST", "/v1/translate", json.dumps({**ASKED, "texts": [text]}), {"Content-Type": "application/json"}
    )
    status = connection.getresponse().status
    connection.close()
    return status


def test_the_real_process_serves_prints_what_it_is_and_ends_with_0_after_sigterm_under_load(folder: Path) -> None:
    with process(folder) as (running, port, printed), concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert "tiny  en to de" in printed
        assert f"curl http://127.0.0.1:{port}/v1/translate" in printed
        assert max(map(len, printed.splitlines())) <= 80
        work = [pool.submit(post, port, f"The dog and the bird {number}.") for number in range(8)]
        assert work[0].result() == 200
        running.send_signal(signal.SIGTERM)
        assert {one.result() for one in work} <= {200, 503}
        assert running.wait(30) == 0
        assert running.stderr is not None
        errors = running.stderr.read()
        assert "Traceback" not in errors
        assert "stopping" in errors


def test_a_second_signal_ends_the_real_process_at_once(folder: Path) -> None:
    with process(folder, "--set", "serve.grace_seconds=60") as (running, _, _):
        running.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        assert running.poll() is None
        running.send_signal(signal.SIGTERM)
        assert running.wait(5) == 128 + signal.SIGTERM
