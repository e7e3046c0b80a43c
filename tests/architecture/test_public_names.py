"""The public names: adding or removing one is a visible line here."""

import ast
import importlib
import subprocess
import sys
from collections.abc import Mapping

import pytest

import polyglass

PUBLIC = ["Candidate", "PolyglassError", "Trace", "Translation", "Translator", "__version__", "train"]


def test_the_public_names_are_pinned_and_sorted() -> None:
    assert polyglass.__all__ == PUBLIC == sorted(PUBLIC)


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_can_be_used(name: str) -> None:
    assert getattr(polyglass, name) is not None
    assert name in dir(polyglass)


def test_type_checkers_and_python_are_told_the_same_homes(trees: Mapping[str, ast.Module]) -> None:
    block = next(node for node in trees["polyglass"].body if isinstance(node, ast.If))
    told = {alias.name: node.module for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert told == polyglass._HOMES


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'polyglass' has no attribute 'Tranlator'"):
        getattr(importlib.import_module("polyglass"), "Tranlator")  # noqa: B009 (type checkers know it is wrong)


def test_importing_polyglass_does_not_wait_for_torch() -> None:
    code = "import sys, polyglass; print(sorted({'torch', 'numpy', 'pydantic', 'rich'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, encoding="utf-8")
    assert done.stdout.strip() == "[]"
