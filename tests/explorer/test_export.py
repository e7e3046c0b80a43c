"""The page in one file: small enough, whole or absent, and with the same numbers as the server gives."""

import base64
import gzip
import json
import re
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from explorer_world import TEXT, check, recurrent_subject, request, subject, talker
from polyglass import Translator
from polyglass.errors import PolyglassError
from polyglass.explorer import show
from polyglass.explorer.assets import Asset, assets
from polyglass.explorer.export import FILE_BYTES, export_page
from polyglass.explorer.look import Explorer
from polyglass.explorer.numbers import whole_tensors
from polyglass.explorer.one_file import inlined, one_file
from polyglass.explorer.refusal import RefusedError
from polyglass.explorer.subject import Subject
from tiny_bundle import tiny_folder

BASE: dict[str, str] = {
    "index.html": '<!doctype html>\n<html>\n<head>\n<meta charset="utf-8">\n'
    '<link rel="icon" href="/static/icon.svg" type="image/svg+xml">\n'
    '<link rel="stylesheet" href="/static/a.css">\n<link rel="stylesheet" href="/static/b.css">\n'
    '<script type="module" src="/static/app.js"></script>\n</head>\n'
    '<body data-strings="/static/one.json /static/two.json">\n</body>\n</html>\n',
    "a.css": "p { color: red }\n",
    "b.css": "b { color: blue }\n",
    "icon.svg": "<svg/>",
    "one.json": '{"a": "1", "b": "</script><script>x"}',
    "two.json": '{"c": "2"}',
    "app.js": 'import { one, two as three } from "./stages/x.js";\nexport const done = one + three();\n',
    "stages/x.js": 'import {\n  base,\n} from "../base.js";\n'
    "export const one = base;\nexport function two() { return 2; }\n",
    "base.js": 'export const base = "</script>";\n',
}


def files(**changes: str | None) -> dict[str, Asset]:
    """Return the small page above with changes (a double underscore is a point)."""
    wanted = BASE | {name.replace("__", "."): text for name, text in changes.items()}
    return {name: Asset(text.encode(), "image/svg+xml") for name, text in wanted.items() if text is not None}


def data_of(page: bytes) -> dict[str, Any]:
    found = re.search(r'<script type="text/plain" id="replies">([\w+/=]*)</script>', page.decode())
    assert found is not None
    return dict(json.loads(gzip.decompress(base64.b64decode(found[1]))))


def test_modules_become_functions_in_the_order_in_which_they_are_needed() -> None:
    script = inlined(files(), "app.js")
    assert script.splitlines() == [
        "const m0 = (() => {", 'const base = "<\\/script>";', "", "return { base };", "})();",
        "const m1 = (() => {", "const { base, } = m0;", "const one = base;", "function two() { return 2; }", "",
        "return { one, two };", "})();",
        "const m2 = (() => {", "const { one, two: three } = m1;", "const done = one + three();", "", "return { done };",
        "})();",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (
            'import { app } from "./app.js";\nexport const base = 1;\n',
            "import each other in a circle: app.js -> stages/x.js",
        ),
        ("export default 1;\n", "base.js of the page imports or exports in a way"),
        ('import * as x from "./icon.js";\n', "base.js of the page imports or exports in a way"),
        ("export { base };\n", "base.js of the page imports or exports in a way"),
        ('import { x } from "./none.js";\n', "has no file none.js"),
    ],
)
def test_modules_that_cannot_be_put_in_one_file_are_named(text: str, complaint: str) -> None:
    with pytest.raises(PolyglassError, match=re.escape(complaint)):
        inlined(files(base__js=text), "app.js")


def test_one_file_needs_no_other() -> None:
    page = one_file(files(), '{"text": "</script><script>alert(1)</script>"}')
    seen: list[tuple[str, dict[str, str | None]]] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            seen.append((tag, dict(attrs)))

    Reader().feed(page)
    assert not [attrs for _, attrs in seen if attrs.get("src") or (attrs.get("href") or "data:")[:5] != "data:"]
    assert [tag for tag, _ in seen].count("script") == 3
    assert "/static/" not in page
    strings = re.search(r'id="strings">(.*?)</script>', page)
    assert strings is not None
    assert json.loads(strings[1]) == {"a": "1", "b": "</script><script>x", "c": "2"}
    assert data_of(page.encode())["text"].startswith("</script>")


def test_the_policy_allows_this_script_and_this_style_alone() -> None:
    import hashlib

    page = one_file(files(), "{}")
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    script = re.search(r"<script>(.*?)</script>", page, re.DOTALL)
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)
    assert policy
    assert script
    assert style
    for text, name in ((script[1], "script-src"), (style[1], "style-src")):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{name} 'sha256-{digest}'" in policy[1]
    assert policy[1].startswith("default-src 'none';")
    assert page.index("Content-Security-Policy") < page.index("<style>")


def test_the_real_page_can_be_put_in_one_file() -> None:
    page = one_file(assets(), "{}")
    assert "/static/" not in page.replace('"/static/', '"/static/', 0).split("<script>")[0]
    assert len(page) < 1_500_000


LOOKED_AT = [
    subject(),
    subject(norm_place="pre", positions="rotary"),
    talker(),
    recurrent_subject(attention="additive"),
    recurrent_subject(),
]


