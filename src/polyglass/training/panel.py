"""Events in, five live lines at the foot of a terminal out; validations and notices scroll by above them."""

import os
import time
from collections.abc import Callable
from datetime import datetime

from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from polyglass.training.events import Notice, Plan, Reporter, StepReport, Validation
from polyglass.training.pace import Pace
from polyglass.training.plan_view import hanging, show_plan
from polyglass.training.progress import PlainLines, best_words, local_time, scores
from polyglass.training.wording import (
    changed_pieces,
    clock_time,
    count,
    duration,
    marks,
    percent,
    perplexity,
    rate,
    size,
    stream_is_gone,
    visible,
)

SECONDS_BETWEEN_FRAMES = 0.25
NARROWEST_BAR = 6

Item = tuple[str, str]
"""One fact in its long and its short form."""


def screen_reporter(console: Console, *, validate_every: int | None = None) -> Reporter:
    """Return the live panel where the console is a terminal that can show it, and plain lines everywhere else."""
    if console.is_terminal and not console.is_dumb_terminal and not console.options.ascii_only:
        return LivePanel(console, validate_every=validate_every)
    return PlainLines(console.file, validate_every=validate_every)  # type: ignore[arg-type]  # IO[str] is a TextIO


class LivePanel:
    """A reporter that draws five lines, at most four times a second, from the training thread itself.

    A terminal that goes away (closed window, lost connection) never stops the training.
    """

    def __init__(
        self,
        console: Console,
        *,
        validate_every: int | None = None,
        memory_total_bytes: int | None = None,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = local_time,
    ) -> None:
        """clock measures the time between frames; now is the time of day that the end of the run is told in.

        memory_total_bytes: what the device has; None: the machine's memory, where the system tells it.
        """
        self._console = console
        self._clock = clock
        self._now = now
        self._pace = Pace(validate_every=validate_every)
        self._memory_total = memory_total_bytes or _machine_memory()
        self._live: Live | None = None
        self._last_frame: float | None = None
        self._is_gone = False

    def plan(self, plan: Plan) -> None:
        self._print(lambda: show_plan(plan, self._console, now=self._now()))

    def step(self, report: StepReport) -> None:
        self._pace.add(report)
        now = self._clock()
        is_due = self._last_frame is None or now - self._last_frame >= SECONDS_BETWEEN_FRAMES
        if is_due or report.step == report.total_steps:
            self._last_frame = now
            self._print(self._draw)

    def recall(self, validation: Validation) -> None:
        """Take in a validation of an earlier sitting without printing it: call it after a resume."""
        self._pace.add_validation(validation)

    def validation(self, validation: Validation) -> None:
        self._pace.add_validation(validation)
        if self._live is not None:
            self._print(self._draw)  # first, because printing above the panel draws it again as it is
        self._print(lambda: self._console.print(validation_view(validation, self._console)))

    def notice(self, notice: Notice) -> None:
        text = Text(f"step {count(notice.step)}: ", style="bold yellow").append(visible(notice.text), style="not bold")
        self._print(lambda: self._console.print(text))

    def close(self) -> None:
        """Leave the last state on the screen and give the cursor back."""
        if self._live is not None:
            live, self._live = self._live, None
            self._print(lambda: live.update(self._lines()))
            self._print(live.stop)

    def _draw(self) -> None:
        if self._live is None:
            self._live = Live(console=self._console, auto_refresh=False, vertical_overflow="crop")
            self._live.start()
        self._live.update(self._lines(), refresh=True)

    def _print(self, show: Callable[[], None]) -> None:
        if self._is_gone:
            return
        try:
            show()
        except (OSError, ValueError) as error:
            if not stream_is_gone(error, self._console.file):
                raise
            self._is_gone = True
        except SystemExit as error:
            if not isinstance(error.__context__, BrokenPipeError):
                raise
            self._is_gone = True  # rich ends the whole program where a pipe is closed; a training goes on

    def _lines(self) -> Group:
        report = self._pace.last
        if report is None:
            return Group()
        width = self._console.width
        return Group(
            self._bar(report, width),
            _fitted("time", self._time_items(report), width),
            _fitted("learning", self._learning_items(report), width),
            _fitted("speed", self._speed_items(report), width),
            _fitted("best", [self._best_item()], width),
        )

    def _bar(self, report: StepReport, width: int) -> Text:
        share = min(1.0, report.step / max(1, report.total_steps))
        long = f" {percent(share)}  {count(report.step)}/{count(report.total_steps)}  epoch {report.epoch:.2f}"
        short = f" {percent(share)} {report.step}/{report.total_steps}"
        label = long if len(long) + NARROWEST_BAR <= width else short
        room = min(60, max(0, width - len(label)))
        done = int(share * room)
        return Text.assemble(
            ("━" * done, "green"), ("─" * (room - done), "dim"), (label, "bold"), no_wrap=True, overflow="ellipsis"
        )

    def _time_items(self, report: StepReport) -> list[Item]:
        left, to_validation = self._pace.seconds_left, self._pace.seconds_to_validation
        elapsed = duration(report.elapsed_seconds)
        items = []
        if left is not None:
            end = clock_time(left, self._now())
            items.append((f"{duration(left)} left, ends {end}", f"{duration(left)} left ({end})"))
        items.append((f"{elapsed} so far", elapsed))
        if to_validation is not None:
            items.append((f"validation in {duration(to_validation)}", f"val. in {duration(to_validation)}"))
        return items

    def _learning_items(self, report: StepReport) -> list[Item]:
        items = [(f"loss {self._pace.loss:.3f}", f"loss {self._pace.loss:.2f}")]
        valid = self._pace.validation
        if valid is not None:
            items.append((f"valid {valid.loss:.3f} (perplexity {perplexity(valid.loss)})", f"valid {valid.loss:.2f}"))
        items.append((f"lr {rate(report.learning_rate)}", f"lr {rate(report.learning_rate)}"))
        items.append((f"grad {report.grad_norm:.2f}", f"grad {report.grad_norm:.1f}"))
        return items

    def _speed_items(self, report: StepReport) -> list[Item]:
        speed = f"{count(self._pace.tokens_per_second)} tok/s"
        total = "" if self._memory_total is None else f" of {size(self._memory_total)}"
        return [
            (speed, speed),
            (f"padding {percent(self._pace.padding_share)}", f"pad {percent(self._pace.padding_share)}"),
            (f"waiting {percent(self._pace.wait_share)}", f"wait {percent(self._pace.wait_share)}"),
            (f"memory {size(report.memory_bytes)}{total}", size(report.memory_bytes)),
        ]

    def _best_item(self) -> Item:
        if self._pace.validation is None:
            return ("no validation yet", "no validation yet")
        best = best_words(self._pace.validation)
        return best, best.replace("patience ", "")


