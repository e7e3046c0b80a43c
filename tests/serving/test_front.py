"""What holds on every route: who is heard, who is refused and how, what is counted, which headers protect a browser."""

import concurrent.futures
import logging
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from polyglass.errors import PolyglassError
from polyglass.serving.keys import new_key, read_keys
from polyglass.serving.models import FAILURES_UNTIL_NOT_READY
from serving_live import PATIENCE_SECONDS, Live, StandIn, live, wait_until

ASKED = {"texts": ["A secret sentence."], "source": "en", "target": "de"}
GETS = ["/health", "/ready", "/version", "/metrics", "/openapi.json", "/docs", "/v1/models", "/languages",
        "/frontend/settings", "/v2/languages", "/v2/usage", "/v2/glossaries", "/nowhere"]  # fmt: skip


@pytest.fixture(scope="module")
def server() -> Iterator[Live]:
    with live(StandIn("en", "de")) as one:
        yield one


class Held:
    """A stand-in whose model waits when a text says "hold"."""

    def __init__(self) -> None:
        self.go, self.inside = threading.Event(), threading.Event()
        self.model = StandIn(say=self.say)

    def say(self, text: str) -> str:
        if "hold" in text:
            self.inside.set()
            assert self.go.wait(PATIENCE_SECONDS)
        return text.upper()


@pytest.mark.parametrize("path", GETS)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS"])
def test_every_answer_has_the_headers_that_protect_a_browser(server: Live, method: str, path: str) -> None:
    headers = server.ask(method, path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["content-security-policy"].startswith("default-src 'none'")
    assert headers["cache-control"] == "no-store"
    assert headers["referrer-policy"] == "no-referrer"
    assert "server" not in headers
    assert headers.keys() & {"x-request-id", "x-trace-id"}


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:80", "[::1]:5000", "LOCALHOST:1", "localhost.", "127.0.0.1"])
def test_names_of_this_machine_are_answered(server: Live, host: str) -> None:
    assert server.get("/health", host=host).status == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:5000",
        "localhost.evil.example",
        "127.0.0.1.nip.io",
        "",
        "[::2]",
        "local",
        "@localhost",
    ],
)
def test_a_page_that_points_its_own_name_at_this_machine_is_not_heard(server: Live, host: str) -> None:
    for answer in (server.get("/health", host=host), server.post("/translate", {"q": "a"}, host=host)):
        assert answer.status == 421


def test_further_names_can_be_allowed() -> None:
    with live(hosts="translate.example, other") as server:
        assert server.get("/health", host="translate.example:443").status == 200
        assert server.get("/health", host="evil.example").status == 421


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_other_pages_may_not_make_a_browser_ask(server: Live, site: str) -> None:
    for path in ("/v1/translate", "/v2/translate"):
        answer = server.post(path, ASKED, sec_fetch_site=site, origin="https://evil.example")
        assert answer.status == 403
        assert "access-control-allow-origin" not in answer.headers
    assert server.post("/v1/translate", ASKED, sec_fetch_site="same-origin").status == 200


def test_no_dialect_but_libretranslates_lets_other_pages_read(server: Live) -> None:
    for path in GETS:
        shared = server.get(path, origin="https://evil.example").headers.get("access-control-allow-origin")
        assert shared == ("*" if path in ("/languages", "/frontend/settings") else None)


