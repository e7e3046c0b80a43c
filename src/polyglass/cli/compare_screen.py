"""What a comparison says on a terminal: a live table of 80 columns, plain lines for pipes, the verdict at the end."""

import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime

from rich.console import Console
from rich.live import Live
from rich.text import Text

from polyglass.data.doctor import CorpusHealth
from polyglass.experiments.compare_folder import Plan, RunName
from polyglass.experiments.compare_record import ContestantRecord, Results
from polyglass.experiments.compare_runs import ENDED, RunState
from polyglass.training.plan_view import milliseconds
from polyglass.training.wording import about, clock_time, count, duration, large, percent, visible

WIDTH = 80
NAME_WIDTH = 24
LINE_SECONDS = 30.0  # between two plain lines of one run
STOPPED = "stopped; everything is saved. Go on with: polyglass compare --resume "


def screen(*, is_json: bool) -> "PlainScreen":
    """Return the live table where somebody looks, and plain lines everywhere else. is_json: leave stdout alone."""

    class Patient(Console):
        """A console whose reader may go away without ending the comparison."""

        def on_broken_pipe(self) -> None:
            pass

    console: Console = Patient(highlight=False, stderr=is_json)
    if console.is_terminal and not console.is_dumb_terminal and not console.options.ascii_only:
        return LiveScreen(console)
    return PlainScreen(console)


class PlainScreen:
    """A line when something has happened, and every half minute while a run goes on."""

    def __init__(self, console: Console, *, clock: Callable[[], float] = time.monotonic) -> None:
        """clock: measures how long runs take."""
        self._console = console
        self._clock = clock
        self._pace: Pace | None = None
        self._last_line = -LINE_SECONDS
        self._now: RunName | None = None

    def say(self, text: str) -> None:
        """Print a line."""
        with suppress(OSError):
            self._console.print(Text(visible(text)), soft_wrap=True)

    def data(self, health: CorpusHealth) -> None:
        """Say what the corpus holds."""
        dropped = sum(health.dropped.values())
        self.say(f"{count(health.kept)} training pairs are kept, {count(dropped)} are dropped.")
        for finding in health.findings:
            for line in textwrap.wrap(f"{finding.level}: {finding.text} {finding.remedy}", WIDTH):
                self.say(line)

    def planned(self, plan: Plan) -> None:
        """Say what is going to happen."""
        self._pace = Pace(plan, self._clock)
        for line in plan_lines(plan):
            self.say(line)

    def running(self, states: tuple[RunState, ...], now: RunName) -> None:
        """Say where the run stands, if it is time."""
        assert self._pace is not None
        self._pace.look(now)
        if now != self._now:
            self._now, self._last_line = now, self._clock()
            self.say(f"[{_place(states, now)}] {now}: begins")
        elif self._clock() - self._last_line >= LINE_SECONDS:
            self._last_line = self._clock()
            self.say(f"[{_place(states, now)}] {run_words(states, now)}; {self._pace.left_words(states)}")

    def ended(self, state: RunState, results: Results) -> None:
        """Say how a run has ended."""
        assert self._pace is not None
        self._pace.ended(state)
        self.say(f"[{_place_in(results, state)}] {end_words(state, results)}")

    def finished(self, results: Results) -> None:
        """Print the table and the verdict."""
        self.close()
        for line in result_lines(results):
            self.say(line)

    def close(self) -> None:
        """Nothing is held back."""

    def where(self, folder: str, results: Results) -> None:
        """Say where the page is, and how to go on with a comparison that was stopped."""
        self.say("")
        self.say(f"Page: {folder}/index.html")
        if results.status != "finished":
            self.say(STOPPED + folder)


