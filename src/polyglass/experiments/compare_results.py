"""The folder of a comparison in, `Results` out: reads what runs have left, scores it once, and puts it together."""

import hashlib
import json
import shlex
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from polyglass.errors import BundleError
from polyglass.experiments.compare_child import OUTPUTS
from polyglass.experiments.compare_data import TEST, read_pairs
from polyglass.experiments.compare_folder import CompareFolder, Entry, Plan, RunName
from polyglass.experiments.compare_record import (
    ContestantRecord,
    DataRecord,
    PairRecord,
    Results,
    RunRecord,
    Sample,
    Status,
)
from polyglass.experiments.compare_runs import ENDED, RunBook, RunState
from polyglass.experiments.compare_samples import choose_samples
from polyglass.experiments.compare_scores import PairTests, Scored, TestSet, spread
from polyglass.experiments.compare_words import held_equal, not_equal, verdict
from polyglass.options import show_bare
from polyglass.settings import to_toml


class Bookkeeper:
    """Knows the plan and the runs of one comparison, and what was already computed of them."""

    def __init__(self, folder: CompareFolder, plan: Plan) -> None:
        self.book = RunBook(folder.path, plan.runs)
        self._folder = folder
        self._plan = plan
        self._test = TestSet(read_pairs(folder.prepared / TEST))
        self._scored: dict[RunName, Scored] = {}
        self._contestants: dict[tuple[str, tuple[int, ...]], ContestantRecord] = {}
        self._tests = PairTests()
        self._lasting: tuple[tuple[RunName, ...], tuple[PairRecord, ...], tuple[Sample, ...]] | None = None

    def results(self, status: Status, *, now: RunName | None = None) -> Results:
        """Return everything known at this moment. Raises BundleError if what a run left is damaged."""
        plan = self._plan
        states = self.book.states(now=now)
        runs = {entry.name: self._scored_runs(entry, states) for entry in plan.entries}
        contestants = tuple(
            self._contestant(entry, [s for s in states if s.run.contestant == entry.name], runs[entry.name])
            for entry in plan.entries
        )
        open_runs = sum(state.state not in ENDED for state in states)
        pairs, samples = self._compared(runs, states)
        terms = plan.terms
        return Results(
            status=status,
            running=str(now) if now else "",
            began=plan.began,
            written=datetime.now(UTC).isoformat(timespec="seconds"),
            polyglass=plan.facts["polyglass"],
            torch=plan.facts["torch"],
            device=plan.facts["device"],
            command=command_of(plan, self._folder.path),
            equal=terms["equal"],
            seeds=terms["seeds"],
            budget_seconds=terms["budget_seconds"],
            steps=terms["steps"],
            held_equal=tuple(held_equal(plan)),
            not_equal=tuple(not_equal(plan)),
            verdict=tuple(verdict(contestants, pairs, len(self._test.pairs), open_runs=open_runs)),
            notes=plan.notes,
            data=self._data(),
            contestants=contestants,
            pairs=pairs,
            samples=samples,
        )

    def _scored_runs(self, entry: Entry, states: Sequence[RunState]) -> tuple[Scored, ...]:
        """Return the outputs of the contestant's runs that ended well, scored."""
        done = [state.run for state in states if state.run.contestant == entry.name and state.state == "done"]
        for run in done:
            if run not in self._scored:
                outputs = self._outputs(self._folder.run(run) / OUTPUTS)
                self._scored[run] = self._test.score(run.seed, outputs)
        return tuple(self._scored[run] for run in done)

    def _outputs(self, path: Path) -> list[str]:
        try:
            lines = path.read_bytes().decode().split("\n")[:-1]
        except (OSError, UnicodeDecodeError) as error:
            raise BundleError(
                f"{path} cannot be read ({error}). Remove {path.parent}: it is then made again."
            ) from None
        if len(lines) != len(self._test.pairs):
            raise BundleError(
                f"{path} must have a line for each of {len(self._test.pairs):,} test sentences, but it has "
                f"{len(lines):,}. Remove {path.parent}: it is then made again."
            )
        return lines

    def _compared(
        self, runs: dict[str, tuple[Scored, ...]], states: Sequence[RunState]
    ) -> tuple[tuple[PairRecord, ...], tuple[Sample, ...]]:
        """Return pairs and samples; computed anew only when another run has ended."""
        ended = tuple(state.run for state in states if state.state in ENDED)
        if self._lasting is None or self._lasting[0] != ended:
            pairs = self._tests.all(runs)
            self._lasting = (ended, pairs, choose_samples(self._test.pairs, runs))
        return self._lasting[1], self._lasting[2]

    def _contestant(self, entry: Entry, states: Sequence[RunState], scored: Sequence[Scored]) -> ContestantRecord:
        config = entry.config
        names = list(scored[0].counted) if scored else []
        key = (entry.name, tuple(run.seed for run in scored))
        if key not in self._contestants:
            diagnosis = None
            if scored:
                outcome = next(state.outcome for state in states if state.run.seed == scored[0].seed)
                assert outcome is not None
                diagnosis = self._test.diagnose(scored[0], outcome.finish_reasons)
            self._contestants[key] = ContestantRecord(
                name=entry.name,
                family=entry.family,
                parameters=entry.parameters,
                steps=entry.steps,
                batch_tokens=config.train.batch_tokens or 0,
                learning_rate=config.train.learning_rate or 0.0,
                changes=entry.changes,
                recipe=to_toml(config),
                signature=self._signature(entry),
                reasons=entry.reasons,
                scores=tuple(spread(name, scored) for name in names),
                lengths=self._test.lengths(scored) if scored else (),
                diagnosis=diagnosis.verdict if diagnosis else "",
                faults=tuple(finding.sentence for finding in diagnosis.findings) if diagnosis else (),
                runs=(),
            )
        known = {run.seed: run for run in scored}
        records = tuple(_run_record(entry, state, known.get(state.run.seed)) for state in states)
        return replace(self._contestants[key], runs=records)

    def _signature(self, entry: Entry) -> str:
        facts, terms = self._plan.facts, self._plan.terms
        hashes = [file["sha256"] for part in terms["files"].values() for file in part]
        parts = {
            "polyglass": facts["polyglass"],
            "torch": facts["torch"],
            "device": str(facts["device"]).replace(" ", "-"),
            "data": _short_hash(json.dumps(hashes)),
            "recipe": _short_hash(entry.config.model_dump_json()),
            "seeds": f"1-{terms['seeds']}",
            "equal": terms["equal"],
        }
        return "|".join(f"{name}:{value}" for name, value in parts.items())

    def _data(self) -> DataRecord:
        plan, facts = self._plan, self._plan.facts["data"]
        files = [file for part in plan.terms["files"].values() for file in part]
        return DataRecord(
            source_lang=plan.source_lang,
            target_lang=plan.target_lang,
            files=tuple(file["path"] for file in files),
            sha256=tuple(file["sha256"] for file in files),
            train_pairs=facts["kept"],
            validation_pairs=facts["validation"],
            test_pairs=len(self._test.pairs),
            vocabulary=facts["vocabulary_size"],
            notes=plan.notes,
        )


