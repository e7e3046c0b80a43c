"""One sitting of a run: from the newest checkpoint until training ends or somebody stops it."""

import shlex
from collections.abc import Callable

import torch

from polyglass.data.batches import BatchSource
from polyglass.errors import BundleError, OutOfSpaceError
from polyglass.files import remove_folder, remove_leftovers
from polyglass.model.seq2seq import Seq2Seq
from polyglass.run.folder import RunFolder, RunPlan
from polyglass.run.judge import Judge
from polyglass.run.prepare import Corpus
from polyglass.run.talk import Talk
from polyglass.training import loop
from polyglass.training.distributed import Team
from polyglass.training.events import Notice, Reporter, StepReport, Validation
from polyglass.training.loss import TranslationLoss
from polyglass.training.metrics import MetricsFile, as_event, read_metrics
from polyglass.training.progress import Several
from polyglass.training.schedule import build_schedule
from polyglass.training.state import (
    TrainState,
    checkpoints_in,
    newest_checkpoint,
    remove_old_checkpoints,
    step_of,
)
from polyglass.training.stop import stop_on_signal
from polyglass.training.watch import Watch

SAVES_THAT_MAY_FAIL = 3


class Sitting:
    """Training in one process, from where the newest checkpoint stands."""

    def __init__(self, folder: RunFolder, plan: RunPlan, corpus: Corpus, model: Seq2Seq, *, team: Team) -> None:
        self._folder = folder
        self._plan = plan
        self._corpus = corpus
        self._team = team
        self._failed_saves = 0
        self._metrics: MetricsFile | None = None
        self._last: Validation | None = None
        self.state = TrainState(model, plan.config.train)

    def train(self, batches: BatchSource, talk: Talk) -> int:
        """Train; returns 0 when training is done, else the exit code of the signal that stopped it."""
        checkpoint, complaints = newest_checkpoint(self._folder.checkpoints)
        if checkpoint is not None:
            self.state.load(checkpoint)
        elif complaints:
            raise BundleError(
                f"no checkpoint of {self._folder.path} is whole, so the run cannot go on. {complaints[0]} "
                "The best model so far is still there; to train, choose another --out."
            )
        if self._is_done():
            return 0
        reporter = self._reporter(talk)
        try:
            for text in complaints:
                reporter.notice(Notice(self.state.progress.step, "resumed", text))
            if checkpoint is not None:
                text = f"going on after step {self.state.progress.step:,}."
                reporter.notice(Notice(self.state.progress.step, "resumed", text))
            with stop_on_signal() as request:
                self._run(batches, reporter, lambda: bool(request))
            if request and not self._is_done():
                path = shlex.quote(str(self._folder.path))
                text = f"stopped; everything is saved. Go on with: polyglass train --resume {path}"
                reporter.notice(Notice(self.state.progress.step, "stopped", text))
                return request.exit_code
        finally:
            reporter.close()
        return 0

    def _run(self, batches: BatchSource, reporter: Reporter, should_stop: Callable[[], bool]) -> None:
        config = self._plan.config

        def attempt(write: Callable[[], None]) -> bool:
            return self._attempt(write, reporter, should_stop)

        def save() -> None:
            if self._team.leads:
                attempt(lambda: self._save(judge))

        judge = Judge(self._folder, self._plan, self._corpus, reporter=reporter, last=self._last, attempt=attempt)
        objective = TranslationLoss(self.state.model, config.train.label_smoothing)
        wrapped = self._team.wrap(objective)
        if config.train.compile:
            wrapped = torch.compile(wrapped, dynamic=True)  # type: ignore[assignment]
        hooks = loop.Hooks(
            validate=lambda: self._validate(judge),
            save=save,
            restore=self._restore,
            should_stop=should_stop,
            reporter=reporter,
            team=self._team,
        )
        schedule = build_schedule(config)
        loop.train(self.state, wrapped, batches, config.train, schedule=schedule, hooks=hooks)

    def _reporter(self, talk: Talk) -> Reporter:
        if not self._team.leads:
            return Several([])
        remove_leftovers(self._folder.path)
        remove_leftovers(self._folder.checkpoints)
        for path in checkpoints_in(self._folder.checkpoints):
            if step_of(path) > self.state.progress.step:  # damaged; it must not pass for the newest
                remove_folder(path)
        before = MetricsFile(self._folder.metrics)
        before.cut_back(self.state.progress.step)
        before.close()
        watch = Watch(vocabulary_size=self._corpus.subwords.target_size)
        self._last = self._remember(watch)
        screen = talk.training(self._plan.config, self._last)
        self._metrics = MetricsFile(self._folder.metrics, tell=screen.notice)
        return Several([screen, self._metrics], watch=watch)

    def _remember(self, watch: Watch) -> Validation | None:
        """Let the watch see earlier sittings (what it has to say was said then); return the last validation."""
        last = None
        for record in read_metrics(self._folder.metrics):
            event = as_event(record)
            if isinstance(event, StepReport):
                watch.step(event)
            elif isinstance(event, Validation):
                watch.validation(event)
                last = event
        return last

    def _is_done(self) -> bool:
        progress, train = self.state.progress, self._plan.config.train
        out_of_patience = train.patience > 0 and progress.misses >= train.patience
        return progress.step >= (train.steps or 0) or out_of_patience

    def _validate(self, judge: Judge) -> bool:
        """Let the leader judge, and everybody hear whether to go on."""
        return self._team.any(self._team.leads and judge.validate(self.state))

    def _save(self, judge: Judge) -> None:
        """Write a checkpoint, and the model itself as long as no validation has chosen one."""
        state, train = self.state, self._plan.config.train
        if not state.progress.validated:
            judge.save_best(judge.bundle(judge.judged_model(state), state))
        state.save(self._folder.checkpoints)
        for_mean = judge.checkpoints_for_mean(state.progress.step + 1)
        remove_old_checkpoints(self._folder.checkpoints, keep=train.keep_checkpoints, for_mean=for_mean)
        if self._metrics is not None:
            self._metrics.sync()

    def _attempt(self, write: Callable[[], None], reporter: Reporter, should_stop: Callable[[], bool]) -> bool:
        """Write, and return whether that succeeded.

        A disk that is full may become free again, so a few failures in a row are only said, unless training ends here.
        """
        try:
            write()
        except OutOfSpaceError as error:
            self._failed_saves += 1
            if self._failed_saves >= SAVES_THAT_MAY_FAIL or self._is_done() or should_stop():
                raise
            reporter.notice(Notice(self.state.progress.step, "save_failed", f"{error} Training goes on."))
            return False
        self._failed_saves = 0
        return True

    def _restore(self) -> bool:
        checkpoint, _ = newest_checkpoint(self._folder.checkpoints)
        if checkpoint is None:
            return False
        self.state.load(checkpoint)
        return True
