"""The command line as a whole: help, hints, exit codes, start-up."""

import argparse
import errno
import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from polyglass import __version__
from polyglass.cli import main as main_module
from polyglass.cli.arguments import add_option_flag, add_settings_arguments, settings_from
from polyglass.cli.main import VERBS, main, visible
from polyglass.errors import ConfigError, DataError, LockedError, TrainingUnhealthyError

ALL_VERBS = [verb for verbs in VERBS.values() for verb in verbs]
HEAVY = ("torch", "numpy", "pydantic", "rich")
Fake = Callable[[Callable[[argparse.Namespace], int]], None]


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Fake:
    """Return a function that makes its argument the body of a verb called "fake"."""

    def install(body: Callable[[argparse.Namespace], int]) -> None:
        def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
            parser = subparsers.add_parser("fake")
            parser.add_argument("--form", choices=["text", "json"])
            add_settings_arguments(parser)
            add_option_flag(parser, "--beam", option="decode.beam_size", metavar="N", help="width")
            add_option_flag(parser, "--sample", option="decode.sample", help="draw at random")

        module = ModuleType("polyglass.cli.fake")
        vars(module).update(add_parser=add_parser, run=body)
        monkeypatch.setitem(sys.modules, "polyglass.cli.fake", module)
        monkeypatch.setattr(main_module, "VERBS", {**VERBS, "Test": {"fake": "a verb of this test"}})

    return install


def raising(error: BaseException) -> Callable[[argparse.Namespace], int]:
    def run(arguments: argparse.Namespace) -> int:
        raise error

    return run


def test_help_shows_every_verb_in_80_columns(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    page = capsys.readouterr().out
    assert max(map(len, page.split("\n"))) <= 80
    assert [verb for verb in ALL_VERBS if f"\n  {verb} " not in page] == []
    assert page.split("Examples:")[1].count("polyglass ") == 3


def test_without_a_verb_the_help_goes_to_stderr_and_the_exit_code_is_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "Examples:" in capsys.readouterr().err


def test_version_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"polyglass {__version__}\n"


@pytest.mark.parametrize("verb", ALL_VERBS)
def test_every_verb_has_its_file(verb: str) -> None:
    assert importlib.util.find_spec(f"polyglass.cli.{verb}")


@pytest.mark.parametrize("words", [["--help"], ["--version"], *([verb, "--help"] for verb in ALL_VERBS)], ids=" ".join)
def test_help_loads_no_heavy_library(words: list[str]) -> None:
    code = (
        f"import sys\nfrom polyglass.cli.main import main\ncode = main({words!r})\n"
        f"print('loaded', sorted(set({HEAVY!r}) & set(sys.modules)), code)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8")
    assert done.stdout.splitlines()[-1:] == ["loaded [] 0"], done.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["trian"], "polyglass: error: unknown verb trian; did you mean train?\n"),
        (["zzz"], "polyglass: error: unknown verb zzz\n"),
        (["fake", "--presett", "tiny"], "polyglass fake: error: unknown flag --presett; did you mean --preset?\n"),
        (["fake", "--pres", "tiny"], "polyglass fake: error: unknown flag --pres; did you mean --preset?\n"),
        (["fake", "word"], "polyglass fake: error: there is one word too many: word\n"),
        (
            ["fake", "--form", "jsn"],
            "polyglass fake: error: argument --form: invalid choice: 'jsn' (choose from 'text', 'json'); "
            "did you mean json?\n",
        ),
        (["fake", "--form"], "polyglass fake: error: argument --form: expected one argument\n"),
    ],
)
def test_a_misspelt_word_gets_a_hint_and_exit_code_2(
    words: list[str], message: str, fake: Fake, capsys: pytest.CaptureFixture[str]
) -> None:
    fake(lambda arguments: 0)
    assert main(words) == 2
    told = capsys.readouterr().err
    assert told.startswith(message)
    assert "--help shows what can be given.\n" in told


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (ConfigError("model.d_model = 0"), 2, "polyglass: error: model.d_model = 0\n"),
        (DataError("a\x1b[2J\u202eb"), 2, "polyglass: error: a\\x1b[2J\\u202eb\n"),
        (LockedError("locked"), 3, "polyglass: error: locked\n"),
        (TrainingUnhealthyError("ill"), 5, "polyglass: error: ill\n"),
        (KeyboardInterrupt(), 130, "polyglass: stopped.\n"),
        (BrokenPipeError(), 1, ""),
        (
            OSError(errno.ENOSPC, "No space left on device", "runs/x"),
            4,
            "polyglass: error: cannot write: runs/x: No space left on device. "
            "Free some space or write elsewhere, then run it again.\n",
        ),
        (
            MemoryError(),
            4,
            "polyglass: error: out of memory. Give it smaller batches, or take a smaller model.\n",
        ),
        (
            FileNotFoundError(errno.ENOENT, "No such file or directory", "a.txt"),
            2,
            "polyglass: error: cannot open a.txt: No such file or directory.\n",
        ),
        (
            ZeroDivisionError("division by zero\nin the middle"),
            70,
            "polyglass: internal error: ZeroDivisionError: division by zero in the middle\n"
            "This is a bug in polyglass: please run it again with --debug and report what it prints.\n",
        ),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
