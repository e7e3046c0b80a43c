"""What a person reads before step 1 (the plan) and after the last one (the card). Reads well at 80 columns."""

from dataclasses import dataclass
from datetime import datetime

from rich.console import Console, Group
from rich.text import Text

from polyglass.training.events import Plan
from polyglass.training.wording import about, clock_time, count, duration, large, size, visible

Interval = tuple[float, float]


@dataclass(frozen=True)
class Card:
    """What a finished run comes to. Intervals are 95 % confidence; None: not measured.

    size_bytes: the model folder on disk. latency_*_ms: one sentence translated alone. next_commands: ready to paste.
    """

    name: str
    scored_on: str
    best_step: int
    chrf: float
    chrf_interval: Interval | None
    bleu: float
    bleu_interval: Interval | None
    signature: str
    seconds: float
    target_tokens: int
    size_bytes: int
    latency_median_ms: float | None
    latency_p95_ms: float | None
    next_commands: tuple[str, ...]


def show_plan(plan: Plan, console: Console, *, now: datetime | None = None) -> None:
    """Print what is going to happen, and why; `now` is the time of day that the end is told in."""
    end = clock_time(plan.seconds, now or datetime.now().astimezone())
    facts = [
        ("languages", f"{plan.source_lang} to {plan.target_lang}"),
        ("pairs", count(plan.pairs)),
        ("length", f"{count(plan.steps)} steps, {plan.epochs:.1f} passes over the pairs"),
        ("time", f"about {about(plan.seconds)}, done at {end}"),
        ("model", f"{large(plan.parameters)} parameters"),
        ("memory", f"about {size(plan.memory_bytes)} at the peak"),
        ("device", f"{plan.device}, {plan.precision}"),
    ]
    parts = [_heading("Plan"), *_facts(facts, console), Text()]
    if plan.reasons:
        reasons = [hanging("  - ", visible(reason, console.encoding), console) for reason in plan.reasons]
        parts += [_heading("Why this plan"), *reasons, Text()]
    console.print(Group(*parts))


def show_card(card: Card, console: Console) -> None:
    """Print what a finished run comes to, and what to do with it."""
    facts = [
        ("best step", count(card.best_step)),
        ("chrF", _score(card.chrf, card.chrf_interval)),
        ("BLEU", _score(card.bleu, card.bleu_interval)),
        ("training", f"{duration(card.seconds)}, {large(card.target_tokens)} target tokens"),
        ("size", f"{size(card.size_bytes)} on disk"),
    ]
    if card.latency_median_ms is not None:
        slowest = "" if card.latency_p95_ms is None else f", {milliseconds(card.latency_p95_ms)} for the slowest 5%"
        facts.append(("latency", f"{milliseconds(card.latency_median_ms)} a sentence (median){slowest}"))
    console.print(Group(_heading(f"{card.name} is ready; scores on {card.scored_on}"), *_facts(facts, console)))
    # What is to be pasted is not wrapped by us: a broken line could not be pasted.
    console.print(
        Text.assemble("  ", ("signature  ", "cyan"), visible(card.signature, console.encoding)), soft_wrap=True
    )
    if card.next_commands:
        console.print(Group(Text(), _heading("Next")))
    for command in card.next_commands:
        console.print(Text("  " + visible(command, console.encoding)), soft_wrap=True)


def milliseconds(value: float) -> str:
    """Spell a latency: "8.4 ms", "140 ms", "1.25 s"."""
    if value >= 1000:
        return f"{value / 1000:.2f} s"
    return f"{value:.0f} ms" if value >= 100 else f"{value:.1f} ms"


def hanging(label: str, body: Text | str, console: Console, *, style: str = "") -> Text:
    """Put a label before a text that is wrapped to the console's width and indented below itself."""
    width = max(10, console.width - len(label))
    lines = (Text(body) if isinstance(body, str) else body).wrap(console, width)
    whole = Text(label, style=style)
    for number, line in enumerate(lines):
        line.rstrip()
        whole = Text.assemble(whole, "\n" + " " * len(label) if number else "", line)
    return whole


def _score(value: float, interval: Interval | None) -> str:
    return f"{value:.1f}" + (f" (95%: {interval[0]:.1f} to {interval[1]:.1f})" if interval else "")


def _heading(text: str) -> Text:
    return Text(visible(text), style="bold")


def _facts(facts: list[tuple[str, str]], console: Console) -> list[Text]:
    return [hanging(f"  {name:9}  ", visible(value, console.encoding), console, style="cyan") for name, value in facts]
