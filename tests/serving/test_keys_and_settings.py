"""Keys and settings: what is in the files and variables, and what is said where it is wrong."""

import ast
import hashlib
import hmac
from pathlib import Path
from typing import Any

import pytest

from polyglass.errors import ConfigError, InputError
from polyglass.serving.keys import KeyRing, new_key, read_keys
from polyglass.serving.settings import resolve_serve, serve_options
from polyglass.settings import Given

SETTINGS = [
    "models", "host", "port", "open", "hosts", "keys", "device", "threads", "batch_tokens", "gather_seconds",
    "cache_mb", "max_body_kb", "max_texts", "max_characters", "max_beam", "max_cost", "time_limit_seconds",
    "max_requests", "queue_cost", "queue_seconds", "connections", "connections_each", "header_seconds",
    "body_seconds", "keep_alive_seconds", "ready_seconds", "grace_seconds", "drain_seconds", "max_document_mb",
    "max_document_characters", "documents_mb", "document_seconds", "trusted_proxy", "page", "explore", "log_requests",
]  # fmt: skip


def test_the_settings_are_pinned() -> None:
    assert list(serve_options()) == [f"serve.{name}" for name in SETTINGS]


def test_every_setting_has_a_meaning_and_is_read_by_the_server() -> None:
    package = Path(__file__).resolve().parents[2] / "src" / "polyglass"
    files = [*(package / "serving").glob("*.py"), package / "cli" / "serve.py"]
    read = {
        node.attr
        for file in files
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute)
    }
    text = "\n".join(file.read_text(encoding="utf-8") for file in files)
    assert [name for name in SETTINGS if name not in read and f'"{name}"' not in text] == []
    assert all(option.meaning for option in serve_options().values())


def test_flags_win_over_the_environment_and_later_flags_over_earlier_ones() -> None:
    environment = {"POLYGLASS_SERVE_PORT": "1", "POLYGLASS_SERVE_MAX_BEAM": "7", "POLYGLASS_SERVE_HOST": "  "}
    flags = [Given("serve.port", "2", "flag --port 2"), Given("serve.port", "3", "flag --port 3")]
    config = resolve_serve(environment=environment, flags=flags)
    assert (config.port, config.max_beam, config.host) == (3, 7, "127.0.0.1")


def test_durations_can_have_units() -> None:
    config = resolve_serve(environment={"POLYGLASS_SERVE_DOCUMENT_SECONDS": "2h"}, flags=[])
    assert config.document_seconds == 7200


@pytest.mark.parametrize(
    ("environment", "flags", "message"),
    [
        ({"POLYGLASS_SERVE_PROT": "1"}, [], r"unknown environment variable POLYGLASS_SERVE_PROT; did you mean POLYG"),
        (
            {"POLYGLASS_SERVE_PORT": "x"},
            [],
            r'serve\.port = "x" \(from environment POLYGLASS_SERVE_PORT\): must be a w',
        ),
        ({}, [("serve.prot", "1")], r"unknown setting serve\.prot \(from flag\); did you mean serve\.port\?"),
        ({}, [("serve.wholly_unlike", "1")], r"unknown setting .* polyglass serve --settings lists them all"),
        ({}, [("serve.port", "70000")], r"must be a whole number at least 0 and at most 65535; the default is 5000"),
        ({}, [("serve.cache_mb", "-1")], r"serve\.cache_mb = -1\.0 \(from flag\): must be a number at least 0"),
        ({}, [("serve.open", "perhaps")], r"must be true or false"),
        ({}, [("serve.queue_seconds", "nan")], r"serve\.queue_seconds = NaN"),
    ],
)
def test_a_wrong_setting_is_named_with_its_origin(environment: Any, flags: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        resolve_serve(environment=environment, flags=[Given(name, value, "flag") for name, value in flags])


def test_a_key_is_kept_as_a_hash_and_known_again(tmp_path: Path) -> None:
    path = tmp_path / "keys.txt"
    keys = [new_key(path, name) for name in ("one", "two words")]
    content = path.read_text(encoding="utf-8")
    assert content == "".join(
        f"sha256:{hashlib.sha256(key.encode()).hexdigest()} {name}\n"
        for key, name in zip(keys, ("one", "two words"), strict=True)
    )
    ring = read_keys(path)
    assert len(ring) == 2
    assert all(ring.knows(key) for key in keys)
    assert len({*keys}) == 2
    assert min(map(len, keys)) > 40
    for wrong in ("", keys[0][:-1], keys[0] + "x", keys[0].upper(), "\ud800", content.split()[0][7:]):
        assert not ring.knows(wrong)


def test_every_key_is_compared_whatever_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    keys = [new_key(tmp_path / "keys", f"{number}") for number in range(5)]
    ring, compared = read_keys(tmp_path / "keys"), list[bytes]()

    def compare(one: bytes, other: bytes) -> bool:
        compared.append(other)
        return one == other

    monkeypatch.setattr(hmac, "compare_digest", compare)
    for key in (keys[0], keys[4], "wrong"):
        compared.clear()
        ring.knows(key)
        assert len(compared) == 5


def test_no_keys_at_all_means_that_nobody_is_asked() -> None:
    assert not KeyRing(())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            "pg_plainkey\n",
            r"keys:1: a line of this file must be sha256:HEX NAME, but this one is not\. It holds hashes",
        ),
        ("# mine\n\nsha256:12 me\n", r"keys:3: a line"),
        ("sha256:" + "A" * 64, r"keys:1: a line"),
        ("# nothing\n", r"holds no key, so nobody could get in"),
    ],
)
def test_a_file_that_holds_no_hashes_is_refused_without_showing_what_it_holds(
    tmp_path: Path, content: str, message: str
) -> None:
    (tmp_path / "keys").write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=message) as caught:
        read_keys(tmp_path / "keys")
    assert "plainkey" not in str(caught.value)


def test_a_file_that_is_missing_is_named_with_the_way_to_make_it(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"does not exist\. Make a key: polyglass serve --new-key NAME --keys"):
        read_keys(tmp_path / "none")


def test_a_name_of_a_key_cannot_make_a_second_line(tmp_path: Path) -> None:
    new_key(tmp_path / "keys", "me\nsha256:" + "0" * 64)
    assert len(read_keys(tmp_path / "keys")) == 1
    with pytest.raises(InputError, match="must have a name"):
        new_key(tmp_path / "keys", " ")
