"""What travels to a browser, that all words of the page come from one file, and pages that have no server."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from chromium import running_browser
from explorer_site import MODELS, READY, RECURRENT, TARGET, TEXT, Site, Watched, watched_page
from explorer_world import recurrent_subject, subject
from polyglass.explorer.ask import RunRequest
from polyglass.explorer.assets import assets
from polyglass.explorer.export import FILE_BYTES, export_page
from polyglass.explorer.look import Explorer
from polyglass.explorer.one_file import one_file
from polyglass.explorer.parcels import parcels
from polyglass.translator import Translator

LIMIT_BYTES = 150_000
SHORT = "He sees the bird."
LSTM = recurrent_subject(attention="additive")
STAGES = [*(f"stage={number}&model=pre" for number in range(1, 15)), *(f"stage={n}R&model=gru" for n in (4, 5, 6, 8))]
# What a translation must leave as it is: values, formulas, code, and the kinds of coloured words.
KEPT = re.compile(r"\{\w+\}|\$[^$]*\$|`[^`]*`|\[\w+:|https?://\S+")
VOWELS = str.maketrans("aeiouyAEIOUY", "àèìòùÿÀÈÌÒÙŸ")
# Names of things, the same in every language.
NAMES = {
    "polyglass",
    "numpy",
    "pytorch",
    "relu",
    "exp",
    "log",
    "svg",
    "png",
    "csv",
    "json",
    "esc",
    "nan",
    "lstm",
    "gru",
    "kib",
}


@pytest.fixture(scope="module")
def browser() -> Any:
    with running_browser() as running:
        yield running


def test_what_a_browser_is_sent_is_small(browser: Any, site: Site) -> None:
    """Bytes of all bodies as they came over the line, by the browser's own count."""
    with watched_page(browser, site) as watched:
        sent = watched.page.evaluate(
            """() => Object.fromEntries([...performance.getEntriesByType("navigation"),
                ...performance.getEntriesByType("resource")].filter((one) => !one.name.includes("/api/"))
                .map((one) => [new URL(one.name).pathname, one.encodedBodySize]))"""
        )
    known = {"/": "index.html"} | {f"/static/{name}": name for name in assets()} | {"/static/page.js": "page.js"}
    packed = parcels(assets())
    assert sent == {path: len(packed[known[path]].packed) for path in sent}
    assert {"/", "/static/page.js", "/static/styles.css", "/static/strings.en.json"} <= set(sent)
    assert sum(sent.values()) + len(packed["icon.svg"].packed) <= LIMIT_BYTES


# --- words


def pseudo(text: Any) -> Any:
    """Return texts as a made-up language writes them: other vowels in every word."""
    if isinstance(text, list):
        return [pseudo(one) for one in text]
    if isinstance(text, dict):
        return {name: pseudo(one) for name, one in text.items()}
    parts, end = [], 0
    for found in KEPT.finditer(text):
        parts += [text[end : found.start()].translate(VOWELS), found[0]]
        end = found.end()
    return "".join([*parts, text[end:].translate(VOWELS)])


READ = """() => {
    const own = (element) => element.closest("math, code, pre, kbd, bdi, textarea, script, noscript, [lang]:not(html)");
    const found = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) if (!own(walker.currentNode.parentElement)) found.push(walker.currentNode.data);
    for (const element of document.querySelectorAll("[aria-label], [title], [placeholder]")) {
        if (own(element)) continue;
        for (const name of ["aria-label", "title", "placeholder"]) found.push(element.getAttribute(name) ?? "");
    }
    return found.join("\\n");
}"""


def english(shown: str, known: set[str]) -> list[str]:
    """Return the words that no translation has touched and that are no piece of the sentence, path or name."""
    words = re.findall(r"(?<![\w./▁-])[A-Za-z]*[aeiouyAEIOUY][A-Za-z]*(?![\w/]|\.\w)", shown)
    return sorted({word for word in words if len(word) > 2 and word.lower() not in known})


def test_every_word_of_the_page_comes_from_the_file_of_strings(browser: Any, site: Site) -> None:
    """With a made-up translation nothing of the page is left in English: not on any stage, not in a refusal."""
    import json

    texts = json.loads(assets()["strings.en.json"].content)
    made_up = {key: pseudo(text) for key, text in texts.items()} | {"lang": "en"}
    with watched_page(browser, site) as watched:
        page = watched.page
        page.route("**/strings.qps.json", lambda route: route.fulfill(json=made_up))
        page.evaluate("location.hash = 'stage=1&model=pre&lang=qps'; location.reload()")
        page.locator("h1 >> text=pìècès").wait_for()
        watched.wait()
        known = NAMES | {f"toy-{name}".lower() for name in MODELS} | {"toy", "pre", *TEXT.lower().rstrip(".").split()}
        for one in ("pre", "gru"):
            looked_at = site.server.routes.explorer.subject(one)
            for side in ("source", "target"):
                pieces = looked_at.pieces(side, range(looked_at.size(side)))
                known |= {piece.replace("▁", "").lower() for piece in pieces}
        known |= {word for text in (TARGET, *looked_at.examples) for word in re.findall(r"\w+", text.lower())}
        known |= set(MODELS) | set(RECURRENT)
        for state in STAGES:
            watched.open(f"{state}&lang=qps&level=debug&i=1&step=1&lift=1&program=1&table=1")
            assert english(page.evaluate(READ), known) == [], state
        watched.faults.clear()
        for state, text in (("stage=1&model=pre", " "), ("stage=1&model=pre", "dog " * 600), (EDITED, TEXT)):
            watched.open(f"{state}&lang=qps", text=text, target="")
            assert page.locator(".card-warn[role=alert]").count() == 1
            said = page.locator(".card-warn > p").inner_text()
            assert said
            assert not english(said, set())
            assert english(page.evaluate(READ), known) == [], state


