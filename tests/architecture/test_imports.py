"""Who may import whom. The table is read from top to bottom: a room may import only from lines below its own."""

import ast
import re
from collections.abc import Iterator, Mapping

from polyglass.cli.main import VERBS

LINES: tuple[tuple[str, ...], ...] = (
    ("__main__",),
    ("cli",),
    ("serving", "explorer", "experiments", "batch"),
    ("run",),
    ("evaluation",),
    ("documents",),
    ("translator", "training"),
    ("interop",),
    ("bundle", "replay", "sentences"),
    ("card", "parameters"),
    ("decoding", "data"),
    ("model",),
    ("settings",),
    ("options", "presets"),
    ("config",),
    ("weights",),
    ("text",),
    ("files",),
    ("reading", "device"),
    ("special_ids", "errors", "tap", "spelling", "_version"),
)
# Rooms that may see even less than the table allows; a name covers its submodules.
NARROW: Mapping[str, frozenset[str]] = {
    "decoding": frozenset({"model.seq2seq", "config", "special_ids", "errors", "tap"}),
    "data": frozenset({"config", "files", "errors", "special_ids", "reading", "text"}),
}
# polyglass/__init__.py names the public classes for type checkers and loads them when first used.
DOOR = "polyglass"
HEAVY = {"torch", "numpy", "pydantic", "rich", "sentencepiece", "sacrebleu", "safetensors"}


def imported(tree: ast.AST, module: str) -> Iterator[str]:
    """Yield the full name of everything that is imported anywhere in a module."""
    for node in ast.walk(tree):
        yield from names_of(node, module)


def names_of(node: ast.AST, module: str) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        start = ".".join(module.split(".")[: -node.level]) if node.level else ""
        yield from (".".join(filter(None, (start, node.module, alias.name))) for alias in node.names)


def room_of(name: str) -> str:
    return name.split(".")[1] if "." in name else ""


def line_of(room: str) -> int:
    """Return the line of a room; the package's own door ("from polyglass import ...") stands above them all."""
    return next((number for number, rooms in enumerate(LINES) if room in rooms), -1)


def inner_imports(trees: Mapping[str, ast.Module]) -> Iterator[tuple[str, str]]:
    """Yield (module, what it imports) for imports from our own package, without those inside one room."""
    for module, tree in trees.items():
        if module != DOOR:
            for name in imported(tree, module):
                if name.startswith("polyglass.") and room_of(name) != room_of(module):
                    yield module, name


def test_every_room_has_its_line_in_the_table(trees: Mapping[str, ast.Module]) -> None:
    known = {room for rooms in LINES for room in rooms}
    assert {room_of(module) for module in trees if module != DOOR} - known == set()


def test_imports_only_look_down(trees: Mapping[str, ast.Module]) -> None:
    wrong = [
        f"{module} imports {name}"
        for module, name in inner_imports(trees)
        if line_of(room_of(name)) <= line_of(room_of(module))
    ]
    assert not wrong, "\n" + "\n".join(wrong)


def test_decoding_and_data_see_only_what_they_need(trees: Mapping[str, ast.Module]) -> None:
    wrong = [
        f"{module} imports {name}"
        for module, name in inner_imports(trees)
        if (allowed := NARROW.get(room_of(module)))
        and not any(f"{name}.".startswith(f"polyglass.{room}.") for room in allowed)
    ]
    assert not wrong, "\n" + "\n".join(wrong)


def loaded_with(module: str, trees: Mapping[str, ast.Module]) -> Iterator[str]:
    """Yield each import that runs when `module` is imported, our own modules followed."""
    seen, waiting = set(), [module]
    while waiting:
        name = waiting.pop()
        if name in trees and name not in seen:
            seen.add(name)
            found = [one for node in trees[name].body for one in names_of(node, name)]
            yield from (f"{one} (in {name})" for one in found)
            waiting += [*found, *(one.rpartition(".")[0] for one in found)]


def test_no_verb_loads_anything_heavy_before_it_runs(trees: Mapping[str, ast.Module]) -> None:
    files = ["polyglass.cli.main", *(f"polyglass.cli.{verb}" for verbs in VERBS.values() for verb in verbs)]
    wrong = {
        f"{file} loads {name}"
        for file in files
        for name in loaded_with(file, trees)
        if re.split(r"\W", name)[0] in HEAVY
    }
    assert not wrong, "\n" + "\n".join(sorted(wrong))


def test_the_rules_see_a_forbidden_import() -> None:
    trees = {"polyglass.model.attention": ast.parse("def f():\n    from ..decoding import beam\n")}
    assert list(inner_imports(trees)) == [("polyglass.model.attention", "polyglass.decoding.beam")]


def test_the_rules_see_a_heavy_import_behind_another_file() -> None:
    trees = {"polyglass.cli.a": ast.parse("from polyglass import b"), "polyglass.b": ast.parse("import torch.nn")}
    assert "torch.nn (in polyglass.b)" in list(loaded_with("polyglass.cli.a", trees))
