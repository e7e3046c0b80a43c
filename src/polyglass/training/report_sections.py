"""What is known about a run in, one section of report.html each out. A section with nothing to say is empty."""

import json
from collections.abc import Sequence
from typing import Any

from polyglass.training.events import Validation
from polyglass.training.markup import Child, Html, join, sentence, tag
from polyglass.training.plan_view import milliseconds
from polyglass.training.report_charts import Line, bar_rows, line_chart, thinned
from polyglass.training.report_run import Run, number, objects, string, strings
from polyglass.training.wording import changed_pieces, count, duration, large, marks, percent, perplexity, rate, size

NOTHING = Html("")
MOST_LOOKS = 6  # at each validation sentence, from the first to the last
REASONS = {
    "empty_source": "empty source",
    "empty_target": "empty target",
    "too_long": "too long",
    "too_long_tokens": "too long in subwords",
    "length_ratio": "one side much longer than the other",
    "identical": "both sides the same text",
    "duplicate": "pair seen before",
    "overlap": "in the validation or test set",
    "bad_encoding": "not UTF-8",
}


def summary(run: Run) -> Html:
    """The tiles on top: scores, step, time, tokens, size and speed, then the recipes of the scores."""
    tiles = _score_tiles(run)
    look = next((look for look in run.validations if look.step == run.best_step), None)
    if look is not None:
        tiles.append(_tile("Validation loss", f"{look.loss:.2f}", f"perplexity {perplexity(look.loss)}, best step"))
    if run.best_step is not None:
        last = f"of {count(run.last.step)} made" if run.last else ""
        tiles.append(_tile("Best step", count(run.best_step), last))
    seconds = number(run.final, "seconds") or (run.last.elapsed_seconds if run.last else None)
    if seconds is not None:
        tiles.append(_tile("Training time", duration(seconds), run.plan.device if run.plan else ""))
    tokens = number(run.final, "target_tokens") or sum(step.target_tokens for step in run.steps)
    passes = f"{run.last.epoch:.1f} passes over {count(run.plan.pairs)} pairs" if run.last and run.plan else ""
    tiles.append(_tile("Target tokens seen", large(tokens), passes))
    parameters = number(run.final, "parameters") or (run.plan.parameters if run.plan else None)
    if parameters is not None:
        bytes_ = number(run.final, "size_bytes")
        tiles.append(_tile("Parameters", large(parameters), f"{size(bytes_)} on disk" if bytes_ is not None else ""))
    tiles += _latency_tile(run)
    recipes = [
        tag("p", f"{string(score, 'label')}: ", tag("code", string(score, "signature")), class_="quiet small")
        for score in objects(run.final, "scores")
    ] + [tag("p", note, class_="quiet small") for note in strings(run.final, "notes")]
    if not recipes and run.validations:
        recipe = tag("code", run.validations[-1].signature)
        recipes = [tag("p", "BLEU while training: ", recipe, class_="quiet small")]
    details = tag("details", tag("summary", "How the scores were computed"), *recipes) if recipes else NOTHING
    return join([tag("dl", *tiles, class_="tiles"), details])


def commands(run: Run) -> Html:
    """What to do next, ready to paste."""
    parts = [
        join([tag("h3", string(command, "purpose") or "Run"), tag("pre", tag("code", string(command, "command")))])
        for command in objects(run.final, "commands")
    ]
    return _section("Next", tag("div", *parts, class_="panel")) if parts else NOTHING


def curves(run: Run) -> Html:
    """Loss, scores, learning rate and speed over the steps."""
    best, last = run.best_step, run.last.step if run.last else 0
    validations, steps = run.validations, run.steps
    loss = [
        Line("training", thinned([(step.step, step.loss) for step in steps]), "first"),
        Line("validation", tuple((look.step, look.loss) for look in validations), "second", dots=True),
    ]
    scores = [
        Line("chrF", tuple((look.step, look.chrf) for look in validations), "first", dots=True),
        Line("BLEU", tuple((look.step, look.bleu) for look in validations), "second", dots=True),
    ]
    learning_rate = [Line("learning rate", thinned([(step.step, step.learning_rate) for step in steps]), "first")]
    speed = [Line("target tokens a second", thinned([(step.step, step.tokens_per_second) for step in steps]), "first")]
    charts = [
        line_chart("Loss, in nats for each target token", loss, spell=_short, best_step=best, last_step=last),
        line_chart(
            "Quality on the validation set", scores, spell=_tenth, from_zero=True, best_step=best, last_step=last
        ),
        line_chart("Learning rate", learning_rate, spell=rate, from_zero=True),
        line_chart("Speed", speed, spell=count, from_zero=True),
    ]
    note = "The training loss includes label smoothing, so it can lie above the validation loss, which does not."
    words = tag("p", note, class_="quiet small")
    return _section("Course of the training", words, tag("div", *charts, class_="two"), _validation_table(validations))


