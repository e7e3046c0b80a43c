"""Parts in, the whole file out, in order: only if each line of the input has its part, once, and all fit together."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from polyglass.batch.formats import rows_of, write_joined
from polyglass.batch.job import Job
from polyglass.batch.parts import Header, Part, PartsFolder, Source
from polyglass.errors import BundleError, InputError

_SHOWN = 5


@dataclass
class Joined:
    """What was joined. cut: numbers of lines that were longer than the model takes."""

    parts: int = 0
    lines_in: int = 0
    lines_out: int = 0
    cut: list[int] = field(default_factory=list)


def join(folder: PartsFolder, output: Path) -> Joined:
    """Write the parts as one file, which appears when it is whole. The parts stay.

    Raises InputError or BundleError naming what is missing, there twice, damaged or foreign.
    """
    if not folder.exists:
        raise InputError(f"{folder.path} does not exist, so there are no parts of {output}. Check the name.")
    if strangers := folder.strangers():
        raise InputError(f"{_listed([path.name for path in strangers])} in {folder.path} is no part. Remove it.")
    job, sources = folder.job(), list(folder.sources())
    _refuse_gaps(folder, sources)
    joined = Joined()
    write_joined(job.kind, _contents(folder, job, sources, joined), output)
    return joined


def _contents(folder: PartsFolder, job: Job, sources: Sequence[Source], joined: Joined) -> Iterator[bytes]:
    for source in sources:
        part = folder.read(source.number)
        path = folder.file_of(source.number)
        _refuse_foreign(path, part.header, job, source)
        rows = _rows(path, part, job)
        joined.parts += 1
        joined.lines_in += source.lines
        joined.lines_out += rows
        joined.cut += part.header.cut
        yield part.content


def _refuse_gaps(folder: PartsFolder, sources: Sequence[Source]) -> None:
    there, wanted = folder.numbers(), {one.number for one in sources}
    if missing := sorted(wanted - there):
        names = _listed([folder.file_of(number).name for number in missing])
        raise InputError(
            f"{folder.path} lacks {len(missing):,} of {len(wanted):,} parts: {names}. "
            "Run again what should have made them: of N shards, shard K makes parts K, K+N, K+2N and so on."
        )
    if extra := sorted(there - wanted):
        names = _listed([folder.file_of(number).name for number in extra])
        raise InputError(f"{names} in {folder.path}: the input has only {len(wanted):,} parts. Remove what is foreign.")


def _refuse_foreign(path: Path, header: Header, job: Job, source: Source) -> None:
    if header.number != source.number:
        raise InputError(f"{path} is part {header.number} under another name, so it would be there twice. Remove it.")
    if header.job != job.fingerprint:
        raise InputError(
            f"{path} is foreign: it was made with another model, other options or another version of polyglass. "
            "Remove it, and run its shard again."
        )
    if (header.source_sha256, header.lines) != (source.sha256, source.lines):
        raise InputError(f"{path} is foreign: it was made from another input. Remove it, and run its shard again.")


def _rows(path: Path, part: Part, job: Job) -> int:
    rows = rows_of(job.kind, part.content)
    if job.one_to_one and rows != part.header.lines:
        raise BundleError(f"{path} should have {part.header.lines:,} lines, but it has {rows:,}. Remove it.")
    return rows


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else "")
