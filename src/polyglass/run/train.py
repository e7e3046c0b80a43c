"""`polyglass.train(...)` and `polyglass.resume(...)`: files in, a trained model folder out."""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from polyglass.config import Config, TrainConfig
from polyglass.data.batches import BatchSource, training_batches
from polyglass.data.doctor import CorpusHealth
from polyglass.files import remove_leftovers
from polyglass.model.build import build_model
from polyglass.model.seq2seq import Seq2Seq
from polyglass.options import parse_duration
from polyglass.run import planner as plans
from polyglass.run.finish import finish_run
from polyglass.run.folder import RunFolder, RunPlan
from polyglass.run.judge import validation_seconds
from polyglass.run.machine import advice_for, choose_precision, describe_device, set_up_machine
from polyglass.run.prepare import (
    Corpus,
    CorpusPaths,
    build_sampler,
    describe_data,
    filter_corpus,
    open_prepared,
    store_corpus,
)
from polyglass.run.probe import Speed, probe_speed, steps_per_epoch
from polyglass.run.sitting import Sitting
from polyglass.run.talk import Quiet, Talk
from polyglass.settings import Settings, resolve
from polyglass.training.distributed import Team, join_team
from polyglass.training.events import Plan
from polyglass.training.metrics import MetricsFile

FileNames = str | Path | Sequence[str | Path]
PROBE_SECONDS = 20.0
LONG_STEP_SECONDS = 3.0  # an update that takes longer is not tried out, but reckoned from the rough measurement
ROUGH_BATCH_TOKENS = 2048  # for a first measurement, before the batch is chosen
FINISH_SHARE = 0.03  # of the budget, kept for the last evaluation and the report


@dataclass(frozen=True)
class RunResult:
    """How a run ended. folder: the model folder. exit_code: 0, or 130/143 if a signal stopped it (all is saved)."""

    folder: Path
    finished: bool
    step: int
    steps: int
    chrf: float
    bleu: float
    exit_code: int


@dataclass(frozen=True)
class Machine:
    """Where a run takes place. processes: that train together. began: when the user started it, by perf_counter."""

    device: torch.device
    processes: int
    began: float


def train(
    *files: str | Path,
    out: str | Path,
    valid: FileNames = (),
    preset: str | None = None,
    budget: str | float | None = None,
    options: Mapping[str, Any] | None = None,
    source_lang: str | None = None,
    target_lang: str | None = None,
) -> RunResult:
    """Train a translator on parallel text and leave it in the folder `out`.

    files: two text files with a sentence a line, or one TSV, JSONL, TMX, XLIFF or PO.
    valid: the same for validation; without it some training pairs are set aside. budget: "45m", "3h" or seconds.
    options: values by name, such as {"model.dropout": 0.2}.
    Languages come from file endings unless named. Says nothing on the screen.
    Raises InputError for unusable files or options, LockedError if another run writes into `out`,
    OutOfSpaceError if the disk is full, TrainingUnhealthyError if the loss is not finite.
    """
    overrides = dict(options or {})
    if budget is not None:
        overrides["train.budget_seconds"] = parse_duration(budget) if isinstance(budget, str) else budget
    names = [valid] if isinstance(valid, str | Path) else valid
    paths = CorpusPaths(
        tuple(map(Path, files)), tuple(map(Path, names)), source_lang=source_lang, target_lang=target_lang
    )
    return start_run(paths, Path(out), resolve(preset=preset, overrides=overrides), Quiet())


def resume(folder: str | Path) -> RunResult:
    """Go on with an interrupted run; a finished one is left as it is. Raises BundleError if there is none."""
    return resume_run(Path(folder), Quiet())


def start_run(paths: CorpusPaths, out: Path, settings: Settings, talk: Talk, *, dry_run: bool = False) -> RunResult:
    """Prepare, plan and train; `dry_run` stops after the plan."""
    began = time.perf_counter()
    device = set_up_machine(settings.config.train)
    folder = RunFolder(out)
    with join_team(device, timeout_seconds=settings.config.train.team_timeout_seconds) as team:
        if team.leads:
            folder.create()
            with folder.lock():
                folder.refuse_a_run()  # of somebody who was faster
                remove_leftovers(folder.path)
                _prepare_and_plan(paths, folder, settings, talk, machine=Machine(device, team.size, began))
        team.wait()
        plan = RunPlan.read(folder)
        if dry_run:
            return RunResult(out, False, 0, plan.config.train.steps or 0, math.nan, math.nan, 0)
        return _go_on(folder, plan, talk, device=device, team=team)


