"""Folders of files: a file of the same name for each one, and a note of what is done, so that it is not done again.

out/
    a.txt             finished
    b.txt.parts/      still being translated
    _polyglass/       a note for each finished file; programs that read folders of data pass over such names
"""

import json
from pathlib import Path

from polyglass.batch.errand import Errand
from polyglass.batch.formats import PACKED
from polyglass.errors import BundleError, InputError
from polyglass.files import make_folder, sha256_of, write_atomically
from polyglass.reading import parse_json, read_bounded

NOTES = "_polyglass"
MAX_NOTE_BYTES = 2**16


def files_in(folder: Path) -> list[Path]:
    """Return the files of a folder in the order of their names, without hidden ones.

    Raises InputError if there are none, or two whose outputs would have one name.
    """
    files = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith((".", "_")))
    if not files:
        raise InputError(f"{folder} holds no files. Name the folder in which the texts lie; it is not searched deeper.")
    names: dict[str, str] = {}
    for path in files:
        if (other := names.setdefault(unpacked_name(path), path.name)) != path.name:
            raise InputError(f"{other} and {path.name} in {folder} would become one file. Rename one of them.")
    return files


def unpacked_name(path: Path) -> str:
    """Return the name of a file without the ending of its packing: outputs are not packed."""
    return path.stem if path.suffix in PACKED else path.name


def make_output(folder: Path) -> None:
    """Make the folder for the output. Raises InputError if a file stands there."""
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} must be a folder, because a folder is translated, but it is a file.")
    make_folder(folder)
    make_folder(folder / NOTES)


def note_done(errand: Errand) -> None:
    """Write down that a file is finished, from what, and by which job."""
    write_atomically(_note(errand), json.dumps(_facts(errand)).encode())


def is_done(errand: Errand) -> bool:
    """Whether a file is finished already: the same input, job and output as noted."""
    if errand.overwrite or not errand.output.is_file() or not _note(errand).exists():
        return False
    try:
        return parse_json(read_bounded(_note(errand), MAX_NOTE_BYTES), _note(errand)) == _facts(errand)
    except BundleError:
        return False


def _note(errand: Errand) -> Path:
    return errand.output.parent / NOTES / f"{errand.output.name}.json"


def _facts(errand: Errand) -> dict[str, str]:
    return {"job": errand.job.fingerprint, "input": sha256_of(errand.source), "output": sha256_of(errand.output)}
