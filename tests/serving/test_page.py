"""What the server gives out for the page at /, to whom, and the rules that keep its files whole without a build."""

import gzip
import json
import re
from pathlib import Path

import pytest

import polyglass
from serving_live import StandIn, live

STATIC = Path(polyglass.__file__).parent / "serving" / "static"
MODULES = sorted(STATIC.glob("*.js"))
LIMIT_BYTES = 40 * 1024
FORBIDDEN = {
    "markup from text": r"\b(inner|outer)HTML\b|insertAdjacentHTML|document\.write",
    "eval": r"\beval\(|new Function\(",
    "a style attribute": r"setAttribute\(\s*[\"']style|[{,]\s*style:",
    "an address elsewhere": r"https?://",
}


def texts() -> dict[str, object]:
    found: dict[str, object] = json.loads((STATIC / "strings.en.json").read_text(encoding="utf-8"))
    return found


def test_the_page_and_its_files_are_given_out_with_a_strict_policy() -> None:
    with live() as server:
        for path in ("/", *(f"/static/{file.name}" for file in STATIC.iterdir())):
            answer = server.get(path)
            assert answer.status == 200, path
            assert answer.headers["content-security-policy"].startswith("default-src 'self';")
            assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
            assert answer.headers["x-content-type-options"] == "nosniff"
            again = server.get(path, if_none_match=answer.headers["etag"])
            assert (again.status, again.body) == (304, b"")
        assert server.get("/").headers["content-type"] == "text/html; charset=utf-8"
        assert server.ask("HEAD", "/").body == b""


def test_whatever_else_is_asked_for_is_still_answered_in_json() -> None:
    paths = [
        "/nowhere", "/static/", "/static/nothing.js", "/index.html", "/static/../page.py", "/static/%2e%2e/page.py",
        "/static/..%2fpage.py", "/static//etc/passwd", "//", "/static/app.js/", "/STATIC/app.js",
    ]  # fmt: skip
    with live() as server:
        for path in paths:
            answer = server.get(path)
            assert (answer.status, answer.json["error"]["code"]) == (404, "no_such_route"), path
        assert server.post("/", {}).json["error"]["code"] == "no_such_route"


def test_the_page_can_be_switched_off() -> None:
    with live(page=False) as server:
        for path in ("/", "/static/app.js", "/page.json"):
            assert server.get(path).status == 404


def test_the_page_learns_the_limits_of_the_server() -> None:
    with live(max_characters=77, max_document_mb=2) as server:
        facts = server.get("/page.json").json
        assert (facts["max_characters"], facts["max_document_bytes"]) == (77, 2 * 2**20)
        assert (facts["key_required"], facts["explore"], facts["strings"]) == (False, False, ["en"])
        assert {".txt", ".html", ".srt", ".po", ".xliff", ".tmx", ".md"} <= set(facts["endings"])


def test_only_a_browser_of_this_machine_gets_the_key_to_the_explorer() -> None:
    asked: list[str] = []

    def explore(name: str) -> str:
        asked.append(name)
        return "http://127.0.0.1:1/#token=secret"

    with live(StandIn(), explore=explore) as server:
        assert server.get("/page.json").json["explore"] is True
        assert server.post("/v1/explore", {"model": "en-de"}).json == {"url": "http://127.0.0.1:1/#token=secret"}
        assert asked == ["en-de"]
        for headers in ({"x_forwarded_for": "1.2.3.4"}, {"forwarded": "for=1.2.3.4"}, {"via": "1.1 x"}):
            assert server.get("/page.json", **headers).json["explore"] is False
            refused = server.post("/v1/explore", {"model": "en-de"}, **headers)
            assert (refused.status, refused.json["error"]["code"]) == (403, "not_here")
        for site in ("cross-site", "same-site"):  # another page in the same browser, or on another port
            assert server.post("/v1/explore", {"model": "en-de"}, sec_fetch_site=site).status == 403
        assert server.post("/v1/explore", {"model": "en-de"}, host="evil.example").status == 421
        assert server.post("/v1/explore", {"model": "nobody"}).status == 404
        assert server.get("/v1/explore").status == 405
        assert asked == ["en-de"]


def test_without_an_explorer_there_is_no_such_route() -> None:
    with live() as server:
        assert server.post("/v1/explore", {"model": "en-de"}).json["error"]["code"] == "no_such_route"
        assert "/v1/explore" not in server.get("/openapi.json").json["paths"]


# --- files


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_file_uses(what: str) -> None:
    files = [path for path in STATIC.iterdir() if path.suffix in (".js", ".html", ".css", ".json")]
    assert [path.name for path in files if re.search(FORBIDDEN[what], path.read_text(encoding="utf-8"))] == []


def test_every_word_of_the_page_is_in_one_file_and_every_text_there_is_used() -> None:
    scripts = "\n".join(path.read_text(encoding="utf-8") for path in MODULES)
    used = set(re.findall(r'"((?:[a-z]+\.)+[a-zA-Z]+)"', scripts)) & texts().keys()
    used |= set(re.findall(r'\bt\(\s*"([\w.]+)"', scripts)) | {"lang"}
    used |= {f"keys.{name}" for name in re.findall(r'\["[^"]+", "(\w+)"\]', scripts)}
    used |= {name for name in texts() if name.startswith("error.")}
    assert used == texts().keys()


def test_every_failure_that_the_page_has_words_for_exists() -> None:
    codes = {name.removeprefix("error.") for name in texts() if name.startswith("error.")} - {"next", "gone", "offline"}
    source = "\n".join(path.read_text(encoding="utf-8") for path in (STATIC.parent).glob("*.py"))
    assert [code for code in codes if f'"{code}"' not in source] == []


def test_the_page_is_small() -> None:
    assert sum(len(gzip.compress(path.read_bytes())) for path in STATIC.iterdir()) < LIMIT_BYTES


def test_every_file_of_the_page_is_short_enough_to_read() -> None:
    assert [path.name for path in MODULES if len(path.read_text(encoding="utf-8").splitlines()) > 300] == []


def test_every_module_is_imported_by_another() -> None:
    scripts = "\n".join(path.read_text(encoding="utf-8") for path in MODULES)
    assert [path.name for path in MODULES if f'"./{path.name}"' not in scripts] == ["app.js"]
