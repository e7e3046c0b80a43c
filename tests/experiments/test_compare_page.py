"""The page of a comparison: every number is on it, no text becomes markup, and it fits each screen."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from chromium import running_browser
from fake_compare import contestant, pair, results, run_record, sample
from polyglass.experiments.compare_charts import curve_charts
from polyglass.experiments.compare_page import page
from polyglass.experiments.compare_record import Results, SampleOutput, dumps
from polyglass.experiments.compare_runs import Judged
from polyglass.experiments.figures import LineChart, Point

RESUME = "polyglass compare --resume reports/x"
WIDTHS = (360, 768, 1080, 1280, 1920)
ATTACKS = (
    "<script>window.hacked = 1</script>",
    "</style><img src=x onerror='window.hacked = 2'>",
    '" onmouseover="window.hacked = 3" x=\'',
    "<svg onload=window.hacked=4><title></title>",
    "</title><meta http-equiv=refresh content='0;url=https://example.org'>",
    "\x1b]0;title\x07\u202eright to left",
    "W" * 400,
)


def some_results() -> Results:
    """Four contestants, one of which lost a seed and one all of them."""
    diverged = run_record(2, state="diverged", trouble="training cannot go on: the gradient is not finite.", scores=())
    failed = (run_record(1, state="failed", trouble="killed", scores=(), validation=(), training=()),)
    return results(
        contestant("transformer", bleu=36.5),
        contestant("lstm+attention", bleu=28.3, runs=(run_record(1), diverged)),
        contestant("lstm", bleu=13.8),
        contestant("rnn", runs=failed),
    )


def hostile_results() -> Results:
    """Every text that somebody else can choose is an attack."""
    name = ATTACKS[0][:60]
    bad = run_record(1, state="failed", trouble=ATTACKS[1], notices=ATTACKS, folder=ATTACKS[2])
    one = contestant(
        name,
        runs=(run_record(1), bad),
        changes={ATTACKS[3]: ATTACKS[4]},
        recipe="".join(ATTACKS),
        reasons=ATTACKS,
        diagnosis=ATTACKS[0],
        faults=ATTACKS,
        signature=ATTACKS[4],
    )
    other = contestant(ATTACKS[6][:60])
    outputs = tuple(SampleOutput(name, attack, 1.0) for attack in ATTACKS)
    samples = tuple(
        sample(1, (), source=attack, reference=attack, outputs=outputs, chosen=chosen)
        for attack in ATTACKS
        for chosen in ("at random", "most different")
    )
    record = results(one, other)
    return replace(
        record,
        pairs=tuple(replace(pair(name, "b"), words=attack) for attack in ATTACKS),
        samples=samples,
        verdict=ATTACKS,
        notes=ATTACKS,
        held_equal=ATTACKS,
        not_equal=ATTACKS,
        command=ATTACKS[1],
        running=ATTACKS[0],
        status="running",
        data=replace(record.data, source_lang=ATTACKS[2], files=ATTACKS[:2]),
    )


class Elements(HTMLParser):
    """Collects the names of all elements and attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.attributes: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.attributes |= {name for name, _ in attrs}


def test_every_score_cost_and_word_is_on_the_page() -> None:
    record = some_results()
    text = page(record, resume=RESUME)
    for expected in (
        "36.5",
        "28.3",
        "13.8",
        "1.25 million",
        "25.0 ms",
        "95 %: 60.0 ms",
        "450 MB",
        "2 CPU threads",
    ):
        assert expected in text, expected
    for line in (*record.verdict, *record.held_equal, *record.not_equal):
        assert line in text
    assert "diverged" in text
    assert "training cannot go on: the gradient is not finite." in text
    assert "1 of 2 seeds" in text
    assert "Ausgabe von lstm" in text
    assert "runs/x-1" in text
    assert record.command in text


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ("running", "This comparison is still going on: 7 of 7 runs have ended."),
        ("stopped", RESUME),
        ("finished", "What came of it"),
    ],
)
def test_the_page_says_whether_the_comparison_has_ended(status: Any, said: str) -> None:
    text = page(replace(some_results(), status=status), resume=RESUME)
    assert said in text
    assert ("banner" in text.partition("<main>")[2]) == (status != "finished")


def test_a_comparison_without_any_run_has_a_page() -> None:
    waiting = run_record(
        1, state="waiting", scores=(), training=(), validation=(), steps=0, train_seconds=0.0, tokens_per_second=None
    )
    one = contestant("lstm", runs=(waiting,))
    text = page(replace(results(one), status="running", samples=(), pairs=()), resume=RESUME)
    assert "No run has been scored yet." in text
    assert "not begun" in text


