"""Bytes in, files out, and never half of one: a write is cut off at any moment and the old file still stands.

A file or folder is written under a temporary name beside its place, flushed to the disk, and renamed in one step;
then the folder that holds it is flushed, too, so that a power cut leaves the old one or the new one (Pillai et al.
2014, "All File Systems Are Not Created Equal", §2). A folder carries MANIFEST.json: the SHA-256 of each of its files.
"""

import errno
import hashlib
import json
import os
import secrets
import shutil
import stat
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeAlias

from polyglass.errors import BundleError, InputError, OutOfSpaceError, PolyglassError
from polyglass.reading import parse_json, read_bounded, regular_file_size

JSON: TypeAlias = "bool | int | float | str | list[JSON] | tuple[JSON, ...] | Mapping[str, JSON] | None"

MANIFEST = "MANIFEST.json"
MANIFEST_FORMAT = 1
MANIFEST_MAX_BYTES = 64 * 2**20
LEFTOVER_PREFIX = ".polyglass-unfinished-"  # short, so that a name of 255 bytes still has a temporary name
DISK_TROUBLE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS}


class AtomicFile:
    """A file that is being written under a temporary name; `size` counts the bytes it was given."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path = path
        self._descriptor = descriptor
        self.size = 0

    def write(self, content: bytes | memoryview) -> None:
        """Append `content`. Raises OutOfSpaceError."""
        self.size += len(content)
        with _explaining(self._path, lambda: self.size):
            rest = memoryview(content)
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]


@contextmanager
def open_atomically(path: Path) -> Iterator[AtomicFile]:
    """Open a file that appears at `path`, whole, when the block ends, and not at all if the block raises.

    Raises OutOfSpaceError if the disk is full, read-only or forbidden; InputError if `path` cannot be a file.
    """
    _refuse_what_is_no_file(path)
    temporary = _temporary_beside(path)
    try:
        with _explaining(path, lambda: 0):
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
        file = AtomicFile(path, descriptor)
        try:
            yield file
            with _explaining(path, lambda: file.size):
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
        with _explaining(path, lambda: file.size):
            temporary.replace(path)
            flush_folder(path.parent)
    except BaseException:
        _remove(temporary)
        raise


def make_folder(path: Path) -> None:
    """Make a folder, unless it is there, that is still there after a power cut. Raises OutOfSpaceError."""
    if path.is_dir():
        return
    with _explaining(path, lambda: 0):
        path.mkdir(exist_ok=True)
        flush_folder(path.parent)


def write_atomically(path: Path, content: bytes) -> None:
    """Replace the file at `path` by one that holds `content`, in one step; whoever reads sees the old or the new one.

    Raises OutOfSpaceError if the disk is full, read-only or forbidden; InputError if `path` cannot be a file.
    """
    with open_atomically(path) as file:
        file.write(content)


@contextmanager
def folder_atomically(path: Path, facts: Mapping[str, JSON]) -> Iterator[Path]:
    """Yield an empty temporary folder that appears at `path`, sealed by a manifest, when the block ends.

    If the block raises, nothing appears. A folder that stands at `path` is replaced (with two renames: after a cut
    between them it is gone, so keep another one beside it). Raises OutOfSpaceError, naming `path`.
    """
    temporary = _temporary_beside(path)
    try:
        with _explaining(path, lambda: _bytes_in(temporary)):
            temporary.mkdir()
        with _explaining(path, lambda: _bytes_in(temporary), only=DISK_TROUBLE):
            yield temporary
        with _explaining(path, lambda: _bytes_in(temporary)):
            write_atomically(temporary / MANIFEST, _seal({"files": _describe_files(temporary), "facts": facts}))
            for folder, _, names in os.walk(temporary):
                for name in names:
                    _flush_file(Path(folder, name))
                flush_folder(Path(folder))
            _put_in_place(temporary, path)
    except BaseException as error:
        _remove(temporary)
        if isinstance(error, OutOfSpaceError):  # of a file inside, under a name that nobody knows
            raise OutOfSpaceError(str(error).replace(str(temporary), str(path))) from error
        raise


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return what a folder written by `folder_atomically` says of itself, after proving every byte of it.

    The result has the keys "format", "files" (name -> {"sha256", "size"}) and "facts".
    Raises BundleError naming the file that is damaged, missing, foreign or a link.
    """
    manifest = _unseal(folder / MANIFEST)
    listed = manifest["files"]
    try:
        found = {name for name in _file_names(folder) if not Path(name).name.startswith(LEFTOVER_PREFIX)}
        for name in sorted(found - {MANIFEST} - listed.keys()):
            raise BundleError(f"{folder / name} does not belong here: {MANIFEST} does not list it. Remove it.")
        for name in listed:
            path, reason = folder / name, None
            if name not in found:
                reason = "is missing"
            elif regular_file_size(path) != listed[name]["size"]:
                reason = f"is damaged: it should have {listed[name]['size']:,} bytes and has {path.stat().st_size:,}"
            elif sha256_of(path) != listed[name]["sha256"]:
                reason = f"is damaged: its SHA-256 is not the one in {MANIFEST}"
            if reason:
                raise BundleError(f"{path} {reason}. Use another copy of this folder.")
    except OSError as error:
        raise BundleError(f"{folder} cannot be read: {error.strerror or error}. Check its permissions.") from error
    return manifest


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal. Raises OSError if it cannot be read."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def remove_folder(path: Path) -> None:
    """Remove a folder, so that nobody ever sees a part of it; where that cannot be done it stays as it is."""
    doomed = _temporary_beside(path)
    with suppress(OSError):
        path.replace(doomed)
        _remove(doomed)