def _run_record(entry: Entry, state: RunState, scored: Scored | None) -> RunRecord:
    outcome = state.outcome
    return RunRecord(
        seed=state.run.seed,
        state=state.state,
        trouble=state.trouble,
        folder=state.run.folder,
        steps=state.step,
        planned_steps=entry.steps,
        best_step=state.best_step if outcome else None,
        train_seconds=state.seconds,
        planned_seconds=entry.seconds,
        target_tokens=state.tokens,
        tokens_per_second=state.tokens_per_second,
        memory_before=outcome.memory_before if outcome else None,
        memory_peak=outcome.memory_peak if outcome else None,
        sentences_per_second=outcome.sentences_per_second if outcome else None,
        latency_median_ms=state.latency_median_ms if outcome else None,
        latency_p95_ms=state.latency_p95_ms if outcome else None,
        scores=scored.metrics if scored else (),
        training=state.losses,
        validation=state.judged,
        notices=state.notices,
    )


def command_of(plan: Plan, out: Path) -> str:
    """Return the command line that makes this comparison again."""
    terms = plan.terms
    words = ["polyglass", "compare", *(file["path"] for file in terms["files"]["train"])]
    for part in ("valid", "test"):
        if files := terms["files"][part]:
            words += [f"--{part}", *(file["path"] for file in files)]
    words += ["--models", terms["models_given"]]
    words += ["--equal", terms["equal"]]
    if terms["steps"] is not None:
        words += ["--steps", str(terms["steps"])]
    else:
        words += ["--budget", f"{terms['budget_seconds']:g}s"]
    if terms["parameters"] is not None:
        words += ["--parameters", str(terms["parameters"])]
    words += ["--seeds", str(terms["seeds"])]
    if terms["preset"]:
        words += ["--preset", terms["preset"]]
    for flag, code in zip(("--source-lang", "--target-lang"), terms["languages"], strict=True):
        words += [flag, code] if code else []
    words += ["--errors", terms["errors"]] if terms["errors"] != "strict" else []
    for name, value in terms["options"].items():
        words += ["--set", f"{name}={show_bare(value)}"]
    return shlex.join([*words, "--out", str(out)])


def _short_hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]
