"""The folder of a comparison: what lies where, the plan in compare.json, and who may write into it.

compare.json    terms and plan: what resuming reads. Written once, before the first run
prepared/       the corpus as token ids, tokenizer, validation.jsonl, test.jsonl: shared by all runs
runs/NAME-SEED/ the model folder of one run, as `polyglass train` leaves it, with two files more:
                outcome.json (what was measured after training) and test.output.txt (a translation a line);
                failure.json instead, if the run ended without a model
results.json    all results so far
index.html      the same for people
"""

import json
import re
import shlex
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from polyglass.config import Config
from polyglass.errors import BundleError, InputError
from polyglass.experiments.compare_terms import differences
from polyglass.files import write_atomically
from polyglass.reading import parse_json, read_bounded
from polyglass.run.folder import lock_folder, make_folder

FORMAT = 1
MAX_PLAN = 2**24
OURS = {"compare.json", "prepared", "runs", "results.json", "index.html", ".lock"}


@dataclass(frozen=True)
class Entry:
    """One contestant as it will run. config: every option, with the seed of the first run.

    slug: its name in file names. seconds_per_step: measured before the first run. extra_seconds: that a run is likely
    to take for validating and scoring, on top of training.
    changes: option -> value where it was given for this contestant alone. reasons: why the planner chose as it did.
    """

    name: str
    slug: str
    config: Config
    parameters: int
    seconds_per_step: float
    extra_seconds: float
    steps_per_epoch: float
    changes: Mapping[str, Any]
    reasons: tuple[str, ...]

    @property
    def family(self) -> str:
        """The word of `model.family`."""
        return self.config.model.family

    @property
    def steps(self) -> int:
        """Updates in each run."""
        return self.config.train.steps or 0

    @property
    def seconds(self) -> float:
        """How long each run was expected to train."""
        return self.steps * self.seconds_per_step


@dataclass(frozen=True)
class RunName:
    """One run of a comparison."""

    contestant: str
    slug: str
    seed: int

    @property
    def folder(self) -> str:
        """Its folder inside the comparison's."""
        return f"runs/{self.slug}-{self.seed}"

    def __str__(self) -> str:
        return f"{self.contestant}, seed {self.seed}"


@dataclass(frozen=True)
class Plan:
    """What compare.json holds. terms: see `Terms.as_json`. facts: of corpus and machine, for cards and results.

    notes: sentences about where validation and test come from, and other things to know before reading scores.
    """

    terms: Mapping[str, Any]
    entries: tuple[Entry, ...]
    source_lang: str
    target_lang: str
    facts: Mapping[str, Any]
    notes: tuple[str, ...]
    began: str

    @property
    def runs(self) -> tuple[RunName, ...]:
        """All runs in the order in which they are made: every contestant gets one seed before any gets a second."""
        seeds = range(1, self.terms["seeds"] + 1)
        return tuple(RunName(entry.name, entry.slug, seed) for seed in seeds for entry in self.entries)

    def entry(self, name: str) -> Entry:
        """Return the contestant of that name."""
        return next(entry for entry in self.entries if entry.name == name)


def slugs(names: list[str]) -> list[str]:
    """Return a different name for files for each name: letters, digits and hyphens."""
    found: list[str] = []
    for number, name in enumerate(names, 1):
        slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40] or "model"
        found.append(slug if slug not in found and not slug[-1:].isdigit() else f"{slug}-m{number}")
    return found


@dataclass(frozen=True)
class CompareFolder:
    """Paths inside the folder of one comparison."""

    path: Path

    @property
    def plan_file(self) -> Path:
        """Terms and plan."""
        return self.path / "compare.json"

    @property
    def prepared(self) -> Path:
        """What the runs share."""
        return self.path / "prepared"

    @property
    def page(self) -> Path:
        """The results for people."""
        return self.path / "index.html"

    @property
    def results(self) -> Path:
        """The results for programs."""
        return self.path / "results.json"

    @property
    def resume_command(self) -> str:
        """What to type to go on."""
        return f"polyglass compare --resume {shlex.quote(str(self.path))}"

    def run(self, run: RunName) -> Path:
        """The folder of one run."""
        return self.path / run.folder

    def create(self) -> None:
        """Make the folder. Raises InputError if it holds files of somebody else."""
        make_folder(self.path, OURS)

    def lock(self) -> AbstractContextManager[None]:
        """Keep other comparisons out of the folder. Raises LockedError at once if one is there."""
        return lock_folder(self.path, "another comparison is writing into")

    def write_plan(self, plan: Plan) -> None:
        """Write compare.json: from here on the comparison can be resumed."""
        entries = [asdict(entry) | {"config": entry.config.model_dump()} for entry in plan.entries]
        self.write_json("compare.json", {"format": FORMAT, **asdict(plan), "entries": entries})

    def read_plan(self) -> Plan:
        """Read compare.json. Raises BundleError if there is none that this version can read."""
        path = self.plan_file
        if not path.exists():
            raise BundleError(
                f"{path} is missing: {self.path} holds no comparison that got as far as its first run. "
                "Start it anew: polyglass compare SOURCE TARGET --out ..."
            )
        content = parse_json(read_bounded(path, MAX_PLAN), path)
        if content.pop("format", None) != FORMAT:
            raise BundleError(f"{path} is of another version of polyglass; this one reads format {FORMAT}.")
        try:
            entries = tuple(_entry(fields) for fields in content["entries"])
            rest = {name: content[name] for name in ("terms", "source_lang", "target_lang", "facts", "began")}
            return Plan(entries=entries, notes=tuple(content["notes"]), **rest)
        except (KeyError, TypeError, ValueError) as error:
            raise BundleError(f"{path} is damaged: {error}") from error

    def refuse_other_terms(self, plan: Plan, terms: Mapping[str, Any]) -> None:
        """Raise InputError, naming what differs, if the comparison in the folder was asked for in other terms."""
        differing = differences(plan.terms, json.loads(json.dumps(terms)))
        if differing:
            raise InputError(
                f"{self.path} holds a comparison with other terms:\n"
                + "".join(f"  {line}\n" for line in differing)
                + f"Go on with that one: {self.resume_command}\nor choose another --out."
            )

    def write_json(self, name: str, content: Mapping[str, Any]) -> None:
        """Write a JSON file, whole or not at all."""
        write_atomically(self.path / name, (json.dumps(content, ensure_ascii=False, indent=1) + "\n").encode())


def _entry(fields: Mapping[str, Any]) -> Entry:
    names = ("name", "slug", "parameters", "seconds_per_step", "extra_seconds", "steps_per_epoch")
    rest = {name: fields[name] for name in names}
    config = Config.model_validate(fields["config"])
    return Entry(config=config, changes=fields["changes"], reasons=tuple(fields["reasons"]), **rest)
