"""report.html: what it says, that no text of a corpus can become markup, and how it behaves in a real browser."""

import json
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fake_run import PLAN, data_check, final, step_report, validation, write_metrics, write_run
from polyglass.errors import DataError
from polyglass.training.events import Notice, Sample
from polyglass.training.markup import tag
from polyglass.training.metrics import MetricsFile
from polyglass.training.report import write_report
from polyglass.training.report_charts import Line, line_chart, thinned

ATTACKS = (
    "<script>window.hacked = 1</script>",
    "</script><script>window.hacked = 2</script>",
    "</style><img src=x onerror='window.hacked = 3'>",
    '" onmouseover="window.hacked = 4" x=\'',
    "<svg onload=window.hacked=5><title></title>",
    "--><iframe srcdoc='<script>parent.hacked = 6</script>'></iframe>",
    "<a href=javascript:window.hacked=7>",
    "<meta http-equiv=refresh content='0;url=https://example.org'>",
    "<base href=https://example.org><link rel=stylesheet href=https://example.org/x.css>",
    "=cmd|' /C calc'!A0",
    "\x1b]0;title\x07\x00\u202eright to left\ud800",
    "שלום, עולם! (2024) مرحبا <b>بالعالم</b>",
    "&lt;script&gt; &amp; &#60;",
    "W" * 4000,
)
OUR_ELEMENTS = frozenset(
    re.findall(
        r"\w+",
        "html head meta title link style body main header footer section h1 h2 h3 p dl dt dd div span i b svg path "
        "rect figure figcaption table thead tbody tr th td pre code bdi mark ul li details summary",
    )
)


def _hostile_run(folder: Path) -> Path:
    """Write a run in which every text that can be a text is one of the attacks."""
    folder.mkdir()
    metrics = MetricsFile(folder / "metrics.jsonl")
    metrics.plan(replace(PLAN, source_lang=ATTACKS[3], target_lang=ATTACKS[0], device=ATTACKS[1], reasons=ATTACKS))
    for step in range(1, 50):
        metrics.step(step_report(step))
    for number, attack in enumerate(ATTACKS, start=1):
        samples = tuple(Sample(ATTACKS[0], other, attack, None) for other in ATTACKS[:3])
        metrics.validation(validation(number, samples=samples, signature=attack))
        metrics.notice(Notice(number, attack, attack))
    metrics.close()

    def poisoned(value: Any, attack: str) -> Any:
        match value:
            case dict():
                return {key: poisoned(entry, attack) for key, entry in value.items()}
            case list():
                return [poisoned(entry, ATTACKS[number % len(ATTACKS)]) for number, entry in enumerate(value)]
            case str():
                return attack
            case _:
                return value

    ending = poisoned(final(), ATTACKS[1])
    ending["config"] |= {attack: {attack: attack} for attack in ATTACKS}
    ending["commands"] = [{"purpose": attack, "command": attack} for attack in ATTACKS]
    checked = poisoned(data_check(), ATTACKS[2])
    checked["dropped"] |= dict.fromkeys(ATTACKS, 7)
    for name, content in (("final.json", ending), ("data_check.json", checked)):
        (folder / name).write_text(json.dumps(content), encoding="utf-8", newline="\n")
    return folder


