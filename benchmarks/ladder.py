"""The ladder of translation models, one rung after another: an LSTM and a GRU that know a source sentence only by the
encoder's last state, a GRU with attention, a Transformer; each trained by the library's own command on the same corpus.

The rungs are those of a well-known tutorial (bentrevett/pytorch-seq2seq), which reports for Multi30k, German to
English, test_2016_flickr, ten passes, lower-cased words: 13.8, 20.6, 28.3 and 36.5 BLEU. Here BLEU (lc) is sacreBLEU's
of lower-cased text, which is the nearest to it; BLEU and chrF are cased. What is compared is the order, and the gaps.

  share  this rung's gain over the one before it, over the published gain

An interrupted ladder goes on where it stopped when the same command is given again; what is finished is not done twice.

  python benchmarks/ladder.py train.de train.en --valid val.de val.en \
      --test test_2016_flickr.de test_2016_flickr.en --out ladder --epochs 10
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from polyglass.data.demo_grammar import generate_pairs
from polyglass.data.formats.lines import read_lines
from polyglass.evaluation.score import corpus_scores
from polyglass.parameters import parameters_by_part
from polyglass.run.train import RunResult, resume, train
from polyglass.translator import Translator
from recipe import build_parser, finish, print_table, recipe

Options = Mapping[str, Any]
COLUMNS = (
    "model",
    "parameters",
    "updates",
    "passes",
    "seconds",
    "BLEU (lc)",
    "95 %",
    "BLEU",
    "chrF",
    "published",
    "share",
)
METRICS = ("bleu_lc", "bleu", "chrf")


@dataclass(frozen=True)
class Rung:
    """A model of the ladder: its options beside the preset's, and its published BLEU."""

    options: Options
    published: float | None


# The shapes are the tutorial's; the widths are those of the preset.
RUNGS: Mapping[str, Rung] = {
    "lstm": Rung(
        {
            "model.family": "lstm",
            "model.bidirectional": False,
            "model.encoder_layers": 2,
            "model.decoder_layers": 2,
        },
        13.8,
    ),
    "gru": Rung({"model.family": "gru", "model.bidirectional": False, "model.feed_context": True}, 20.6),
    "gru+attention": Rung({"model.family": "gru", "model.attention": "additive"}, 28.3),
    "transformer": Rung({}, 36.5),
    # Not in the published ladder:
    "rnn": Rung({"model.family": "rnn"}, None),
    "rnn+attention": Rung({"model.family": "rnn", "model.attention": "additive"}, None),
    "lstm+attention": Rung({"model.family": "lstm", "model.attention": "general", "model.input_feeding": True}, None),
}
PUBLISHED = tuple(name for name, rung in RUNGS.items() if rung.published is not None)


@dataclass(frozen=True)
class Row:
    """What came of one rung. seconds: of training. low, high: the middle 95 % of BLEU (lc)."""

    model: str
    parameters: int
    updates: int
    passes: float
    seconds: float
    bleu_lc: float
    low: float
    high: float
    bleu: float
    chrf: float
    signatures: Mapping[str, str]
    published: float | None
    config: Mapping[str, Any]


def climb(name: str, arguments: argparse.Namespace) -> Row:
    """Train one rung, or go on with it, and score it on the test set."""
    folder = arguments.out / name.replace("+", "-with-")
    if (folder / "run.json").exists():
        result = resume(folder)
    else:
        limits = {"train.steps": arguments.steps, "train.epochs": arguments.epochs}
        options = {
            **RUNGS[name].options,
            **{option: value for option, value in limits.items() if value is not None},
            "train.threads": arguments.threads,
            "train.seed": arguments.seed,
            **dict(arguments.set),
        }
        budget = arguments.budget
        result = train(
            *arguments.files,
            out=folder,
            valid=arguments.valid,
            preset=arguments.preset,
            budget=budget,
            options=options,
            source_lang="de",
            target_lang="en",
        )
    if not result.finished:
        sys.exit(result.exit_code)
    return score(name, folder, result, arguments.test)


def score(name: str, folder: Path, result: RunResult, test: Sequence[Path]) -> Row:
    """Translate the test set with a trained rung."""
    translator = Translator.load(folder)
    sources, references = (list(read_lines(path, errors="strict")) for path in test)
    outputs = [translation.text for translation in translator.translate(sources)]
    scores = corpus_scores(outputs, references, metrics=METRICS)
    (folder / "test.txt").write_text("\n".join([*outputs, ""]), encoding="utf-8", newline="\n")
    facts = translator.bundle.facts
    final = json.loads((folder / "final.json").read_text(encoding="utf-8"))
    lower_cased = scores["bleu_lc"]
    return Row(
        model=name,
        parameters=sum(parameters_by_part(translator.bundle.model).values()),
        updates=result.steps,
        passes=facts["epochs"],
        seconds=final["seconds"],
        bleu_lc=lower_cased.value,
        low=lower_cased.low or 0.0,
        high=lower_cased.high or 0.0,
        bleu=scores["bleu"].value,
        chrf=scores["chrf"].value,
        signatures={metric.name: metric.signature for metric in scores.metrics},
        published=RUNGS[name].published,
        config=translator.bundle.config.model_dump(mode="json"),
    )


