"""The files of the page: rules that keep it whole without a build step, small, readable, and able to be translated."""

import gzip
import itertools
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from page_scripts import STATIC, needs_node, run_script
from polyglass.explorer.assets import assets
from polyglass.explorer.one_file import ENTRY, inlined, one_file

LIMIT_BYTES = 150 * 1024
MODULES = sorted(STATIC.rglob("*.js"))
# Names of vocabularies, which are written like addresses but never asked for.
NAMES = {"http://www.w3.org/2000/svg", "http://www.w3.org/1998/Math/MathML"}
FORBIDDEN = {
    "innerHTML": r"\b(inner|outer)HTML\b|insertAdjacentHTML|document\.write",
    "eval": r"\beval\(|new Function\(",
    "a dynamic import": r"\bimport\(|import\.meta",
    "a style attribute": r"setAttribute\(\s*[\"']style|[{,]\s*style:",
    "state outside the page": r"\b(localStorage|sessionStorage|document\.cookie)\b",
}
TEXT_CONTRAST = 4.5
# Texts of which a stage has one for each kind of model.
VARIANTS = ("learner", "formula", "sizes")


def strings() -> dict[str, object]:
    texts: dict[str, object] = {}
    for path in STATIC.glob("strings.*.json"):
        texts |= json.loads(path.read_text(encoding="utf-8"))
    return texts