def test_every_failure_is_put_into_words_with_its_exit_code(
    error: BaseException, code: int, message: str, fake: Fake, capsys: pytest.CaptureFixture[str]
) -> None:
    fake(raising(error))
    assert main(["fake"]) == code
    assert capsys.readouterr().err == message


@pytest.mark.parametrize("words", [["--debug", "fake"], ["fake", "--debug"]], ids=["before the verb", "after the verb"])
def test_debug_shows_where_it_failed(words: list[str], fake: Fake, capsys: pytest.CaptureFixture[str]) -> None:
    fake(raising(ConfigError("wrong")))
    assert main(words) == 2
    told = capsys.readouterr().err
    assert "Traceback" in told
    assert told.endswith("polyglass: error: wrong\n")


def test_the_exit_code_of_a_verb_is_handed_on(fake: Fake) -> None:
    fake(lambda arguments: 7)
    assert main(["fake"]) == 7


def test_options_come_from_flags_in_their_order(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    fake(lambda arguments: seen.append(settings_from(arguments)) or 0)  # type: ignore[func-returns-value]
    monkeypatch.setenv("POLYGLASS_TRAIN_SEED", "9")
    assert main(["fake", "--preset", "tiny", "--beam", "3", "--set", "decode.beam_size=4", "--sample"]) == 0
    assert main(["fake", "--set", "decode.beam_size=4", "--beam", "3"]) == 0
    assert [settings.value("decode.beam_size") for settings in seen] == [4, 3]
    names = ("decode.beam_size", "decode.sample", "train.seed", "model.d_model", "model.norm")
    assert [seen[0].origins[name] for name in names] == [
        "flag --set decode.beam_size=4",
        "flag --sample",
        "environment POLYGLASS_TRAIN_SEED",
        "preset tiny",
        "default",
    ]
    assert seen[1].origins["decode.beam_size"] == "flag --beam 3"


def test_a_wrong_value_of_a_flag_names_the_flag_as_typed(fake: Fake, capsys: pytest.CaptureFixture[str]) -> None:
    fake(lambda arguments: bool(settings_from(arguments)))
    assert main(["fake", "--beam", "0"]) == 2
    assert "decode.beam_size = 0 (from flag --beam 0): must be a whole number" in capsys.readouterr().err


def test_text_is_written_as_utf8_whatever_the_locale() -> None:
    command = [sys.executable, "-m", "polyglass", "config", "show", "--preset", "größe"]
    environment = {**os.environ, "PYTHONIOENCODING": "latin-1"}
    done = subprocess.run(command, capture_output=True, encoding="utf-8", env=environment)
    assert 'unknown preset "größe"' in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full is a device of Linux")
def test_a_full_disk_under_stdout_is_told_once() -> None:
    command = f'"{sys.executable}" -m polyglass config show > /dev/full'
    done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, encoding="utf-8")
    assert done.returncode == 4
    assert done.stderr == (
        "polyglass: error: cannot write: No space left on device. "
        "Free some space or write elsewhere, then run it again.\n"
    )


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    child = subprocess.Popen(
        [sys.executable, "-m", "polyglass", "config", "options"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert child.stdout is not None
    child.stdout.close()
    assert child.stderr is not None
    with child.stderr:
        assert child.stderr.read() == b""
    assert child.wait() == 1


def test_control_characters_are_made_visible() -> None:
    assert visible("Größe\t東\n\x1b]0;x\x07") == "Größe\t東\n\\x1b]0;x\\x07"