def shares(rows: Sequence[Row]) -> dict[str, float]:
    """Return for each published rung but the lowest: its gain over the one below it, over the published gain."""
    ladder = [row for row in rows if row.published is not None]
    return {
        above.model: (above.bleu_lc - below.bleu_lc) / (above.published - below.published)
        for below, above in pairwise(ladder)
        if below.published is not None and above.published is not None
    }


def cells_of(row: Row, share: float | None) -> tuple[str, ...]:
    """Return one line of the table."""
    return (
        row.model,
        f"{row.parameters:,}",
        f"{row.updates:,}",
        f"{row.passes:.1f}",
        f"{row.seconds:,.0f}",
        f"{row.bleu_lc:.1f}",
        f"{row.low:.1f}-{row.high:.1f}",
        f"{row.bleu:.1f}",
        f"{row.chrf:.1f}",
        "-" if row.published is None else f"{row.published:.1f}",
        "-" if share is None else f"{share:.0%}",
    )


def arguments_of(argv: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = build_parser(__doc__)
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help="training text: German, English")
    parser.add_argument("--valid", nargs=2, type=Path, default=[], metavar="FILE", help="the same for validation")
    parser.add_argument("--test", nargs=2, type=Path, metavar="FILE", help="the same for the scores")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="where the models go")
    parser.add_argument("--models", nargs="+", choices=list(RUNGS), default=list(PUBLISHED), help="which rungs")
    limits = parser.add_mutually_exclusive_group()
    limits.add_argument("--budget", metavar="TIME", help="the same time for each: 20m, 1h")
    limits.add_argument("--steps", type=int, metavar="N", help="the same number of updates for each")
    limits.add_argument("--epochs", type=float, metavar="N", help="the same number of passes for each (published: 10)")
    parser.add_argument("--preset", default="tiny", help="where the widths come from (default: tiny)")
    parser.add_argument("--threads", type=int, default=0, help="CPU threads (default: all cores)")
    parser.add_argument("--seed", type=int, default=1, help="of weights and batches (default: 1)")
    parser.add_argument("--set", type=_assignment, action="append", default=[], metavar="OPTION=VALUE", help="for all")
    arguments = parser.parse_args(argv)
    if arguments.quick:
        return arguments
    if len(arguments.files) != 2 or arguments.test is None or arguments.out is None:
        parser.error("name two training files, --test and --out; or try --quick")
    return arguments


def _assignment(text: str) -> tuple[str, Any]:
    name, _, value = text.partition("=")
    return name, value


def quick_corpus(arguments: argparse.Namespace, folder: Path) -> None:
    """Let the ladder be climbed on a generated corpus, for a few updates."""
    pairs = list(generate_pairs(240, seed=1))
    for part, rows in (("train", pairs[:200]), ("valid", pairs[200:220]), ("test", pairs[220:])):
        names = [folder / f"{part}.{language}" for language in ("de", "en")]
        for name, texts in zip(names, ([pair.target for pair in rows], [pair.source for pair in rows]), strict=True):
            name.write_text("".join(f"{text}\n" for text in texts), encoding="utf-8", newline="\n")
        setattr(arguments, "files" if part == "train" else part, names)
    arguments.out, arguments.threads = arguments.out or folder / "ladder", 1
    arguments.budget, arguments.epochs, arguments.steps = None, None, 3


def main(argv: list[str] | None = None) -> int:
    """Climb, and print each rung as soon as it is reached."""
    arguments = arguments_of(argv)
    with tempfile.TemporaryDirectory() as work:
        if arguments.quick:
            quick_corpus(arguments, Path(work))
        arguments.out.mkdir(parents=True, exist_ok=True)
        rows: list[Row] = []
        for name in (name for name in RUNGS if name in arguments.models):
            rows.append(climb(name, arguments))
            gains = shares(rows)
            print_table(COLUMNS, [cells_of(row, gains.get(row.model)) for row in rows])
            print()
    notes = recipe() | {"corpus": ", ".join(path.name for path in (*arguments.files, *arguments.test))}
    notes |= {"BLEU (lc)": rows[0].signatures["bleu_lc"], "BLEU": rows[0].signatures["bleu"]}
    finish(notes, {"rows": [asdict(row) for row in rows], "shares": shares(rows)}, arguments.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
