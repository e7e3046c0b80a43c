"""Judge the model on the validation set while it trains, and keep the best one at the top of the run folder."""

import time
from typing import Any

import torch

from polyglass.bundle import Bundle, save_bundle
from polyglass.data.batches import plain_batches
from polyglass.data.store import TokenStore
from polyglass.evaluation.score import quick_scores
from polyglass.model.seq2seq import Seq2Seq
from polyglass.run.folder import RunFolder, RunPlan
from polyglass.run.prepare import Corpus
from polyglass.training.events import Reporter, Sample, Validation
from polyglass.training.loss import TranslationLoss
from polyglass.training.state import TrainState, mean_of_checkpoints
from polyglass.translator import Translator

SAMPLES = 3
TOKENS_IN_LOSS_BATCH = 8192


class Judge:
    """Validates, remembers the best, and says when to stop early."""

    def __init__(self, folder: RunFolder, plan: RunPlan, corpus: Corpus, reporter: Reporter) -> None:
        self._folder = folder
        self._plan = plan
        self._corpus = corpus
        self._reporter = reporter
        count = plan.config.train.validate_sentences
        self._sources = corpus.validation_texts[0][:count]
        self._references = corpus.validation_texts[1][:count]
        self._previous: list[str] | None = None

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
        is_best = not progress.validated or chrf > progress.best_chrf
        if is_best:
            state.advance(best_step=progress.step, best_chrf=chrf, best_bleu=bleu, misses=0)
            self.save_best(bundle, state, loss=loss)
        else:
            state.advance(misses=progress.misses + 1)
        progress = state.progress
        previous: list[str] | list[None] = self._previous or [None] * len(outputs)
        samples = zip(self._sources, self._references, outputs, previous, strict=True)
        self._previous = outputs
        self._reporter.validation(
            Validation(
                step=progress.step,
                loss=loss,
                bleu=bleu,
                chrf=chrf,
                signature=signature,
                samples=tuple(Sample(*sample) for sample in list(samples)[:SAMPLES]),
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
            state.save(self._folder.checkpoints)
            return mean_of_checkpoints(self._folder.checkpoints, train.average_checkpoints, state.model)
        return state.average if state.average is not None else state.model

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

    def save_best(self, bundle: Bundle, state: TrainState, *, loss: float | None = None) -> None:
        """Put the model at the top of the run folder."""
        progress = state.progress
        if progress.validated:
            bundle.facts["validation"] = {"loss": loss, "chrf": progress.best_chrf, "bleu": progress.best_bleu}
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
