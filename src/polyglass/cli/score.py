"""`polyglass score`: how likely the model finds given translations (forced decoding)."""

import argparse
import json
import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from polyglass.cli.progress import Progress, naming
from polyglass.cli.translate import add_machine_arguments, load_translator

if TYPE_CHECKING:
    from polyglass.data.pair import Pair
    from polyglass.translator import Candidate

_DESCRIPTION = """\
Say how likely the model finds each target as the translation of its source.
One line for each pair: log-probability (natural log), its average over the
target's subwords, and the perplexity, with tabs between; totals go to stderr.

  polyglass score en-de news.en news.de > scores.tsv
  polyglass score en-de pairs.tsv --json
"""
_CHUNK = 1000  # pairs scored together


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb."""
    parser = subparsers.add_parser(
        "score", description=_DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", metavar="MODEL", type=Path, help="a model folder")
    parser.add_argument(
        "files",
        metavar="FILE",
        nargs="+",
        type=Path,
        help="two text files (source, target), or one TSV, JSONL, TMX, XLIFF or PO; packed ones (.gz, .xz, .zst) too",
    )
    parser.add_argument("--json", action="store_true", help="print JSON lines with each subword; the last is the total")
    add_machine_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Score all pairs, then say what they come to."""
    from polyglass.data.corpus import open_corpus

    corpus = iter(open_corpus(arguments.files))
    translator = load_translator(arguments)
    total, name = _Total(), " ".join(map(str, arguments.files))
    with Progress("pair") as progress:
        while pairs := list(islice(corpus, _CHUNK)):
            with naming(f"{name}, from line {pairs[0].line} on"):
                scored = translator.score([pair.source for pair in pairs], [pair.target for pair in pairs])
            for line in _lines(pairs, scored, as_json=arguments.json):
                sys.stdout.write(line + "\n")
            sys.stdout.flush()
            total.add(scored)
            progress.advance(len(pairs))
    if arguments.json:
        print(json.dumps({"total": total.record()}))
    else:
        print(total.sentence(), file=sys.stderr)
    return 0


@dataclass
class _Total:
    pairs: int = 0
    tokens: int = 0
    log_prob: float = 0.0

    def add(self, scored: "list[Candidate]") -> None:
        self.pairs += len(scored)
        self.tokens += sum(len(candidate.pieces) for candidate in scored)
        self.log_prob = math.fsum([self.log_prob, *(candidate.log_prob for candidate in scored)])

    @property
    def per_token(self) -> float:
        return self.log_prob / max(1, self.tokens)

    def record(self) -> dict[str, float]:
        return {
            "pairs": self.pairs,
            "target_tokens": self.tokens,
            "log_prob": self.log_prob,
            "log_prob_per_token": self.per_token,
            "perplexity": perplexity(self.per_token),
        }

    def sentence(self) -> str:
        return (
            f"{self.pairs:,} pairs, {self.tokens:,} target subwords (ends of sentence counted): log-probability "
            f"{self.log_prob:,.2f}, {self.per_token:.4f} for each subword, perplexity {perplexity(self.per_token):.3f}"
        )


def perplexity(log_prob_per_token: float) -> float:
    """Return among how many equally likely subwords the model seemed to choose."""
    return math.exp(min(-log_prob_per_token, 700.0))  # beyond 700 the exponential is no float


def _lines(pairs: "list[Pair]", scored: "list[Candidate]", *, as_json: bool) -> Iterator[str]:
    for pair, candidate in zip(pairs, scored, strict=True):
        per_token = candidate.log_prob / len(candidate.pieces)
        if not as_json:
            yield f"{candidate.log_prob:.4f}\t{per_token:.4f}\t{perplexity(per_token):.4f}"
            continue
        record = {
            "line": pair.line,
            "source": pair.source,
            "target": pair.target,
            "log_prob": candidate.log_prob,
            "log_prob_per_token": per_token,
            "perplexity": perplexity(per_token),
            "pieces": candidate.pieces,
            "token_log_probs": candidate.token_log_probs,
        }
        yield json.dumps(record, ensure_ascii=False)
