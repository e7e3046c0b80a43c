"""polyglass's own dialect: everything that can be asked of a translation, and what is said where it cannot."""

import json
import math
import random
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from polyglass.errors import PolyglassError
from serving_live import PATIENCE_SECONDS, Live, StandIn, live, tiny_model, wait_until

TEXT = "The small dog runs over the green meadow."


@pytest.fixture(scope="module")
def server() -> Iterator[Live]:
    models = (StandIn("en", "de"), StandIn("de", "fr", lambda text: f"<{text}>"), StandIn("de", "en", str.lower))
    with live(*models) as one:
        yield one


@pytest.fixture(scope="module")
def real() -> Iterator[Live]:
    with live(tiny_model()) as one:
        yield one


def test_texts_are_translated_in_their_order_with_their_layout(server: Live) -> None:
    texts = ["One dog. Two dogs.\n\n  Three!  ", "", "...", "last"]
    answers = server.translate(*texts)["translations"]
    assert [one["text"] for one in answers] == ["ONE DOG. TWO DOGS.\n\n  THREE!  ", "", "...", "LAST"]
    assert [one["models"] for one in answers] == [["en-de"], [], [], ["en-de"]]


def test_a_plain_answer_has_no_sentences_and_no_score(server: Live) -> None:
    one = server.translate(TEXT)["translations"][0]
    assert (one["sentences"], one["score"], one["error"], one["detected"]) == (None, None, None, None)


def test_n_best_gives_alternatives_and_candidates_with_scores_tokens_and_alignment(real: Live) -> None:
    asked = {"n_best": 3, "beam": 4, "return": ["scores", "tokens", "alignment"]}
    one = real.translate(TEXT, **asked)["translations"][0]
    sentence = one["sentences"][0]
    translator = real.site.shelf.models[0].translator
    expected = translator.translate([TEXT], n_best=3, beam_size=4, alignment=True)[0]
    assert sentence["source"] == TEXT
    assert sentence["source_tokens"] == list(expected.source_pieces)
    assert [found["text"] for found in sentence["candidates"]] == [found.text for found in expected.candidates]
    for found, wanted in zip(sentence["candidates"], expected.candidates, strict=True):
        assert math.isclose(found["score"], wanted.score, abs_tol=1e-4)
        assert [token["text"] for token in found["tokens"]] == list(wanted.pieces)
        assert [token["log_prob"] for token in found["tokens"]] == pytest.approx(wanted.token_log_probs, abs=1e-4)
        assert wanted.alignment is not None
        for row, wanted_row in zip(found["alignment"], wanted.alignment, strict=True):
            assert row == pytest.approx(wanted_row, abs=1e-3)
    assert one["text"] == expected.text
    assert math.isclose(one["score"], expected.candidates[0].score, abs_tol=1e-4)
    assert set(one["alternatives"]) <= {found.text for found in expected.candidates[1:]}


def test_alternatives_of_several_sentences_are_whole_texts(server: Live) -> None:
    one = server.translate("A dog. A cat.", n_best=2)["translations"][0]
    assert one["alternatives"] == ["A DOG. (1) A CAT. (1)"]


def test_a_prefix_is_forced_upon_each_text_or_all_of_them(server: Live, real: Live) -> None:
    assert [one["text"] for one in server.translate("a", "b. c", prefix="X ")["translations"]] == ["X A", "X B. C"]
    assert [one["text"] for one in server.translate("a", "b", prefix=["X ", ""])["translations"]] == ["X A", "B"]
    assert real.translate(TEXT, prefix="Ein kleiner Hund")["translations"][0]["text"].startswith("Ein kleiner Hund")


def test_a_prefix_longer_than_the_output_may_be_is_the_error_of_its_text_alone(real: Live) -> None:
    answers = real.translate(TEXT, TEXT, prefix=["Ein Hund " * 30, ""])["translations"]
    assert answers[0]["text"] is None
    assert "prefix" in answers[0]["error"]["message"]
    assert answers[1]["error"] is None


