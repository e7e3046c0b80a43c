"""Many files, many processes, many machines: Ray Data carries pieces to actors that hold the model, and parts back.

    reader (a task for each file)  ->  pieces  ->  actors with the model  ->  parts  ->  this process, which keeps them

A reader waits at a gate while too many of its pieces are on the way. A piece whose actor or machine is lost is given to
another one. Each part is written under its number, so one that comes twice is there once, and the order of
arrival does not matter. Everything travels by path: all machines must see the model and the input under the same name.
"""

import json
import logging
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from polyglass import errors
from polyglass.batch.errand import Errand, Tally, Tell
from polyglass.batch.parts import Header, Part, Source
from polyglass.batch.piece import Piece
from polyglass.batch.work import Worker
from polyglass.errors import InputError, PolyglassError

Row = dict[str, list[Any]]
Read = Callable[[Mapping[str, Any]], Iterator[Row]]
READERS = 4  # files that are read at the same time
PIECES_FOR_EACH = 4  # pieces of a file that may be on the way, for each actor: one at work, others waiting
SPARE_PIECES = 16
GATE_SECONDS = 0.1  # until a reader asks again
READER_CPUS = 0  # actors may take all cores, and reading needs little; what needs other room is not fused either


@dataclass(frozen=True)
class Crew:
    """Who works. workers: actors, each with its own model; 0: as many as there is room for.

    cpus, gpus: of each; None: a GPU where there are some.
    """

    workers: int = 0
    cpus: int = 1
    gpus: int | None = 0


def translate_with_ray(
    errands: Sequence[Errand], worker: Worker, tell: Tell, *, crew: Crew, finish: Callable[[Errand], None]
) -> None:
    """Translate files; `finish` is called with each one whose parts are all there, as soon as they are.

    Raises InputError if Ray is not installed, and whatever a reader or the model raises. Finished parts are kept then.
    """
    if not errands:
        return
    ray = start_ray()
    for errand in errands:
        if errand.overwrite and errand.folder.exists:
            errand.folder.remove()
        errand.folder.open(errand.job)
    crew = _sized(crew, ray.cluster_resources())
    books = [_Book(errand) for errand in errands]
    gate = _gate(ray, len(errands), PIECES_FOR_EACH * crew.workers + SPARE_PIECES)
    ledger = _Ledger(books, tell, finish, lambda file, count: gate.arrived.remote(file, count))
    read = _reader(errands, [book.kept for book in books], gate)
    for row in _plan(ray, len(errands), read, _actor(errands, worker), crew).iter_rows():
        ledger.enter(row)
    ledger.close()


def start_ray() -> Any:
    """Return the library, connected to the cluster that RAY_ADDRESS names, or to one of its own on this machine."""
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise InputError('--engine ray needs one more package: pip install "polyglass[distributed]"') from error
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing goes to the network that nobody asked for
    if not ray.is_initialized():
        here = {} if os.environ.get("RAY_ADDRESS") else {"include_dashboard": False}
        ray.init(log_to_driver=False, logging_level="error", **here)
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    context.target_max_block_size = 1  # a block for each piece, so that it is handed on as soon as it is read
    return ray