class LiveScreen(PlainScreen):
    """The same, with a table at the foot of the terminal that is drawn again four times a second."""

    def __init__(self, console: Console, *, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(console, clock=clock)
        self._live: Live | None = None
        self._results: Results | None = None

    def running(self, states: tuple[RunState, ...], now: RunName) -> None:
        """Draw the table."""
        assert self._pace is not None
        self._pace.look(now)
        lines = [*live_rows(states, self._results), "", run_words(states, now), self._pace.left_words(states)]
        text = Text("\n".join(visible(line)[: self._console.width] for line in lines), no_wrap=True)
        if self._live is None:
            self._live = Live(console=self._console, auto_refresh=False, vertical_overflow="crop", transient=True)
            self._live.start()
        with suppress(OSError):
            self._live.update(text, refresh=True)

    def ended(self, state: RunState, results: Results) -> None:
        """Say how a run has ended; its scores come into the table."""
        self._results = results
        super().ended(state, results)

    def close(self) -> None:
        """Take the table away and give the cursor back."""
        if self._live is not None:
            live, self._live = self._live, None
            with suppress(OSError):
                live.stop()


class Pace:
    """How long the runs still take: the plan's idea, corrected by how long the runs of this sitting took."""

    def __init__(self, plan: Plan, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._expected = {entry.name: entry.seconds + entry.extra_seconds for entry in plan.entries}
        self._taken: dict[str, list[float]] = {}
        self._now: RunName | None = None
        self._began = self._started = clock()

    def look(self, now: RunName) -> None:
        """Take notice of the run that goes on."""
        if now != self._now:
            self._now, self._began = now, self._clock()

    def ended(self, state: RunState) -> None:
        """Take notice of a run that has ended well in this sitting, from its first step on."""
        if state.state == "done" and state.run == self._now:
            self._taken.setdefault(state.run.contestant, []).append(self._clock() - self._began)

    def seconds_left(self, states: tuple[RunState, ...]) -> float:
        """Return how long the runs that have not ended will take."""
        left = 0.0
        for state in states:
            if state.state not in ENDED:
                whole = self._whole(state.run.contestant)
                is_now = state.run == self._now
                left += max(0.0, whole - (self._clock() - self._began)) if is_now else whole * (1 - 0.8 * state.share)
        return left

    def left_words(self, states: tuple[RunState, ...]) -> str:
        """Say how many runs have ended, and when the last one will."""
        ended = sum(state.state in ENDED for state in states)
        so_far = f"{ended} of {len(states)} runs done, {duration(self._clock() - self._started)} so far"
        left = self.seconds_left(states)
        if left < 1:  # the last run takes longer than it was thought to
            return f"{so_far}, soon done"
        return f"{so_far}, about {about(left)} left ({clock_time(left, datetime.now().astimezone())})"

    def _whole(self, name: str) -> float:
        taken = self._taken.get(name)
        if taken:
            return sum(taken) / len(taken)
        known = [(sum(times) / len(times)) / self._expected[other] for other, times in self._taken.items()]
        return self._expected[name] * (sum(known) / len(known) if known else 1.0)


def plan_lines(plan: Plan) -> Iterator[str]:
    """Say what is going to happen."""
    seeds, total = plan.terms["seeds"], len(plan.runs)
    whole = sum(entry.seconds + entry.extra_seconds for entry in plan.entries) * seeds
    runs = f"{total} runs, one after another" if total > 1 else "1 run"
    yield ""
    yield f"{_many(len(plan.entries), 'model')}, {_many(seeds, 'seed')}: {runs}, about {about(whole)} in all."
    yield f"{'model':<{NAME_WIDTH}}{'parameters':>14}{'steps':>9}{'training':>11}{'passes':>9}"
    for entry in plan.entries:
        yield (
            f"{_short(entry.name):<{NAME_WIDTH}}{large(entry.parameters):>14}{count(entry.steps):>9}"
            f"{duration(entry.seconds):>11}{entry.steps / entry.steps_per_epoch:>9.1f}"
        )
    for note in plan.notes:
        yield from textwrap.wrap(note, WIDTH)
    yield ""


def live_rows(states: tuple[RunState, ...], results: Results | None) -> Iterator[str]:
    """Return the table that stands while runs go on."""
    yield f"{'model':<{NAME_WIDTH}}{'runs':>6}{'BLEU':>8}{'chrF2':>8}{'tokens/s':>11}  now"
    for name in dict.fromkeys(state.run.contestant for state in states):
        own = [state for state in states if state.run.contestant == name]
        done = sum(state.state == "done" for state in own)
        lost = sum(state.state in ("diverged", "failed") for state in own)
        record = next((one for one in results.contestants if one.name == name), None) if results else None
        speeds = [state.tokens_per_second for state in own if state.tokens_per_second]
        speed = count(sum(speeds) / len(speeds)) if speeds else "-"
        now = next((state for state in own if state.state in ("running", "scoring")), None)
        word = "" if now is None else (percent(now.share) if now.state == "running" else "scoring")
        word += f" ({lost} lost)" if lost else ""
        yield (
            f"{_short(name):<{NAME_WIDTH}}{f'{done}/{len(own)}':>6}{_score(record, 'bleu'):>8}"
            f"{_score(record, 'chrf'):>8}{speed:>11}  {word}"
        )


def run_words(states: tuple[RunState, ...], now: RunName) -> str:
    """Say where the present run stands."""
    state = next(state for state in states if state.run == now)
    if state.state == "scoring":
        return f"{now}: all {count(state.total_steps)} steps are made; the best model is being scored"
    if not state.total_steps:
        return f"{now}: starting"
    words = f"{now}: step {count(state.step)}/{count(state.total_steps)}"
    if state.losses:
        words += f", loss {state.losses[-1].loss:.2f}"
    if state.judged:
        words += f", chrF {state.judged[-1].chrf:.1f} in validation"
    return words


def end_words(state: RunState, results: Results) -> str:
    """Say how a run has ended."""
    if state.state == "stopped":
        return f"{state.run}: stopped at step {count(state.step)}"
    if state.state != "done":
        return f"{state.run}: {state.state}: {state.trouble}"
    one = next(one for one in results.contestants if one.name == state.run.contestant)
    run = next(run for run in one.runs if run.seed == state.run.seed)
    scores = ", ".join(f"{m.label} {m.value:.1f}" for m in run.scores if m.name in ("bleu", "chrf"))
    return f"{state.run}: {scores}; trained {duration(state.seconds)}"


def result_lines(results: Results) -> Iterator[str]:
    """Return the final table and the verdict."""
    yield ""
    head = f"{'model':<{NAME_WIDTH}}{'seeds':>6}{'BLEU':>7}{'95 % interval':>16}"
    yield head + f"{'chrF2':>8}{'tokens/s':>9}{'1 line':>10}"
    for one in results.contestants:
        bleu = one.score("bleu")
        interval = f"{bleu.low:.1f} to {bleu.high:.1f}" if bleu else "-"
        speeds = [run.tokens_per_second for run in one.done if run.tokens_per_second]
        waits = [run.latency_median_ms for run in one.done if run.latency_median_ms is not None]
        yield (
            f"{_short(one.name):<{NAME_WIDTH}}{f'{len(one.done)}/{len(one.runs)}':>6}{_score(one, 'bleu'):>7}"
            f"{interval:>16}{_score(one, 'chrf'):>8}{count(sum(speeds) / len(speeds)) if speeds else '-':>9}"
            f"{milliseconds(sum(waits) / len(waits)) if waits else '-':>10}"
        )
    yield ""
    for line in results.verdict:
        yield from textwrap.wrap(f"- {line}", WIDTH, subsequent_indent="  ", break_long_words=False)


def _many(number: int, thing: str) -> str:
    return f"{number} {thing}{'s' if number > 1 else ''}"


def _score(one: ContestantRecord | None, metric: str) -> str:
    spread = one.score(metric) if one else None
    return f"{spread.mean:.1f}" if spread else "-"


def _short(name: str) -> str:
    return name if len(name) < NAME_WIDTH else f"{name[: NAME_WIDTH - 4]}..."


def _place(states: tuple[RunState, ...], now: RunName) -> str:
    return f"{[state.run for state in states].index(now) + 1}/{len(states)}"


def _place_in(results: Results, state: RunState) -> str:
    """Say which run of all it is, in the order in which they are made."""
    names = [one.name for one in results.contestants]
    place = (state.run.seed - 1) * len(names) + names.index(state.run.contestant) + 1
    return f"{place}/{len(results.runs)}"
