"""The routes over HTTP with the standard client: conversations, odd bodies, many at once, and clients that leave."""

import http.client
import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from explorer_world import recurrent_subject, subject, talker
from polyglass.explorer.ask import AT_ONCE
from polyglass.explorer.assets import Asset
from polyglass.explorer.look import Explorer
from polyglass.explorer.server import Server

ASKED = ("run", "tensors", "thumbnails", "why", "neighbours", "map", "leak", "batch", "held")
FILES = {"index.html": Asset(b"page", "text/html")}
TEXT = "The small dog sees a bird."


class Client:
    """Asks as a page does."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.headers = {"Origin": f"http://127.0.0.1:{server.port}", "Content-Type": "application/json"}
        status, _, headers = self.whole("POST", "/api/session", {"token": server.guard.token})
        assert status == 200
        self.headers["Cookie"] = headers["Set-Cookie"].partition(";")[0]

    def whole(self, method: str, path: str, body: Any = None) -> tuple[int, bytes, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=60)
        content = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        connection.request(method, path, content, self.headers)
        response = connection.getresponse()
        found = response.status, response.read(), response.headers
        connection.close()
        return found

    def ask(self, route: str, **body: Any) -> dict[str, Any]:
        status, content, _ = self.whole("POST", route, body)
        assert status == 200, content
        return dict(json.loads(content))


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    second = recurrent_subject(attention="additive")
    models = [subject(), type(second)("b", "second", second.bundle)]
    server = Server(Explorer(models), 0, files=lambda: FILES)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield Client(server)
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_whole_conversation_of_a_page(client: Client) -> None:
    status, content, _ = client.whole("GET", "/api/models")
    first, second = json.loads(content)["models"]
    assert status == 200
    assert (first["family"], second["family"]) == ("transformer", "lstm")
    run = client.ask("/api/run", model="a", text=TEXT, beam_size=4)
    name = run["run"]
    assert [entry["path"] for entry in run["tensors"]] == first["tap_paths"]
    assert client.ask("/api/run", model="a", text=TEXT, beam_size=4)["run"] == name
    for kind in ("encoder", "decoder", "cross"):
        assert len(client.ask("/api/thumbnails", run=name, kind=kind)["layers"]) == 2
    assert len(client.ask("/api/why", run=name, position=0)["attention"]) == len(run["source"]["ids"])
    token = run["source"]["ids"][0]
    assert len(client.ask("/api/neighbours", model="a", side="source", id=token)["neighbours"]) == 10
    assert client.ask("/api/map", model="a", side="target", ids=[token])["points"]
    leak = client.ask("/api/leak", run=name)
    status, content, headers = client.whole(
        "POST", "/api/tensors", {"run": leak["run"], "want": ["decoder.layers.0.self_attention.weights"]}
    )
    assert (status, headers["Content-Type"]) == (200, "application/octet-stream")
    assert json.loads(content.partition(b"\n")[0])["tensors"][0]["shape"][0] == 4
    assert client.ask("/api/batch", model="a", texts=[TEXT, "dog"])["length"] == len(run["source"]["ids"])
    status, content, _ = client.whole("GET", "/api/vocabulary?model=a&side=source&query=dog")
    assert (status, json.loads(content)["query"]) == (200, "dog")


def test_two_models_answer_about_the_same_sentence(client: Client) -> None:
    one, other = (client.ask("/api/run", model=name, text=TEXT) for name in "ab")
    assert one["source"]["ids"] == other["source"]["ids"]
    assert one["run"].startswith("a.")
    assert other["run"].startswith("b.")
    assert other["tree"]["nodes"]
    assert client.ask("/api/held", run=other["run"])["exact"]
    assert client.whole("POST", "/api/held", {"run": one["run"]})[0] == 409


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("/api/run", {"model": "z", "text": TEXT}, 404, "not_found"),
        ("/api/run", {"model": "a", "text": "dog " * 200}, 413, "too_much"),
        ("/api/run", {"model": "a", "text": ""}, 400, "bad_request"),
        ("/api/run", {"model": "a", "text": TEXT, "beam_size": 17}, 400, "bad_request"),
        ("/api/run", {"model": "a", "text": TEXT, "target": "a", "prefix_ids": [5]}, 400, "bad_request"),
        ("/api/run", {"model": "a", "text": TEXT, "edits": [{"kind": "delete_model"}]}, 400, "bad_request"),
        ("/api/run", {"model": "b", "text": TEXT, "edits": [{"kind": "positions_off"}]}, 409, "does_not_fit"),
        ("/api/tensors", {"run": "a.0123456789abcdef", "want": ["logits"]}, 410, "forgotten"),
        ("/api/why", {"run": "a.0123456789abcdef", "position": 0}, 410, "forgotten"),
        ("/api/nothing", {}, 404, "not_found"),
    ],
)
def test_a_refusal_has_a_status_a_code_and_a_sentence(
    client: Client, path: str, body: dict[str, Any], status: int, code: str
) -> None:
    found, content, _ = client.whole("POST", path, body)
    error = json.loads(content)["error"]
    assert (found, error["code"]) == (status, code)
    assert error["message"].endswith(".")


LONG = b"x" * 30_000
ODD_BODIES = [
    b"", b"{", b"null", b"[]", b"1", b'"x"', b"{}", b"\xff\xfe", b"\x00", b"{" * 10_000, b"[" * 60_000,
    b'{"model":"a","text":NaN}', b'{"model":"a","text":1e999}', b'{"model":"a","text":"\\ud800"}',
    b'{"model":"a","text":"x","beam_size":1e400}', b'{"model":"a","text":"x","beam_size":99999999999999999999999}',
    b'{"model":"a","text":"x","beam_size":true}', b'{"model":"a","text":"x","beam_size":"4"}',
    b'{"model":["a"],"text":"x"}', b'{"model":"a","text":{"$ne":1}}', b'{"model":"a","model":"b","text":""}',
    b'{"__proto__":{"x":1}}', b'{"run":"../../x","want":["x"]}', b'{"run":"a","want":[[]]}', b'{"run":"a","want":[{}]}',
    b'{"run":"a","position":-1}', b'{"run":"a","position":1.5}', b'{"model":"a","side":"both","id":1}',
    b'{"model":"a","texts":[]}', b'{"model":"a","texts":["a","b","c","d","e","f","g","h","i"]}', b'{"token":5}',
    b'{"model":"a","text":"' + b"x" * 30_000 + b'"}', b'{"model":"a","side":"source","ids":[' + b"1," * 700 + b"1]}",
]  # fmt: skip


@pytest.mark.parametrize("path", [*ASKED, "session"])
def test_no_body_is_a_fault_of_the_server(client: Client, path: str) -> None:
    for body in ODD_BODIES:
        status, content, _ = client.whole("POST", f"/api/{path}", body)
        error = json.loads(content)["error"]
        assert 400 <= status < 500, (body[:60], content)
        assert "Traceback" not in error["message"]
        assert len(error["message"]) < 500


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
FIELDS = (
    "model",
    "text",
    "target",
    "prefix_ids",
    "beam_size",
    "edits",
    "run",
    "want",
    "rows",
    "position",
    "side",
    "id",
)


@settings(deadline=None, max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from([f"/api/{name}" for name in ASKED]), st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=5))
def test_no_json_is_a_fault_of_the_server(client: Client, path: str, body: dict[str, Any]) -> None:
    status, content, _ = client.whole(
        "POST", path, {"model": "a", "text": "dog", **body} if path == "/api/run" else body
    )
    assert status < 500, content
    assert status != 200 or path == "/api/run" or body


@pytest.mark.parametrize(
    "query",
    [
        "",
        "x",
        "model=a",
        "model=a&side=source&query=%ff",
        "model=a&model=b&side=source",
        "model=a&side=source&offset=-1",
        "model=a&side=source&offset=x",
        "&&&",
        "=" * 50,
    ],
)
def test_no_query_is_a_fault_of_the_server(client: Client, query: str) -> None:
    status, content, _ = client.whole("GET", f"/api/vocabulary?{query}")
    assert status in (200, 400)
    json.loads(content)


def test_a_bug_is_told_without_its_inside_and_the_next_request_is_answered(
    client: Client, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("the inside, a secret")

    with monkeypatch.context() as patch:
        patch.setattr("polyglass.explorer.answers.neighbours", broken)
        status, content, _ = client.whole("POST", "/api/neighbours", {"model": "a", "side": "source", "id": 270})
    assert status == 500
    assert b"secret" not in content
    assert "RuntimeError: the inside, a secret" in capsys.readouterr().err
    assert client.ask("/api/neighbours", model="a", side="source", id=270)


def test_requests_from_many_threads_get_the_answers_of_one(client: Client) -> None:
    texts = [f"{word} sees a {other}." for word in ("dog", "bird", "girl") for other in ("boat", "tree")]
    expected = {text: client.ask("/api/run", model="a", text=text, beam_size=3)["target"] for text in texts}
    client.server.routes.explorer._runs.clear()
    found: dict[str, list[Any]] = {text: [] for text in texts}
    statuses: list[int] = []

    def work(text: str) -> None:
        for _ in range(4):
            while True:
                status, content, _ = client.whole("POST", "/api/run", {"model": "a", "text": text, "beam_size": 3})
                statuses.append(status)
                if status != 429:
                    break
                time.sleep(0.02)
            found[text].append(json.loads(content)["target"])

    threads = [threading.Thread(target=work, args=(text,)) for text in texts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(statuses) <= {200, 429}
    assert found == {text: [expected[text]] * 4 for text in texts}


def test_more_requests_at_once_than_there_are_seats_are_told_to_come_again(client: Client) -> None:
    lock = subject().lock
    codes: list[tuple[int, str | None]] = []

    def work(number: int) -> None:
        status, _, headers = client.whole("POST", "/api/run", {"model": "a", "text": f"dog {number}"})
        codes.append((status, headers.get("Retry-After")))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(AT_ONCE + 4)]
    with lock:  # somebody else is at the model
        for thread in threads:
            thread.start()
        deadline = time.monotonic() + 20
        while len(codes) < 4 and time.monotonic() < deadline:
            time.sleep(0.02)
    for thread in threads:
        thread.join()
    assert sorted(codes) == [(200, None)] * AT_ONCE + [(429, "1")] * 4


def test_work_for_a_page_that_has_left_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page that asks anew breaks its old request off; the old search must not keep the model busy."""
    steps: list[float] = []
    model = type(talker().bundle.model)
    step = model.step

    def slow(self: Any, *arguments: Any, **options: Any) -> Any:
        steps.append(time.monotonic())
        time.sleep(0.05)
        return step(self, *arguments, **options)

    monkeypatch.setattr(model, "step", slow)
    server = Server(Explorer([subject(max_positions=300)]), 0, files=lambda: FILES)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        client = Client(server)
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        text = "dog " * 100
        connection.request("POST", "/api/run", json.dumps({"model": "a", "text": text}), client.headers)
        while not steps:
            time.sleep(0.01)
        connection.close()
        left = time.monotonic()
        deadline = left + 10
        while time.monotonic() < deadline and (time.monotonic() - steps[-1] < 0.5):
            time.sleep(0.05)
        assert steps[-1] - left < 2
        assert len(steps) < 100
        assert client.whole("GET", "/api/models")[0] == 200
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
