"""Every option is read by the code that it promises to steer."""

import ast
from collections.abc import Iterator, Mapping

from polyglass.config import Config
from polyglass.options import TAG, options_of

# Where a section's options may be read. Not the schema, nor what shows or merges all options.
READERS: Mapping[str, tuple[str, ...]] = {
    "data": ("data", "run", "training"),
    "model": ("model", "run", "training", "bundle"),
    "train": ("training", "run"),
    "decode": ("decoding", "translator"),
}


def attributes_read(tree: ast.Module) -> Iterator[str]:
    """Yield the names read as attributes (config.dropout), except of imported modules (re.compile)."""
    modules = {alias.asname or alias.name for node in tree.body if isinstance(node, ast.Import) for alias in node.names}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
            owner = node.value.id if isinstance(node.value, ast.Name) else ""
            if owner not in modules:
                yield node.attr


def test_no_option_is_dead(trees: Mapping[str, ast.Module]) -> None:
    read = {module: set(attributes_read(tree)) for module, tree in trees.items()}
    dead = [
        option.name
        for option in options_of(Config).values()
        if option.field != TAG  # pydantic reads it to choose the section's class
        and not any(
            option.field in names
            for module, names in read.items()
            if f"{module}.".startswith(tuple(f"polyglass.{reader}." for reader in READERS[option.section]))
        )
    ]
    assert not dead, "read nowhere:\n" + "\n".join(dead)


def test_the_search_tells_an_option_from_a_function_of_a_module() -> None:
    assert list(attributes_read(ast.parse("import re\nre.compile('a')\nconfig.train.compile"))) == ["compile", "train"]
