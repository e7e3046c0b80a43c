"""LibreTranslate's dialect: what its clients send is understood, and what they read is there."""

import json
import urllib.error
import urllib.parse
from collections.abc import Iterator
from typing import Any

import pytest
from libretranslatepy import LibreTranslateAPI

from polyglass.serving.keys import KeyRing, new_key, read_keys
from serving_live import Live, StandIn, live, tiny_model

TEXT = "The small dog runs over the green meadow."
GERMAN = "Der kleine Hund läuft über die grüne Wiese."


@pytest.fixture(scope="module")
def server() -> Iterator[Live]:
    with live(StandIn("en", "de"), StandIn("de", "en", str.lower)) as one:
        yield one


def form(**fields: str) -> bytes:
    return urllib.parse.urlencode(fields).encode()


def post_form(server: Live, path: str, **fields: str) -> Any:
    return server.post(path, form(**fields), content_type="application/x-www-form-urlencoded")


def test_the_real_client_translates_detects_and_lists(server: Live) -> None:
    client = LibreTranslateAPI(server.url)
    assert client.translate(TEXT, "en", "de") == TEXT.upper()
    assert client.translate("ÄÖÜ & 100 % < 5\nzwei", "de", "en") == "äöü & 100 % < 5\nzwei"
    assert client.translate(GERMAN, "auto", "en") == GERMAN.lower()
    assert client.detect(GERMAN)[0]["language"] == "de"
    assert {one["code"]: one["targets"] for one in client.languages()} == {"en": ["de"], "de": ["en"]}


def test_the_real_client_and_a_real_model() -> None:
    with live(tiny_model()) as server:
        assert isinstance(LibreTranslateAPI(server.url).translate(TEXT, "en", "de"), str)


def test_a_text_gives_a_text_and_a_list_gives_lists(server: Live) -> None:
    body = {"source": "auto", "target": "de", "alternatives": 2}
    one = server.post("/translate", {"q": TEXT, **body}).json
    assert one["translatedText"] == TEXT.upper()
    assert one["alternatives"] == [f"{TEXT.upper()} (1)", f"{TEXT.upper()} (2)"]
    assert one["detectedLanguage"]["language"] == "en"
    assert 90 < one["detectedLanguage"]["confidence"] <= 100
    both = server.post("/translate", {"q": [TEXT, "A dog runs."], **body}).json
    assert both["translatedText"] == [TEXT.upper(), "A DOG RUNS."]
    assert len(both["alternatives"]) == len(both["detectedLanguage"]) == 2


def test_keys_that_were_not_asked_for_are_absent(server: Live) -> None:
    assert server.post("/translate", {"q": TEXT, "source": "en", "target": "de"}).json.keys() == {"translatedText"}


def test_alternatives_do_not_repeat_the_best() -> None:
    class Same(StandIn):
        def _one(self, options: Any, sentence: Any) -> Any:
            answer = super()._one(options, sentence)
            return type(answer)(answer.source, answer.candidates[:1] * options.n_best, answer.source_pieces)

    with live(Same()) as server:
        asked = {"q": TEXT, "source": "en", "target": "de", "alternatives": 3}
        assert server.post("/translate", asked).json["alternatives"] == []


@pytest.mark.parametrize("text", ["🎉 🎉", "   ", "123 + 4", "\n"])
def test_a_text_without_words_comes_back_and_counts_as_english_with_no_confidence(server: Live, text: str) -> None:
    answer = server.post("/translate", {"q": text, "source": "auto", "target": "de"}).json
    assert answer == {"translatedText": text, "detectedLanguage": {"confidence": 0.0, "language": "en"}}


def test_fields_come_in_json_in_a_form_or_in_the_query_string(server: Live) -> None:
    fields = {"q": "A dog.", "source": "en", "target": "de", "alternatives": "1"}
    query = urllib.parse.urlencode(fields)
    answers = [
        server.post("/translate", json.dumps(fields).encode(), content_type="application/json; charset=utf-8"),
        post_form(server, "/translate", **fields),
        server.post(f"/translate?{query}", b""),
    ]
    expected = {"translatedText": "A DOG.", "alternatives": ["A DOG. (1)"]}
    assert [(answer.status, answer.json) for answer in answers] == [(200, expected)] * 3


def test_a_form_with_line_ends_of_windows_is_read_as_lines(server: Live) -> None:
    assert post_form(server, "/translate", q="a\r\nb", source="en", target="de").json["translatedText"] == "A\nB"