EDITED = 'stage=1&model=pre&edits=[{"kind":"heads_off","path":"no.such.attention","heads":[0]}]'


# --- pages without a server


def test_links_stay_in_the_frame_of_a_notebook(browser: Any) -> None:
    page = Translator(subject(**MODELS["pre"]).bundle).explore(SHORT)
    context = browser.new_context(viewport={"width": 1280, "height": 900}, offline=True)
    notebook = context.new_page()
    faults: list[str] = []
    notebook.on("pageerror", lambda error: faults.append(str(error)))
    notebook.set_content(f"<!doctype html><title>notebook</title><body>{page._repr_html_()}</body>")
    frame = next(one for one in notebook.frames if one != notebook.main_frame)
    frame.wait_for_selector('body[data-ready="true"]', timeout=READY)
    for link, stage in (
        (".step-link.next", "2"),
        ('.stage-list a:has-text("Heads"):not(:has-text("together"))', "8"),
        ("svg.diagram a >> nth=0", None),
        (".step-link.prev", None),
    ):
        before = frame.evaluate("document.body.dataset.stage")
        frame.locator(link).first.click()
        frame.wait_for_selector(
            f'body[data-ready="true"][data-stage="{stage}"]' if stage else f'body:not([data-stage="{before}"])',
            timeout=READY,
        )
        assert frame.locator("figure").count() > 0
    assert frame.url == "about:srcdoc"
    assert notebook.title() == "notebook"
    assert faults == []
    context.close()


@pytest.fixture(scope="module")
def two_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved page of a Transformer and, beside it, a recurrent model."""
    models = [replace(subject(**MODELS["pre"]), id="a", name="one"), replace(LSTM, id="b", name="two")]
    file = tmp_path_factory.mktemp("saved") / "two.html"
    page = export_page(Explorer(models), RunRequest(model="a", text=SHORT), beside=("b",))
    assert len(page) <= FILE_BYTES
    file.write_bytes(page)
    return file


def test_a_saved_page_shows_two_models_beside_each_other(browser: Any, site: Site, two_models: Path) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 900}, offline=True)
    page = context.new_page()
    watched = Watched(page, site)
    page.on("pageerror", lambda error: watched.faults.append(str(error)))
    page.goto(two_models.as_uri())
    watched.wait()
    assert page.locator(".side-head h2").all_inner_texts() == ["one", "two"]
    for stage in ("1", "2", "4", "5", "6", "8"):
        watched.open(f"stage={stage}&model=a&model_b=b&table=1", text="", target="")
        assert page.locator("#view [role=alert]").count() == 0, stage
        assert page.locator('[data-part="a"] table').count() > 0
        assert page.locator('[data-part="b"] table').count() > 0, stage
    watched.open("stage=4&model=a&model_b=b&table=hidden", text="", target="")
    assert "One state" in watched.text('[data-part="b"] .side-head')
    expected = Translator(LSTM.bundle).trace(SHORT, keep=("encoder.layers.0.hidden",))
    shown = watched.numbers("hidden")
    assert shown.allclose(expected.tensors["encoder.layers.0.hidden"][0].double(), atol=1e-4)
    assert watched.faults == []
    context.close()


def test_a_saved_page_says_what_it_does_not_hold(browser: Any, site: Site, tmp_path: Path) -> None:
    looked_at = replace(subject(**MODELS["pre"]), id="a")
    limit = len(one_file(assets(), "{}")) + 100_000
    page_bytes = export_page(Explorer([looked_at]), RunRequest(model="a", text=SHORT), limit=limit)
    (tmp_path / "small.html").write_bytes(page_bytes)
    context = browser.new_context(viewport={"width": 360, "height": 900}, offline=True)
    page = context.new_page()
    watched = Watched(page, site)
    page.on("pageerror", lambda error: watched.faults.append(str(error)))
    page.goto((tmp_path / "small.html").as_uri())
    watched.wait()
    page.locator(".saved-note > summary").click()
    assert "weights." in page.locator(".saved-note").inner_text()
    watched.open("stage=10&layer=1", text="", target="")
    assert page.locator("#view [role=alert]").count() == 0
    assert "Not kept in this file" in page.locator("#view").inner_text()
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
    assert watched.faults == []
    context.close()
