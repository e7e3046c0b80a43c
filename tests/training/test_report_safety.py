"""report.html: no text of a corpus can become markup, tried in a real browser, and every word can be read."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from chromium import running_browser
from fake_run import PLAN, data_check, final, step_report, validation, write_run
from polyglass.training.events import Notice, Sample
from polyglass.training.markup import tag
from polyglass.training.metrics import MetricsFile
from polyglass.training.report import write_report
from report_page import OUR_ELEMENTS, elements_of, page_of

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


def test_text_is_escaped_in_content_and_in_attributes() -> None:
    attack = "<b a='1'>\"&"
    escaped = "&lt;b a=&#x27;1&#x27;&gt;&quot;&amp;"
    assert tag("p", attack, title=attack) == f'<p title="{escaped}">{escaped}</p>'
    assert tag("p", tag("b", attack), lang=None, class_="x", aria_label="y") == (
        f'<p class="x" aria-label="y"><b>{escaped}</b></p>'
    )


def test_no_text_of_a_run_becomes_markup(tmp_path: Path) -> None:
    page = page_of(_hostile_run(tmp_path / "run<script>"))
    found = elements_of(page)
    assert found.names <= OUR_ELEMENTS
    assert not {name for name in found.attributes if name.startswith("on") or name in ("src", "srcdoc", "action")}
    assert page.count("href=") - page.count("href=https") - page.count("href=javascript") == 1  # the icon
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", page)


def test_sentences_bring_their_own_writing_direction(tmp_path: Path) -> None:
    example = {"source": "Hello (2024)", "reference": "שלום (2024)", "output": "مرحبا (2024)", "chrf": 1.0}
    (tmp_path / "final.json").write_text(json.dumps({"worst": [example]}), encoding="utf-8", newline="\n")
    page = page_of(tmp_path)
    for text in ("Hello (2024)", "שלום (2024)", "مرحبا (2024)"):
        assert f'<bdi dir="auto">{text}</bdi>' in page


@pytest.fixture(scope="module")
def whole_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_run(tmp_path_factory.mktemp("runs") / "en-de")


COUNT_VIOLATIONS = """
window.violations = [];
document.addEventListener('securitypolicyviolation', event => window.violations.push(event.violatedDirective));
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with running_browser() as running:
        yield running


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