def resume_run(out: Path, talk: Talk) -> RunResult:
    """Go on where the newest checkpoint stands."""
    folder = RunFolder(out)
    plan = RunPlan.read(folder)
    device = set_up_machine(plan.config.train)
    with join_team(device, timeout_seconds=plan.config.train.team_timeout_seconds) as team:
        return _go_on(folder, plan, talk, device=device, team=team)


def _go_on(folder: RunFolder, plan: RunPlan, talk: Talk, *, device: torch.device, team: Team) -> RunResult:
    """Train from the newest checkpoint, or from the start, to the end of the plan."""
    if not team.leads:
        corpus = open_prepared(folder)
        return _sit(folder, plan, corpus, Quiet(), device=device, team=team)
    with folder.lock():
        corpus = open_prepared(folder)
        return _sit(folder, plan, corpus, talk, device=device, team=team)


def _sit(
    folder: RunFolder, plan: RunPlan, corpus: Corpus, talk: Talk, *, device: torch.device, team: Team
) -> RunResult:
    model = new_model(plan.config, corpus).to(device)
    batches = batch_source(plan.config, corpus)
    sitting = Sitting(folder, plan, corpus, model, team=team)
    stopped = sitting.train(batches, talk)
    progress, steps = sitting.state.progress, plan.config.train.steps or 0
    finished = stopped == 0
    if finished and team.leads and not (folder.path / "final.json").exists():
        talk.card(finish_run(folder, plan, corpus, progress))
    return RunResult(folder.path, finished, progress.step, steps, progress.best_chrf, progress.best_bleu, stopped)


def new_model(config: Config, corpus: Corpus) -> Seq2Seq:
    """Return a model with random weights that depend on `train.seed` alone."""
    torch.manual_seed(config.train.seed)
    subwords = corpus.subwords
    return build_model(config.model, (subwords.source_size, subwords.target_size), subwords.ids)


def batch_source(config: Config, corpus: Corpus) -> BatchSource:
    """Return where training gets its batches from, at any position."""
    assert config.train.batch_tokens is not None
    batch_tokens, seed = config.train.batch_tokens, config.train.seed
    sampler = build_sampler(corpus, config.data, seed=seed)
    return lambda position: training_batches(
        corpus.store, corpus.subwords.ids, batch_tokens=batch_tokens, seed=seed, start=position, sampler=sampler
    )


def _prepare_and_plan(
    paths: CorpusPaths, folder: RunFolder, settings: Settings, talk: Talk, *, machine: Machine
) -> None:
    """Everything before step 1; ends by writing run.json."""
    plans.check_settings(settings)
    talk.say("Reading the corpus ...")
    kept = filter_corpus(paths, settings.config.data, folder)
    folder.write_json("data_check.json", data_check(kept.report))
    talk.data(kept.report)
    kept.report.check()
    planner = plans.Planner(settings)
    plans.choose_shape(planner, kept.report.kept, kept.report.source.word_types + kept.report.target.word_types)
    plans.choose_protection(planner, has_placeholders=kept.has_placeholders())
    talk.say("Learning the subwords ...")
    size = planner.config.data.vocabulary_size
    assert size is not None
    corpus = store_corpus(kept, paths, planner.config.data, folder, size=size)
    talk.say("Measuring how fast this machine is ...")
    announced = _plan_time(planner, corpus, machine, languages=(kept.source_lang, kept.target_lang))
    facts = {"data": describe_data(paths, kept, corpus), "device": describe_device(machine.device)}
    plan = RunPlan(planner.config, kept.source_lang, kept.target_lang, facts, tuple(planner.reasons))
    talk.plan(announced)
    folder.metrics.unlink(missing_ok=True)  # of a preparation that was killed
    metrics = MetricsFile(folder.metrics)
    metrics.plan(announced)
    metrics.close()
    plan.write(folder)


