"""One explorer: the models that are looked at, and the runs that were asked for lately."""

from collections import OrderedDict
from collections.abc import Sequence
from threading import Lock

from polyglass.explorer.ask import LiftCausalMask, RunRequest
from polyglass.explorer.capture import Check, Run, capture, run_id
from polyglass.explorer.refusal import RefusedError
from polyglass.explorer.subject import Subject

RUNS = 64
RUNS_BYTES = 2**28


def nobody_left() -> None:
    """A check that never stops the work."""


class Explorer:
    """Answers come from here, whoever asks: a page, a file to export, a notebook."""

    def __init__(self, subjects: Sequence[Subject]) -> None:
        self.subjects = {subject.id: subject for subject in subjects}
        self._runs: OrderedDict[str, Run] = OrderedDict()
        self._lock = Lock()

    def subject(self, name: str) -> Subject:
        """Return a model by its id. Raises RefusedError."""
        if name not in self.subjects:
            raise RefusedError(
                "not_found", f"model: there is no such model here. There is {' and '.join(self.subjects)}."
            )
        return self.subjects[name]

    def run(self, request: RunRequest, check: Check = nobody_left) -> Run:
        """Return the run that is asked for, from memory if it was asked for before."""
        subject = self.subject(request.model)
        if (known := self._recall(run_id(request))) is not None:
            return known
        lifted = any(isinstance(edit, LiftCausalMask) for edit in request.edits)
        written = self.run(without_lift(request), check) if lifted and request.target is None else None
        return self.keep(capture(subject, request, check, known=written))

    def keep(self, run: Run) -> Run:
        """Remember a run, and forget those that nobody asked for lately if there are too many or they are too large."""
        with self._lock:
            self._runs[run.id] = run
            self._runs.move_to_end(run.id)
            held = sum(one.kept_bytes for one in self._runs.values())
            while len(self._runs) > 1 and (len(self._runs) > RUNS or held > RUNS_BYTES):
                _, oldest = self._runs.popitem(last=False)
                held -= oldest.kept_bytes
        return run

    def known_run(self, name: str) -> Run:
        """Return a run by its id. Raises RefusedError if it was forgotten, or never was."""
        run = self._recall(name)
        if run is None:
            raise RefusedError("forgotten", "run: this run is no longer known. Ask /api/run for it again.")
        return run

    def baseline(self, run: Run, check: Check = nobody_left) -> Run | None:
        """Return the same run without edits; None if it has none."""
        if not run.request.edits:
            return None
        return self.run(run.request.model_copy(update={"edits": ()}), check)

    def _recall(self, name: str) -> Run | None:
        with self._lock:
            if name in self._runs:
                self._runs.move_to_end(name)
            return self._runs.get(name)


def without_lift(request: RunRequest) -> RunRequest:
    """Return the request with its causal mask in place."""
    kept = tuple(edit for edit in request.edits if not isinstance(edit, LiftCausalMask))
    return request.model_copy(update={"edits": kept})


def with_lift(request: RunRequest) -> RunRequest:
    """Return the request with its causal mask lifted."""
    lift = LiftCausalMask(kind="lift_causal_mask")
    return request.model_copy(update={"edits": (*without_lift(request).edits, lift)})
