"""The plan before step 1 and the card at the end, at several widths."""

import io
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from rich.cells import cell_len
from rich.console import Console

from fake_run import PLAN
from polyglass.training.plan_view import Card, show_card, show_plan

AFTERNOON = datetime(2026, 3, 14, 14, 0, tzinfo=UTC)
CARD = Card(
    name="en-de",
    scored_on="the validation set",
    best_step=10_200,
    chrf=59.8,
    chrf_interval=(58.9, 60.6),
    bleu=34.1,
    bleu_interval=(32.8, 35.3),
    signature="nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:2.6.0|beam:5|seed:1|device:cpu",
    seconds=3412.0,
    target_tokens=20_412_330,
    size_bytes=17_300_000,
    latency_median_ms=38.4,
    latency_p95_ms=1071.0,
    next_commands=("polyglass translate runs/en-de/best input.en > output.de", "x" * 100),
)


def _shown(show: Callable[[Console], None], *, width: int = 80) -> list[str]:
    stream = io.StringIO()
    show(Console(file=stream, width=width, force_terminal=False))
    return stream.getvalue().splitlines()


def test_the_plan_reads_well_at_80_columns() -> None:
    assert _shown(lambda console: show_plan(PLAN, console, now=AFTERNOON)) == [
        "Plan",
        "  languages  en to de",
        "  pairs      28,914",
        "  length     12,000 steps, 21.4 passes over the pairs",
        "  time       about 58m, done at 14:58",
        "  model      4.21 million parameters",
        "  memory     about 1.9 GB at the peak",
        "  device     2 CPU threads, float32",
        "",
        "Why this plan",
        "  - vocabulary 4,000: about 29,000 short pairs; more subwords would be seen too",
        "    rarely to be learned",
        "  - model d_model 192, 3 + 3 layers: the largest that passes over the pairs 20",
        "    times in the budget of 1 hour, measured at 5,400 target tokens a second on",
        "    this machine",
        "  - batch 2,048 target tokens: fits the memory with room to spare",
        "  - float32: this processor has no fast bfloat16",
        "",
    ]


@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_no_line_of_the_plan_is_wider_than_the_screen(width: int) -> None:
    plan = replace(PLAN, reasons=(*PLAN.reasons, "ein " * 40, "x" * 300, "日本語" * 40))
    lines = _shown(lambda console: show_plan(plan, console, now=AFTERNOON), width=width)
    assert all(cell_len(line) <= width for line in lines)
    assert all(line == line.rstrip() for line in lines)


def test_the_card_says_what_came_out_and_what_to_do_next() -> None:
    assert _shown(lambda console: show_card(CARD, console)) == [
        "en-de is ready; scores on the validation set",
        "  best step  10,200",
        "  chrF       59.8 (95%: 58.9 to 60.6)",
        "  BLEU       34.1 (95%: 32.8 to 35.3)",
        "  training   56m 52s, 20.4 million target tokens",
        "  size       17.3 MB on disk",
        "  latency    38.4 ms a sentence (median), 1.07 s for the slowest 5%",
        "  signature  nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:2.6.0|beam:5|seed:1|device:cpu",
        "",
        "Next",
        "  polyglass translate runs/en-de/best input.en > output.de",
        "  " + "x" * 100,
    ]


def test_a_card_without_intervals_and_latency_leaves_them_out() -> None:
    bare = replace(
        CARD, chrf_interval=None, bleu_interval=None, latency_median_ms=None, latency_p95_ms=None, next_commands=()
    )
    lines = _shown(lambda console: show_card(bare, console))
    assert lines[2:6] == [
        "  chrF       59.8",
        "  BLEU       34.1",
        "  training   56m 52s, 20.4 million target tokens",
        "  size       17.3 MB on disk",
    ]
    assert len(lines) == 7


def test_words_in_a_plan_cannot_command_the_terminal() -> None:
    plan = replace(PLAN, source_lang="\x1b[2J", reasons=("[red]\x1b]0;x\x07",))
    lines = _shown(lambda console: show_plan(plan, console, now=AFTERNOON))
    assert "\x1b" not in "".join(lines)
    assert "  languages  ␛[2J to de" in lines
    assert "  - [red]␛]0;x␇" in lines
