"""Text in every script: one line in is one line out, nothing crashes, and what a model really reads can be seen."""

import json
import re
import unicodedata
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from polyglass.bundle import save_bundle
from polyglass.cli.main import main
from polyglass.translator import Translator
from tiny_bundle import tiny_subwords, tiny_talker

TEXTS = {
    "Arabic": "مرحبا بالعالم، كيف حالك؟",
    "Hebrew with points": "שָׁלוֹם עוֹלָם",
    "right-to-left marks": "abc \u202e txet neddih \u202c \u2066x\u2069 \u200f",
    "Devanagari": "नमस्ते दुनिया, क्षत्रिय",
    "Thai": "สวัสดีชาวโลก นี่คือการทดสอบ",
    "Khmer": "សួស្តីពិភពលោក",
    "Tibetan": "བཀྲ་ཤིས་བདེ་ལེགས།",
    "Chinese": "你好，世界。这是一个测试。",
    "Japanese": "こんにちは世界。ﾊﾝｶｸと全角ＡＢＣ",
    "Korean, composed": "안녕하세요 세계",
    "Korean, taken apart": unicodedata.normalize("NFD", "안녕하세요 세계"),
    "NFC": unicodedata.normalize("NFC", "Ångström é ñ ǖ"),
    "NFD": unicodedata.normalize("NFD", "Ångström é ñ ǖ"),
    "a hundred marks on one letter": "e" + "\u0301" * 100 + " x",
    "a mark without a letter": "\u0301 x",
    "emoji": "\U0001f469\u200d\U0001f467\u200d\U0001f466 \U0001f44d\U0001f3fd \U0001f1e9\U0001f1ea \u2764\ufe0f",
    "half of a surrogate pair": "a \ud83d b",
    "the other half first": "a \udc69\ud83d b",
    "a pair as two halves": "a \ud83d\udc69 b",
    "zero width": "a\u200bb\u200cc\u200dd\u2060e\ufefff",
    "only zero width": "\u200b\u200b",
    "noncharacters": "a \ufdd0\uffff\U0010ffff b",
    "private use": "a \ue000\uf8ff\U000f0000 b",
    "ligatures and circles": "ﬁ ① ½ ㎏ ℡ Å",
    "musical and ancient": "\U0001d11e \U00012000 \U00010000",
    "other ends of lines": "a\u2028b\u2029c\x85d\x0be\x0cf\x1cg",
    "carriage returns": "a\rb\r\rc",
    "controls": "a\x00b\x01c\x1b[31md\x7f",
    "spaces of all widths": "a\u00a0b\u2003c\u3000d\u202fe",
    "only spaces": " \t\u00a0\u3000",
    "nothing": "",
    "a word of 5,000 letters": "x" * 5000,
    "5,000 Han characters": "汉" * 5000,
    "Zalgo": "".join(letter + "\u0335\u0489\u0324" * 5 for letter in "zalgo"),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made") / "en-de"
    save_bundle(folder, tiny_talker())
    return folder


def check(outputs: list[str], inputs: list[str]) -> None:
    assert len(outputs) == len(inputs)
    for output in outputs:
        output.encode()
        assert "\n" not in output


def test_any_text_gives_one_line_and_a_blank_one_stays_empty(folder: Path) -> None:
    outputs = [
        answer.candidates[0].text for answer in Translator.load(folder).translate(list(TEXTS.values()), beam_size=1)
    ]
    check(outputs, list(TEXTS.values()))
    blank = {name for name, output in zip(TEXTS, outputs, strict=True) if output == ""}
    assert {"nothing", "only spaces"} <= blank


@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["LF", "CRLF"])
def test_the_command_line_gives_as_many_lines_as_it_gets(folder: Path, tmp_path: Path, end: str) -> None:
    # A lone CR at the end of a line could not be told from a CRLF; no text here ends in one.
    lines = [text for name, text in TEXTS.items() if "half" not in name and "halves" not in name]
    source, out = tmp_path / "in.txt", tmp_path / "out.txt"
    source.write_bytes("".join(line + end for line in lines).encode())
    assert main(["translate", str(folder), "--input", str(source), "--output", str(out), "--beam-size", "1"]) == 0
    made = out.read_bytes().decode()
    assert made.count("\n") == len(lines)
    known = [one.candidates[0].text for one in Translator.load(folder).translate(lines, beam_size=1)]
    assert made.split("\n")[:-1] == known


letters = st.text(st.one_of(st.characters(), st.sampled_from("".join(TEXTS.values()))), max_size=30)


@given(st.lists(letters, min_size=1, max_size=6))
@example(["\n", "\r\n", "a\nb", "\ud800"])
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_the_texts_hold_each_has_its_own_answer(folder: Path, texts: list[str]) -> None:
    translator = _translator(folder)
    together = [answer.candidates[0].text for answer in translator.translate(texts, beam_size=1)]
    check(together, texts)
    alone = [translator.translate([text], beam_size=1)[0].candidates[0].text for text in texts]
    assert alone == together


_LOADED: dict[Path, Translator] = {}


def _translator(folder: Path) -> Translator:
    return _LOADED.setdefault(folder, Translator.load(folder))


def test_a_line_of_a_hundred_thousand_tokens_is_cut_and_that_is_said(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "in.txt"
    source.write_bytes("\n".join(["A dog.", "ab " * 100_000, "Two men."]).encode() + b"\n")
    assert main(["translate", str(folder), "--input", str(source), "--beam-size", "1"]) == 0
    said = capsys.readouterr()
    assert said.out.count("\n") == 3
    assert "1 line was longer than the" in said.err
    assert "and cut: 2." in said.err


def test_what_a_model_reads_is_normalised_and_can_be_seen(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`translate --json --alignment` shows the pieces that the model read; `info` and the model card say the rule."""
    assert main(["translate", str(folder), "ﬁ\u200b ＡＢＣ  x", "--json", "--alignment"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["source"] == "ﬁ\u200b ＡＢＣ  x"
    spelled = re.sub("<0x(..)>", lambda byte: chr(int(byte[1], 16)), "".join(record["source_pieces"]))
    assert spelled.replace("▁", " ").replace("</s>", "").strip() == "fi ABC x"
    assert main(["info", str(folder)]) == 0
    assert "NFKC" in capsys.readouterr().out
    assert "NFKC" in (folder / "card.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["NFC", "NFD", "Korean, composed", "Korean, taken apart", "ligatures and circles"])
def test_both_forms_of_a_letter_are_read_alike(name: str) -> None:
    subwords = tiny_subwords()
    forms = {form: unicodedata.normalize(form, TEXTS[name]) for form in ("NFC", "NFD", "NFKC", "NFKD")}
    read = {form: subwords.encode_source([text])[0] for form, text in forms.items()}
    assert len({tuple(ids) for ids in read.values()}) == 1


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
@settings(max_examples=100, deadline=None)
def test_what_was_read_once_is_read_the_same_again(text: str) -> None:
    subwords = tiny_subwords()
    joined = subwords.decode_source(subwords.encode_source([text])[0])
    assert subwords.decode_source(subwords.encode_source([joined])[0]) == joined
