"""Can this server translate now? Each model must have decoded a sentence lately; if it has not, it is asked to."""

import asyncio
import time
from dataclasses import dataclass

from polyglass.serving.desk import Desk
from polyglass.serving.gate import Gate
from polyglass.serving.models import Model, Shelf, Wishes
from polyglass.serving.orders import Sentence
from polyglass.serving.refusals import Refusal, draining
from polyglass.translator import Translation

_PROBE = Wishes(beam=1, max_len=4)
_PROBE_TEXT = "1."
_REMEMBERED_SECONDS = 1.0  # so that many who ask do not make the models busy


@dataclass(frozen=True)
class Verdict:
    """Whether all is well, or the reason why not."""

    reason: str = ""

    def __bool__(self) -> bool:
        return not self.reason


class Readiness:
    """Looks after the models of one server. trusted: seconds that a decoded sentence proves a model for."""

    def __init__(self, shelf: Shelf, desk: Desk[Translation], gate: Gate, *, trusted: float) -> None:
        self._shelf, self._desk, self._gate, self._trusted = shelf, desk, gate, trusted
        self._lock = asyncio.Lock()
        self._last: tuple[float, Verdict] = (0.0, Verdict("Nothing has been decoded yet."))

    @property
    def last(self) -> bool:
        """What was found when somebody asked last."""
        return bool(self._last[1]) and not self._gate.draining and self._desk.batcher.alive

    async def check(self, *, patience: float | None = None) -> None:
        """Return if the server is ready. Raises Refusal (503) with the reason if it is not.

        patience: seconds to wait for the models; None: as long as a sentence proves them.
        """
        if self._gate.draining:
            raise draining()
        if not self._desk.batcher.alive:
            raise _not_ready("The model thread has ended.")
        async with self._lock:
            asked, verdict = self._last
            if not verdict or not self._proven():
                if time.monotonic() - asked >= _REMEMBERED_SECONDS:
                    verdict = await self._probe(self._trusted if patience is None else patience)
                    self._last = (time.monotonic(), verdict)
            else:
                verdict = Verdict()
        if not verdict:
            raise _not_ready(verdict.reason)

    def _proven(self) -> bool:
        return all(model.worked_within(self._trusted) for model in self._shelf.models)

    async def _probe(self, patience: float) -> Verdict:
        unproven = [model for model in self._shelf.models if not model.worked_within(self._trusted)]
        try:
            async with asyncio.timeout(patience):
                replies = await self._desk.ask(list(map(_probe_of, unproven)), urgent=True)
        except TimeoutError:
            return Verdict(f"No answer from the models within {patience:g} seconds.")
        except Refusal as refusal:
            return Verdict(refusal.message)
        failed = [model.name for model, reply in zip(unproven, replies, strict=True) if reply.error]
        return Verdict(f"The model fails: {', '.join(failed)}." if failed else "")


def _probe_of(model: Model) -> Sentence:
    group = model.group(_PROBE)
    return Sentence(group, _PROBE_TEXT, tokens=model.tokens(_PROBE_TEXT) + 1, width=group.width)


def _not_ready(reason: str) -> Refusal:
    return Refusal(503, "not_ready", reason, hint="If it stays so, restart the server.", retry_after=5)
