"""Judge the model on the validation set while it trains, and keep the best one at the top of the run folder."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from polyglass.bundle import Bundle, save_bundle
from polyglass.data.batches import plain_batches
from polyglass.data.store import TokenStore
from polyglass.errors import BundleError
from polyglass.evaluation.score import quick_scores
from polyglass.model.seq2seq import Seq2Seq
from polyglass.run.folder import RunFolder, RunPlan
from polyglass.run.prepare import Corpus
from polyglass.training.events import Notice, Reporter, Sample, Validation
from polyglass.training.loss import TranslationLoss
from polyglass.training.state import TrainState, mean_of, planned_checkpoints
from polyglass.translator import Translator
from polyglass.weights import load_weights

SAMPLES = 3
TOKENS_IN_LOSS_BATCH = 8192


class Judge:
    """Validates, remembers the best, and says when to stop early."""

    def __init__(
        self,
        folder: RunFolder,
        plan: RunPlan,
        corpus: Corpus,
        *,
        reporter: Reporter,
        last: Validation | None,
        attempt: Callable[[Callable[[], None]], bool],
    ) -> None:
        """Prepare to judge. last: the last validation of an earlier sitting. attempt: write, or say that it failed."""
        self._folder = folder
        self._plan = plan
        self._corpus = corpus
        self._reporter = reporter
        self._attempt = attempt
        count = plan.config.train.validate_sentences
        self._sources = corpus.validation_texts[0][:count]
        self._references = corpus.validation_texts[1][:count]
        self._previous = [sample.output for sample in last.samples] if last else None

    def validate(self, state: TrainState) -> bool:
        """Judge the averaged weights; returns False when training should stop because nothing gets better."""
        began = time.perf_counter()
        config = self._plan.config
        model = self.judged_model(state)
        loss = mean_loss(model, self._corpus.validation)
        bundle = self.bundle(model, state)
        outputs = [done.text for done in Translator(bundle).translate(self._sources, beam_size=1)]
        bleu, chrf, signature = quick_scores(outputs, self._references)
        progress = state.progress
        bundle.facts["validation"] = {"loss": loss, "chrf": chrf, "bleu": bleu}
        is_better = not progress.validated or chrf > progress.best_chrf
        is_best = is_better and self._attempt(lambda: self.save_best(bundle))
        if is_best:
            state.advance(best_step=progress.step, best_chrf=chrf, best_bleu=bleu, misses=0)
        elif not is_better:
            state.advance(misses=progress.misses + 1)
        progress = state.progress
        self._reporter.validation(
            Validation(
                step=progress.step,
                loss=loss,
                bleu=bleu,
                chrf=chrf,
                signature=signature,
                samples=self._samples(outputs[:SAMPLES]),
                is_best=is_best,
                best_step=progress.best_step,
                best_chrf=progress.best_chrf,
                best_bleu=progress.best_bleu,
                misses=progress.misses,
                patience=config.train.patience,
                seconds=time.perf_counter() - began,
            )
        )
        return config.train.patience == 0 or progress.misses < config.train.patience

    def judged_model(self, state: TrainState) -> Seq2Seq:
        """Return the weights that translate: the moving average, the mean of checkpoints, or the last ones."""
        train = self._plan.config.train
        if train.average == "checkpoints":
            return mean_of(state.model, list(self._earlier_weights(state.progress.step)))
        return state.average if state.average is not None else state.model

    def checkpoints_for_mean(self, step: int) -> list[Path]:
        """Return the checkpoints before `step` that are averaged with the weights of that step."""
        train = self._plan.config.train
        assert train.save_every is not None
        count = train.average_checkpoints - 1 if train.average == "checkpoints" else 0
        return planned_checkpoints(self._folder.checkpoints, every=train.save_every, before=step, count=count)

    def _earlier_weights(self, step: int) -> Iterator[dict[str, Tensor]]:
        for path in self.checkpoints_for_mean(step):
            try:
                yield load_weights(path / "model.safetensors")[0]
            except BundleError as error:
                self._reporter.notice(Notice(step, "damaged", f"{path.name} is left out of the mean: {error}"))

    def _samples(self, outputs: list[str]) -> tuple[Sample, ...]:
        previous: list[str] | list[None] = self._previous or [None] * len(outputs)
        self._previous = outputs
        return tuple(map(Sample, self._sources, self._references, outputs, previous))

    def bundle(self, model: Seq2Seq, state: TrainState) -> Bundle:
        """Return the model as a bundle with what is known of it so far."""
        progress = state.progress
        facts: dict[str, Any] = self._plan.facts | {
            "step": progress.step,
            "epochs": progress.position.epochs,
            "seconds": progress.elapsed_seconds,
            "target_tokens": progress.target_tokens,
        }
        plan = self._plan
        return Bundle(plan.config, model, self._corpus.subwords, plan.source_lang, plan.target_lang, facts)

    def save_best(self, bundle: Bundle) -> None:
        """Put the model at the top of the run folder."""
        save_bundle(self._folder.path, bundle)


@torch.inference_mode()
def mean_loss(model: Seq2Seq, store: TokenStore) -> float:
    """Return the cross-entropy of a store in nats per target token, without label smoothing."""
    training = model.training
    objective = TranslationLoss(model, 0.0).eval()
    total, tokens = 0.0, 0
    for batch in plain_batches(store, model.ids, batch_tokens=TOKENS_IN_LOSS_BATCH):
        moved = batch.to(model.device)
        total += float(objective(moved.source, moved.target_in, moved.target_out)[1])
        tokens += batch.target_tokens
    model.train(training)
    return total / tokens


def validation_seconds(judge_sentences: int, model: Seq2Seq, store: TokenStore) -> float:
    """Guess how long one validation takes: the loss, measured, and a translation, from the cost of reading."""
    began = time.perf_counter()
    mean_loss(model, store)
    loss_seconds = time.perf_counter() - began
    # A greedy translation reads each token once, but in small steps: about five times the cost of reading in one go.
    return loss_seconds * (1 + 5 * min(1.0, judge_sentences / max(1, len(store))))
