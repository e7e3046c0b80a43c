"""Files broken at random, and models that write anything: an error that names the file, or a file that can be read."""

import random
from functools import partial

import pytest

from polyglass.documents.parse import parse_document
from polyglass.errors import InputError
from polyglass.text.parts import Output, Rules

TRADOS = '<seg-source><mrk mtype="seg" mid="1">B.</mrk> <mrk mtype="seg" mid="2">C.</mrk></seg-source>'
SAMPLES = {
    "a.xlf": (
        '<xliff version="1.2"><file source-language="en" target-language="de"><body><trans-unit id="1">'
        '<source>A <g id="1">big <x id="2"/></g> dog &amp; &lt;b&gt;cat&lt;/b&gt;</source></trans-unit>'
        f'<trans-unit id="2"><source>B. C.</source>{TRADOS}<target><mrk mtype="seg" mid="1"/></target>'
        "</trans-unit></body></file></xliff>"
    ),
    "a.tmx": (
        '<tmx><header srclang="en"/><body><tu><tuv xml:lang="en"><seg>A <ph>x</ph> dog</seg></tuv></tu></body></tmx>'
    ),
    "a.po": (
        'msgid ""\nmsgstr "Language: de\\nPlural-Forms: nplurals=2; plural=(n != 1);\\n"\n\n#, c-format\n'
        'msgid "A %d dog"\nmsgid_plural "%d dogs"\nmsgstr[0] ""\nmsgstr[1] ""\n'
    ),
    "a.srt": "1\n00:00:01,000 --> 00:00:02,000\n<i>A dog</i>\n- B\n\n2\n00:00:03,000 --> 00:00:04,000\nC {x}\n",
    "a.vtt": "WEBVTT\n\nNOTE n\n\n00:01.000 --> 00:02.000 line:0\n<v A>B &amp; C</v>\n",
    "a.html": '<!DOCTYPE html><p>A <b>dog</b> <img alt="x y"> %s</p><script>var a="<p>";</script><pre>x</pre>',
    "a.md": '# A *b*\n\n- c [d](e "f") `g`\n\n| h | i |\n|---|---|\n| j | k |\n\n```\nl\n```\n> m\n> n\n',
    "a.tsv": "A dog\t\nB\tC\nD {x} e\t\n",
    "a.jsonl": '{"source": "A dog", "target": ""}\n{"source": "B %s"}\n',
}
PIECES = [
    b"<",
    b">",
    b"&",
    b"\0",
    b"\xff",
    b"<!--",
    b"]]>",
    b"{",
    b"}",
    b"%s",
    b'"',
    b"\n\n",
    b"-->",
    b"</g>",
    b"|",
    b"\\",
]
ANSWERS = [
    "",
    "X",
    "a < b & c",
    "--> ]]> \ue000",
    "{n, plural, x",
    'say "y" \\',
    "\x00\x1b",
    "%d %s {0} </mrk>",
    "\n\n",
]


def mutated(content: bytes, dice: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(dice.randint(0, 3)):
        place = dice.randrange(len(changed) + 1)
        match dice.randrange(4):
            case 0:
                changed[place : place + 1] = bytes([dice.randrange(256)])
            case 1:
                del changed[place : place + dice.randint(1, 30)]
            case 2:
                changed[place:place] = changed[dice.randrange(len(changed) + 1) :][: dice.randint(1, 40)]
            case _:
                changed[place:place] = dice.choice(PIECES)
    return bytes(changed)


@pytest.mark.parametrize("name", SAMPLES)
def test_a_broken_file_is_named_and_what_is_written_can_be_read_again(name: str) -> None:
    dice = random.Random(name)
    read = 0
    for _ in range(250):
        content = mutated(SAMPLES[name].encode(), dice)
        try:
            document = parse_document(content, name)
            begin = partial(document.begin, source_lang="en", target_lang="de", longest=dice.randint(2, 60))
            work = begin(
                overwrite=dice.random() < 0.5, rules=Rules(split="always", method=dice.choice(["project", "mask"]))
            )
        except InputError as error:
            assert name in str(error)  # noqa: PT017
            continue
        read += 1
        kept = work.finish([Output(sentence) for sentence in work.sentences])
        assert kept.content == content or not document.in_place
        finished = work.finish([Output(dice.choice(ANSWERS)) for _ in work.sentences])
        parse_document(finished.content, name)
    assert read > 50
