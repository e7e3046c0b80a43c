"""Parquet tables: some rows at a time in and out. A piece holds them as a stream of Arrow's IPC format."""

import io
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from polyglass.batch.piece import Piece
from polyglass.errors import DataError, InputError
from polyglass.files import AtomicFile, open_atomically
from polyglass.translator import Translation


@dataclass(frozen=True)
class Table:
    """Rows of a Parquet file: the text of one column is translated into another, which is added as the last one."""

    field: str
    into: str
    one_to_one: bool = True
    kind: str = "parquet"

    @property
    def facts(self) -> str:
        """The two columns."""
        return json.dumps([self.field, self.into])

    def pieces(self, path: Path, lines: int) -> Iterator[Piece]:
        """Cut a table; of a large file only a few rows are in memory. Raises DataError if it is none, or lacks text."""
        arrow, parquet = _arrow()
        if not path.is_file():
            raise DataError(f"{path} does not exist, or is no file. Check the name and the folder.")
        try:
            with parquet.ParquetFile(path) as file:
                self._refuse_other_columns(file.schema_arrow, path)
                for number, batch in enumerate(file.iter_batches(batch_size=lines), start=1):
                    yield Piece(number, (number - 1) * lines + 1, batch.num_rows, _packed(batch, batch.schema))
        except (arrow.ArrowException, OSError) as error:
            raise DataError(f"{path} is no Parquet file that can be read: {str(error)[:200]}") from error

    def texts(self, piece: Piece, name: str) -> list[str]:
        """Return the text of each row; of a null the empty text."""
        return [text or "" for text in _unpacked(piece.content).column(self.field).to_pylist()]

    def render(self, piece: Piece, translations: Sequence[Translation]) -> bytes:
        """Return the rows with one column more; a null stays null."""
        arrow, _ = _arrow()
        table = _unpacked(piece.content)
        sources = table.column(self.field).to_pylist()
        texts = [None if source is None else one.text for source, one in zip(sources, translations, strict=True)]
        whole = table.append_column(self.into, arrow.array(texts, arrow.string()))
        return _packed(whole, whole.schema)

    def _refuse_other_columns(self, schema: Any, path: Path) -> None:
        arrow, _ = _arrow()
        names = ", ".join(schema.names)[:200]
        if self.field not in schema.names:
            raise DataError(f'{path} has no column "{self.field}" for --field. Its columns are: {names}.')
        found = schema.field(self.field).type
        if not (arrow.types.is_string(found) or arrow.types.is_large_string(found)):
            raise DataError(f'{path}: the column "{self.field}" must hold text, but its type is {found}.')
        if self.into in schema.names:
            raise DataError(f'{path} has a column "{self.into}" already. Choose another name: --into')


def write_table(contents: Iterable[bytes], path: Path) -> None:
    """Write rendered pieces as one Parquet file, which appears when all is written."""
    _, parquet = _arrow()
    with open_atomically(path) as file:
        writer = None
        for content in contents:
            table = _unpacked(content)
            if writer is None:
                writer = parquet.ParquetWriter(_Sink(file), table.schema)
            writer.write_table(table)
        if writer is None:
            raise InputError(f"{path} would be a table without columns: the input has no rows.")
        writer.close()


def count_rows(content: bytes) -> int:
    """Count the rows of a rendered piece."""
    return int(_unpacked(content).num_rows)


class _Sink(io.RawIOBase):
    """What Arrow writes into."""

    def __init__(self, file: AtomicFile) -> None:
        self._file = file

    def writable(self) -> bool:
        return True

    def write(self, content: Any) -> int:
        self._file.write(memoryview(content))
        return len(content)

    def tell(self) -> int:
        return self._file.size


def _packed(rows: Any, schema: Any) -> bytes:
    arrow, _ = _arrow()
    sink = arrow.BufferOutputStream()
    with arrow.ipc.new_stream(sink, schema) as writer:
        writer.write(rows)
    return bytes(sink.getvalue())


def _unpacked(content: bytes) -> Any:
    arrow, _ = _arrow()
    return arrow.ipc.open_stream(content).read_all()


def _arrow() -> tuple[Any, Any]:
    """Load Arrow only where somebody has tables. Raises InputError if it is not installed."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise InputError('Parquet needs one more package: pip install "polyglass[distributed]"') from error
    return pyarrow, pyarrow.parquet