def sentences_over_time(run: Run) -> Html:
    """The fixed validation sentences, from the first output to the last."""
    if not run.validations:
        return NOTHING
    cards = []
    for sample in run.validations[-1].samples:
        looks = [
            (look.step, other.output)
            for look in run.validations
            for other in look.samples
            if other.source == sample.source
        ]
        different = [look for number_, look in enumerate(looks) if number_ == 0 or look[1] != looks[number_ - 1][1]]
        rows = [*_pair(sample.source, sample.reference, run)]
        previous = None
        for step, output in _spread(different, MOST_LOOKS):
            flaws = [tag("span", f"{flaw} ", class_="flaw") for flaw in marks(sample.source, sample.reference, output)]
            pieces = [tag("mark", piece) if new else piece for piece, new in changed_pieces(previous, output)]
            now = tag("bdi", *pieces, dir="auto", lang=_language(run, "target"))
            rows += [tag("dt", f"step {count(step)}"), tag("dd", *flaws, now)]
            previous = output
        cards.append(tag("dl", *rows, class_="example"))
    words = tag(
        "p", "What the model made of the same sentences while it learned; new words are marked.", class_="quiet"
    )
    return _section("From first to last", words, tag("div", *cards, class_="panel")) if cards else NOTHING


def length_buckets(run: Run) -> Html:
    """How the quality depends on the length of the source."""
    buckets = objects(run.final, "length_buckets")
    rows = []
    for bucket in buckets:
        chrf, bleu = number(bucket, "chrf") or 0.0, number(bucket, "bleu") or 0.0
        low, high, unit = number(bucket, "shortest") or 0, number(bucket, "longest"), string(bucket, "unit") or "words"
        name = f"{low:.0f} {unit} and more" if high is None else f"{low:.0f} to {high:.0f} {unit}"
        name += f" ({count(number(bucket, 'sentences') or 0)})"
        words = f"chrF {chrf:.1f}, BLEU {bleu:.1f}"
        rows.append((name, chrf, words))
    if not rows:
        return NOTHING
    largest = max(50.0, *(chrf for _, chrf, _ in rows))
    note = tag("p", "The bars show chrF; in brackets stands how many sentences are this long.", class_="quiet small")
    bars = tag("div", bar_rows(rows, largest=largest), class_="panel")
    return _section("Quality by length of the source", note, bars)


def examples(run: Run) -> Html:
    """The best and the worst test sentences."""
    columns = []
    for name, title in (("worst", "Worst translations"), ("best", "Best translations")):
        cards = []
        for example in objects(run.final, name):
            source, reference, output = (string(example, key) for key in ("source", "reference", "output"))
            line, chrf = number(example, "line"), number(example, "chrf")
            where = [f"chrF {chrf:.1f}" if chrf is not None else "", f"line {count(line)}" if line is not None else ""]
            flaws = [tag("span", f"{flaw} ", class_="flaw") for flaw in marks(source, reference, output)]
            got = tag("dd", *flaws, sentence(output, _language(run, "target")))
            score = [tag("dt", "score"), tag("dd", ", ".join(filter(None, where)), class_="quiet small")]
            cards.append(tag("dl", *_pair(source, reference, run), tag("dt", "output"), got, *score, class_="example"))
        if cards:
            columns.append(tag("div", tag("h3", title), *cards, class_="panel"))
    return _section("Best and worst", tag("div", *columns, class_="two")) if columns else NOTHING


def data_check(run: Run) -> Html:
    """What was read, kept and dropped, and some pairs side by side."""
    check = run.data_check
    read, kept = number(check, "read"), number(check, "kept")
    if read is None or kept is None:
        return NOTHING
    files = ", ".join(strings(check, "files"))
    parts: list[Child] = [tag("p", f"{count(kept)} of {count(read)} pairs were kept", f" ({files})." if files else ".")]
    dropped = check.get("dropped")
    counts = {reason: number(dropped, reason) or 0.0 for reason in dropped} if isinstance(dropped, dict) else {}
    rows = [
        (REASONS.get(reason, reason), lost, f"{count(lost)} ({percent(lost / max(1, read))})")
        for reason, lost in sorted(counts.items(), key=lambda item: -item[1])
        if lost
    ]
    parts += [tag("p", warning) for warning in strings(check, "warnings")]
    if rows:
        parts += [tag("h3", "Dropped"), bar_rows(rows, largest=max(value for _, value, _ in rows))]
    pairs = objects(check, "samples")
    cards = [
        tag(
            "dl",
            *_pair(string(pair, "source"), string(pair, "target"), run, names=("source", "target")),
            class_="example",
        )
        for pair in pairs
    ]
    if cards:
        parts += [tag("details", tag("summary", f"{len(cards)} pairs of the corpus"), *cards)]
    return _section("Data", tag("div", *parts, class_="panel"))


