"""The live panel: five lines at any width, and nothing that can stop the training."""

import errno
import io
import math
import re
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from fake_run import PLAN, step_report, validation
from polyglass.training.events import Notice, Sample
from polyglass.training.panel import LivePanel, screen_reporter
from polyglass.training.progress import PlainLines

AFTERNOON = datetime(2026, 3, 14, 14, 0, tzinfo=UTC)
ANSI = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]|\r")


def _console(width: int = 80, **options: Any) -> Console:
    return Console(file=io.StringIO(), force_terminal=True, width=width, **options)


def _panel(console: Console, clock: Callable[[], float] = lambda: 0.0, **options: Any) -> LivePanel:
    return LivePanel(console, clock=clock, now=lambda: AFTERNOON, memory_total_bytes=8_000_000_000, **options)


def _output(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def _last_frame(console: Console) -> list[str]:
    """The five lines that stay on the screen."""
    frame = _output(console).rsplit("\x1b[2K", 1)[-1]  # behind what wiped the frame before
    return [line.rstrip() for line in ANSI.sub("", frame).strip().splitlines()]


def _run(panel: LivePanel) -> None:
    for step in range(5_950, 6_041):
        panel.step(step_report(step))
        if step == 6_000:
            panel.validation(validation(step))
    panel.close()


def test_five_lines_say_where_the_run_stands() -> None:
    console = _console()
    _run(_panel(console, validate_every=600))
    assert _last_frame(console) == [
        "━" * 24 + "─" * 25 + " 50%  6,040/12,000  epoch 10.77",
        "time      29m 39s left, ends 14:29   28m 11s so far   validation in 2m 37s",
        "learning  loss 2.355   valid 1.742 (perplexity 5.71)   lr 8.5e-4   grad 0.65",
        "speed     5,374 tok/s   padding 8.6%   waiting 0.4%   memory 1.6 GB of 8.0 GB",
        "best      chrF 53.8 / BLEU 30.4 @ 6,000 (patience 0/5)",
    ]


@pytest.mark.parametrize("width", [20, 30, 40, 50, 60, 79, 80, 120])
def test_the_panel_is_five_lines_that_fit_any_width(width: int) -> None:
    console = _console(width)
    _run(_panel(console, validate_every=600))
    frame = _last_frame(console)
    assert len(frame) == 5
    assert all(cell_len(line) <= width for line in frame)
    assert frame[0].startswith("━")
    assert "left" in frame[1]
    assert frame[2].removeprefix("learning  ").startswith("loss 2.3")
    assert "tok/s" in frame[3]
    assert "chrF 53.8" in frame[4]


def test_a_run_before_its_first_validation_and_without_finite_numbers_is_drawn_too() -> None:
    console = _console()
    panel = _panel(console)
    panel.step(step_report(1, loss=math.nan, grad_norm=math.inf, tokens_per_second=0.0, total_steps=0))
    panel.close()
    assert "loss nan" in _last_frame(console)[2]
    assert _last_frame(console)[4] == "best      no validation yet"


def test_the_panel_is_drawn_at_most_four_times_a_second() -> None:
    clock = {"now": 0.0}
    console = _console()
    panel = _panel(console, clock=lambda: clock["now"])
    for step in range(1, 1001):  # ten seconds of steps of 10 ms
        panel.step(step_report(step))
        clock["now"] += 0.01
    frames = ANSI.sub("", _output(console)).count("learning  loss")
    assert 38 <= frames <= 41


def test_no_thread_draws_behind_the_back_of_the_training() -> None:
    before = threading.active_count()
    panel = _panel(_console())
    panel.step(step_report(1))
    assert threading.active_count() == before
    panel.close()


def test_the_cursor_comes_back_when_the_panel_is_closed_even_twice() -> None:
    console = _console()
    panel = _panel(console)
    panel.step(step_report(1))
    assert "\x1b[?25l" in _output(console)
    panel.close()
    panel.close()
    assert _output(console).rstrip().endswith("\x1b[?25h")


def test_each_validation_shows_its_sentences_with_the_changed_words_underlined() -> None:
    console = _console(color_system="standard")
    panel = _panel(console)
    panel.step(step_report(6000))
    panel.validation(validation(6000))
    panel.close()
    text = _output(console)
    assert "validation @ 6,000: " in text
    assert "loss 1.742 (perplexity 5.71), chrF 53.8, BLEU 30.4 (best)" in ANSI.sub("", text)
    assert "  source     A man in an orange hat starring at something." in ANSI.sub("", text)
    assert "  reference  Ein Mann mit einem orangefarbenen Hut, der etwas anstarrt." in ANSI.sub("", text)
    assert "  now        Ein Mann mit einem orangefarbenen Hut sieht etwas." in ANSI.sub("", text)
    assert "\x1b[1;4;33msieht\x1b[0m" in text


def test_outputs_that_are_plainly_wrong_are_marked_in_words() -> None:
    console = _console()
    panel = _panel(console)
    panel.validation(validation(600))
    text = ANSI.sub("", _output(console))
    assert "now        [repetition] Ein Mann Mann Mann Mann." in text
    assert "now        [empty]" in text
    assert "now        [source copied] A girl at" in text


def test_without_colour_the_changed_words_still_stand_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    console = _console(color_system="standard")
    panel = _panel(console)
    panel.step(step_report(6000))
    panel.validation(validation(6000))
    panel.close()
    assert "\x1b[1;4msieht\x1b[0m" in _output(console)
    assert not re.search(r"\x1b\[[0-9;]*\b(3[0-7]|4[0-7]|9[0-7]|38|48)\b[0-9;]*m", _output(console))


def test_corpus_text_cannot_command_the_terminal_or_use_markup() -> None:
    console = _console(color_system=None)
    panel = _panel(console)
    panel.step(step_report(1))
    before = len(_output(console))
    sample = Sample("\x1b]0;owned\x07", "[bold]b[/bold] :smile:", "[/]\x1b[2J\x9b\r\n", "\x1b")
    panel.validation(validation(600, samples=(sample,)))
    panel.notice(Notice(1, "slow", "\x1b[31m [red]x"))
    shown = ANSI.sub("", _output(console)[before:])
    assert "\x1b" not in shown
    assert "\x07" not in shown
    assert "\x9b" not in shown
    assert "␛]0;owned␇" in shown
    assert "[bold]b[/bold] :smile:" in shown
    assert "␛[31m [red]x" in shown


def test_a_terminal_that_goes_away_never_stops_the_training() -> None:
    class Gone(io.StringIO):
        error = OSError(errno.EIO, "Input/output error")

        def write(self, text: str) -> int:
            raise self.error

    class Closed(Gone):
        error = BrokenPipeError(errno.EPIPE, "Broken pipe")

    for stream in (Gone(), Closed()):
        panel = _panel(Console(file=stream, force_terminal=True, width=80))
        panel.plan(PLAN)
        panel.step(step_report(1))
        panel.validation(validation(600))
        panel.notice(Notice(1, "slow", "x"))
        panel.close()


def test_a_resumed_run_knows_its_best_validation_without_printing_it_again() -> None:
    console = _console()
    panel = _panel(console)
    panel.recall(validation(6000))
    assert _output(console) == ""
    panel.step(step_report(6001))
    panel.close()
    assert _last_frame(console)[4].endswith("@ 6,000 (patience 0/5)")


def test_a_terminal_gets_the_panel_and_everything_else_gets_plain_lines() -> None:
    def written_to(encoding: str, **options: Any) -> type:
        file = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
        return type(screen_reporter(Console(file=file, **options)))

    assert written_to("utf-8", force_terminal=True) is LivePanel
    assert written_to("utf-8", force_terminal=False) is PlainLines
    assert written_to("latin-1", force_terminal=True) is PlainLines
    assert written_to("utf-8", force_terminal=True, _environ={"TERM": "dumb"}) is PlainLines
