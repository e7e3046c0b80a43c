"""A run's folder in, report.html out: one self-contained page without scripts, that opens anywhere, for ever.

`write_report` reads three files of the folder and nothing else; each may be missing (an interrupted run has no
final.json), and unknown keys are left out. Every key below may be missing, too; `null` means not measured.

metrics.jsonl     see metrics.py

data_check.json   {"files": ["train.en", "train.de"], "read": 29000, "kept": 28914,
                   "dropped": {"duplicate": 61, "overlap": 14, ...},      reasons as in FilterReport.dropped
                   "warnings": ["a sentence", ...],
                   "samples": [{"line": 1, "source": "...", "target": "..."}, ...]}

final.json        {"best_step": 10200, "test_set": "test_2016_flickr, 1,000 sentences",
                   "scores": [{"label": "chrF2", "value": 59.8, "low": 58.9, "high": 60.6, "signature": "..."}, ...],
                   "notes": ["what the scores can be compared with", ...],
                   "seconds": 3412.0, "target_tokens": 20412330, "parameters": 4214784, "size_bytes": 17300000,
                   "latency": {"median_ms": 38.4, "p95_ms": 71.0, "sentences": 100, "device": "2 CPU threads"},
                   "length_buckets": [{"shortest": 1, "longest": 5, "unit": "words", "sentences": 142, "chrf": 63.1,
                                       "bleu": 38.0}, ...],                "longest": null = no upper end
                   "best": [{"line": 7, "source": "...", "reference": "...", "output": "...", "chrf": 100.0}, ...],
                   "worst": [...the same...],
                   "config": {"data": {...}, "model": {...}, "train": {...}, "decode": {...}},
                   "commands": [{"purpose": "Translate a file", "command": "polyglass translate ..."}, ...]}

`asdict` of Metric, Bucket and Example in polyglass.evaluation gives the entries of scores, length_buckets, best, worst.
"""

from pathlib import Path

from polyglass._version import __version__
from polyglass.files import write_atomically
from polyglass.training import report_sections as sections
from polyglass.training.markup import Html, tag
from polyglass.training.report_run import Run, read_run, string
from polyglass.training.report_style import STYLE
from polyglass.training.wording import count, percent

# Nothing may be fetched and no script may run, whatever stands in the page: a second wall behind the escaping.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"


def write_report(folder: Path) -> Path:
    """Write report.html into the folder of a run, finished or not, and return its path.

    Raises DataError if the folder is not a run's or a file in it is damaged, OutOfSpaceError if it cannot be written.
    """
    path = folder / "report.html"
    write_atomically(path, page(read_run(folder)).encode("utf-8"))
    return path


def page(run: Run) -> str:
    """Return the report of a run as a whole HTML document."""
    title = f"{run.name}: {_languages(run)}" if run.plan else run.name
    parts = [
        _header(run),
        sections.summary(run),
        sections.commands(run),
        sections.curves(run),
        sections.sentences_over_time(run),
        sections.length_buckets(run),
        sections.examples(run),
        sections.notices(run),
        sections.data_check(run),
        sections.configuration(run),
        tag("footer", f"Made by polyglass {__version__} from the files of this run. This page fetches nothing."),
    ]
    head = (
        '<meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="referrer" content="no-referrer">'
        '<link rel="icon" href="data:,">'
    )
    style = Html(f"<style>{STYLE}</style>")
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head>{head}{tag("title", title)}{style}</head>'
        f"<body>{tag('main', *parts)}</body></html>\n"
    )


def _header(run: Run) -> Html:
    facts = [f"Began {run.began:%Y-%m-%d %H:%M} UTC"] if run.began else []
    if run.plan:
        facts += [f"{count(run.plan.pairs)} pairs", f"{run.plan.device}, {run.plan.precision}"]
    if string(run.final, "test_set"):
        facts.append(f"scored on {string(run.final, 'test_set')}")
    heading = tag("h1", _languages(run) if run.plan else run.name)
    return tag("header", heading, tag("p", f"{run.name}. {'; '.join(facts)}.", class_="quiet"), _banner(run))


def _banner(run: Run) -> Html:
    """Say it if the run has not reached its end."""
    if run.final or run.last is None:
        return Html("")
    done, total = run.last.step, run.last.total_steps
    if done >= total:
        words = f"All {count(total)} steps are made, but the model was not scored on a test set yet."
    else:
        words = f"This run has not finished: {count(done)} of {count(total)} steps are made ({percent(done / total)})."
    return tag("p", words, class_="banner")


def _languages(run: Run) -> str:
    return f"Translator from {run.plan.source_lang} to {run.plan.target_lang}" if run.plan else ""