def _sized(crew: Crew, room: Mapping[str, float]) -> Crew:
    """Return the crew with numbers: as many workers as there is room for, where nobody said how many."""
    gpus = int(room.get("GPU", 0) > 0) if crew.gpus is None else crew.gpus
    most = int(room.get("GPU", 0) // gpus if gpus else room.get("CPU", 1) // crew.cpus)
    return Crew(crew.workers or max(1, most), crew.cpus, gpus)


def _plan(ray: Any, files: int, read: Read, actor: type, crew: Crew) -> Any:
    """Return the data set of all parts, which is computed while somebody iterates over it."""
    numbers = ray.data.from_items([{"file": index} for index in range(files)], override_num_blocks=files)
    readers = ray.data.TaskPoolStrategy(size=READERS)
    pieces = numbers.map_batches(read, batch_size=1, compute=readers, num_cpus=READER_CPUS)
    actors = ray.data.ActorPoolStrategy(size=crew.workers)
    return pieces.map_batches(actor, batch_size=1, compute=actors, num_cpus=crew.cpus, num_gpus=crew.gpus or None)


def _gate(ray: Any, files: int, ahead: int) -> Any:
    """Return an actor that knows how many pieces of each file have arrived, and so how far its reader may go.

    Ray Data holds pieces back by the memory that they take; it was seen to read a whole file all the same. What is
    counted here does not depend on who died: a reader that starts again asks for the same numbers.
    """

    class Gate:
        def __init__(self) -> None:
            self._arrived = [0] * files

        def arrived(self, file: int, count: int) -> None:
            self._arrived[file] = count

        def limit(self, file: int) -> int:
            return self._arrived[file] + ahead

    return ray.remote(num_cpus=0)(Gate).remote()


def _reader(errands: Sequence[Errand], kept: Sequence[Mapping[int, str]], gate: Any) -> Read:
    """Return a function that Ray calls with the number of a file; it yields a row for each piece, and one at the end.

    Of a piece that is finished already, the row has no content.
    """

    def read(batch: Mapping[str, Any]) -> Iterator[Row]:
        import ray

        index = int(batch["file"][0])
        errand, number, limit = errands[index], 0, 0
        try:
            for piece in errand.format.pieces(errand.source, errand.job.piece_lines):
                number = piece.number
                while number > limit:
                    if number > (limit := ray.get(gate.limit.remote(index))):
                        time.sleep(GATE_SECONDS)
                is_kept = _is_kept(piece, kept[index], errand)
                yield _row(index, piece, content=b"" if is_kept else piece.content, kept=is_kept)
        except PolyglassError as error:
            yield _row(index, Piece(0, 0, 0, b""), error=error)
            return
        yield _row(index, Piece(number + 1, 0, 0, b""), kept=True)  # one behind the last, without lines: the end

    return read


def _is_kept(piece: Piece, kept: Mapping[int, str], errand: Errand) -> bool:
    if (sha256 := kept.get(piece.number)) is None:
        return False
    if sha256 != piece.sha256:
        raise errand.folder.changed(piece)
    return True


def _actor(errands: Sequence[Errand], worker: Worker) -> type:
    """Return a class that Ray makes objects of, one in each process; each has a copy of the worker, without a model."""

    class Translating:
        def __init__(self) -> None:
            self._worker = worker

        def __call__(self, batch: Mapping[str, Any]) -> Row:
            row = {name: values[0] for name, values in batch.items()}
            if row["kept"] or row["error"]:
                return {name: [value] for name, value in row.items()}
            index, errand = int(row["file"]), errands[int(row["file"])]
            piece = Piece(int(row["number"]), int(row["first"]), int(row["lines"]), bytes(row["content"]))
            try:
                part = self._worker.do(piece, format=errand.format, job=errand.job, name=errand.name)
            except PolyglassError as error:
                return _row(index, piece, error=error)
            return _row(index, piece, content=part.content, header=json.dumps(asdict(part.header)))

    return Translating


def _row(
    file: int,
    piece: Piece,
    *,
    content: bytes = b"",
    header: str = "",
    kept: bool = False,
    error: PolyglassError | None = None,
) -> Row:
    return {
        "file": [file],
        "number": [piece.number],
        "first": [piece.first],
        "lines": [piece.lines],
        "sha256": [piece.sha256],
        "content": [content],
        "header": [header],
        "kept": [kept],
        "error": [f"{type(error).__name__}\t{error}" if error else ""],
    }


class _Book:
    """What is known of one file. kept: SHA-256 of the source of each finished part, by number."""

    def __init__(self, errand: Errand) -> None:
        self.errand = errand
        self.kept = errand.folder.proven(errand.job)
        self.sources: dict[int, Source] = {}
        self.pieces: int | None = None

    @property
    def is_complete(self) -> bool:
        """Whether each piece has its part."""
        return self.pieces is not None and len(self.sources) == self.pieces


@dataclass
class _Ledger:
    """Enters what comes from the actors, each piece once, and finishes the files that are complete.

    arrived: is told file and number of pieces.
    """

    books: list[_Book]
    tell: Tell
    finish: Callable[[Errand], None]
    arrived: Callable[[int, int], object]
    tally: Tally = field(default_factory=Tally)
    finished: set[int] = field(default_factory=set)

    def enter(self, row: Mapping[str, Any]) -> None:
        """Keep the part in a row. Raises the error in it."""
        if row["error"]:
            name, _, message = row["error"].partition("\t")
            raise getattr(errors, name)(message)
        index = int(row["file"])
        book, number = self.books[index], int(row["number"])
        if not row["lines"]:
            book.pieces = number - 1
        elif number not in book.sources:  # lost answers are given again, so one may come twice
            self._keep(book, number, row)
            self.arrived(index, len(book.sources))
        if book.is_complete and index not in self.finished:
            self.finished.add(index)
            book.errand.folder.note_input([book.sources[n] for n in sorted(book.sources)], overwrite=True)
            self.finish(book.errand)

    def _keep(self, book: _Book, number: int, row: Mapping[str, Any]) -> None:
        lines = int(row["lines"])
        book.sources[number] = Source(number, lines, row["sha256"])
        if row["kept"]:
            self.tally.kept_parts += 1
            self.tally.kept_lines += lines
        else:
            head = json.loads(row["header"])
            header = Header(**{**head, "cut": tuple(head["cut"])})
            book.errand.folder.write(Part(header, bytes(row["content"])))
            self.tally.parts += 1
            self.tally.lines += lines
        self.tell(self.tally)

    def close(self) -> None:
        """Raise PolyglassError if a file is not complete: Ray said that it was done, but something is missing."""
        if missing := [book.errand.name for index, book in enumerate(self.books) if index not in self.finished]:
            raise PolyglassError(
                f"Ray ended, but parts are missing of {', '.join(missing[:5])}. Run the same command again; it goes on."
            )