def test_while_the_first_run_goes_on_its_curve_is_shown() -> None:
    going = run_record(1, state="running", scores=())
    later = run_record(2, state="waiting", scores=(), training=(), validation=(), steps=0)
    text = page(results(contestant("lstm", runs=(going, later))), resume=RESUME)
    assert "lstm ends at 2." in text


def test_a_second_seed_that_is_half_way_does_not_bend_the_curve() -> None:
    half = run_record(2, state="running", scores=(), validation=(Judged(10, 20.0, 10_000, 99.0, 1.0, 1.0),))
    record = results(contestant("lstm", runs=(run_record(1), half)))
    by_time = curve_charts(record)[0]
    assert isinstance(by_time, LineChart)
    assert [(point.x, point.y) for point in by_time.series[0].points] == [(20.0, 4.0), (40.0, 3.0), (60.0, 2.0)]


def test_a_curve_is_the_mean_of_the_seeds_with_the_lowest_and_the_highest() -> None:
    other = run_record(2, validation=(Judged(10, 24.0, 12_000, 5.0, 1.0, 1.0),))
    by_time, by_text = curve_charts(results(contestant("lstm", runs=(run_record(1), other))))[:2]
    assert isinstance(by_time, LineChart)
    assert isinstance(by_text, LineChart)
    assert by_time.series[0].points == (Point(22.0, 4.5, 4.0, 5.0),)
    assert by_text.series[0].points == (Point(11_000.0, 4.5, 4.0, 5.0),)


def test_results_json_is_strict_json_with_its_format_first() -> None:
    record = replace(some_results(), budget_seconds=float("nan"))
    content = json.loads(dumps(record), parse_constant=lambda word: pytest.fail(word))
    assert next(iter(content)) == "format"
    assert content["format"] == 1
    assert content["budget_seconds"] is None
    assert content["contestants"][0]["runs"][0]["scores"][0]["name"] == "bleu"


def test_no_text_of_a_comparison_becomes_markup() -> None:
    text = page(hostile_results(), resume=ATTACKS[0])
    found = Elements(text)
    assert not found.names & {"script", "img", "iframe", "object", "embed", "form", "base"}
    assert not {name for name in found.attributes if name.startswith("on") or name in ("src", "srcdoc", "action")}
    assert text.count("http-equiv") - text.count("http-equiv=refresh") == 1
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", text)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with running_browser() as running:
        yield running


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("make", [some_results, hostile_results], ids=["usual", "hostile"])
def test_the_page_fits_the_screen_fetches_nothing_and_runs_nothing(
    browser: Any, tmp_path: Path, make: Any, width: int, scheme: str
) -> None:
    path = tmp_path / "index.html"
    path.write_text(page(make(), resume=RESUME), encoding="utf-8")
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    tab = context.new_page()
    said: list[str] = []
    fetched: list[str] = []
    tab.on("console", lambda message: said.append(message.text))
    tab.on("pageerror", lambda error: said.append(str(error)))
    tab.on("request", lambda request: fetched.append(request.url))
    tab.goto(path.as_uri())
    for element in tab.locator("summary").all():
        element.click()
    assert tab.evaluate("window.hacked === undefined")
    assert said == []
    assert [url for url in fetched if not url.startswith(("file:", "data:"))] == []
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    context.close()


def test_a_model_keeps_its_colour_in_every_chart(browser: Any, tmp_path: Path) -> None:
    """The fourth model has no run that ended well, the third one none with validations."""
    record = some_results()
    third = replace(record.contestants[2], runs=(run_record(1, validation=(), training=()),))
    record = replace(record, contestants=(*record.contestants[:2], third, record.contestants[3]))
    path = tmp_path / "index.html"
    path.write_text(page(record, resume=RESUME), encoding="utf-8")
    tab = browser.new_page()
    tab.goto(path.as_uri())
    colours = tab.evaluate(
        """() => [...document.querySelectorAll('.rows tr')].map(row => [
             row.querySelector('th').textContent,
             row.querySelector('rect.bar') ? getComputedStyle(row.querySelector('rect.bar')).fill : null])"""
    )
    known: dict[str, set[str]] = {}
    for name, colour in colours:
        if colour is not None:
            known.setdefault(name, set()).add(colour)
    assert all(len(some) == 1 for some in known.values())
    assert len({next(iter(some)) for some in known.values()}) == len(known)
    tab.close()


def test_the_page_passes_axe(browser: Any, tmp_path: Path) -> None:
    """The rules of WCAG 2.1 A and AA that a program can check."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")
    path = tmp_path / "index.html"
    path.write_text(page(some_results(), resume=RESUME), encoding="utf-8")
    for scheme in ("light", "dark"):
        context = browser.new_context(viewport={"width": 1280, "height": 900}, color_scheme=scheme, bypass_csp=True)
        tab = context.new_page()
        tab.goto(path.as_uri())
        found = axe.Axe().run(tab, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]})
        assert found.response["violations"] == []
        context.close()
