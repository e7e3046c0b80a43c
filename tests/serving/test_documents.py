"""Files through both dialects: handed in by the real clients' calls, translated, fetched, forgotten."""

import html
import re
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import deepl
import pytest

from polyglass.errors import PolyglassError
from polyglass.serving.papers import Papers
from polyglass.serving.refusals import Refusal
from serving_files import FILES, send
from serving_live import PATIENCE_SECONDS, Live, StandIn, live


@pytest.fixture(scope="module")
def server() -> Iterator[Live]:
    with live(StandIn("en", "de"), StandIn("de", "fr", lambda text: f"[{text}]"), max_document_mb=0.1) as one:
        yield one


@pytest.fixture
def client(server: Live, monkeypatch: pytest.MonkeyPatch) -> Iterator[deepl.DeepLClient]:
    monkeypatch.setattr(deepl.http_client, "max_network_retries", 0)
    monkeypatch.setattr(deepl.translator.time, "sleep", lambda seconds: None)  # it would wait 5 s between questions
    one = deepl.DeepLClient("any", server_url=server.url, send_platform_info=False)
    yield one
    one.close()


def fetch(url: str) -> tuple[bytes, Any]:
    with urllib.request.urlopen(url, timeout=PATIENCE_SECONDS) as answer:
        return answer.read(), answer.headers


@pytest.mark.parametrize("name", list(FILES))
def test_deepls_client_translates_a_document(client: deepl.DeepLClient, tmp_path: Path, name: str) -> None:
    content, expected = FILES[name]
    (tmp_path / name).write_text(content, encoding="utf-8", newline="\n")
    status = client.translate_document_from_filepath(
        tmp_path / name, tmp_path / f"new-{name}", source_lang="EN", target_lang="DE"
    )
    translated = (tmp_path / f"new-{name}").read_bytes().decode()
    assert translated == expected or (expected in translated and name in ("a.po", "a.xliff"))
    assert status.billed_characters
    assert status.billed_characters < len(content)


@pytest.mark.parametrize("name", list(FILES))
def test_a_file_comes_back_through_libretranslates_calls(server: Live, name: str) -> None:
    content, expected = FILES[name]
    answer = send(server, "/translate_file", name, content.encode(), source="en", target="de")
    assert answer.status == 200, answer.body
    url = answer.json["translatedFileUrl"]
    assert url.startswith(f"{server.url}/download_file/")
    for _ in range(2):  # it may be fetched again
        translated, headers = fetch(url)
        assert translated.decode() == expected or (expected in translated.decode() and name in ("a.po", "a.xliff"))
        assert headers["Content-Disposition"].startswith("attachment")
        assert headers["Content-Type"] == "application/octet-stream"


def test_the_language_is_found_out_and_a_third_one_leads_on(server: Live) -> None:
    text = b"The small dog runs over the green meadow.\n"
    answer = send(server, "/translate_file", "a.txt", text, source="auto", target="fr")
    assert fetch(answer.json["translatedFileUrl"])[0] == b"[" + text.upper().rstrip() + b"]\n"


def test_a_document_is_given_out_once_and_only_with_its_key(server: Live, client: deepl.DeepLClient) -> None:
    handle = client.translate_document_upload(b"A dog.", filename="a.txt", source_lang="EN", target_lang="DE")
    client.translate_document_wait_until_done(handle)
    for key in ("", "0" * 64, handle.document_key[:-1]):
        for path in (f"/v2/document/{handle.document_id}", f"/v2/document/{handle.document_id}/result"):
            assert server.post(path, {"document_key": key}).status == 404
    assert client.translate_document_download(handle).content == b"A DOG."  # type: ignore[union-attr]
    assert server.post(f"/v2/document/{handle.document_id}", {"document_key": handle.document_key}).status == 404