def source(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def test_all_modules_fit_into_one_script_without_a_circle() -> None:
    script = inlined(assets(), ENTRY)
    assert script.count("= (() => {") == len(MODULES), "a module is imported by nobody"


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_module_uses(what: str) -> None:
    found = [path.name for path in MODULES if re.search(FORBIDDEN[what], source(path))]
    assert found == []


def test_nothing_is_loaded_from_elsewhere() -> None:
    for path in STATIC.rglob("*"):
        if path.is_file():
            addresses = set(re.findall(r"https?://[^\s\"'`)<>]+", source(path)))
            assert addresses <= NAMES, path.name
    style = source(STATIC / "styles.css")
    assert "@import" not in style
    assert "url(" not in style


def test_the_page_is_small_enough_to_be_sent_over_a_slow_line() -> None:
    page = one_file(assets(), "null").encode()
    assert len(gzip.compress(page, 9)) <= LIMIT_BYTES


def test_no_file_has_more_than_three_hundred_lines() -> None:
    long = {path.name: len(source(path).splitlines()) for path in MODULES}
    assert {name: lines for name, lines in long.items() if lines > 300} == {}


# --- words


def literal_keys() -> Iterator[tuple[str, str]]:
    """Yield (file, key) of each text that is asked for by its whole name."""
    for path in MODULES:
        for key in re.findall(r"\b(?:c|words)\.(?:t|rich)\(\"([\w.-]+)\"", source(path)):
            yield path.name, key


def own_keys() -> Iterator[tuple[str, str]]:
    """Yield (file, key) of each text that a stage asks for among its own."""
    for path in (STATIC / "stages").glob("*.js"):
        stage = re.search(r'^  id: "([\w-]+)"', source(path), re.MULTILINE)
        for key in re.findall(r"\bc\.own\(\"([\w.-]+)\"", source(path)):
            assert stage is not None
            yield path.name, f"stage.{stage[1]}.{key}"


def test_every_text_that_the_page_asks_for_is_there() -> None:
    texts = strings()
    missing = {(name, key) for name, key in (*literal_keys(), *own_keys()) if key not in texts}
    assert missing == set()


def test_no_text_is_left_over() -> None:
    """Each part of a key stands in the code, or is what a server or a model calls something: `label.${badge}`."""
    code = "\n".join(map(source, MODULES))
    words = set(re.findall(r"[\w-]+", code))

    def used(key: str) -> bool:
        parts = key.split(".")
        return all(
            part in words or f"{before}.${{" in code or before in VARIANTS
            for before, part in zip(["", *parts], parts, strict=False)
        )

    assert [key for key in strings() if not used(key)] == []


def test_every_stage_has_a_title_a_lead_words_and_a_formula_or_none_to_give() -> None:
    texts = strings()
    for path in (STATIC / "stages").glob("[0-9r]*.js"):
        stage = re.search(r'^  id: "([\w-]+)"', source(path), re.MULTILINE)
        assert stage is not None
        for name in ("title", "short", "lead", "learner"):
            assert f"stage.{stage[1]}.{name}" in texts, path.name


def test_no_sentence_stands_in_a_module() -> None:
    """Two words in a row that a person would read belong into the file of strings."""
    found = []
    for path in MODULES:
        if path.name == "snippets.js":  # writes programs, whose words are names
            continue
        code = re.sub(r"//.*|/\*[\s\S]*?\*/", "", source(path))
        for text in re.findall(r'"([^"\n]*)"', code):
            if re.match(r"[A-Z][a-z]+ [a-z]+", text) and not re.search(r"[{}=/;]", text):
                found.append((path.name, text))
    assert found == []


# --- colours


def palettes() -> dict[str, dict[str, str]]:
    """Return the custom properties of each theme."""
    style = source(STATIC / "styles.css")
    blocks = {
        "light": re.search(r"^:root \{([\s\S]*?)^\}", style, re.MULTILINE),
        "dark": re.search(r'^:root\[data-theme="dark"\] \{([\s\S]*?)^\}', style, re.MULTILINE),
        "dark by system": re.search(r':root:not\(\[data-theme="light"\]\) \{([\s\S]*?)\}', style),
    }
    return {
        name: dict(re.findall(r"--([\w-]+):\s*(#[0-9a-f]{6});", found[1])) for name, found in blocks.items() if found
    }


def luminance(colour: str) -> float:
    channels = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


KINDS = ("source", "target", "query", "key", "value", "residual", "attention", "ffn", "norm", "output")


@pytest.mark.parametrize("theme", ["light", "dark", "dark by system"])
def test_every_colour_of_a_kind_can_be_read_as_text_on_every_ground_it_stands_on(theme: str) -> None:
    colours = palettes()[theme]
    grounds = [colours[name] for name in ("paper", "panel", "raised")]
    for kind in (*KINDS, "ink", "quiet", "warn", "good", "bad"):
        own = [colours[f"{kind}-soft"]] if f"{kind}-soft" in colours else []
        worst = min(contrast(colours[kind], ground) for ground in (*grounds, *own))
        assert worst >= TEXT_CONTRAST, f"{kind}: {worst:.2f}"
    for kind in KINDS:
        assert contrast(colours["ink"], colours[f"{kind}-soft"]) >= TEXT_CONTRAST, kind


def test_dark_is_the_same_whoever_asks_for_it() -> None:
    assert palettes()["dark"] == palettes()["dark by system"]


@needs_node
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", ["weights", "energy", "signed"])
def test_a_map_is_ordered_by_lightness_alone_and_zero_is_the_ground(tmp_path: Path, name: str, theme: str) -> None:
    """So it can be read without colour vision and in print."""
    script = 'import { inkOn, luminance, table } from "./colors.js";\n'
    script += "const all = table(given.name, given.theme);\n"
    script += "answer = { light: all.map(luminance), ink: all.map((one) => luminance([1, 3, 5].map((at) => "
    script += "parseInt(inkOn(one).slice(at, at + 2), 16)))) };"
    answer = run_script(tmp_path, script, {"name": name, "theme": theme})
    light = answer["light"] if theme == "dark" else [-value for value in answer["light"]]
    steps = [after - before for before, after in itertools.pairwise(light)]
    if name == "signed":
        assert all(step <= 1e-3 for step in steps[:127])
        assert all(step >= -1e-3 for step in steps[128:])
        assert abs(answer["light"][0] - answer["light"][255]) < 0.15  # both signs weigh alike
    else:
        assert all(step >= -1e-3 for step in steps)
    for colour, ink in zip(answer["light"], answer["ink"], strict=True):
        high, low = max(colour, ink), min(colour, ink)
        assert (high + 0.05) / (low + 0.05) >= TEXT_CONTRAST
