"""A file in, its translation out, in this process: piece after piece, each kept when it is finished."""

from collections.abc import Iterator
from contextlib import ExitStack
from itertools import chain, islice

from polyglass.batch.errand import Errand, Tally, Tell
from polyglass.batch.formats import write_joined
from polyglass.batch.join import Joined, join
from polyglass.batch.parts import Source
from polyglass.batch.piece import Piece, Shard
from polyglass.batch.work import Worker
from polyglass.errors import InputError
from polyglass.run.folder import lock_folder

ANOTHER = "another process is translating into"


def translate_whole(errand: Errand, worker: Worker, tell: Tell) -> Joined:
    """Translate a file; the output appears by one rename. What was finished when this was killed is not done again.

    tell: is given the tally after each piece. Raises LockedError if another process is at it.
    """
    if errand.overwrite and errand.folder.exists:
        with lock_folder(errand.folder.path, ANOTHER):
            errand.folder.remove()
    pieces = errand.format.pieces(errand.source, errand.job.piece_lines)
    first = list(islice(pieces, 2))
    if len(first) < 2 and not errand.folder.exists:  # too short to be worth a folder
        return _at_once(errand, worker, first, tell)
    worker.prepare(unless=errand.folder.exists)
    with ExitStack() as stack:
        errand.folder.open(errand.job)
        stack.enter_context(lock_folder(errand.folder.path, ANOTHER))
        _translate(errand, worker, chain(first, pieces), tell)
        joined = join(errand.folder, errand.output)
        errand.folder.remove()
    return joined


def translate_shard(errand: Errand, worker: Worker, tell: Tell, *, shard: Shard) -> Tally:
    """Translate the pieces of one shard into the folder of parts, which stays for `join`.

    Raises InputError if the whole is there already and its parts are not.
    """
    if errand.output.exists() and not errand.folder.exists and not errand.overwrite:
        raise InputError(
            f"{errand.output} exists, and no parts lie beside it: perhaps they were merged already. "
            "Remove it, or give --overwrite to translate anew."
        )
    pieces = errand.format.pieces(errand.source, errand.job.piece_lines)
    first = list(islice(pieces, 1))
    worker.prepare(unless=errand.folder.exists)  # what cannot be read, or loaded, leaves no folder behind
    errand.folder.open(errand.job, overwrite=errand.overwrite)
    return _translate(errand, worker, chain(first, pieces), tell, shard=shard)


def _translate(
    errand: Errand, worker: Worker, pieces: Iterator[Piece], tell: Tell, *, shard: Shard | None = None
) -> Tally:
    """Do the pieces of a shard; without one, all whose parts are missing. (Of the whole, --overwrite removed them.)"""
    folder, job, tally = errand.folder, errand.job, Tally()
    anew = errand.overwrite and shard is not None
    sources = []
    for piece in pieces:
        sources.append(Source(piece.number, piece.lines, piece.sha256))
        if shard is not None and not shard.owns(piece.number):
            continue
        header = None if anew else folder.kept(piece, job)
        if header is not None:
            tally.kept_parts += 1
            tally.kept_lines += piece.lines
        else:
            part = worker.do(piece, format=errand.format, job=job, name=errand.name)
            folder.write(part)
            header = part.header
            tally.parts += 1
            tally.lines += piece.lines
        tally.cut += header.cut
        tell(tally)
    folder.note_input(sources, overwrite=errand.overwrite)
    return tally


def _at_once(errand: Errand, worker: Worker, pieces: list[Piece], tell: Tell) -> Joined:
    contents, joined = [], Joined()
    for piece in pieces:
        part = worker.do(piece, format=errand.format, job=errand.job, name=errand.name)
        contents.append(part.content)
        joined = Joined(1, piece.lines, piece.lines, list(part.header.cut))
        tell(Tally(lines=piece.lines, parts=1))
    write_joined(errand.format.kind, contents, errand.output)
    return joined
