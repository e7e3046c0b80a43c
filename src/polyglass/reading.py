"""Files that somebody else may have written, read with a bound: only regular files, only so many bytes."""

import json
import stat
from pathlib import Path
from typing import Any

from polyglass.errors import BundleError


def regular_file_size(path: Path) -> int:
    """Return the size of a file in bytes. Raises BundleError if it is missing, a folder, a pipe or a device."""
    try:
        status = path.stat()
    except FileNotFoundError:
        raise BundleError(f"{path} is missing. Is {path.parent} the right folder, and was it copied whole?") from None
    except OSError as error:
        raise BundleError(f"{path} cannot be read: {error.strerror or error}. Check its permissions.") from error
    if not stat.S_ISREG(status.st_mode):
        raise BundleError(f"{path} must be a regular file, but it is a folder, pipe or device. Remove it.")
    return status.st_size


def read_bounded(path: Path, limit: int) -> bytes:
    """Return the content of a regular file of at most `limit` bytes. Raises BundleError for anything else."""
    size = regular_file_size(path)  # before opening: a pipe would block for ever
    if size > limit:
        raise BundleError(
            f"{path} may have at most {limit:,} bytes, but it has {size:,}. It is damaged or not from polyglass."
        )
    try:
        return path.read_bytes()
    except OSError as error:
        raise BundleError(f"{path} cannot be read: {error.strerror or error}. Check its permissions.") from error


def parse_json(content: bytes, path: Path) -> dict[str, Any]:
    """Return the JSON object in `content`. Raises BundleError naming `path` if it is none."""
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise BundleError(f"{path} is damaged: it is not JSON ({str(error)[:200]}). Use another copy.") from error
    if not isinstance(document, dict):
        raise BundleError(
            f"{path} must hold a JSON object, but it holds a {type(document).__name__}. Use another copy."
        )
    return document
