"""The run folder: what lies where, and who may write into it.

config.json, tokenizer, model.safetensors, card.md   the best model so far: the folder is a model folder
run.json          the plan with every option's value; what `--resume` reads
metrics.jsonl     one line for each step, validation and notice
checkpoints/      the newest states, from which training goes on
data/             the corpus as token ids, and the validation texts
dropped.tsv       each pair that is not trained on, with its reason
report.html, final.json, data_check.json   written at the end, for people
"""

import json
import shlex
from collections.abc import Container, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from polyglass.config import Config
from polyglass.errors import BundleError, InputError, LockedError, OutOfSpaceError
from polyglass.files import write_atomically
from polyglass.reading import parse_json, read_bounded

FORMAT = 1
MAX_RUN_JSON = 2**20
OURS = {
    "data",
    "checkpoints",
    "metrics.jsonl",
    "dropped.tsv",
    "data_check.json",
    ".lock",
    "tokenizer.model",
    "tokenizer.source.model",
    "tokenizer.target.model",
}


@dataclass(frozen=True)
class RunFolder:
    """Paths inside one run folder."""

    path: Path

    @property
    def checkpoints(self) -> Path:
        """Where training states are kept."""
        return self.path / "checkpoints"

    @property
    def data(self) -> Path:
        """Where the prepared corpus is."""
        return self.path / "data"

    @property
    def metrics(self) -> Path:
        """The file that training appends to."""
        return self.path / "metrics.jsonl"

    @property
    def is_planned(self) -> bool:
        """Whether preparation was finished, so that the run can be resumed."""
        return (self.path / "run.json").exists()

    def create(self) -> None:
        """Make the folder.

        Raises InputError if it holds a run or files of somebody else, LockedError if the run is still going on.
        """
        if self.is_planned:
            with self.lock():
                self.refuse_a_run()
        make_folder(self.path, OURS)

    def refuse_a_run(self) -> None:
        """Raise InputError if the folder holds a run that was planned."""
        if self.is_planned:
            raise InputError(
                f"{self.path} already holds a run. Go on with it, or choose another --out: "
                f"polyglass train --resume {shlex.quote(str(self.path))}"
            )

    def lock(self) -> AbstractContextManager[None]:
        """Keep other runs out of the folder. Raises LockedError at once if one is there."""
        return lock_folder(self.path, "another run is writing into")

    def write_json(self, name: str, content: Mapping[str, Any]) -> None:
        """Write a JSON file, whole or not at all."""
        write_atomically(self.path / name, (json.dumps(content, ensure_ascii=False, indent=1) + "\n").encode())


def make_folder(path: Path, ours: Container[str]) -> None:
    """Make a folder to write into, unless it is there. Raises InputError if it holds files whose names are not `ours`,
    OutOfSpaceError if it cannot be made."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        foreign = sorted(p.name for p in path.iterdir() if p.name not in ours and not p.name.startswith("."))
    except (FileExistsError, NotADirectoryError) as error:
        raise InputError(f"{path} must be a folder, but there is a file of that name. Choose another --out.") from error
    except OSError as error:
        raise OutOfSpaceError(f"the folder {path} cannot be made or read: {error.strerror}.") from error
    if foreign:
        raise InputError(f"{path} is not empty ({', '.join(foreign[:3])}). Choose an --out that does not exist yet.")


@contextmanager
def lock_folder(path: Path, who: str) -> Iterator[None]:
    """Keep other processes out of a folder while the block runs.

    Raises LockedError at once if one is there; `who` begins its message: "another run is writing into".
    """
    lock = FileLock(path / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise LockedError(f"{who} {path}. Wait for it, stop it, or choose another folder.") from None
    except OSError as error:
        raise OutOfSpaceError(f"{path / '.lock'} cannot be written: {error.strerror}.") from error
    try:
        yield
    finally:
        lock.release()


@dataclass(frozen=True)
class RunPlan:
    """What `run.json` holds: all that training needs to know, besides the data itself.

    facts: for the model card (files, pairs read, kept and dropped). reasons: why each option was chosen.
    """

    config: Config
    source_lang: str
    target_lang: str
    facts: dict[str, Any]
    reasons: tuple[str, ...]

    def write(self, folder: RunFolder) -> None:
        """Write run.json: from here on the run can be resumed."""
        content = {
            "format": FORMAT,
            "config": self.config.model_dump(),
            "source_lang": self.source_lang,
            "target_lang": self.target_lang,
            "facts": self.facts,
            "reasons": list(self.reasons),
        }
        folder.write_json("run.json", content)

    @classmethod
    def read(cls, folder: RunFolder) -> "RunPlan":
        """Read run.json. Raises BundleError if there is none that this version can read."""
        path = folder.path / "run.json"
        if not path.exists():
            raise BundleError(
                f"{path} is missing: {folder.path} holds no run that got as far as training. "
                "Start it anew: polyglass train SOURCE TARGET --out ..."
            )
        content = parse_json(read_bounded(path, MAX_RUN_JSON), path)
        if content.get("format") != FORMAT:
            raise BundleError(f"{path} has format {content.get('format')!r}; this polyglass reads {FORMAT}.")
        try:
            config = Config.model_validate(content["config"])
            facts, reasons = content["facts"], tuple(content["reasons"])
            return cls(config, content["source_lang"], content["target_lang"], facts, reasons)
        except (KeyError, TypeError, ValueError) as error:
            raise BundleError(f"{path} is damaged: {error}") from error
