"""One idea fits one screen: limits on files, classes, functions and parameters."""

import ast
from collections.abc import Iterator, Mapping

import pytest

FILE_LINES = 300
CLASS_LINES = 150
FUNCTION_LINES = 50
PARAMETERS = 6

# A function that a person calls may spell out options as keywords: a typed keyword is kinder than a bag of them.
MANY_PARAMETERS = {
    "polyglass.translator.Translator.translate",
    "polyglass.run.train.train",
    "polyglass.experiments.compare.compare",
}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def nodes(tree: ast.AST, path: str) -> Iterator[tuple[str, ast.ClassDef | Function]]:
    """Yield (full name, node) of each class and function, nested ones too."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ClassDef | Function):
            name = f"{path}.{node.name}"
            yield name, node
            yield from nodes(node, name)
        else:
            yield from nodes(node, path)


def length(node: ast.ClassDef | Function) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def docstring_length(node: Function) -> int:
    first = node.body[0]
    text = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)
    return (first.end_lineno or first.lineno) - first.lineno + 1 if text else 0


def parameters(node: Function) -> list[str]:
    given = node.args
    every = [*given.posonlyargs, *given.args, *given.kwonlyargs, *filter(None, (given.vararg, given.kwarg))]
    return [one.arg for one in every if one.arg not in ("self", "cls")]


def too_large(trees: Mapping[str, ast.Module]) -> Iterator[str]:
    """Yield one line for each thing over its limit. A function's docstring does not count as its length."""
    for module, tree in trees.items():
        last = max((node.end_lineno or 0 for node in tree.body), default=0)
        if last > FILE_LINES:
            yield f"{module} has {last} lines, allowed are {FILE_LINES}"
        for name, node in nodes(tree, module):
            if isinstance(node, ast.ClassDef):
                if length(node) > CLASS_LINES:
                    yield f"class {name} has {length(node)} lines, allowed are {CLASS_LINES}"
                continue
            if (lines := length(node) - docstring_length(node)) > FUNCTION_LINES:
                yield f"function {name} has {lines} lines, allowed are {FUNCTION_LINES}"
            if len(parameters(node)) > PARAMETERS and name not in MANY_PARAMETERS:
                yield f"function {name} has {len(parameters(node))} parameters, allowed are {PARAMETERS}"


def test_nothing_is_larger_than_its_limit(trees: Mapping[str, ast.Module]) -> None:
    wrong = list(too_large(trees))
    assert not wrong, "\n" + "\n".join(wrong)


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("x = 1\n" * 301, "m has 301 lines"),
        ("class A:\n" + "    x = 1\n" * 150, "class m.A has 151 lines"),
        ("class A:\n    def f(self):\n" + "        x = 1\n" * 50, "function m.A.f has 51 lines"),
        ("def f(a, b, /, c, d=1, *e, g, **h): ...", "function m.f has 7 parameters"),
    ],
    ids=["file", "class", "function", "parameters"],
)
def test_the_rule_sees_what_is_too_large(source: str, complaint: str) -> None:
    assert [line for line in too_large({"m": ast.parse(source)}) if line.startswith(complaint)] != []


def test_a_docstring_does_not_count_as_code() -> None:
    source = 'def f():\n    """' + "words\n" * 60 + '    """\n    return 1\n'
    assert list(too_large({"m": ast.parse(source)})) == []