def test_keys_are_asked_for_where_there_are_keys(tmp_path: Path) -> None:
    key = new_key(tmp_path / "keys", "me")
    with live(keys=read_keys(tmp_path / "keys")) as server:
        for path in ("/health", "/ready", "/version", "/openapi.json", "/docs"):
            assert server.get(path).status == 200, path
        for path in ("/v1/models", "/metrics"):
            assert server.get(path).status == 401, path
            assert server.get(path).headers["www-authenticate"] == "Bearer"
            assert server.get(path, authorization=f"Bearer {key}").status == 200, path
        assert server.post("/v1/translate", ASKED).json["error"]["code"] == "key_missing"
        wrong = server.post("/v1/translate", ASKED, authorization="Bearer pg_wrong")
        assert (wrong.status, wrong.json["error"]["code"]) == (401, "key_invalid")
        for scheme in ("Bearer", "bearer", "DeepL-Auth-Key"):
            assert server.post("/v1/translate", ASKED, authorization=f"{scheme} {key}").status == 200
        assert server.post("/v1/translate", ASKED, authorization=f"Basic {key}").status == 401


def test_whoever_has_no_key_is_refused_before_a_body_is_read(tmp_path: Path) -> None:
    new_key(tmp_path / "keys", "me")
    with live(keys=read_keys(tmp_path / "keys")) as server, server.connect() as connection:
        head = b"POST /v1/translate HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        connection.sendall(head + b"Content-Length: 100\r\n\r\n{")
        assert connection.recv(65536).startswith(b"HTTP/1.1 401")


def test_with_too_many_inside_newcomers_are_told_when_to_come_again() -> None:
    held = Held()
    with live(held.model, max_requests=1) as server, concurrent.futures.ThreadPoolExecutor() as pool:
        first = pool.submit(server.translate, "hold")
        assert held.inside.wait(PATIENCE_SECONDS)
        for path, body in (
            ("/v1/translate", ASKED),
            ("/translate", {"q": "a", "source": "en", "target": "de"}),
            ("/v2/translate", {"text": ["a"], "target_lang": "DE"}),
        ):
            answer = server.post(path, body)
            assert answer.status == 429
            assert int(answer.headers["retry-after"]) >= 1
        assert server.post("/translate", {"q": "a"}).json["error"].startswith("Slowdown: ")
        assert server.get("/health").status == 200
        held.go.set()
        assert first.result()["translations"][0]["text"] == "HOLD"
        assert server.post("/v1/translate", ASKED).status == 200


def test_a_full_queue_is_429_at_once_and_costs_its_sender_nothing_else() -> None:
    held = Held()
    with live(held.model, queue_cost=40) as server, concurrent.futures.ThreadPoolExecutor() as pool:
        first = pool.submit(server.translate, "hold " * 10)
        assert held.inside.wait(PATIENCE_SECONDS)
        second = pool.submit(server.translate, "wait " * 7)
        wait_until(lambda: server.site.desk.batcher.ledger.waiting.count > 0)
        taken = []
        for number in range(20):
            began = time.perf_counter()
            answer = server.post("/v1/translate", {**ASKED, "texts": [f"more of it {number}"]})
            taken.append(time.perf_counter() - began)
            assert answer.status == 429
            assert int(answer.headers["retry-after"]) >= 1
        assert min(taken) < 0.05  # others may be using this machine, too
        held.go.set()
        assert first.result()
        assert second.result()


def test_a_request_that_takes_too_long_is_given_up() -> None:
    held = Held()
    with live(held.model, time_limit_seconds=0.3) as server:
        answer = server.post("/v1/translate", {**ASKED, "texts": ["hold"]})
        held.go.set()
        assert (answer.status, answer.json["error"]["code"]) == (503, "time_limit")
        assert server.site.gate.inside == 0


def test_ready_really_decodes_and_health_does_not() -> None:
    model = StandIn()
    with live(model, ready_seconds=0.2) as server:
        decoded = len(model.batches)
        assert decoded == 1
        for _ in range(3):
            assert server.get("/health").json == {"status": "ok"}
        assert len(model.batches) == decoded
        time.sleep(1.1)
        assert server.get("/ready").json == {"status": "ready"}
        assert len(model.batches) == decoded + 1


def test_a_model_that_fails_on_three_sentences_is_not_ready_until_it_works_again() -> None:
    broken = threading.Event()

    def say(text: str) -> str:
        if broken.is_set():
            raise PolyglassError("not a number")
        return text

    with live(StandIn(say=say)) as server:
        assert server.get("/ready").status == 200
        broken.set()
        for number in range(FAILURES_UNTIL_NOT_READY):
            assert server.post("/v1/translate", {**ASKED, "texts": [f"text {number}"]}).status == 500
        time.sleep(1.1)
        answer = server.get("/ready")
        assert (answer.status, answer.json["error"]["message"]) == (503, "The model fails: en-de.")
        assert "polyglass_ready 0.0" in server.get("/metrics").body.decode()
        broken.clear()
        time.sleep(1.1)
        assert server.get("/ready").status == 200


def test_metrics_count_and_their_number_does_not_grow_with_what_is_asked(server: Live) -> None:
    def series() -> set[str]:
        lines = server.get("/metrics").body.decode().splitlines()
        return {line.rpartition(" ")[0] for line in lines if line and not line.startswith("#")}

    server.post("/v1/translate", ASKED)
    for method, path in (("GET", "/nowhere"), ("POST", "/nowhere"), ("GET", "/v1/translate")):
        server.ask(method, path)
    server.get("/metrics")
    before = series()
    for number in range(10):
        server.get(f"/nowhere/{number}?q=secret")
        server.post("/v1/translate", {**ASKED, "texts": [f"secret {number}"]}, authorization=f"Bearer secret{number}")
    assert series() == before
    page = server.get("/metrics").body.decode()
    assert 'polyglass_requests_total{route="/v1/translate",status="200"}' in page
    assert 'polyglass_sentences_total{model="en-de",outcome="ok"}' in page
    assert not any(word in page for word in ("secret", "127.0.0.1", "nowhere"))


def test_no_text_and_no_key_is_ever_logged(caplog: pytest.LogCaptureFixture) -> None:
    def say(text: str) -> str:
        raise RuntimeError(f"failed on {text}")

    caplog.set_level(logging.DEBUG, logger="polyglass.serving")
    model = StandIn()
    with live(model, log_requests=True) as server:
        model.say = say
        for path in ("/v1/translate", "/translate?q=Zebra&source=en&target=de", "/v2/translate"):
            body = {"texts": ["Zebra"], "source": "en", "target": "de", "q": "Zebra", "text": "Zebra"}
            server.post(path, body, authorization="Bearer Zebra")
        server.site.service.translate = None  # type: ignore[method-assign, assignment]
        assert server.post("/v1/translate", {**ASKED, "texts": ["Zebra"]}).status == 500
    ours = [record for record in caplog.records if record.name == "polyglass.serving"]
    logged = "\n".join(logging.Formatter().format(record) for record in ours)
    assert "POST /v1/translate 500" in logged
    assert "Zebra" not in logged


def test_a_bug_in_the_server_is_a_500_in_the_shape_of_the_dialect() -> None:
    with live() as server:
        server.site.service.translate = None  # type: ignore[method-assign, assignment]
        assert server.post("/v1/translate", ASKED).json["error"]["code"] == "internal"
        asked = {"q": "a", "source": "en", "target": "de"}
        assert server.post("/translate", asked).json["error"].startswith("Something went wrong")
        asked = {"text": "a", "target_lang": "de"}
        assert server.post("/v2/translate", asked).json["message"].startswith("Something went wrong")


def test_many_clients_at_once_get_their_own_answers_in_few_batches() -> None:
    def say(text: str) -> str:
        time.sleep(0.0005)
        return text[::-1]

    model = StandIn(say=say)
    with live(model, cache_mb=0) as server, concurrent.futures.ThreadPoolExecutor(32) as pool:
        texts = [f"sentence number {number} of them all" for number in range(300)]
        answers = list(pool.map(lambda text: server.translate(text)["translations"][0]["text"], texts))
    assert answers == [text[::-1] for text in texts]
    assert len(model.batches) < 200
