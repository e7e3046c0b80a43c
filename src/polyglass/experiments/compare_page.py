"""Results in, index.html out: what came of it first, then the table, the curves, sentences, and how it was done.

One file without scripts that fetches nothing. It does not reload itself: that would take a reader's place away.
"""

from collections.abc import Sequence

from polyglass.experiments import compare_charts as charts
from polyglass.experiments.charts import draw_all
from polyglass.experiments.compare_record import ContestantRecord, PairRecord, Results, RunRecord, Sample
from polyglass.experiments.compare_style import STYLE
from polyglass.experiments.compare_table import result_table, run_table
from polyglass.experiments.compare_words import headline_metric
from polyglass.experiments.figures import Figure
from polyglass.experiments.page import document
from polyglass.options import show_bare
from polyglass.training.markup import Html, join, sentence, tag
from polyglass.training.wording import count

WORDS = {
    "running": "This comparison is still going on",
    "stopped": "This comparison was stopped before its end",
    "finished": "",
}


def page(results: Results, *, resume: str) -> str:
    """Return the whole HTML document. resume: the command that goes on with a comparison that was stopped."""
    parts = [
        _header(results, resume),
        _verdict(results),
        _table(results),
        _section("Scores", "", draw_all(charts.score_charts(results))),
        _differences(results),
        _section("How they learn", _CURVES, _in_pairs(charts.curve_charts(results))),
        _section("Short and long sentences", _LENGTHS, draw_all(charts.length_charts(results))),
        _section("What it takes", _COST, _in_pairs(charts.cost_charts(results))),
        _samples(results),
        _faults(results),
        _fairness(results),
        _runs(results),
        _recipes(results),
        _again(results),
    ]
    return document(_title(results), parts, style=STYLE)


_CURVES = (
    "Each curve is the mean over the seeds that have ended well, and shading goes from the lowest to the highest of "
    "them; as long as no seed of a model has ended, its present run is shown. Time is that of training alone. The "
    "validation loss is without label smoothing and dropout, so it can be compared between models; the training loss "
    "holds whatever smoothing and dropout each recipe asks for."
)
_LENGTHS = (
    "The test sentences in groups by the length of their source, each point at the mean length of its group. Groups at "
    "the ends often hold few sentences: their intervals are wide."
)
_COST = (
    "Measured on this machine while nothing else of this comparison ran; each run had a process of its own. What other "
    "programs did to the machine meanwhile is in these figures, too."
)


def _title(results: Results) -> str:
    names = [one.name for one in results.contestants]
    shown = names if len(names) <= 4 else [*names[:3], f"{len(names) - 3} more"]
    joined = " and ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)
    return f"{joined} compared" if len(names) > 1 else f"{joined} measured"


def _header(results: Results, resume: str) -> Html:
    data = results.data
    facts = (
        f"{data.source_lang} to {data.target_lang}; {count(data.train_pairs)} training pairs; judged on "
        f"{count(data.test_pairs)} test sentences; {results.device}; "
        f"written {results.written.replace('T', ' ')[:16]} UTC."
    )
    parts = [tag("h1", _title(results)), tag("p", facts, class_="quiet")]
    if words := WORDS[results.status]:
        ended = sum(run.state in ("done", "diverged", "failed") for run in results.runs)
        text = f"{words}: {ended} of {len(results.runs)} runs have ended."
        if results.running:
            text += f" Now: {results.running}. Reload this page to see the newest figures."
        extra = [tag("span", " Go on with: "), tag("code", resume)] if results.status == "stopped" else []
        parts.append(tag("p", text, *extra, class_="banner"))
    parts += [tag("p", note, class_="banner") for note in results.notes]
    return tag("header", *parts)


def _verdict(results: Results) -> Html:
    lines = [tag("li", line) for line in results.verdict]
    kind = "condition" if results.status != "finished" or _lost(results) else "confirmed"
    return tag("section", tag("h2", "What came of it"), tag("ul", *lines), class_=f"verdict {kind}")


def _lost(results: Results) -> list[RunRecord]:
    return [run for run in results.runs if run.state in ("diverged", "failed")]


def _section(title: str, words: str, body: Html) -> Html:
    return tag("section", tag("h2", title), *([tag("p", words)] if words else []), body)


def _in_pairs(figures: Sequence[Figure]) -> Html:
    """Return charts two by two, also where there is room for three: each pair shows one thing in two ways."""
    return join(draw_all(figures[place : place + 2]) for place in range(0, len(figures), 2))


def _table(results: Results) -> Html:
    words = (
        "Scores are means over the seeds that ended well; below each the 95 % interval for the choice of test "
        "sentences and, with several seeds, the lowest and the highest of them. Below the median wait "
        "for one sentence stands the time within which 95 % are answered."
    )
    return _section("The models side by side", words, tag("div", result_table(results), class_="panel"))


def _differences(results: Results) -> Html:
    if len(results.contestants) < 2:
        return Html("")
    metric = headline_metric([one for one in results.contestants if one.scores])
    first = [pair for pair in results.pairs if pair.metric == metric]
    rest = [pair for pair in results.pairs if pair.metric != metric]
    words = (
        "Two tests look at the same sentences in both models (paired approximate randomisation, paired bootstrap); the "
        "larger p-value counts, after Holm's correction for the number of pairs. They answer for the choice of test "
        "sentences. For the luck of the seeds a difference is called unlikely to be chance only if every seed of one "
        "model is above every seed of the other."
    )
    if not first:
        body = tag("p", "As soon as two models have been scored, they are compared here.", class_="quiet")
        return _section("Which differences are more than chance?", "", body)
    other = tag("details", tag("summary", f"The same by {rest[0].label}"), _pairs(rest)) if rest else Html("")
    how = tag("details", tag("summary", "How this is decided"), tag("p", words, class_="quiet"))
    return _section(
        "Which differences are more than chance?", "", tag("div", _pairs(first), other, how, class_="panel")
    )


