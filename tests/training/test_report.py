"""report.html: what it says of a finished, an interrupted and an odd run, and how its curves are drawn."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fake_run import data_check, final, step_report, write_metrics, write_run
from polyglass.errors import DataError
from polyglass.training.metrics import MetricsFile
from polyglass.training.report import write_report
from polyglass.training.report_charts import Line, line_chart, thinned
from report_page import OUR_ELEMENTS, elements_of, page_of


def _words(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", page.split("</style>")[1]))


@pytest.fixture(scope="module")
def whole_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_run(tmp_path_factory.mktemp("runs") / "en-de")


def test_the_report_of_a_finished_run_has_every_section(whole_run: Path) -> None:
    page = page_of(whole_run)
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
    page = page_of(whole_run)
    assert "script" not in elements_of(page).names
    assert "default-src 'none'" in page
    assert not re.search(r"https?://|@import|url\(|src=", page)
    assert elements_of(page).names <= OUR_ELEMENTS


def test_the_same_files_give_the_same_report(whole_run: Path) -> None:
    assert page_of(whole_run) == page_of(whole_run)


def test_an_interrupted_run_says_how_far_it_came(tmp_path: Path) -> None:
    run = tmp_path / "cut"
    run.mkdir()
    with write_metrics(run, until=1500).open("ab") as file:
        file.write(b'{"kind": "step", "st')
    words = _words(page_of(run))
    assert "This run has not finished: 1,500 of 12,000 steps are made (12%)." in words
    assert "validation set, step 1,200" in words
    assert "Best and worst" not in words


def test_a_run_of_one_step_or_of_none_is_drawn_too(tmp_path: Path) -> None:
    for until in (0, 1):
        run = tmp_path / str(until)
        run.mkdir()
        write_metrics(run, until=until)
        assert "Nothing was recorded yet." in page_of(run)


def test_a_run_that_went_back_to_a_checkpoint_shows_each_step_once(tmp_path: Path) -> None:
    metrics = MetricsFile(tmp_path / "metrics.jsonl")
    for step, tokens in ((1, 100), (2, 900), (3, 900), (2, 100), (3, 100)):
        metrics.step(step_report(step, target_tokens=tokens))
    metrics.close()
    assert "Target tokens seen 300" in _words(page_of(tmp_path))


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
    assert elements_of(page_of(folder)).names <= OUR_ELEMENTS


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