def test_html_keeps_its_tags(server: Live) -> None:
    asked = {"q": "<p>A <b>dog</b> runs.</p>", "source": "en", "target": "de", "format": "html"}
    assert server.post("/translate", asked).json["translatedText"] == "<p>A <b>DOG</b> RUNS.</p>"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"source": "en", "target": "de"}, "Invalid request: missing q parameter"),
        ({"q": "", "source": "en", "target": "de"}, "Invalid request: missing q parameter"),
        ({"q": [], "source": "en", "target": "de"}, "Invalid request: missing q parameter"),
        ({"q": "a", "target": "de"}, "Invalid request: missing source parameter"),
        ({"q": "a", "source": "en"}, "Invalid request: missing target parameter"),
        ({"q": "a", "source": "en", "target": "xx"}, "xx is not supported"),
        ({"q": "a", "source": "zz", "target": "de"}, "zz is not supported"),
        ({"q": "a", "source": "en", "target": "de", "format": "pdf"}, "format: input should be 'text' or 'html'."),
        ({"q": "a" * 1001, "source": "en", "target": "de"}, "exceeds text limit"),
        ({"q": ["a"] * 6, "source": "en", "target": "de"}, "may hold 5 texts"),
        ({"q": "a", "source": "en", "target": "de", "alternatives": 10_000}, "must be at most 16"),
        ({"q": "a", "source": "en", "target": "de", "alternatives": -1}, "alternatives: "),
        ({"q": 5, "source": "en", "target": "de"}, "q: "),
        ({"q": {"a": 1}, "source": "en", "target": "de"}, "q: "),
    ],
)
def test_what_is_wrong_is_said_in_one_field_with_status_400(fields: dict[str, Any], message: str) -> None:
    with live(max_characters=1000, max_texts=5) as server:
        answer = server.post("/translate", fields)
        assert answer.status == 400
        assert answer.json.keys() == {"error"}
        assert message in answer.json["error"]


def test_other_names_of_a_language_are_understood() -> None:
    with live(StandIn("zh", "pb"), StandIn("pb", "zt")) as server:
        assert [one["code"] for one in server.get("/languages").json] == ["zh-Hans", "pt-BR"]
        for source, target in (("zh", "pb"), ("zh-Hans", "pt-BR"), ("zh-CN", "pt-br"), ("pt-BR", "zh-Hant")):
            answer = server.post("/translate", {"q": "abc", "source": source, "target": target})
            assert answer.json == {"translatedText": "ABC"}, (source, target)


def test_the_language_of_a_text_is_told_even_if_it_can_only_be_written() -> None:
    with live(StandIn("en", "de")) as server:
        assert server.post("/detect", {"q": GERMAN}).json[0]["language"] == "de"


def test_an_unknown_language_is_detected_as_english_with_no_confidence(server: Live) -> None:
    assert server.post("/detect", {"q": "🎉"}).json == [{"confidence": 0.0, "language": "en"}]
    assert server.post("/detect", {}).json == {"error": "Invalid request: missing q parameter"}


def test_settings_tell_the_limits_and_the_first_pair(server: Live) -> None:
    answer = server.get("/frontend/settings").json
    assert answer["charLimit"] == 100_000
    assert answer["keyRequired"] is False
    assert answer["language"] == {
        "source": {"code": "en", "name": "English"},
        "target": {"code": "de", "name": "German"},
    }


def test_suggestions_are_off(server: Live) -> None:
    answer = server.post("/suggest", {"q": "a", "s": "b", "source": "en", "target": "de"})
    assert (answer.status, answer.json) == (403, {"error": "Suggestions are disabled on this server."})


def test_pages_of_others_may_ask_because_browser_add_ons_do(server: Live) -> None:
    asked = {"q": "a", "source": "en", "target": "de"}
    answer = server.post("/translate", asked, origin="https://example.org", sec_fetch_site="cross-site")
    assert (answer.status, answer.headers["access-control-allow-origin"]) == (200, "*")
    before = server.ask("OPTIONS", "/translate", origin="https://example.org", access_control_request_method="POST")
    assert before.status == 204
    assert "Content-Type" in before.headers["access-control-allow-headers"]


def test_a_key_in_the_body_lets_in_and_its_lack_is_said_as_clients_know_it(tmp_path: Any) -> None:
    key = new_key(tmp_path / "keys", "me")
    keys: KeyRing = read_keys(tmp_path / "keys")
    with live(keys=keys) as server:
        assert LibreTranslateAPI(server.url, key).translate("a", "en", "de") == "A"
        assert post_form(server, "/translate", q="a", source="en", target="de").status == 400
        with pytest.raises(urllib.error.HTTPError, match="403") as caught:
            LibreTranslateAPI(server.url, "wrong").translate("a", "en", "de")
        caught.value.close()
        assert "access-control-allow-origin" not in server.get("/languages").headers
        assert server.get("/frontend/settings").json["keyRequired"] is True