def _pairs(pairs: Sequence[PairRecord]) -> Html:
    items = [
        tag("li", pair.words, " ", tag("span", f"(95 %: {_interval(pair)})", class_="quiet small")) for pair in pairs
    ]
    return tag("ul", *items, class_="pairs")


def _interval(pair: PairRecord) -> str:
    """Return the interval of the lead of the model that is ahead."""
    low, high = (pair.low, pair.high) if pair.delta >= 0 else (-pair.high, -pair.low)
    return f"{low:.1f} to {high:.1f}"


def _samples(results: Results) -> Html:
    groups = []
    for chosen, words in (
        ("at random", "Drawn at random"),
        ("most different", "Where the models differ most"),
    ):
        some = [sample for sample in results.samples if sample.chosen == chosen]
        if some:
            groups += [tag("h3", words), *(_sample(sample, results) for sample in some)]
    if not groups:
        return Html("")
    intro = (
        "Translations by each model's first seed that is done. Nobody picked them: half are drawn at random, half are "
        "the sentences with the largest gap between the best and the worst output, by the chrF2 of the sentence."
    )
    return _section("Sentences side by side", intro, tag("div", *groups))


def _sample(sample: Sample, results: Results) -> Html:
    data = results.data
    rows = [
        tag("dt", f"source, line {sample.line:,}"),
        tag("dd", sentence(sample.source, data.source_lang)),
        tag("dt", "reference", class_="original"),
        tag("dd", sentence(sample.reference, data.target_lang), class_="original"),
    ]
    for output in sample.outputs:
        text = sentence(output.text, data.target_lang) if output.text.strip() else tag("em", "(empty)", class_="quiet")
        rows += [tag("dt", output.contestant, tag("small", f"chrF {output.chrf:.0f}")), tag("dd", text)]
    return tag("article", tag("dl", *rows), class_="panel sample")


def _faults(results: Results) -> Html:
    """Say what is wrong with the outputs of each model."""
    items = [
        tag("li", tag("strong", f"{one.name}: "), " ".join([one.diagnosis, *_other_faults(one)]))
        for one in results.contestants
        if one.diagnosis
    ]
    if not items:
        return Html("")
    return _section("What goes wrong", "", tag("div", tag("ul", *items), class_="panel"))


def _other_faults(one: ContestantRecord) -> list[str]:
    return [fault for fault in one.faults if fault not in one.diagnosis][:3]


def _fairness(results: Results) -> Html:
    same = tag("div", tag("h3", "Equal"), _list(results.held_equal), class_="panel")
    other = tag("div", tag("h3", "Not equal"), _list(results.not_equal), class_="panel")
    return _section("What was equal, and what was not", "", tag("div", same, other, class_="two"))


def _list(lines: Sequence[str]) -> Html:
    return tag("ul", *(tag("li", line) for line in lines))


def _runs(results: Results) -> Html:
    notices = [
        tag("li", f"{one.name}, seed {run.seed}, {notice}")
        for one in results.contestants
        for run in one.runs
        for notice in run.notices
    ]
    more = (
        tag("details", tag("summary", f"What happened on the way ({len(notices)})"), tag("ul", *notices))
        if notices
        else Html("")
    )
    words = "Each run is a whole model folder that every verb of polyglass takes, with a report of its own."
    return _section("Every run", words, tag("div", run_table(results), more, class_="panel"))


def _recipes(results: Results) -> Html:
    words = "Every option of each model, as a file that --config takes."
    return _section("Recipes", words, tag("div", join(_recipe(one) for one in results.contestants), class_="panel"))


def _recipe(one: ContestantRecord) -> Html:
    changes = ", ".join(f"{name} = {show_bare(value)}" for name, value in one.changes.items())
    parts = [
        tag("summary", f"{one.name} ({count(one.parameters)} parameters)"),
        tag("p", f"Asked for it alone: {changes}." if changes else "Nothing was asked for it alone."),
        tag("p", one.signature, class_="quiet small"),
        tag("ul", *(tag("li", reason) for reason in one.reasons)),
        tag("pre", one.recipe),
    ]
    return tag("details", *parts)


def _again(results: Results) -> Html:
    data = results.data
    files = [
        tag("tr", tag("th", name, scope="row"), tag("td", tag("code", sha)))
        for name, sha in zip(data.files, data.sha256, strict=True)
    ]
    scores = [spread for one in results.contestants for spread in one.scores]
    signatures = {spread.label: spread.signature for spread in scores}
    lines = [tag("li", f"{label}: ", tag("code", text)) for label, text in signatures.items()]
    body = [
        tag("p", "This command makes it again:"),
        tag("pre", results.command),
        tag("p", f"polyglass {results.polyglass}, torch {results.torch}, {results.device}; begun {results.began}."),
        tag("details", tag("summary", "Signatures of the scores"), tag("ul", *lines)),
        tag("details", tag("summary", "SHA-256 of the corpus files"), tag("table", tag("tbody", *files))),
        tag("p", "All figures of this page are in results.json beside it.", class_="quiet"),
    ]
    return _section("How to make it again", "", tag("div", *body))
