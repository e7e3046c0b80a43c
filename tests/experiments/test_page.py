"""The pages of experiments in a real browser: no script, nothing fetched, no sideways scrolling, readable."""

from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from chromium import running_browser
from polyglass.experiments.experiment import EXPERIMENTS, Request
from polyglass.experiments.figures import Axis, Bar, BarChart, HeatTable, LineChart, Mark, Point, Series, Table
from polyglass.experiments.outcome import Finding, Outcome, Section, Setting, Verdict
from polyglass.experiments.page import outcome_page, write_outcome
from polyglass.experiments.sitting import run_experiment

ATTACKS = (
    "<script>window.hacked = 1</script>",
    "</style><img src=x onerror='window.hacked = 2'>",
    '" onmouseover="window.hacked = 3" x=\'',
    "</title><meta http-equiv=refresh content='0;url=https://example.org'>",
    "\x1b]0;title\x07\u202eright to left",
    "W" * 300,
)
VERDICTS: tuple[Verdict, ...] = ("confirmed", "confirmed with a condition", "not confirmed here", "not decided yet")
XS = (16, 32, 64, 128, 256, 512, 1024)


def outcome_of(words: str) -> Outcome:
    """Every kind of figure and every verdict, with one text everywhere."""
    lines = tuple(
        Series(f"{words} {number}", tuple(Point(x, 0.1 * number + 1 / x, 0.05 * number, 0.2 * number + 1) for x in XS))
        for number in range(8)
    )
    bars = (Bar(words, 3.0, 2.0, 4.0), Bar(f"{words} 2", 5.0), Bar(f"{words} 3", None))
    figures = (
        LineChart(
            words, words, Axis(words, scale="log", ticks=XS), Axis(words, "share"), lines, (Mark(64, words),), words
        ),
        BarChart(words, words, Axis(words), bars, words),
        HeatTable(words, words, words, (words, "b"), tuple(map(str, XS)), ((0.5,) * 7, (None, 1.0) + (2.0,) * 5)),
        Table(words, (words, *map(str, XS)), ((words, *(1234567.0,) * 7),)),
    )
    return Outcome(
        name="toy",
        title=words,
        question=words,
        findings=tuple(Finding(words, verdict, words, words) for verdict in VERDICTS),
        sections=(Section(words, (words,), figures),),
        method=(words,),
        settings=(Setting(words, words),),
        command=words,
        signature=words,
        unfinished=words,
    )


class Names(HTMLParser):
    """The elements of a page in their order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.attributes: set[str] = set()
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.attributes |= {name for name, _ in attrs}


@pytest.mark.parametrize("attack", ATTACKS)
def test_no_text_becomes_markup(attack: str) -> None:
    plain, attacked = Names(outcome_page(outcome_of("words"))), Names(outcome_page(outcome_of(attack)))
    assert attacked.names == plain.names
    assert attacked.attributes == plain.attributes
    assert "script" not in plain.names


def test_the_verdict_comes_before_every_chart() -> None:
    page = outcome_page(outcome_of("words"))
    assert 0 < page.index("Confirmed with a condition") < page.index("<figure")
    assert page.index("<figure") < page.index("How it was measured")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with running_browser() as running:
        yield running


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The page of a quick run of each experiment, and one with every figure."""
    folder = tmp_path_factory.mktemp("pages")
    made = {}
    for name, entry in EXPERIMENTS.items():
        run_experiment(entry, Request(out=folder / name, quick=True, threads=1), lambda line: None)
        made[name] = folder / name / "index.html"
    (folder / "all").mkdir()
    made["all"] = write_outcome(folder / "all", outcome_of("W" * 60))
    return made


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize("name", [*EXPERIMENTS, "all"])
def test_a_page_fits_the_screen_says_no_error_and_fetches_nothing(
    browser: Any, pages: dict[str, Path], name: str, width: int, scheme: str
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme, offline=True)
    page = context.new_page()
    said: list[str] = []
    fetched: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: fetched.append(request.url))
    page.goto(pages[name].as_uri())
    for element in page.locator("summary").all():
        element.click()
    assert said == []
    assert [url for url in fetched if not url.startswith(("file:", "data:"))] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(SQUEEZED) == []
    assert page.evaluate(LOWEST_CONTRAST) >= 4.5
    context.close()


def test_markers_and_lines_stand_out_from_what_is_behind_them(browser: Any, pages: dict[str, Path]) -> None:
    for scheme in ("light", "dark"):
        context = browser.new_context(viewport={"width": 1280, "height": 800}, color_scheme=scheme)
        page = context.new_page()
        page.goto(pages["all"].as_uri())
        assert page.evaluate(LOWEST_LINE_CONTRAST) >= 3
        context.close()


def test_a_chart_can_be_reached_and_read_without_a_mouse(browser: Any, pages: dict[str, Path]) -> None:
    context = browser.new_context(viewport={"width": 360, "height": 800})
    page = context.new_page()
    page.goto(pages["all"].as_uri())
    page.locator("figure summary").first.focus()
    page.keyboard.press("Enter")
    table = page.locator("figure details table").first
    assert table.is_visible()
    assert table.locator("tbody tr").count() == len(XS)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "scroll"
    context.close()


SQUEEZED = """
() => [...document.querySelectorAll('.plot')]
  .map(element => element.getBoundingClientRect())
  .filter(box => box.width < 200 || box.height < 150)
"""
TOOLS = """
  const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const channels = colour => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = ([r, g, b]) => [r, g, b].map(value => value / 255)
    .map(value => value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4)
    .reduce((sum, value, place) => sum + value * [0.2126, 0.7152, 0.0722][place], 0);
  const behind = element => {
    for (let at = element; at; at = at.parentElement) {
      const colour = channels(getComputedStyle(at).backgroundColor);
      if (colour[3] > 0) return colour;
    }
  };
  const contrast = (a, b) => {
    const pair = [light(a), light(b)].sort((x, y) => y - x);
    return (pair[0] + 0.05) / (pair[1] + 0.05);
  };
"""
LOWEST_CONTRAST = f"""
() => {{ {TOOLS}
  return Math.min(...[...document.querySelectorAll('main *')]
    .filter(element => [...element.childNodes].some(node => node.nodeType === 3 && node.data.trim()))
    .filter(element => !(element instanceof SVGElement))
    .map(element => contrast(channels(getComputedStyle(element).color), behind(element))));
}}
"""
LOWEST_LINE_CONTRAST = f"""
() => {{ {TOOLS}
  return Math.min(...[...document.querySelectorAll('path.line, path.marker, rect.bar')]
    .map(element => {{
      const style = getComputedStyle(element);
      const own = element.matches('.line') ? style.stroke : style.fill;
      return contrast(channels(own), behind(element));
    }}));
}}
"""
