"""`polyglass serve` on the command line: what is wrong is said before a port is open, and keys are made."""

import shutil
import socket
import sys
from pathlib import Path

import pytest

from polyglass.cli.main import main
from tiny_bundle import tiny_folder


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_folder(tmp_path_factory.mktemp("models") / "en-de")


def errors_of(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    code = main(["serve", *words])
    return code, capsys.readouterr().err


def test_a_folder_that_is_no_model_is_named(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, said = errors_of(capsys, str(tmp_path / "nowhere"), "--port", "0")
    assert (code, "nowhere does not exist" in said) == (2, True)


def test_a_broken_model_is_named(capsys: pytest.CaptureFixture[str], model: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(model, broken)
    content = bytearray((broken / "model.safetensors").read_bytes())
    content[-5] ^= 1
    (broken / "model.safetensors").write_bytes(content)
    code, said = errors_of(capsys, str(broken), "--port", "0")
    assert code == 2
    assert "broken" in said
    assert "Traceback" not in said


def test_a_folder_of_models_stands_for_all_of_them(model: Path) -> None:
    from polyglass.serving.models import find_folders

    assert find_folders([model.parent]) == [model]
    assert find_folders([model]) == [model]


def test_a_taken_port_is_said_before_a_model_is_loaded(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, said = errors_of(capsys, str(tmp_path), "--port", str(port))
    assert code == 2
    assert f"127.0.0.1:{port} cannot be used" in said
    assert "Choose another port with --port" in said


def test_an_address_that_is_not_here_is_said(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, said = errors_of(capsys, str(tmp_path), "--host", "192.0.2.1", "--port", "0", "--open")
    assert code == 2
    assert "192.0.2.1" in said


def test_without_keys_nobody_from_outside_is_served_unless_one_says_so(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    code, said = errors_of(capsys, str(tmp_path), "--host", "0.0.0.0", "--port", "0")
    assert code == 2
    assert "Without keys only this machine is served, but --host is 0.0.0.0" in said
    code, said = errors_of(capsys, str(tmp_path / "nowhere"), "--host", "0.0.0.0", "--port", "0", "--open")
    assert code == 2
    assert "WARNING: everybody who can reach 0.0.0.0" in said


def test_no_model_at_all_is_a_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    code, said = errors_of(capsys)
    assert (code, "Name the model folders to serve" in said) == (2, True)


def test_models_can_come_from_the_environment(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("POLYGLASS_SERVE_MODELS", str(tmp_path / "from-there"))
    assert "from-there does not exist" in errors_of(capsys, "--port", "0")[1]


def test_a_wrong_setting_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    code, said = errors_of(capsys, "m", "--port", "many")
    assert code == 2
    assert 'serve.port = "many" (from flag --port many): must be a whole number' in said
    assert "unknown setting serve.prot" in errors_of(capsys, "m", "--set", "serve.prot=1")[1]


def test_what_is_missing_is_said_with_the_command_that_installs_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.startswith("polyglass.serving.server")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    code, said = errors_of(capsys, "m")
    assert code == 2
    assert "needs packages that are not installed (uvicorn)" in said
    assert 'pip install "polyglass[serve]"' in said


def test_a_key_is_printed_once_and_kept_as_a_hash(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "keys.txt"
    assert main(["serve", "--new-key", "me", "--keys", str(file)]) == 0
    printed = capsys.readouterr()
    key = printed.out.strip()
    assert key.startswith("pg_")
    assert key not in file.read_text(encoding="utf-8")
    assert "holds its hash only" in printed.err
    code, said = errors_of(capsys, "--new-key", "me")
    assert (code, "Say which file the key goes to" in said) == (2, True)


def test_all_settings_are_listed_at_80_columns(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", "--settings"]) == 0
    printed = capsys.readouterr().out
    assert "serve.port = 5000" in printed
    assert "POLYGLASS_SERVE_MAX_DOCUMENT_CHARACTERS" in printed
    assert max(map(len, printed.splitlines())) <= 80


def test_a_proxy_that_is_no_network_is_said_before_a_model_is_loaded(capsys: pytest.CaptureFixture[str]) -> None:
    code, said = errors_of(capsys, "m", "--trusted-proxy", "everybody", "--port", "0")
    assert (code, "serve.trusted_proxy: must be networks such as 10.0.0.0/8" in " ".join(said.split())) == (2, True)


def test_the_explorer_reads_the_weights_of_the_server_and_ends_with_it(model: Path) -> None:
    from polyglass.cli.serve import Explorers
    from polyglass.serving.models import load_models

    shelf = load_models([model], device="cpu", batch_tokens=1000)
    with Explorers(shelf) as explorers:
        assert explorers.running == {}  # nothing is started before somebody asks
        url = explorers.url("en-de")
        host, port = url.removeprefix("http://").partition("/")[0].split(":")
        assert (host, "#token=" in url, "model=en-de" in url) == ("127.0.0.1", True, True)
        (server,) = explorers.running.values()
        seen = server.routes.explorer.subject("en-de").bundle.model
        own = shelf.models[0].translator.bundle.model
        assert seen is not own
        places = [[weight.data_ptr() for weight in one.parameters()] for one in (seen, own)]
        assert places[0] == places[1]
        assert explorers.url("en-de").split("/")[2] == f"{host}:{port}"  # the second click starts no second one
        assert explorers.running == {"en": server}
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((host, int(port)), timeout=5)
