"""Parquet: every column stays, and one more comes."""

import sys
from pathlib import Path
from typing import Any

import pytest

from batch_world import lines_format, through
from polyglass.batch.formats import format_of, rows_of
from polyglass.batch.tables import Table
from polyglass.errors import DataError, InputError

pyarrow: Any = pytest.importorskip("pyarrow", reason="Parquet needs pyarrow, of the extra [distributed]")
parquet: Any = pytest.importorskip("pyarrow.parquet")


def written(path: Path, groups: int = 3, **columns: Any) -> Path:
    parquet.write_table(pyarrow.table(columns), path, row_group_size=groups)
    return path


@pytest.mark.parametrize("size", [1, 2, 4, 100])
def test_a_table_comes_out_with_one_column_more(tmp_path: Path, size: int) -> None:
    texts = ["a", None, "c\nd", "", "ä", "f", "g"]
    path = written(tmp_path / "a.parquet", id=list(range(7)), text=texts, more=[{"x": [n]} for n in range(7)])
    through(Table("text", "de"), path, size)
    out = parquet.read_table(tmp_path / "a.out")
    assert out.column_names == ["id", "text", "more", "de"]
    assert out.drop(["de"]).equals(parquet.read_table(path))
    assert out["de"].to_pylist() == ["A", None, "C\nD", "", "Ä", "F", "G"]


def test_only_a_few_rows_are_in_memory(tmp_path: Path) -> None:
    path = written(tmp_path / "a.parquet", groups=1000, text=["a" * 100] * 1000)
    pieces = list(Table("text", "de").pieces(path, 10))
    assert [piece.lines for piece in pieces] == [10] * 100
    assert max(len(piece.content) for piece in pieces) < 4000
    assert [piece.first for piece in pieces[:3]] == [1, 11, 21]
    assert rows_of("parquet", pieces[0].content) == 10


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"b": ["x"]}, 'has no column "text" for --field. Its columns are: b.'),
        ({"text": [1]}, 'the column "text" must hold text, but its type is int64'),
        ({"text": ["x"], "de": ["y"]}, 'has a column "de" already. Choose another name: --into'),
    ],
)
def test_a_table_without_its_text_is_named(tmp_path: Path, columns: dict[str, Any], reason: str) -> None:
    with pytest.raises(DataError) as caught:
        list(Table("text", "de").pieces(written(tmp_path / "a.parquet", **columns), 9))
    assert reason in str(caught.value)


def test_what_is_no_table_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"nothing")
    with pytest.raises(DataError, match="is no Parquet file that can be read"):
        list(Table("text", "de").pieces(tmp_path / "a.parquet", 9))
    with pytest.raises(DataError, match="does not exist"):
        list(Table("text", "de").pieces(tmp_path / "b.parquet", 9))


def test_the_ending_says_that_it_is_a_table() -> None:
    assert format_of(Path("a.parquet"), lines_format(), field="t", into="de").kind == "parquet"


def test_where_pyarrow_is_missing_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path / "a.parquet", text=["x"])
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(InputError, match=r'pip install "polyglass\[distributed\]"'):
        list(Table("text", "de").pieces(path, 9))