def _plan_time(planner: plans.Planner, corpus: Corpus, machine: Machine, *, languages: tuple[str, str]) -> Plan:
    """Measure the machine twice: roughly, to choose batch and dropout, then with these, to choose the steps."""
    plans.choose_precision(planner, choose_precision(planner.config.train.precision, machine.device))
    model = new_model(planner.config, corpus).to(machine.device)
    budget = plans.budget_of(planner)
    left = budget * (1 - FINISH_SHARE) - (time.perf_counter() - machine.began)
    rough_tokens = min(ROUGH_BATCH_TOKENS, planner.config.train.batch_tokens or ROUGH_BATCH_TOKENS)
    rough = _probe(planner, corpus, model, batch_tokens=rough_tokens, seconds=0.0)
    plans.choose_learning(planner, _outlook(planner.config, corpus, rough, seconds=left * machine.processes))
    model = new_model(planner.config, corpus).to(machine.device)
    train = planner.config.train
    assert train.batch_tokens is not None
    speed = rough.times(train.batch_tokens * train.accumulate / rough_tokens)
    if speed.seconds_per_step < LONG_STEP_SECONDS:
        seconds = _probe_seconds(train, budget)
        speed = _probe(planner, corpus, model, batch_tokens=train.batch_tokens, seconds=seconds)
    left = budget * (1 - FINISH_SHARE) - (time.perf_counter() - machine.began)
    per_epoch = steps_per_epoch(batch_source(planner.config, corpus), planner.config.train.accumulate)
    seconds_per_step = speed.seconds_per_step / machine.processes
    judging = validation_seconds(planner.config.train.validate_sentences, model, corpus.validation)
    plans.choose_time(planner, plans.Measured(left, seconds_per_step, judging, per_epoch))
    train = planner.config.train
    assert train.steps is not None
    seconds = train.steps * seconds_per_step / (1 - plans.VALIDATION_SHARE)
    planner.reasons += advice_for(machine.device, seconds)
    return Plan(
        source_lang=languages[0],
        target_lang=languages[1],
        pairs=len(corpus.store),
        steps=train.steps,
        epochs=train.steps / per_epoch,
        seconds=seconds,
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        memory_bytes=speed.peak_memory_bytes,
        device=describe_device(machine.device),
        precision=train.precision,
        reasons=tuple(planner.reasons),
    )


def _probe(planner: plans.Planner, corpus: Corpus, model: Seq2Seq, *, batch_tokens: int, seconds: float) -> Speed:
    accumulate = planner.config.train.accumulate if planner.config.train.batch_tokens == batch_tokens else 1
    values = {"train.batch_tokens": batch_tokens, "train.accumulate": accumulate}
    config = planner.settings.with_values(values, plans.PLAN).config
    return probe_speed(model, batch_source(config, corpus), config.train, seconds=seconds)


def _outlook(config: Config, corpus: Corpus, speed: Speed, *, seconds: float) -> plans.Outlook:
    """Guess how much of the corpus the run will read, by its steps, its epochs or its time."""
    train, once = config.train, corpus.store.target_tokens
    tokens = seconds * speed.tokens_per_step / speed.seconds_per_step
    if train.epochs is not None:
        tokens = train.epochs * once
    elif train.steps is not None:
        tokens = float(train.steps * (train.batch_tokens or ROUGH_BATCH_TOKENS) * train.accumulate)
    return plans.Outlook(tokens, tokens / once)


def _probe_seconds(train: TrainConfig, budget: float) -> float:
    """Return how long to measure; where time does not decide the number of steps, a rough idea is enough."""
    if train.steps is not None or train.epochs is not None:
        return 0.0
    return min(PROBE_SECONDS, 0.03 * budget)


def data_check(health: CorpusHealth) -> dict[str, Any]:
    """Return what the report page says of the corpus."""
    return {
        "files": [Path(name).name for name in health.files],
        "read": health.read,
        "kept": health.kept,
        "dropped": health.dropped,
        "warnings": [f"{finding.text} {finding.remedy}" for finding in health.findings],
        "samples": [asdict(sample) for sample in health.samples],
    }