class _Elements(HTMLParser):
    """Every element and attribute of a page, and whether they close in order."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.attributes: set[str] = set()
        self.open: list[str] = []

    def handle_starttag(self, name: str, attributes: list[tuple[str, str | None]]) -> None:
        self.names.add(name)
        self.attributes |= {key for key, _ in attributes}
        if name not in ("meta", "link"):
            self.open.append(name)

    def handle_endtag(self, name: str) -> None:
        assert self.open.pop() == name


def _page(folder: Path) -> str:
    return write_report(folder).read_text(encoding="utf-8")


def _elements(page: str) -> _Elements:
    parser = _Elements()
    parser.feed(page)
    parser.close()
    assert parser.open == []
    return parser


def _words(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", page.split("</style>")[1]))


# what it says


@pytest.fixture(scope="module")
def whole_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_run(tmp_path_factory.mktemp("runs") / "en-de")


def test_the_report_of_a_finished_run_has_every_section(whole_run: Path) -> None:
    page = _page(whole_run)
    titles = re.findall("<h2>(.*?)</h2>", page)
    assert titles == [
        "Next",
        "Course of the training",
        "From first to last",
        "Quality by length of the source",
        "Best and worst",
        "Notices",
        "Data",
        "Configuration",
    ]
    assert re.findall("<h3>(.*?)</h3>", page)[3:7] == [
        "Loss, in nats for each target token",
        "Quality on the validation set",
        "Learning rate",
        "Speed",
    ]
    words = _words(page)
    for expected in (
        "Translator from en to de",
        "chrF2 59.8 95% interval 58.9 to 60.6",
        "Best step 10,200 of 12,000 made",
        "Target tokens seen 20.4 million",
        "17.3 MB on disk",
        "38.4 ms median; 71.0 ms for the slowest 5%",
        "nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:2.6.0|beam:5",
        "polyglass translate runs/en-de/best input.en &gt; output.de",
        "9 to 12 words (391)",
        "27 words and more (17)",
        "28,914 of 29,000 pairs were kept",
        "in the validation or test set 14 (&lt;0.1%)",
        "learning_rate 0.0014",
        "Training slowed down by 35%",
    ):
        assert expected in words
    assert "has not finished" not in page


def test_the_report_needs_no_network_and_no_script(whole_run: Path) -> None:
    page = _page(whole_run)
    assert "script" not in _elements(page).names
    assert "default-src 'none'" in page
    assert not re.search(r"https?://|@import|url\(|src=", page)
    assert _elements(page).names <= OUR_ELEMENTS


def test_the_same_files_give_the_same_report(whole_run: Path) -> None:
    assert _page(whole_run) == _page(whole_run)


def test_an_interrupted_run_says_how_far_it_came(tmp_path: Path) -> None:
    run = tmp_path / "cut"
    run.mkdir()
    with write_metrics(run, until=1500).open("ab") as file:
        file.write(b'{"kind": "step", "st')
    words = _words(_page(run))
    assert "This run has not finished: 1,500 of 12,000 steps are made (12%)." in words
    assert "validation set, step 1,200" in words
    assert "Best and worst" not in words


def test_a_run_of_one_step_or_of_none_is_drawn_too(tmp_path: Path) -> None:
    for until in (0, 1):
        run = tmp_path / str(until)
        run.mkdir()
        write_metrics(run, until=until)
        assert "Nothing was recorded yet." in _page(run)


def test_a_run_that_went_back_to_a_checkpoint_shows_each_step_once(tmp_path: Path) -> None:
    metrics = MetricsFile(tmp_path / "metrics.jsonl")
    for step, tokens in ((1, 100), (2, 900), (3, 900), (2, 100), (3, 100)):
        metrics.step(step_report(step, target_tokens=tokens))
    metrics.close()
    assert "Target tokens seen 300" in _words(_page(tmp_path))


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"A run's folder holds metrics.jsonl, final.json or data_check.json, but .* none"
    ):
        write_report(tmp_path)


@pytest.mark.parametrize(("content", "found"), [("{", "cannot be read"), ("[" * 100_000, "cannot"), ("[]", "a list")])
def test_a_damaged_result_file_is_named(tmp_path: Path, content: str, found: str) -> None:
    (tmp_path / "final.json").write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=f"final.json must hold a JSON object, but .*{found}.* Delete it"):
        write_report(tmp_path)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.integers(-5, 10**6) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_result_files_with_unexpected_values_are_drawn_without_them(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("run")
    for name, content in (("final.json", final()), ("data_check.json", data_check())):
        for key in data.draw(st.lists(st.sampled_from(sorted(content)), max_size=4)):
            entry = content[key]
            if isinstance(entry, list) and entry and isinstance(entry[0], dict) and data.draw(st.booleans()):
                entry[0] = entry[0] | {inner: data.draw(JSON) for inner in entry[0]}
            else:
                content[key] = data.draw(JSON)
        (folder / name).write_text(json.dumps(content), encoding="utf-8", newline="\n")
    assert _elements(_page(folder)).names <= OUR_ELEMENTS


# charts


def test_thinning_keeps_the_course_and_the_last_step() -> None:
    points = thinned([(step, float(step)) for step in range(1, 100_001)], most=100)
    assert len(points) == 100
    assert points[-1][0] == 100_000
    assert points[0] == (1000, 500.5)
    assert thinned([(1, float("nan")), (2, 3.0)]) == ((2, 3.0),)


def test_one_wild_update_does_not_press_the_curve_flat() -> None:
    points = tuple((float(step), 3.0 + step % 2) for step in range(1000))
    drawn = line_chart("Loss", [Line("training", (*points, (1000.0, 1e6)), "first")], spell=lambda value: f"{value:g}")
    labels = re.findall('class="y"[^>]*>([^<]*)<', drawn)
    assert labels == ["3", "3.5", "4"] or max(map(float, labels)) <= 5


@given(st.lists(st.tuples(st.integers(0, 10**6), st.floats(-1e12, 1e12)), max_size=30))
@settings(deadline=None)
def test_any_numbers_can_be_drawn(points: list[tuple[int, float]]) -> None:
    drawn = line_chart("Any", [Line("any", tuple(points), "first", dots=True)], spell=lambda value: f"{value:.3g}")
    numbers = [
        float(number) for path in re.findall(' d="([^"]*)"', drawn) for number in re.findall(r"-?[\d.e+]+", path)
    ]
    assert all(-1 <= number <= 1001 for number in numbers)


# hostile text


def test_text_is_escaped_in_content_and_in_attributes() -> None:
    attack = "<b a='1'>\"&"
    escaped = "&lt;b a=&#x27;1&#x27;&gt;&quot;&amp;"
    assert tag("p", attack, title=attack) == f'<p title="{escaped}">{escaped}</p>'
    assert tag("p", tag("b", attack), lang=None, class_="x", aria_label="y") == (
        f'<p class="x" aria-label="y"><b>{escaped}</b></p>'
    )


def test_no_text_of_a_run_becomes_markup(tmp_path: Path) -> None:
    page = _page(_hostile_run(tmp_path / "run<script>"))
    found = _elements(page)
    assert found.names <= OUR_ELEMENTS
    assert not {name for name in found.attributes if name.startswith("on") or name in ("src", "srcdoc", "action")}
    assert page.count("href=") - page.count("href=https") - page.count("href=javascript") == 1  # the icon
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", page)


def test_sentences_bring_their_own_writing_direction(tmp_path: Path) -> None:
    example = {"source": "Hello (2024)", "reference": "שלום (2024)", "output": "مرحبا (2024)", "chrf": 1.0}
    (tmp_path / "final.json").write_text(json.dumps({"worst": [example]}), encoding="utf-8", newline="\n")
    page = _page(tmp_path)
    for text in ("Hello (2024)", "שלום (2024)", "مرحبا (2024)"):
        assert f'<bdi dir="auto">{text}</bdi>' in page


# in a browser


CHROMIUM = os.environ.get("POLYGLASS_TEST_CHROMIUM") or next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
)
QUIET = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
)
COUNT_VIOLATIONS = """
window.violations = [];
document.addEventListener('securitypolicyviolation', event => window.violations.push(event.violatedDirective));
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed (or name one in POLYGLASS_TEST_CHROMIUM)")
    with api.sync_playwright() as driver:
        running = driver.chromium.launch(executable_path=CHROMIUM, args=QUIET.split())
        yield running
        running.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_hostile_text_runs_nothing_fetches_nothing_and_fits_the_screen(
    browser: Any, tmp_path: Path, width: int, scheme: str
) -> None:
    report = write_report(_hostile_run(tmp_path / "run"))
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    context.add_init_script(COUNT_VIOLATIONS)
    page = context.new_page()
    said: list[str] = []
    fetched: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("dialog", lambda dialog: said.append(dialog.message))
    page.on("request", lambda request: fetched.append(request.url))
    page.goto(report.as_uri())
    for element in page.locator("summary").all():
        element.click()
    page.mouse.move(width / 2, 400)
    assert page.evaluate("window.hacked === undefined")
    assert page.evaluate("window.violations") == []
    assert said == []
    assert [url for url in fetched if not url.startswith(("file:", "data:"))] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    context.close()


