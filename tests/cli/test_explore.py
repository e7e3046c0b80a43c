"""`polyglass explore`: the address, the file, and everything that can be wrong before there is a page."""

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from polyglass.cli.explore import _has_screen
from polyglass.cli.main import main
from tiny_bundle import tiny_folder


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tiny_folder(tmp_path_factory.mktemp("made") / "en-de"))


@pytest.fixture
def started(model: str) -> Any:
    """Return a function that starts the program and returns it with the lines that it prints first."""
    running: list[subprocess.Popen[str]] = []

    def start(*flags: str) -> tuple["subprocess.Popen[str]", str]:
        command = [sys.executable, "-m", "polyglass", "explore", model, "--no-browser", "--threads", "1", *flags]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        program = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8", env=environment
        )
        running.append(program)
        assert program.stdout is not None
        return program, program.stdout.readline() + program.stdout.readline()

    yield start
    for program in running:
        program.kill()
        program.communicate()


def test_it_prints_an_address_answers_there_and_ends_quietly_at_ctrl_c(
    started: Callable[..., tuple["subprocess.Popen[str]", str]],
) -> None:
    program, said = started("--text", "A dog & a bird.")
    found = re.match(r"http://127\.0\.0\.1:(\d+)/#token=([\w-]{22})&text=A\+dog\+%26\+a\+bird\.\n", said)
    assert found is not None, said
    assert "Ctrl-C ends it" in said
    connection = http.client.HTTPConnection("127.0.0.1", int(found[1]), timeout=30)
    headers = {"Origin": f"http://127.0.0.1:{found[1]}", "Content-Type": "application/json"}
    connection.request("POST", "/api/session", json.dumps({"token": found[2]}), headers)
    response = connection.getresponse()
    assert response.status == 200
    response.read()
    connection.close()
    assert program.stdout is not None
    again = program.stdout.readline()
    assert again.startswith(f"Opened. For another browser: http://127.0.0.1:{found[1]}/#token=")
    assert found[2] not in again
    program.send_signal(signal.SIGINT)
    _, err = program.communicate(timeout=30)
    assert program.returncode == 0
    assert err.strip() == ""


def test_ctrl_c_in_the_middle_of_a_search_ends_as_quietly(
    started: Callable[..., tuple["subprocess.Popen[str]", str]],
) -> None:
    program, said = started()
    port, token = re.findall(r":(\d+)/#token=([\w-]+)", said)[0]
    headers = {"Origin": f"http://127.0.0.1:{port}", "Content-Type": "application/json"}
    connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=30)
    connection.request("POST", "/api/session", json.dumps({"token": token}), headers)
    response = connection.getresponse()
    response.read()
    headers["Cookie"] = response.headers["Set-Cookie"].partition(";")[0]
    asked = {"model": "a", "text": "The old dog sees a bird under the tree.", "beam_size": 16}
    connection.request("POST", "/api/run", json.dumps(asked), headers)
    time.sleep(0.1)
    program.send_signal(signal.SIGINT)
    _, err = program.communicate(timeout=30)
    connection.close()
    assert program.returncode == 0
    assert err.strip() == ""


def test_a_port_that_is_taken_is_told(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert main(["explore", model, "--no-browser", "--port", str(port)]) == 2
    assert f"port {port} is taken by another program. Choose another one with --port" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["/nothing"], "A model is a folder"),
        (["{model}", "--model-b", "/nothing"], "A model is a folder"),
        (["{model}", "--port", "99999"], "invalid"),
        (["{model}", "--port", "x"], "invalid"),
        (["{model}", "--beam-size", "17"], "invalid"),
        (["{model}", "--beam-size", "0"], "invalid"),
        (["{model}", "--device", "tpu"], "device must be auto"),
        (["{model}", "--export", "x.html", "--text", " "], "must hold a word"),
        (["{model}", "--export", "x.html", "--text", "dog " * 200], "at most 64"),
        (["{model}", "--export", "/no/such/folder/x.html", "--text", "dog"], "does not exist. Make it first"),
        ([], "required: MODEL"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_served(
    model: str,
    arguments: list[str],
    complaint: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["explore", *(word.replace("{model}", model) for word in arguments)]) == 2
    assert complaint in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_models_of_different_languages_are_not_put_beside_each_other(
    model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from dataclasses import replace

    from polyglass.bundle import save_bundle
    from tiny_bundle import tiny_bundle

    save_bundle(tmp_path / "fr", replace(tiny_bundle(), source_lang="fr"))
    assert main(["explore", model, "--model-b", str(tmp_path / "fr")]) == 2
    assert "must read the same language, but these read en and fr" in capsys.readouterr().err


def test_the_page_is_written_to_one_file(model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "page.html"
    page.write_text("old", encoding="utf-8")
    assert main(["explore", model, "--text", "The dog sees.", "--beam-size", "3", "--export", str(page)]) == 0
    assert re.fullmatch(
        rf"{re.escape(str(page))}: \d\.\d MB; it opens in any browser, without a network\.\n", capsys.readouterr().out
    )
    assert page.read_bytes().startswith(b"<!doctype html>")
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, False),
        ({"DISPLAY": ":0"}, True),
        ({"WAYLAND_DISPLAY": "w"}, True),
        ({"BROWSER": "firefox"}, True),
        ({"DISPLAY": ""}, False),
    ],
)
def test_a_browser_is_opened_only_where_there_is_a_screen(
    environment: dict[str, str], expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("polyglass.cli.explore.sys.platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert _has_screen() is expected


def test_the_help_reads_well_at_80_columns() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "polyglass", "explore", "--help"],
        capture_output=True,
        text=True,
        check=True,
        encoding="utf-8",
        env={**os.environ, "COLUMNS": "80"},
    )
    assert max(map(len, done.stdout.splitlines())) <= 80