@pytest.mark.parametrize("looked_at", LOOKED_AT, ids=["post", "pre rotary", "talker", "lstm with attention", "lstm"])
def test_a_saved_page_holds_the_numbers_of_the_run(looked_at: Subject) -> None:
    explorer = Explorer([looked_at])
    page = export_page(explorer, request())
    assert len(page) <= FILE_BYTES
    data = data_of(page)
    run = explorer.known_run(data["run"])
    assert data["runs"][run.id]["target"]["ids"] == list(run.hypothesis.ids)
    assert set(data["why"]) == {str(place) for place in range(len(run.hypothesis.ids))}
    assert set(data["neighbours"]) == {f"source:{one}" for one in run.source} | {
        f"target:{one}" for one in run.hypothesis.ids
    }
    assert data["models"]["models"][0]["examples"] == [TEXT]
    saved = data["tensors"][run.id]
    assert set(run.shapes) <= set(saved)
    for path, tensor in whole_tensors(run, list(saved), check).items():
        entry = saved[path]
        kind = {"float32": "<f4", "float16": "<f2"}[entry["dtype"]]
        array = np.frombuffer(base64.b64decode(entry["data"]), kind).reshape(entry["shape"])
        assert np.array_equal(array, tensor.numpy().astype(kind)), path
    for path, entry in data["weights"]["a"].items():
        array = np.frombuffer(base64.b64decode(entry["data"]), "<f4").reshape(entry["shape"])
        assert np.array_equal(array, looked_at.weights[path].numpy())
    assert {entry["what"] for entry in data["left_out"]} >= {"vocabulary", "batch", "edits"}
    assert ("held" in data) == (not looked_at.is_transformer)
    assert ("leak" in data) == looked_at.is_transformer


def test_what_has_no_room_is_left_out_and_named() -> None:
    explorer = Explorer([subject()])
    whole = len(export_page(explorer, request()))
    empty = len(one_file(assets(), "{}"))
    small = export_page(explorer, request(), limit=empty + (whole - empty) // 2)
    assert len(small) <= empty + (whole - empty) // 2
    data = data_of(small)
    missing = [entry["what"] for entry in data["left_out"] if entry["why"] == "size"]
    assert missing
    assert data["runs"]
    assert data["tensors"]
    for what in missing:
        section, _, rest = what.partition(".")
        assert section in (
            "tensors",
            "weights",
            "logits",
            "neighbours",
            "map",
            "why",
            "leak",
            "heads",
        ), rest


def test_a_sentence_that_fits_no_file_is_refused() -> None:
    with pytest.raises(RefusedError, match="too long for a file of"):
        export_page(Explorer([subject()]), request(), limit=len(one_file(assets(), "{}")) + 10_000)


def test_edits_are_saved_beside_what_they_changed() -> None:
    edits = [{"kind": "heads_off", "path": "encoder.layers.0.self_attention", "heads": [0]}]
    explorer = Explorer([subject()])
    data = data_of(export_page(explorer, request(edits=edits)))
    main = data["runs"][data["run"]]
    assert main["baseline"]["run"] in data["runs"]
    assert data["runs"][main["baseline"]["run"]]["edits"] == []


def test_no_text_can_leave_the_data(tmp_path: Path) -> None:
    attack = "</script><script>alert(1)</script><!-- <img src=x onerror=alert(2)>"
    page = export_page(Explorer([subject(max_positions=300)]), request(attack)).decode()
    assert "alert(1)</script>" not in page
    assert "<img" not in page.partition('id="replies"')[2].partition("</script>")[0]
    assert data_of(page.encode())["runs"][data_of(page.encode())["run"]]["text"] == attack


def test_a_notebook_gets_a_frame_with_the_whole_page(tmp_path: Path) -> None:
    folder = tiny_folder(tmp_path / "en-de")
    page = show(folder, TEXT)
    html = page._repr_html_()
    assert html.startswith("<iframe srcdoc=")
    assert html.count("<iframe") == 1
    found = re.search(r'srcdoc="([^"]*)"', html)
    assert found is not None
    assert unescape(found[1]).encode() == page.html
    assert "allow-same-origin" not in html
    assert data_of(page.html)["models"]["models"][0]["name"] == "en-de"
    page.save(tmp_path / "page.html")
    assert (tmp_path / "page.html").read_bytes() == page.html
    same = Translator.load(folder).explore(TEXT)
    assert (
        data_of(same.html)["runs"] == data_of(page.html)["runs"]
        or data_of(same.html)["run"] == data_of(page.html)["run"]
    )
    assert "html" not in repr(page)


def test_a_notebook_can_show_a_given_translation() -> None:
    page = Translator(subject().bundle).explore(TEXT, target="Ein Hund.")
    data = data_of(page.html)
    assert data["runs"][data["run"]]["target"]["origin"] == "forced"


def test_the_files_of_the_page_travel_with_the_package() -> None:
    """What is in the package folder is in the wheel: hatchling takes `packages` whole, git-ignored files excepted."""
    import tomllib

    root = Path(__file__).resolve().parents[2]
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["tool"]["hatch"]["build"]["targets"]["wheel"] == {"packages": ["src/polyglass"]}
    on_disk = {
        path.relative_to(root / "src/polyglass/explorer/static").as_posix()
        for path in (root / "src/polyglass/explorer/static").rglob("*")
        if path.is_file()
    }
    assert {"index.html", "app.js", "styles.css", "strings.en.json"} <= set(assets())
    assert set(assets()) == {name for name in on_disk if not name.endswith((".md", ".txt"))}
    ignored = (root / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert not [line for line in ignored if re.fullmatch(r"\*?\.?(js|css|html|json|svg|static)/?", line.strip("/*."))]
