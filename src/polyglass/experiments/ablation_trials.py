"""The trials of `ablation`: train the model of one row and score it; how sharp softmax rows are by d_k."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from polyglass.experiments.ablation_root import reshape_scores, settle, sharpness
from polyglass.experiments.ablation_rows import Row
from polyglass.experiments.heads_trials import loss_curve
from polyglass.experiments.results import Measure
from polyglass.experiments.short_text import SMALL, Rows, School
from polyglass.experiments.text_scores import cost_of, held_out_loss, score_at, translated
from polyglass.experiments.trial import train_trial, trial_config
from polyglass.experiments.window_trials import BLEU
from polyglass.model.seq2seq import Seq2Seq

ROW, ROOT = "row", "root"
LOSS, SEEN_LOSS = "held-out loss", "loss on training pairs"
WITH, WITHOUT = "with root", "without root"
VARIANCE, ENTROPY, LARGEST, GRADIENT = "variance of scores", "entropy", "largest weight", "gradient"
KEY_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)

Measures = tuple[Sequence[Measure], str]


@dataclass(frozen=True)
class Effort:
    """How much is trained and tested. pairs: of the demo's. tested: held-out pairs that are scored."""

    pairs: int
    steps: int
    batch_tokens: int
    tested: int


def row_trial(row: Row, school: School, effort: Effort, *, seed: int, steps: int, device: torch.device) -> Measures:
    """Train the model of one row and score it. Losses are without label smoothing, whatever it was trained with."""
    options = {**SMALL, "train.batch_tokens": effort.batch_tokens, **row.options}
    config = trial_config(options, seed=seed, steps=steps)

    def prepare(model: Seq2Seq) -> None:
        if row.key_size is not None or not row.root:
            reshape_scores(model, key_size=row.key_size, root=row.root)

    trained = train_trial(config, school.lesson, device=device, prepare=prepare)
    cost = cost_of(trained)  # before rows that never learn are filled in
    settle(trained.model)
    tests = school.tests
    loss = _loss(trained.model, tests)
    scores = score_at(0, translated(trained.model, school.subwords, tests.sources), tests.references)
    measures = [Measure(LOSS, 0, loss), Measure(SEEN_LOSS, 0, _loss(trained.model, school.seen)), *scores, *cost]
    bleu = next(measure.y for measure in scores if measure.what == BLEU)
    return [*measures, *loss_curve(trained.curve)], f"perplexity {math.exp(loss):.2f}, BLEU {bleu:.1f}"


def root_trial(*, seed: int) -> Measures:
    """Measure how sharp the rows of the softmax are by d_k, with the root and without."""
    measures = []
    for name, root in ((WITH, True), (WITHOUT, False)):
        for d_k in KEY_SIZES:
            found = sharpness(d_k, root=root, seed=seed)
            for what, y in (
                (VARIANCE, found.variance),
                (ENTROPY, found.entropy),
                (LARGEST, found.largest),
                (GRADIENT, found.gradient),
            ):
                measures.append(Measure(f"{what}, {name}", d_k, y))
    return measures, f"entropy at d_k {KEY_SIZES[-1]} without root {found.entropy:.0%} of the largest"


def _loss(model: Seq2Seq, rows: Rows) -> float:
    return held_out_loss(model, rows.sources, rows.targets)
