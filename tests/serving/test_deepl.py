"""DeepL's dialect, with the real client: marks like [wire] name what it was seen to send or to die of."""

import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import deepl
import pytest

from polyglass.serving.keys import new_key, read_keys
from serving_live import Live, StandIn, live, tiny_model

TEXT = "The small dog runs over the green meadow."
FORM = "application/x-www-form-urlencoded"


@pytest.fixture(scope="module")
def server() -> Iterator[Live]:
    with live(StandIn("en", "de"), StandIn("de", "en", str.lower), StandIn("en", "pt")) as one:
        yield one


@pytest.fixture(autouse=True)
def no_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deepl.http_client, "max_network_retries", 0)


@pytest.fixture
def client(server: Live) -> Iterator[deepl.DeepLClient]:
    with client_of(server) as one:
        yield one


@contextmanager
def client_of(server: Live, key: str = "any") -> Iterator[deepl.DeepLClient]:
    client = deepl.DeepLClient(key, server_url=server.url, send_platform_info=False)
    try:
        yield client
    finally:
        client.close()


def test_the_client_translates_one_text_and_many_in_order(client: deepl.DeepLClient) -> None:
    one = client.translate_text(TEXT, target_lang="DE")
    assert isinstance(one, deepl.TextResult)
    assert (one.text, one.detected_source_lang) == (TEXT.upper(), "EN")
    assert one.billed_characters == len(TEXT)  # [wire] its lack is a TypeError in the client
    many = client.translate_text(["Second", "first"], source_lang="EN", target_lang="DE")
    assert isinstance(many, list)
    assert [result.text for result in many] == ["SECOND", "FIRST"]


def test_the_client_and_a_real_model() -> None:
    with live(tiny_model()) as server, client_of(server) as client:
        assert isinstance(client.translate_text([TEXT, ""], source_lang="EN", target_lang="DE"), list)


def test_targets_with_regions_are_folded_and_listed(client: deepl.DeepLClient) -> None:
    # [wire] the client itself refuses EN and PT as targets, so they must be listed with a region.
    targets = client.get_target_languages()
    assert [one.code for one in targets] == ["DE", "EN-GB", "EN-US", "PT-BR", "PT-PT"]
    assert [one.supports_formality for one in targets] == [False] * 5
    for code in ("EN-GB", "EN-US"):
        result = client.translate_text("EIN HUND", source_lang="DE", target_lang=code)
        assert isinstance(result, deepl.TextResult)
        assert result.text == "ein hund"
    assert [(one.code, one.name) for one in client.get_source_languages()] == [("EN", "English"), ("DE", "German")]


def test_the_kind_of_languages_is_read_from_query_and_body(server: Live) -> None:
    # [wire] the client sends it as the body of a GET.
    in_query = server.get("/v2/languages?type=target").json
    in_body = server.ask("GET", "/v2/languages", b"type=target", content_type=FORM).json
    assert in_query == in_body != server.get("/v2/languages").json


def test_every_option_of_the_client_is_taken(client: deepl.DeepLClient) -> None:
    result = client.translate_text(
        "<p>A <b>dog</b> runs. <x>Keep me.</x></p>",
        source_lang="EN",
        target_lang="DE",
        context="about dogs",
        split_sentences="nonewlines",
        preserve_formatting=True,
        formality="prefer_less",
        tag_handling="xml",
        outline_detection=False,
        ignore_tags=["x"],
        splitting_tags="p,q",
        non_splitting_tags=[],
        model_type="latency_optimized",
    )
    assert isinstance(result, deepl.TextResult)
    assert result.text == "<p>A <b>DOG</b> RUNS. <x>Keep me.</x></p>"
    assert result.model_type_used == "latency_optimized"


