"""A CTranslate2 model.bin in, its arrays by name out. Nothing in the file is executed, and no size in it is believed.

Layout of the format's versions 2 to 6, little-endian: version, name of the architecture, revision, number of
variables; for each its name, rank, dimensions, type and data; from version 3 on the names of variables that are the
same as others. A string is its length with the NUL that ends it, then its bytes. Read from the format's description
in CTranslate2's Python package (MIT), ctranslate2.specs.model_spec.
"""

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from polyglass.errors import BundleError
from polyglass.reading import read_bounded

MAX_BYTES = 16 * 2**30
OLDEST, NEWEST = 2, 6
_TYPES = {0: "<f4", 1: "<i1", 2: "<i2", 3: "<i4", 4: "<f2", 5: "<u2"}  # 5: bfloat16, which numpy has not
_TYPES_BY_SIZE = {4: "<f4", 2: "<i2", 1: "<i1"}  # before version 4 only the size of a number was written
_BFLOAT16 = 5


@dataclass(frozen=True)
class ModelFile:
    """What a model.bin holds: the architecture's name and revision, and its variables by path."""

    name: str
    revision: int
    variables: dict[str, NDArray[np.generic]]


class _Reader:
    """Walks through the bytes; every step is checked against their end."""

    def __init__(self, content: bytes, path: Path) -> None:
        self.content = content
        self.path = path
        self.place = 0

    def take(self, size: int) -> bytes:
        """Return the next `size` bytes."""
        taken = self.content[self.place : self.place + size]
        if len(taken) < size:
            raise BundleError(
                f"{self.path} is damaged or cut off: at byte {self.place:,} it promises {size:,} more bytes, but only "
                f"{len(taken):,} follow. Use another copy."
            )
        self.place += size
        return taken

    def number(self, kind: str) -> int:
        """Return the next whole number, of struct type `kind`."""
        value: int = struct.unpack(f"<{kind}", self.take(struct.calcsize(kind)))[0]
        return value

    def string(self) -> str:
        """Return the next string."""
        raw = self.take(self.number("H"))
        try:
            return raw.removesuffix(b"\0").decode()
        except UnicodeDecodeError as error:
            raise BundleError(f"{self.path} is not a CTranslate2 model: a name in it is not UTF-8.") from error

    def variable(self, version: int) -> NDArray[np.generic]:
        """Return the next array, as float32 where it holds halves."""
        shape = tuple(self.number("I") for _ in range(self.number("B")))
        kind = self.number("B")
        size = self.number("I") * (1 if version >= 4 else kind)
        known = _TYPES if version >= 4 else _TYPES_BY_SIZE
        if kind not in known:
            raise BundleError(f"{self.path} holds numbers of an unknown type ({kind}). Use another copy.")
        values = (
            np.frombuffer(self.take(size), dtype=known[kind]) if size % np.dtype(known[kind]).itemsize == 0 else None
        )
        if values is None or len(values) != int(np.prod(shape, dtype=object)):
            raise BundleError(f"{self.path} is damaged: an array of shape {list(shape)[:8]} has {size:,} bytes.")
        if version >= 4 and kind == _BFLOAT16:
            values = (values.astype("<u4") << 16).view("<f4")
        return values.reshape(shape)


def read_model_file(path: Path) -> ModelFile:
    """Read every variable of a model.bin. Raises BundleError if the file is damaged, foreign or of another version."""
    reader = _Reader(read_bounded(path, MAX_BYTES), path)
    version = reader.number("I")
    if not OLDEST <= version <= NEWEST:
        raise BundleError(
            f"{path} must be a CTranslate2 model of format {OLDEST} to {NEWEST}, but it says {version}. "
            "Convert the model anew with a CTranslate2 of today."
        )
    name, revision = reader.string(), reader.number("I")
    variables: dict[str, NDArray[np.generic]] = {}
    for _ in range(reader.number("I")):
        own_name = reader.string()
        variables[own_name] = reader.variable(version)
    for _ in range(reader.number("I") if version >= 3 else 0):
        alias, original = reader.string(), reader.string()
        if original not in variables:
            raise BundleError(f"{path} is damaged: {alias[:100]!r} stands for {original[:100]!r}, which is not there.")
        for suffix in ("", "_scale"):  # the scale of quantised numbers goes with them without being named
            if original + suffix in variables:
                variables[alias + suffix] = variables[original + suffix]
    if reader.place != len(reader.content):
        raise BundleError(f"{path} is damaged: {len(reader.content) - reader.place:,} bytes follow its end.")
    return ModelFile(name, revision, variables)