def test_sampling_depends_on_its_seed(real: Live) -> None:
    def draw(seed: int) -> str:
        answer = real.translate(TEXT, sample=True, seed=seed, top_k=50, temperature=2.0)
        text: str = answer["translations"][0]["text"]
        return text

    assert draw(1) == draw(1)
    assert len({draw(seed) for seed in range(3)}) > 1


def test_no_translation_is_longer_than_asked_for(real: Live) -> None:
    asked = {"max_len": 3, "sample": True, "temperature": 50.0, "return": ["tokens"]}
    candidate = real.translate(TEXT, **asked)["translations"][0]["sentences"][0]["candidates"][0]
    assert (len(candidate["tokens"]), candidate["finish_reason"]) == (3, "length")


def test_html_and_xml_keep_their_tags(server: Live) -> None:
    texts = ["<p>A <b>dog</b> &amp; more.</p>"]
    for kind in ("html", "xml"):
        assert server.translate(*texts, format=kind)["translations"][0]["text"] == "<p>A <b>DOG</b> &amp; MORE.</p>"


def test_a_pivot_is_taken_where_no_model_leads_and_said(server: Live) -> None:
    one = server.translate("Good dog.", target="fr", **{"return": ["scores"]})["translations"][0]
    assert one["text"] == "<GOOD DOG.>"
    assert one["models"] == ["en-de", "de-fr"]
    assert one["sentences"][0]["source"] == "GOOD DOG."


def test_a_text_in_the_target_language_comes_back(server: Live) -> None:
    assert server.translate(TEXT, source="en", target="EN-us")["translations"][0]["text"] == TEXT


def test_the_language_of_each_text_is_found_out(server: Live) -> None:
    texts = [TEXT, "Der kleine Hund läuft über die grüne Wiese.", "123"]
    answers = server.translate(*texts, source="auto", target="en")["translations"]
    assert [one["detected"]["language"] for one in answers] == ["en", "de", "und"]
    assert [one["text"] for one in answers] == [texts[0], texts[1].lower(), "123"]


def test_a_text_that_is_clearly_in_another_language_is_not_guessed_at(server: Live) -> None:
    body = {"texts": ["Привет, как дела? Что нового у вас?"], "target": "en"}
    answer = server.post("/v1/translate", body)
    assert (answer.status, answer.json["error"]["code"]) == (422, "unknown_language")
    assert "en, de" in answer.json["error"]["hint"]


def test_regions_are_folded(server: Live) -> None:
    assert server.translate("a dog", source="en-GB", target="de_AT")["translations"][0]["text"] == "A DOG"


def test_a_model_can_be_named(server: Live) -> None:
    answer = server.post("/v1/translate", {"texts": ["A"], "target": "en", "model": "de-en"})
    assert answer.json["translations"][0]["text"] == "a"
    assert server.post("/v1/translate", {"texts": ["A"], "target": "en", "model": "nope"}).status == 404
    wrong = server.post("/v1/translate", {"texts": ["A"], "source": "en", "target": "de", "model": "de-en"})
    assert "de-en translates from de to en only" in wrong.json["error"]["message"]


def test_timing_says_how_many_were_translated_together(server: Live) -> None:
    timing = server.translate("A new text.", "Another new one.")["timing"]
    assert timing["batch_size"] == 2
    assert timing["queue_ms"] >= 0 <= timing["model_ms"]
    assert server.translate("A new text.")["timing"] == {"queue_ms": 0, "model_ms": 0, "batch_size": 0, "cached": 1}


def test_a_sentence_on_which_the_model_fails_fails_alone() -> None:
    def say(text: str) -> str:
        if "bad" in text:
            raise PolyglassError("not a number")
        return text.upper()

    with live(StandIn(say=say)) as server:
        answers = server.translate("good", "bad", "fine")["translations"]
        assert [one["text"] for one in answers] == ["GOOD", None, "FINE"]
        assert answers[1]["error"]["code"] == "model_failed"
        alone = server.post("/v1/translate", {"texts": ["bad"], "source": "en", "target": "de"})
        assert (alone.status, alone.json["error"]["code"]) == (500, "model_failed")