def notices(run: Run) -> Html:
    """What happened on the way."""
    rows = [
        tag("li", tag("span", f"step {count(notice.step)}: ", class_="quiet"), notice.text) for notice in run.notices
    ]
    return _section("Notices", tag("div", tag("ul", *rows, class_="notices"), class_="panel")) if rows else NOTHING


def configuration(run: Run) -> Html:
    """Every option of the run, and why the planner chose what it chose."""
    parts: list[Html] = []
    if run.plan and run.plan.reasons:
        reasons = [tag("li", reason) for reason in run.plan.reasons]
        parts.append(tag("div", tag("h3", "Why this plan"), tag("ul", *reasons), class_="panel"))
    config = run.final.get("config")
    for section, options in config.items() if isinstance(config, dict) else ():
        rows = options.items() if isinstance(options, dict) else [(section, options)]
        body = [tag("tr", tag("th", tag("code", name), scope="row"), tag("td", _option(value))) for name, value in rows]
        parts.append(tag("div", tag("h3", section), tag("table", *body), class_="panel"))
    return _section("Configuration", tag("div", *parts, class_="packed")) if parts else NOTHING


def _section(title: str, *parts: Child) -> Html:
    return tag("section", tag("h2", title), *parts)


def _tile(name: str, value: str, remark: str) -> Html:
    words = tag("dd", remark, class_="quiet") if remark else NOTHING
    return tag("div", tag("dt", name), tag("dd", value, class_="value"), words, class_="panel tile")


def _score_tiles(run: Run) -> list[Html]:
    tiles = []
    for score in objects(run.final, "scores")[:3]:
        low, high = number(score, "low"), number(score, "high")
        remark = f"95% interval {low:.1f} to {high:.1f}" if low is not None and high is not None else ""
        tiles.append(_tile(string(score, "label"), f"{number(score, 'value') or 0:.1f}", remark))
    if not tiles and run.validations:
        best = run.validations[-1]
        remark = f"validation set, step {count(best.best_step)}"
        tiles = [_tile("chrF", f"{best.best_chrf:.1f}", remark), _tile("BLEU", f"{best.best_bleu:.1f}", remark)]
    return tiles


def _latency_tile(run: Run) -> list[Html]:
    latency = run.final.get("latency")
    median = number(latency, "median_ms") if isinstance(latency, dict) else None
    if not isinstance(latency, dict) or median is None:
        return []
    slow = number(latency, "p95_ms")
    remark = f"median; {milliseconds(slow)} for the slowest 5%" if slow is not None else "median"
    device = string(latency, "device")
    return [_tile("One sentence takes", milliseconds(median), remark + (f"; {device}" if device else ""))]


def _validation_table(validations: Sequence[Validation]) -> Html:
    if not validations:
        return NOTHING
    head = [tag("th", name, scope="col", class_="number") for name in ("Step", "Loss", "Perplexity", "chrF", "BLEU")]
    rows = [
        tag("tr", *(tag("td", value, class_="number") for value in (
            count(look.step), f"{look.loss:.3f}", perplexity(look.loss), _tenth(look.chrf), _tenth(look.bleu)
        )))
        for look in validations
    ]  # fmt: skip
    table = tag("table", tag("thead", tag("tr", *head)), tag("tbody", *rows))
    scroll = tag("div", table, class_="scroll", tabindex="0", role="region", aria_label="Table of all validations")
    return tag("details", tag("summary", f"All {count(len(validations))} validations as a table"), scroll)


def _pair(source: str, other: str, run: Run, *, names: tuple[str, str] = ("source", "reference")) -> list[Html]:
    return [
        tag("dt", names[0]),
        tag("dd", sentence(source, _language(run, "source"))),
        tag("dt", names[1]),
        tag("dd", sentence(other, _language(run, "target"))),
    ]


def _language(run: Run, side: str) -> str | None:
    if run.plan is None:
        return None
    return run.plan.source_lang if side == "source" else run.plan.target_lang


def _spread(looks: Sequence[tuple[int, str]], most: int) -> list[tuple[int, str]]:
    if len(looks) <= most:
        return list(looks)
    return [looks[round(place * (len(looks) - 1) / (most - 1))] for place in range(most)]


def _option(value: Any) -> Html:
    if value is None:
        return tag("span", "not set", class_="quiet")
    spelled = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return tag("code", spelled)


def _short(value: float) -> str:
    return f"{value:.3g}"


def _tenth(value: float) -> str:
    return f"{value:.1f}"
