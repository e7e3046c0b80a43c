"""`polyglass translate --input FILE` for files of translation tools: filled, marked, and told on stderr."""

import re
import sys
from pathlib import Path

import polib
import pytest

from polyglass.bundle import save_bundle
from polyglass.cli.main import main
from polyglass.translator import Translator
from tiny_bundle import tiny_talker

HEADER = 'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\nLanguage: {}\\n"\n\n'
CATALOGUE = (
    HEADER.format("de")
    + '#: a.c:1\nmsgid "A small dog runs."\nmsgstr ""\n\n#, c-format\nmsgid "The girl reads %s."\nmsgstr ""\n\n'
    + 'msgid "A bird"\nmsgstr "Ein Vogel"\n\n#~ msgid "old"\n#~ msgstr ""\n'
)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("made") / "en-de"
    save_bundle(folder, tiny_talker())
    return str(folder)


@pytest.fixture
def catalogue(tmp_path: Path) -> Path:
    path = tmp_path / "a.po"
    path.write_text(CATALOGUE, encoding="utf-8")
    return path


def test_what_is_empty_is_filled_by_the_model(model: str, catalogue: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = catalogue.with_name("b.po")
    assert main(["translate", model, "--input", str(catalogue), "--output", str(out)]) == 0
    entries = {entry.msgid: entry for entry in polib.pofile(str(out))}
    best = Translator.load(model).translate(["A small dog runs."])[0].text
    assert entries["A small dog runs."].msgstr == best
    assert entries["The girl reads %s."].msgstr.count("%s") == 1
    assert entries["The girl reads %s."].fuzzy
    assert (entries["A bird"].msgstr, entries["A bird"].fuzzy) == ("Ein Vogel", False)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == (
        f"{catalogue}: gettext PO\n"
        "        4 segments: 2 filled, 1 kept as they were\n"
        "        1 skipped: obsolete\n"
        "  --overwrite translates anew what has a translation.\n"
        f"  written to {out}\n"
    )


def test_overwrite_translates_everything_and_the_file_may_be_its_own_output(model: str, catalogue: Path) -> None:
    assert main(["translate", model, "--overwrite", "--input", str(catalogue), "--output", str(catalogue)]) == 0
    assert all(entry.fuzzy for entry in polib.pofile(str(catalogue)) if not entry.obsolete)
    assert len(list(catalogue.parent.iterdir())) == 1


def test_without_output_the_file_goes_to_standard_output(
    model: str, catalogue: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert main(["translate", model, "--input", str(catalogue)]) == 0
    made = capsysbinary.readouterr().out
    assert made.startswith(CATALOGUE[:80].encode())
    assert made.count(b"fuzzy") == 2


def test_bytes_of_another_encoding_reach_standard_output_unharmed(
    model: str, tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    memory = (
        '<tmx version="1.4"><header srclang="en"/><body><tu><tuv xml:lang="en"><seg>A dog</seg></tuv></tu></body></tmx>'
    )
    path = tmp_path / "a.tmx"
    path.write_bytes(memory.encode("utf-16"))
    assert main(["translate", model, "--input", str(path)]) == 0
    made = capsysbinary.readouterr().out
    assert re.sub(r'<tuv xml:lang="de".*?</tuv>', "", made.decode("utf-16")) == memory


def test_a_text_file_stays_a_file_of_lines(model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.txt"
    path.write_text("A dog. A bird.\n\nThe girl reads.\n", encoding="utf-8")
    assert main(["translate", model, "--input", str(path)]) == 0
    captured = capsys.readouterr()
    assert (captured.out.count("\n"), captured.err) == (3, "")


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--json"], "--json goes with lines of text, but {} is a file of its own kind. Leave it out."),
        (["--prefix", "Der"], "--prefix goes with lines of text, but {} is a file of its own kind. Leave it out."),
        (["--n-best", "2"], "--n-best goes with lines of text, but {} is a file of its own kind. Leave it out."),
        (["A text"], "Give TEXT or --input, but not both."),
        (["--set", "decode.beam_size=0"], "decode.beam_size"),
    ],
)
def test_flags_that_mean_nothing_for_a_file_are_refused(
    model: str, catalogue: Path, capsys: pytest.CaptureFixture[str], flags: list[str], message: str
) -> None:
    assert main(["translate", model, "--input", str(catalogue), *flags]) == 2
    assert message.format(catalogue) in capsys.readouterr().err


def test_a_file_in_other_languages_is_refused_unless_it_is_wrong(
    model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.po"
    path.write_text(HEADER.format("fr_FR") + 'msgid "A dog"\nmsgstr ""\n', encoding="utf-8")
    assert main(["translate", model, "--input", str(path)]) == 2
    assert capsys.readouterr().err.endswith(
        "a.po says that it is translated to fr_FR, but the model translates to de. "
        "Take another model, or give --any-language if the file is wrong.\n"
    )
    assert main(["translate", model, "--any-language", "--input", str(path)]) == 0


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.po", None, "a.po does not exist. Check the name and the folder."),
        ("a.po", b"hello", "a.po:1: a line must be a comment, or msgid"),
        ("a.xlf", b"<xliff><", "a.xlf is not well-formed XML"),
        ("a.srt", b"\xff", "a.srt:1: byte 0xFF is not utf-8. Convert the file to UTF-8"),
    ],
)
def test_a_file_that_cannot_be_read_is_named_and_nothing_is_written(
    model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, content: bytes | None, message: str
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    assert main(["translate", model, "--input", str(path), "--output", str(tmp_path / "out")]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_terminal_is_no_place_for_a_file(
    model: str, catalogue: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert main(["translate", model, "--input", str(catalogue)]) == 2
    assert "Say where the translated file goes, for example --output " in capsys.readouterr().err


def test_names_and_texts_of_a_file_cannot_steer_the_terminal(
    model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a\x1b]0;x.po"
    path.write_text(CATALOGUE, encoding="utf-8")
    assert main(["translate", model, "--input", str(path), "--output", str(tmp_path / "b.po")]) == 0
    assert "\x1b" not in capsys.readouterr().err
