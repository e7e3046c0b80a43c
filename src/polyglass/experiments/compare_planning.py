"""Terms in, plan out: prepare the corpus once, bring the models to what is held equal, measure how fast each is."""

import json
from datetime import UTC, datetime

import torch

from polyglass._version import __version__
from polyglass.errors import ConfigError
from polyglass.experiments.compare_bench import Bench
from polyglass.experiments.compare_contestants import Contestant
from polyglass.experiments.compare_data import Prepared, filter_once, hold_out, inner_paths, word_types
from polyglass.experiments.compare_folder import CompareFolder, Plan
from polyglass.experiments.compare_schedule import settle_entries
from polyglass.experiments.compare_talk import CompareTalk
from polyglass.experiments.compare_terms import Terms
from polyglass.run import planner as plans
from polyglass.run.folder import RunFolder
from polyglass.run.machine import describe_device, set_up_machine
from polyglass.run.prepare import describe_data, store_corpus

WIDTHS = ("model.d_model", "model.d_ff")  # what is searched for with --equal parameters


def make_plan(terms: Terms, folder: CompareFolder, talk: CompareTalk) -> Plan:
    """Prepare the corpus in the folder and settle every option of every contestant. Writes no compare.json."""
    for contestant in terms.contestants:  # mistakes in options should not wait for the corpus
        plans.check_settings(terms.settle(contestant))
        _refuse_fixed_width(terms, contestant)
    device = set_up_machine(terms.settle(terms.contestants[0]).config.train)
    bench = _prepare(terms, folder, talk, device)
    talk.say("Measuring how fast this machine is at each model ...")
    preset = bench.common_size()
    entries = settle_entries(bench, preset)
    return Plan(
        terms=json.loads(json.dumps(terms.as_json())),
        entries=entries,
        source_lang=bench.prepared.source_lang,
        target_lang=bench.prepared.target_lang,
        facts={
            "data": bench.prepared.facts,
            "device": describe_device(device),
            "torch": torch.__version__,
            "polyglass": __version__,
        },
        notes=bench.prepared.held_out.notes,
        began=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _refuse_fixed_width(terms: Terms, contestant: Contestant) -> None:
    """Raise ConfigError if a width that must be searched for was given."""
    is_mark = terms.parameters is None and contestant == terms.contestants[0]
    fixed = [name for name, _ in contestant.options if name in WIDTHS]
    if terms.equal == "parameters" and fixed and not is_mark:
        raise ConfigError(
            f"--equal parameters searches for the width of {contestant.name}, but {fixed[0]} fixes it. Leave it out"
            + ("." if terms.parameters else ", or name this model first: the others are then brought to its size.")
        )


def _prepare(terms: Terms, folder: CompareFolder, talk: CompareTalk, device: torch.device) -> Bench:
    """Read the corpus, set apart what is held out, learn the subwords, encode everything."""
    settings = terms.data_settings()
    talk.say("Reading the corpus ...")
    held_out = hold_out(terms.paths, settings.config.data)
    kept = filter_once(terms.paths, held_out, settings.config.data, folder.prepared)
    talk.data(kept.report)
    kept.report.check()
    planner = plans.Planner(settings)
    plans.choose_shape(planner, kept.report.kept, word_types(kept.report))
    config = planner.config.data
    assert config.vocabulary_size is not None
    talk.say("Learning the subwords ...")
    inner = inner_paths(terms.paths, folder.prepared)
    corpus = store_corpus(kept, inner, config, RunFolder(folder.prepared), size=config.vocabulary_size)
    facts = describe_data(terms.paths, kept, corpus) | {
        "vocabulary_size": corpus.subwords.target_size,
        "test": len(held_out.test),
    }
    prepared = Prepared(corpus, held_out, kept.source_lang, kept.target_lang, facts)
    shared = {f"data.{name}": value for name, value in config.model_dump().items()}
    return Bench(terms, prepared, device, shared, (kept.report.kept, word_types(kept.report)))