def test_a_form_repeats_texts_and_writes_tags_with_commas(server: Live) -> None:
    fields = [("text", "<a>One</a>"), ("text", "<b>two</b>"), ("target_lang", "DE"), ("source_lang", "EN")]
    fields += [("tag_handling", "xml"), ("ignore_tags", "a,c"), ("split_sentences", "0"), ("formality", "default")]
    body = urllib.parse.urlencode(fields).encode()
    answer = server.post("/v2/translate", body, content_type=FORM).json
    assert [one["text"] for one in answer["translations"]] == ["<a>One</a>", "<b>TWO</b>"]


def test_usage_counts_characters_and_has_a_limit_that_the_client_can_print(client: deepl.DeepLClient) -> None:
    before = client.get_usage().character.count or 0
    client.translate_text("Twelve chars", source_lang="EN", target_lang="DE")
    usage = client.get_usage()
    assert usage.character.count == before + 12
    assert usage.character.limit
    assert not usage.any_limit_reached


def test_there_are_no_glossaries(client: deepl.DeepLClient) -> None:
    assert client.get_glossary_languages() == []
    assert client.list_glossaries() == []


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"target_lang": "DE"}, "Parameter 'text' not specified."),
        ({"text": [], "target_lang": "DE"}, "Parameter 'text' not specified."),
        ({"text": ["a"]}, "Parameter 'target_lang' not specified."),
        ({"text": ["a"], "target_lang": "XX"}, "no loaded model has this language"),
        ({"text": ["a"], "source_lang": "pt", "target_lang": "DE"}, "no loaded model has this language"),
        ({"text": ["a"], "source_lang": "de", "target_lang": "DE-DE"}, ""),
        ({"text": ["a"], "target_lang": "no language at all!"}, "a language code is a word"),
        ({"text": [1], "target_lang": "DE"}, "text[0]"),
        ({"text": "a", "target_lang": ["DE"]}, "target_lang: "),
        ({"text": ["a"], "target_lang": "DE", "split_sentences": "2"}, "split_sentences: "),
        ({"text": ["a"], "target_lang": "DE", "tag_handling": "pdf"}, "tag_handling: "),
        ({"text": ["<p>"], "source_lang": "EN", "target_lang": "DE", "tag_handling": "xml"}, "XML"),
    ],
)
def test_errors_are_400_with_a_text_that_the_client_can_print(server: Live, body: Any, message: str) -> None:
    # [wire] a list under "detail", as FastAPI writes it, is a TypeError in the client.
    answer = server.post("/v2/translate", body)
    if not message:
        assert answer.status == 200
        return
    assert answer.status == 400
    assert answer.json.keys() == {"message"}
    assert message in answer.json["message"]


def test_the_client_shows_our_message(client: deepl.DeepLClient) -> None:
    with pytest.raises(deepl.DeepLException, match="Bad request, message: target: no loaded model has this language"):
        client.translate_text("a", target_lang="JA")


def test_a_wrong_key_is_403_and_a_right_one_lets_in(tmp_path: Path) -> None:
    # [wire] 401 would be "Unexpected status code" for the client.
    key = new_key(tmp_path / "keys", "me")
    with live(keys=read_keys(tmp_path / "keys")) as server:
        with client_of(server, key) as client:
            assert client.translate_text("a", source_lang="EN", target_lang="DE").text == "A"  # type: ignore[union-attr]
        with client_of(server, "wrong") as client:
            for call in (client.get_usage, client.get_source_languages):
                with pytest.raises(deepl.AuthorizationException):
                    call()
            with pytest.raises(deepl.AuthorizationException):
                client.translate_text("a", source_lang="EN", target_lang="DE")


def test_every_answer_has_a_trace_id(server: Live) -> None:
    for answer in (server.get("/v2/usage"), server.post("/v2/translate", {}), server.get("/v2/nowhere")):
        assert len(answer.headers["x-trace-id"]) == 16


def test_too_many_characters_are_refused_with_a_status_that_the_client_does_not_retry() -> None:
    with (
        live(max_characters=10) as server,
        client_of(server) as client,
        pytest.raises(deepl.DeepLException, match="413"),
    ):
        client.translate_text("a" * 11, source_lang="EN", target_lang="DE")