@pytest.mark.parametrize(
    ("changes", "status", "message"),
    [
        ({"texts": []}, 422, "texts: list should have at least 1 item"),
        ({"texts": "a"}, 422, "texts: input should be a valid list"),
        ({"texts": [1]}, 422, "texts[0]: input should be a valid string"),
        ({"texts": ["a"] * 6}, 413, "may hold 5 texts, but this one holds 6"),
        ({"texts": ["a" * 1001]}, 413, "exceeds text limit (1,000 characters): it has 1,001"),
        ({"target": None}, 422, "target: "),
        ({"target": "d"}, 422, "target: "),
        ({"target": "??"}, 422, "a language code is a word"),
        ({"target": "ja"}, 422, "target: no loaded model has this language"),
        ({"beam": 17}, 422, "beam: must be at most 16, but it is 17"),
        ({"beam": 0}, 422, "beam: input should be greater than or equal to 1"),
        ({"beam": 2.5}, 422, "beam: "),
        ({"beam": True}, 422, "beam: "),
        ({"beam": "2"}, 422, "beam: "),
        ({"n_best": 10_000}, 422, "n_best: must be at most 16"),
        ({"n_best": 3, "beam": 2}, 422, "n_best must not be larger than beam_size"),
        ({"temperature": 0}, 422, "temperature: "),
        ({"seed": -1}, 422, "seed: "),
        ({"return": ["everything"]}, 422, "return[0]: "),
        ({"prefix": ["a", "b"]}, 422, "prefix: there must be one for all texts"),
        ({"format": "xml", "texts": ["<p>"]}, 422, "XML"),
        ({"wished": 1}, 422, "wished: extra inputs are not permitted"),
        ({"texts": ["word " * 190] * 5}, 413, "may cost 1,000 source tokens times beam size"),
    ],
)
def test_what_is_wrong_is_named_and_never_repeated(changes: Any, status: int, message: str) -> None:
    limits = {"max_texts": 5, "max_characters": 1000, "max_cost": 1000}
    if "may cost" in message:
        limits["max_characters"] = 10_000
    with live(**limits) as server:
        body = {"texts": ["a"], "source": "en", "target": "de", **changes}
        answer = server.post("/v1/translate", {name: value for name, value in body.items() if value is not None})
        error = answer.json["error"]
        assert (answer.status, error.keys()) == (status, {"code", "message", "hint", "request_id"})
        assert message in error["message"]
        assert error["request_id"] == answer.headers["x-request-id"]
        assert "word word" not in answer.body.decode()


def test_an_unknown_field_is_answered_with_the_known_ones(server: Live) -> None:
    answer = server.post("/v1/translate", {"texts": ["a"], "source": "en", "target": "de", "nbest": 1})
    assert "n_best" in answer.json["error"]["hint"]
    assert "return" in answer.json["error"]["hint"]


def test_languages_are_detected(server: Live) -> None:
    answer = server.post("/v1/detect", {"texts": [TEXT, "123"]}).json
    assert answer["detections"][0][0]["language"] == "en"
    assert answer["detections"][1] == []


def test_models_languages_and_limits_are_told(server: Live) -> None:
    answer = server.get("/v1/models").json
    assert [one["name"] for one in answer["models"]] == ["en-de", "de-fr", "de-en"]
    assert answer["languages"][0] == {"code": "en", "name": "English", "targets": ["de", "fr"]}
    assert answer["limits"]["max_texts"] == 128