def validation_view(validation: Validation, console: Console) -> RenderableType:
    """Draw a validation: its scores, and the fixed sentences with what changed since last time underlined."""
    style = "bold green" if validation.is_best else "bold"
    head = Text(f"validation @ {count(validation.step)}: ", style=style)
    head.append(scores(validation), style="not bold default").append(" (best)" if validation.is_best else "")
    lines = [head]
    for sample in validation.samples:
        output = Text()
        for mark in marks(sample.source, sample.reference, sample.output):
            output.append(f"[{mark}]", style="bold red").append(" ")
        for piece, is_new in changed_pieces(sample.previous, sample.output):
            output.append(visible(piece), style="bold underline yellow" if is_new else "")
        lines.append(hanging("  source     ", Text(visible(sample.source), style="dim"), console, style="dim"))
        lines.append(hanging("  reference  ", visible(sample.reference), console, style="dim"))
        lines.append(hanging("  now        ", output, console, style="dim"))
        lines.append(Text())
    return Group(*lines)


def _fitted(name: str, items: list[Item], width: int) -> Text:
    """Put the facts on one line: in full, else in short, else without the last ones."""
    label = f"{name:10}" if width >= 60 else ""
    forms = [[long for long, _ in items]]
    forms += [[short for _, short in items[:number]] for number in range(len(items), 0, -1)]
    gap = "   " if width >= 60 else "  "
    body = next((line for line in map(gap.join, forms) if cell_len(label + line) <= width), items[0][1])
    return Text.assemble((label, "cyan"), body, no_wrap=True, overflow="ellipsis")


def _machine_memory() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # Windows and some others do not tell
        return None
