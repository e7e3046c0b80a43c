"""Updates and validations in, warnings in words out: overfitting, a loss that does not move, a run that slows down."""

import math
from collections import deque
from itertools import pairwise
from statistics import fmean, median

from polyglass.training.events import Notice, StepReport, Validation
from polyglass.training.wording import count, percent

RISES_THAT_ARE_A_TREND = 3
FLAT_WINDOW = 100  # updates
NEAR_UNIFORM = 0.95  # of ln(V), the loss of a model that thinks every subword equally likely
SPEED_WINDOW = 50  # updates
SLOW = 0.7  # of the usual speed: 30 % are gone
WELL_AGAIN = 0.9


class Watch:
    """Looks at a run as an experienced person would. Pure: the same events give the same notices.

    After a resume, feed it the events read back from metrics.jsonl and ignore what it returns.
    """

    def __init__(self, *, vocabulary_size: int) -> None:
        """vocabulary_size: subwords in the target vocabulary, V in ln(V)."""
        self._uniform_loss = math.log(max(2, vocabulary_size))
        self._validations: list[tuple[float, float]] = []  # (validation loss, training loss around it)
        self._losses: deque[float] = deque(maxlen=FLAT_WINDOW)
        self._flat_was_said = False
        self._window: list[StepReport] = []
        self._usual: deque[tuple[float, float]] = deque(maxlen=100)  # (tokens a second, share of waiting) of a window
        self._is_slow = False

    def step(self, report: StepReport) -> list[Notice]:
        """Look at one update."""
        if math.isfinite(report.loss):
            self._losses.append(report.loss)
        self._window.append(report)
        return self._flat(report) + self._slow(report)

    def validation(self, validation: Validation) -> list[Notice]:
        """Look at one validation."""
        train = fmean(self._losses) if self._losses else math.nan
        self._validations.append((validation.loss, train))
        recent = self._validations[-RISES_THAT_ARE_A_TREND - 1 :]
        rising = [later[0] > earlier[0] for earlier, later in pairwise(recent)]
        if len(rising) < RISES_THAT_ARE_A_TREND or not all(rising):
            return []
        self._validations = self._validations[-1:]  # say it again only after three more
        path = ", ".join(f"{loss:.2f}" for loss, _ in recent)
        start = f"The validation loss rose {RISES_THAT_ARE_A_TREND} times in a row ({path})"
        if recent[-1][1] > recent[0][1]:
            text = (
                f"{start}, and so does the training loss: the learning rate is probably too high. "
                "Try half of train.learning_rate, or more train.warmup_steps."
            )
            return [Notice(validation.step, "rising_loss", text)]
        text = (
            f"{start} while the training loss did not: the model starts to learn the training pairs by heart. "
            f"The best model (step {count(validation.best_step)}) is kept. More pairs, more model.dropout or a smaller "
            "model help; train.patience stops such a run early."
        )
        return [Notice(validation.step, "overfitting", text)]

    def _flat(self, report: StepReport) -> list[Notice]:
        patience = max(FLAT_WINDOW, min(2000, report.total_steps // 5))
        if self._flat_was_said or report.step < patience or len(self._losses) < FLAT_WINDOW:
            return []
        loss = fmean(self._losses)
        if loss < NEAR_UNIFORM * self._uniform_loss:
            return []
        self._flat_was_said = True
        text = (
            f"After {count(report.step)} steps the loss is {loss:.2f}, still as if every subword were equally likely "
            f"(ln V = {self._uniform_loss:.2f}). Either the two sides of the corpus do not belong together line by "
            "line (check: polyglass data check), or the learning rate is far too high or too low "
            f"(now {report.learning_rate:.1e})."
        )
        return [Notice(report.step, "flat_loss", text)]

    def _slow(self, report: StepReport) -> list[Notice]:
        if len(self._window) < SPEED_WINDOW:
            return []
        window, self._window = self._window, []
        speed = median(update.tokens_per_second for update in window)
        waiting = fmean(update.wait_share for update in window)
        earlier = list(self._usual)
        self._usual.append((speed, waiting))
        if len(earlier) < 3:
            return []
        usual = median(known for known, _ in earlier)
        if speed >= WELL_AGAIN * usual:
            self._is_slow = False
        if self._is_slow or speed > SLOW * usual:
            return []
        self._is_slow = True
        usual_waiting = median(known for _, known in earlier)
        if waiting > usual_waiting + 0.1:
            why = (
                f"Waiting for data grew from {percent(usual_waiting)} to {percent(waiting)} of the time: "
                "look at the disk, or at other programs that read from it."
            )
        else:
            why = "Look for other programs on the same processor, or a processor that is too hot."
        fall = percent(1 - speed / usual)
        text = f"Training slowed down by {fall}: from {count(usual)} to {count(speed)} target tokens a second. {why}"
        return [Notice(report.step, "slow", text)]