def events(body: bytes) -> list[tuple[str, Any]]:
    found = []
    for block in body.decode().strip().split("\n\n"):
        name, data = block.split("\n")
        found.append((name.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    return found


@pytest.mark.parametrize("how", ["path", "accept"])
def test_a_stream_gives_sentences_in_order_then_texts_then_the_end(server: Live, how: str) -> None:
    body = {"texts": ["One. Two. Three.", "!", "Four."], "source": "en", "target": "fr"}
    path, headers = (
        ("/v1/translate/stream", {}) if how == "path" else ("/v1/translate", {"accept": "text/event-stream"})
    )
    answer = server.post(path, body, **headers)
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/event-stream")
    found = events(answer.body)
    assert [name for name, _ in found] == ["start", *["sentence"] * 3, "text", "text", "sentence", "text", "done"]
    assert found[0][1] == {"texts": 3, "sentences": 4}
    sentences = [data for name, data in found if name == "sentence"]
    assert [(data["text"], data["sentence"]) for data in sentences] == [(0, 0), (0, 1), (0, 2), (2, 0)]
    assert sentences[1]["result"]["candidates"][0]["text"] == "<TWO.>"
    texts = [data["result"]["text"] for name, data in found if name == "text"]
    assert texts == ["<ONE.> <TWO.> <THREE.>", "!", "<FOUR.>"]


def test_a_stream_shows_the_first_sentence_before_the_last_is_translated() -> None:
    gate = threading.Event()

    def say(text: str) -> str:
        if "last" in text:
            assert gate.wait(PATIENCE_SECONDS)
        return text.upper()

    with live(StandIn(say=say), batch_tokens=16) as server:
        body = json.dumps(
            {"texts": ["The first of all of them. The last of all of them."], "target": "de", "source": "en"}
        )
        with server.connect() as connection:
            head = "POST /v1/translate/stream HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode())
            seen = b""
            while b"THE FIRST" not in seen:
                part = connection.recv(65536)
                assert part
                seen += part
            assert b"THE LAST" not in seen
            gate.set()
            while b"event: done" not in seen:
                seen += connection.recv(65536)


def test_what_cannot_be_streamed_is_refused_before_the_stream_begins(server: Live) -> None:
    assert server.post("/v1/translate/stream", {"texts": ["a"], "target": "ja"}).status == 422


def test_a_failure_in_a_stream_is_an_event() -> None:
    with live(max_cost=20) as server:
        answer = server.post("/v1/translate/stream", {"texts": ["a b c d " * 10], "source": "en", "target": "de"})
        assert [name for name, _ in events(answer.body)] == ["error"]


def test_a_client_that_leaves_frees_the_work() -> None:
    gate, begun = threading.Event(), threading.Event()

    def say(text: str) -> str:
        if "first" in text:
            begun.set()
            assert gate.wait(PATIENCE_SECONDS)
        return text

    model = StandIn(say=say)
    with live(model, batch_tokens=16) as server:
        first = threading.Thread(target=server.translate, args=("first of all " * 5,))
        first.start()
        assert begun.wait(PATIENCE_SECONDS)
        body = json.dumps(
            {"texts": [f"unwanted {number} " * 5 for number in range(20)], "source": "en", "target": "de"}
        )
        for path in ("/v1/translate", "/v1/translate/stream"):
            connection = server.connect()
            head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode())
            wait_until(lambda: server.site.desk.batcher.ledger.waiting.count == 20)
            assert server.site.gate.inside == 2
            connection.close()
            wait_until(lambda: server.site.desk.batcher.ledger.waiting.count == 0)
            wait_until(lambda: server.site.gate.inside == 1)
        gate.set()
        first.join()
    assert not any("unwanted" in text for batch in model.batches for text in batch)


def test_clients_that_leave_at_any_moment_leave_nothing_behind() -> None:
    def say(text: str) -> str:
        time.sleep(0.002)
        return text.upper()

    dice = random.Random(1)
    with live(StandIn(say=say), batch_tokens=60) as server:
        for number in range(120):
            body = json.dumps({"texts": [f"{number} {n}" for n in range(5)], "source": "en", "target": "de"})
            path = dice.choice(("/v1/translate", "/v1/translate/stream"))
            head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            content = f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode()
            with server.connect() as connection:
                connection.sendall(content[: dice.choice((len(content), dice.randrange(len(content))))])
                time.sleep(dice.choice((0, 0.002, 0.01)))
        wait_until(lambda: server.site.gate.inside == 0)
        wait_until(lambda: server.site.desk.batcher.ledger.load == 0)
        assert not server.site.desk.batcher.ledger._open
        assert server.translate("still here")["translations"][0]["text"] == "STILL HERE"