def test_a_document_that_is_not_ready_says_so() -> None:
    import threading

    go = threading.Event()

    def say(text: str) -> str:
        if "hold" in text:
            assert go.wait(PATIENCE_SECONDS)
        return text

    with live(StandIn(say=say)) as server:
        handle = send(server, "/v2/document", "a.txt", b"hold", target_lang="DE", source_lang="EN").json
        path, key = f"/v2/document/{handle['document_id']}", {"document_key": handle["document_key"]}
        status = server.post(path, key).json
        assert status["status"] in ("queued", "translating")
        assert status["seconds_remaining"] >= 1
        assert server.post(f"{path}/result", key).status == 503
        go.set()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.exe", b"A", "files of this kind cannot be translated"),
        ("", b"A", "files of this kind cannot be translated"),
        ("../../a.txt/", b"A", "files of this kind cannot be translated"),
        ("a.xliff", b"<xliff", "file.xliff"),
        ("a.po", b"msgid", "file.po"),
        ("a.txt", b"\xff\xfe\xfa", "file.txt"),
    ],
)
def test_what_cannot_be_translated_is_said(server: Live, name: str, content: bytes, message: str) -> None:
    answer = send(server, "/translate_file", name, content, source="en", target="de")
    assert answer.status == 400
    assert message in answer.json["error"]


def test_a_document_that_fails_says_why(server: Live, client: deepl.DeepLClient) -> None:
    handle = client.translate_document_upload(b"<xliff", filename="a.xliff", source_lang="EN", target_lang="DE")
    status = client.translate_document_wait_until_done(handle)
    assert (status.ok, status.done) == (False, False)
    assert "file.xliff" in str(status.error_message)


def test_a_model_that_fails_on_a_document_fails_it_alone() -> None:
    def say(text: str) -> str:
        if "bad" in text:
            raise PolyglassError("not a number")
        return text

    with live(StandIn(say=say)) as server:
        answer = send(server, "/translate_file", "a.txt", b"bad", source="en", target="de")
        assert (answer.status, answer.json["error"].startswith("The model failed")) == (500, True)
        assert send(server, "/translate_file", "a.txt", b"good", source="en", target="de").status == 200


@pytest.mark.parametrize("path", ["/translate_file", "/v2/document"])
def test_a_missing_file_or_one_too_large_is_refused(server: Live, path: str) -> None:
    assert server.post(path, {"source": "en", "target": "de", "target_lang": "DE"}).status == 400
    fields = {"source": "en", "target": "de", "target_lang": "DE"}
    assert send(server, path, "a.txt", b"a" * 300_000, **fields).status == 413


def test_a_file_that_nobody_has_is_not_found(server: Live) -> None:
    for name in ("0" * 32 + ".txt", "a", "..", "%2e%2e%2fetc%2fpasswd"):
        assert server.get(f"/download_file/{name}").status == 404


@pytest.mark.parametrize(
    "content",
    [
        "<p>& <b> 100 %</p>",
        "<p>Save & <b> 100 % now</p>",
        "<p>Save<b> 100 % now</p>",
        "<p>Save <b>100 </b>dogs</p>",
        "<p>Save<img src=x> 100 dogs</p>",
        "<p>One </i>dog <b> and <i> a cat</p>",
    ],
)
def test_no_space_beside_an_unpaired_tag_is_lost(server: Live, content: str) -> None:
    """A browser shows spaces on both sides of a tag as one, so of two of them one may go."""
    answer = send(server, "/translate_file", "a.html", content.encode(), source="en", target="de")
    translated = fetch(answer.json["translatedFileUrl"])[0].decode()
    assert shown(translated) == shown(content).upper()


def shown(page: str) -> str:
    return " ".join(html.unescape(re.sub("<[^>]*>", "", page)).split())


def test_a_document_larger_than_a_slice_is_translated_whole(server: Live) -> None:
    lines = [f"This is the line with number {number} of a long text." for number in range(1500)]
    answer = send(server, "/translate_file", "a.txt", "\n".join(lines).encode(), source="en", target="de")
    assert fetch(answer.json["translatedFileUrl"])[0].decode() == "\n".join(lines).upper()


def test_documents_are_forgotten_in_time_and_never_more_than_fit() -> None:
    clock = [0.0]
    papers = Papers(max_bytes=100, seconds=10, now=lambda: clock[0])
    first = papers.add(b"a" * 60, ".txt")
    with pytest.raises(Refusal, match="as many documents as it can"):
        papers.add(b"a" * 30, ".txt")
    assert papers.find(first.id, first.key) is first
    clock[0] = 11.0
    with pytest.raises(Refusal, match="no such document"):
        papers.find(first.id, first.key)
    papers.add(b"a" * 30, ".txt")
