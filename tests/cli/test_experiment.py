"""`polyglass experiment` on the command line: the list, a whole quick run of each, and what it refuses."""

import shlex
from pathlib import Path

import pytest

from polyglass.bundle import save_bundle
from polyglass.cli.main import main
from polyglass.experiments.experiment import EXPERIMENTS
from polyglass.experiments.outcome import load_outcome
from tiny_bundle import tiny_bundle


def said(capsys: pytest.CaptureFixture[str], words: str) -> tuple[int, str, str]:
    code = main(["experiment", *shlex.split(words)])
    out, err = capsys.readouterr()
    return code, out, err


def test_without_a_name_it_lists_the_experiments_with_their_claims(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = said(capsys, "")
    one_line = " ".join(out.split())
    assert code == 0
    for entry in EXPERIMENTS.values():
        assert entry.name in one_line
        assert all(claim in one_line for claim in entry.claims)
    assert max(map(len, out.splitlines())) <= 80


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_a_quick_run_goes_from_command_to_page(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = said(capsys, f"{name} --quick --threads 1")
    assert code == 0
    assert out.endswith(f"The page: reports/{name}/index.html\n")
    assert max(map(len, out.splitlines())) <= 80
    assert "repeat 1 of 1)" in err
    outcome = load_outcome(tmp_path / "reports" / name / "results.json")
    assert (outcome.name, outcome.unfinished, outcome.verdict) == (name, "", "not decided yet")
    assert outcome.command == f"polyglass experiment {name} --quick --threads 1 --out reports/{name}"
    for finding in outcome.findings:
        assert finding.claim in " ".join(out.split())
    figures = [figure for section in outcome.sections for figure in section.figures]
    assert {figure.kind for figure in figures} >= {"lines", "table"}
    page = (tmp_path / "reports" / name / "index.html").read_text(encoding="utf-8")
    assert all(section.title in page for section in outcome.sections)


def test_the_same_command_again_has_nothing_left_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = f"speed --quick --threads 1 --out {shlex.quote(str(tmp_path / 'out'))}"
    first = said(capsys, command)
    again = said(capsys, command)
    assert again[0] == 0
    assert again[1] == first[1]
    assert again[2] == ""


def test_a_model_of_the_users_is_looked_at(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_bundle(tmp_path / "model", tiny_bundle(max_positions=200))
    model = shlex.quote(str(tmp_path / "model"))
    for language in ("en", "de"):
        text = "".join(f"a b c d e f g h {number}\n" for number in range(60))
        (tmp_path / f"t.{language}").write_text(text, encoding="utf-8", newline="\n")
    files = shlex.join([str(tmp_path / "t.en"), str(tmp_path / "t.de")])
    out = shlex.quote(str(tmp_path / "out"))
    code, _, err = said(capsys, f"window --quick --threads 1 --model {model} --test {files} --out {out}")
    assert code == 0
    assert "your model model: chrF" in err
    outcome = load_outcome(tmp_path / "out" / "results.json")
    chart = next(f for section in outcome.sections for f in section.figures if f.title == "chrF against length")
    assert chart.kind == "lines"
    assert len(next(line for line in chart.series if line.name == "your model model").points) == 4


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("windw", "unknown experiment windw; did you mean window? The experiments are window, speed"),
        ("speed a.en a.de", "speed measures without text or a model of yours, so leave out FILE."),
        ("speed --test a.en a.de", "speed measures without text or a model of yours, so leave out --test."),
        ("speed --model x", "speed measures without text or a model of yours, so leave out --model."),
        ("window --seeds 0", "--seeds must be between 1 and 100, but is 0. Try 3 or 5."),
        ("window --threads -1", "--threads must be 0 (all cores) or more, but is -1."),
        ("window --budget soon", "A duration must be longer than 0 and look like 45m"),
        ("window --device gpu", "gpu"),
        ("--quick", "--quick needs the name of an experiment before it: polyglass experiment window ..."),
        ("window nothing.en nothing.de", "nothing.en does not exist. Check the name and the folder."),
    ],
)
def test_what_cannot_be_is_refused_in_words(
    words: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = said(capsys, words)
    assert (code, out) == (2, "")
    assert message in " ".join(err.split())
    assert not list(tmp_path.glob("reports/*/index.html"))
