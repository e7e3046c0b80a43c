"""What makes parts belong together: the same model, asked in the same way, of the same version of polyglass."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

from polyglass._version import __version__
from polyglass.batch.formats import Format
from polyglass.bundle import CONFIG, TOKENIZERS, WEIGHTS, load_bundle
from polyglass.errors import BundleError
from polyglass.files import sha256_of
from polyglass.reading import parse_json, read_bounded, regular_file_size

JOB_FORMAT = 1
MAX_JOB_BYTES = 2**20
_WORDS = {
    "polyglass": "another version of polyglass",
    "model": "another model",
    "search": "other options of the search",
    "kind": "another kind of file",
    "writes": "another form of output",
    "one_to_one": "another form of output",
    "piece_lines": "another number of lines in a part",
    "format": "another version of polyglass",
}


@dataclass(frozen=True)
class Job:
    """All that a part depends on besides its own lines. What only decides how fast it is made is not in it.

    model: SHA-256 of the files that a translation depends on. search: what was asked for besides the model's own
    options. kind, writes: the format and how it renders; one_to_one: whether each line becomes one. piece_lines: lines
    in a part.
    """

    model: str
    search: str
    kind: str
    writes: str
    one_to_one: bool
    piece_lines: int
    polyglass: str = __version__
    format: int = JOB_FORMAT

    @classmethod
    def of(cls, model: Path, search: Mapping[str, Any], format: Format, piece_lines: int) -> "Job":
        """Return the job of a model folder. Raises BundleError if that is none."""
        relevant = {name: value for name, value in search.items() if name != "batch_tokens"}
        asked = json.dumps(relevant, sort_keys=True)
        return cls(model_sha256(model), asked, format.kind, format.facts, format.one_to_one, piece_lines)

    @cached_property
    def fingerprint(self) -> str:
        """The SHA-256 of all of it."""
        return hashlib.sha256(self.to_json()).hexdigest()

    def to_json(self) -> bytes:
        """Return it as a JSON document."""
        return (json.dumps(asdict(self), indent=1, sort_keys=True) + "\n").encode()

    @classmethod
    def read(cls, path: Path) -> "Job":
        """Read a job. Raises BundleError if there is none that this version can read."""
        document = parse_json(read_bounded(path, MAX_JOB_BYTES), path)
        types = {one.name: one.type for one in fields(cls)}
        if document.keys() != types.keys() or any(type(document[name]) is not types[name] for name in types):
            raise BundleError(f"{path} is not of this polyglass. Was this folder made by another version of it?")
        return cls(**document)

    def difference(self, other: "Job") -> str:
        """Say in words what the other job has different: "another model"."""
        mine, its = asdict(self), asdict(other)
        return next((words for name, words in _WORDS.items() if mine[name] != its[name]), "nothing different")


def model_sha256(folder: Path) -> str:
    """Return one SHA-256 over config, weights and tokenizer of a model folder. Raises BundleError if it is none."""
    if not (folder / CONFIG).is_file() or not (folder / WEIGHTS).is_file():
        load_bundle(folder)  # says what the folder is instead
    names = [CONFIG, WEIGHTS, *(name for name in TOKENIZERS if (folder / name).exists())]
    total = hashlib.sha256()
    for name in names:
        regular_file_size(folder / name)
        try:
            total.update(f"{name} {sha256_of(folder / name)}\n".encode())
        except OSError as error:
            raise BundleError(f"{folder / name} cannot be read: {error.strerror or error}.") from error
    return total.hexdigest()