def remove_leftovers(folder: Path) -> None:
    """Remove what killed writers left in `folder`. Only for the one who holds it: a live writer would lose its work."""
    with suppress(FileNotFoundError):
        for entry in sorted(folder.iterdir()):
            if entry.name.startswith(LEFTOVER_PREFIX):
                _remove(entry)


def flush_folder(folder: Path) -> None:
    """Return when the names in `folder` have reached the disk; systems that cannot do that are left alone."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except PermissionError:  # Windows opens no folders, and a folder may be writable but not readable
        return
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)


@contextmanager
def _explaining(path: Path, needed: Callable[[], int], *, only: Collection[int] = ()) -> Iterator[None]:
    """Turn an OSError of the block (`only` those numbers) into one that names reason, bytes needed and remedy."""
    try:
        yield
    except OSError as error:
        if only and error.errno not in only:
            raise
        raise _cannot_write(path, error, needed()) from error


def _cannot_write(path: Path, error: OSError, needed: int) -> PolyglassError:
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return InputError(f"{path} cannot be written: the folder {path.parent} does not exist. Make it first.")
    if error.errno == errno.ENAMETOOLONG:
        return InputError(f"{path} cannot be written: the name is too long for this disk. Choose a shorter one.")
    free = ""
    with suppress(OSError):
        free = f", and {shutil.disk_usage(path.parent).free:,} are free there"
    return OutOfSpaceError(
        f"{path} cannot be written: {error.strerror or error}. It needs at least {needed:,} bytes{free}. "
        "What stood there before is unchanged. Free some space or choose a folder that you may write to."
    )


def _refuse_what_is_no_file(path: Path) -> None:
    """Renaming over /dev/null would replace the device by a file."""
    with suppress(OSError):
        mode = path.lstat().st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISLNK(mode)):
            raise InputError(f"{path} must be a file, but it is a folder, pipe or device. Choose another name.")


def _temporary_beside(path: Path) -> Path:
    return path.parent / f"{LEFTOVER_PREFIX}{secrets.token_hex(8)}"


def _remove(path: Path) -> None:
    """Remove a file or folder if that can be done; what is left, `remove_leftovers` finds."""
    with suppress(OSError):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _put_in_place(temporary: Path, path: Path) -> None:
    """Rename a finished folder to `path`; an older folder there steps aside first and is then removed."""
    aside = _temporary_beside(path) if path.exists() else None
    if aside:
        path.replace(aside)
    try:
        temporary.replace(path)
    except OSError:
        if aside:
            aside.replace(path)
        raise
    if aside:
        _remove(aside)
    flush_folder(path.parent)


def _file_names(folder: Path) -> Iterator[str]:
    """Yield the path of each file below `folder`, relative to it, with slashes. Raises BundleError for links."""
    for parent, folders, names in os.walk(folder):
        for name in sorted(folders + names):
            if Path(parent, name).is_symlink():
                raise BundleError(
                    f"{Path(parent, name)} is a link, which may lead anywhere. Put the file itself there."
                )
        for name in names:
            yield Path(parent, name).relative_to(folder).as_posix()


def _describe_files(folder: Path) -> dict[str, JSON]:
    sizes = {name: (folder / name).stat().st_size for name in sorted(_file_names(folder))}
    return {name: {"sha256": sha256_of(folder / name), "size": size} for name, size in sizes.items()}


def _bytes_in(folder: Path) -> int:
    with suppress(OSError, BundleError):
        return sum((folder / name).stat().st_size for name in _file_names(folder))
    return 0


def _flush_file(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY if os.name == "posix" else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _seal(content: Mapping[str, JSON]) -> bytes:
    """Return the manifest as text that carries the SHA-256 of itself."""
    document = {**content, "format": MANIFEST_FORMAT}
    proof = hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()
    return (json.dumps({**document, "sha256": proof}, indent=1, sort_keys=True) + "\n").encode()


def _unseal(path: Path) -> dict[str, Any]:
    content = read_bounded(path, MANIFEST_MAX_BYTES)
    document = parse_json(content, path)
    if isinstance(document.get("format"), int) and document["format"] > MANIFEST_FORMAT:
        raise BundleError(
            f"{path} has format {document['format']}, newer than this polyglass knows. Upgrade polyglass."
        )
    document.pop("sha256", None)
    files = document.get("files")
    well_formed = isinstance(files, dict) and all(
        isinstance(entry, dict) and isinstance(entry.get("size"), int) and isinstance(entry.get("sha256"), str)
        for entry in files.values()
    )
    # Equality of bytes is stricter than equality of meaning: every flipped bit is found, in the spaces, too.
    if not well_formed or _seal(document) != content:
        raise BundleError(f"{path} is damaged: it does not prove itself. Use another copy of this folder.")
    return document
