"""B6: a name, a text or a rename means the same on every system. (`make check` asks for encodings, too: PLW1514.)"""

import ast
from collections.abc import Iterator, Mapping

RENAMES = {"os.rename", "shutil.move"}  # fail on Windows where the new name exists, or are no single step


def findings(trees: Mapping[str, ast.Module]) -> Iterator[str]:
    """Yield calls that mean something else on another system."""
    for module, tree in trees.items():
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call):
                continue
            name = ast.unparse(node.func)
            keywords = {one.arg for one in node.keywords}
            if name in RENAMES or name.endswith(".rename"):
                yield f"{module}:{node.lineno}: {name} (use Path.replace)"
            if name.endswith(".write_text") and not {"encoding", "newline"} <= keywords:
                yield f"{module}:{node.lineno}: write_text without encoding and newline"
            if name.endswith(".read_text") and "encoding" not in keywords:
                yield f"{module}:{node.lineno}: read_text without encoding"
            if (
                (name == "open" or name.endswith(".open"))
                and _writes_text(node)
                and not {
                    "encoding",
                    "newline",
                }
                <= keywords
            ):
                yield f"{module}:{node.lineno}: a text file opened for writing without encoding and newline"


def _writes_text(call: ast.Call) -> bool:
    modes = [one.value for one in call.args if isinstance(one, ast.Constant) and isinstance(one.value, str)]
    modes += [k.value.value for k in call.keywords if k.arg == "mode" and isinstance(k.value, ast.Constant)]
    return any(set(mode) <= set("rwaxbt+") and set(mode) & set("wax+") and "b" not in mode for mode in modes)


def test_files_are_written_with_one_encoding_and_one_line_end_and_renamed_in_one_step(
    trees: Mapping[str, ast.Module],
) -> None:
    assert list(findings(trees)) == []


def test_each_of_them_would_be_found() -> None:
    code = "p.write_text('x')\np.read_text()\np.open('w')\nopen(p, 'a', encoding='utf-8')\nos.rename(a, b)\n"
    assert len(list(findings({"x": ast.parse(code)}))) == 5
    good = "p.write_text('x', encoding='utf-8', newline='\\n')\np.open('rb')\nq.replace(p)\n"
    assert list(findings({"x": ast.parse(good)})) == []