def test_every_word_is_readable_in_light_and_in_dark(browser: Any, whole_run: Path) -> None:
    """WCAG 2.2 contrast of text against what is behind it: at least 4.5 to 1."""
    report = write_report(whole_run)
    for scheme in ("light", "dark"):
        context = browser.new_context(viewport={"width": 1280, "height": 800}, color_scheme=scheme)
        page = context.new_page()
        page.goto(report.as_uri())
        assert page.evaluate(LOWEST_CONTRAST) >= 4.5
        context.close()


LOWEST_CONTRAST = """
() => {
  const channels = colour => colour.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(value => value / 255)
    .map(value => value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4)
    .reduce((sum, value, place) => sum + value * [0.2126, 0.7152, 0.0722][place], 0);
  const behind = element => {
    for (let at = element; at; at = at.parentElement) {
      const colour = channels(getComputedStyle(at).backgroundColor);
      if (colour.length < 4 || colour[3] > 0) return colour;
    }
  };
  return Math.min(...[...document.querySelectorAll('main *')]
    .filter(element => [...element.childNodes].some(node => node.nodeType === 3 && node.data.trim()))
    .filter(element => !(element instanceof SVGElement))
    .map(element => {
      const pair = [light(channels(getComputedStyle(element).color)), light(behind(element))].sort((a, b) => b - a);
      return (pair[0] + 0.05) / (pair[1] + 0.05);
    }));
}
"""
