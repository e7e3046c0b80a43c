"""I10: whoever gives us a file cannot make us run a program."""

import ast
import os
import pickle
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

import polyglass
from polyglass.bundle import load_bundle
from polyglass.errors import BundleError
from tiny_bundle import tiny_bundle, tiny_folder

SOURCES = sorted(Path(polyglass.__file__).parent.rglob("*.py"))
BANNED_MODULES = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "marshal", "shelve", "yaml", "code"}
BANNED_NAMES = {"eval", "exec", "compile", "__import__"}
BANNED_ATTRIBUTES = {"torch.load", "torch.save", "torch.jit.load", "os.system", "os.popen"}
BANNED_KEYWORDS = {"allow_pickle", "trust_remote_code", "weights_only", "shell"}


def findings(tree: ast.AST) -> list[str]:
    found = []
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                found += [name.name for name in names if name.name.partition(".")[0] in BANNED_MODULES]
            case ast.ImportFrom(module=str(module)) if module.partition(".")[0] in BANNED_MODULES:
                found.append(module)
            case ast.ImportFrom(module="torch", names=names):
                found += [f"torch.{name.name}" for name in names if name.name in ("load", "save")]
            case ast.Name(id=name, ctx=ast.Load()) if name in BANNED_NAMES:
                found.append(name)
            case ast.Attribute() if ast.unparse(node) in BANNED_ATTRIBUTES:  # safetensors.torch.load is another one
                found.append(ast.unparse(node))
            case ast.keyword(arg=str(name)) if name in BANNED_KEYWORDS:
                found.append(name)
    return found


def test_no_source_file_names_anything_that_runs_code_from_data() -> None:
    assert len(SOURCES) > 20
    found = {str(path): findings(ast.parse(path.read_text(encoding="utf-8"))) for path in SOURCES}
    assert {path: names for path, names in found.items() if names} == {}


@pytest.mark.parametrize(
    "line",
    [
        "import pickle",
        "from pickle import loads",
        "torch.load(path)",
        "from torch import load",
        "eval(text)",
        "exec(text)",
        "import yaml.loader",
        "numpy.load(path, allow_pickle=True)",
        "os.system(text)",
        "torch.jit.load(path)",
        "subprocess.run(text, shell=True)",
    ],
)
def test_the_search_for_such_names_finds_each_of_them(line: str) -> None:
    assert findings(ast.parse(line))


class Canary:
    """A pickle of this writes a file when it is opened."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return (os.mkdir, (str(self.path),))


@pytest.mark.parametrize("protocol", [0, 2, 4])
@pytest.mark.parametrize(
    "name", ["config.json", "config.next.json", "tokenizer.model", "model.safetensors", "card.md", "MANIFEST.json"]
)
def test_a_poisoned_pickle_under_any_name_is_never_opened(tmp_path: Path, name: str, protocol: int) -> None:
    folder = tiny_folder(tmp_path / "m")
    (folder / name).write_bytes(pickle.dumps(Canary(tmp_path / "ran"), protocol=protocol))
    if name in ("card.md", "config.next.json", "MANIFEST.json"):  # nothing reads them where they do not belong
        load_bundle(folder)
    else:
        with pytest.raises(BundleError, match=name.removesuffix(".model")):
            load_bundle(folder)
    assert not (tmp_path / "ran").exists()
    pickle.loads(pickle.dumps(Canary(tmp_path / "ran")))
    assert (tmp_path / "ran").exists()  # the canary does sing


def test_a_poisoned_torch_file_in_place_of_the_weights_is_named_and_not_opened(tmp_path: Path) -> None:
    folder = tiny_folder(tmp_path / "m")
    torch.save({"weights": Canary(tmp_path / "ran")}, folder / "model.safetensors")
    with pytest.raises(BundleError, match="is a PyTorch pickle, which can run programs when it is opened"):
        load_bundle(folder)
    assert not (tmp_path / "ran").exists()


def test_a_program_beside_the_model_is_not_touched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tiny_folder(tmp_path / "m")
    for name in ("modeling.py", "config.py", "sitecustomize.py", "__init__.py", "torch.py"):
        (folder / name).write_text(f"open({str(tmp_path / 'ran')!r}, 'w')", encoding="utf-8")
    monkeypatch.chdir(folder)
    load_bundle(Path())
    assert not (tmp_path / "ran").exists()


def test_loading_opens_no_file_outside_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tiny_folder(tmp_path / "m")
    load_bundle(folder)  # whatever is loaded lazily by libraries is loaded now
    opened: list[str] = []
    real = Path.open
    monkeypatch.setattr(Path, "open", lambda self, *args, **kw: opened.append(str(self)) or real(self, *args, **kw))
    load_bundle(folder)
    assert opened
    assert all(Path(name).parent == folder for name in opened)
    shutil.rmtree(folder)
    assert tiny_bundle().facts
