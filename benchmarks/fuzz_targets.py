"""What is attacked: for each format its good files, its words, and what must hold when a hostile one is taken."""

import gzip
import io
import os
import random
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from fuzz_models import MODEL_TARGETS
from fuzz_requests import REQUEST_TARGETS
from fuzz_subject import Attempt, Broken, Target
from polyglass.data.corpus import open_corpus
from polyglass.documents.parse import parse_document
from polyglass.errors import InputError, PolyglassError
from polyglass.settings import resolve
from polyglass.text.parts import Output, Rules, take_apart
from polyglass.text.tags import is_well_formed

__all__ = ["TARGETS", "Attempt", "Broken", "Target"]

ROOT = Path(__file__).resolve().parents[1]
REAL = Path(os.environ.get("POLYGLASS_TEST_DATA", ROOT.parent / "shared" / "data")) / "formats"
LARGEST_REAL = 6000  # bytes of a real file that is broken as a whole; of larger ones the beginning is taken

Kind = Literal["plain", "html", "xml", "markdown"]
ANSWERS = ("", "X", "a < b & c", "--> ]]> \ue000", "{n, plural, x", 'say "y" \\', "\x00\x1b", "%d {0} </mrk>", "\n\n")

TRADOS = '<seg-source><mrk mtype="seg" mid="1">B.</mrk> <mrk mtype="seg" mid="2">C.</mrk></seg-source>'
XLIFF = (
    '<?xml version="1.0" encoding="utf-8"?>\n<xliff version="1.2" xmlns="urn:oasis:names:tc:xliff:document:1.2"><file '
    'source-language="en" target-language="de"><body><trans-unit id="1"><source>A <g id="1">big <x id="2"/></g> dog '
    "&amp; &lt;b&gt;cat&lt;/b&gt;</source></trans-unit>"
    f'<trans-unit id="2"><source>B. C.</source>{TRADOS}<target><mrk mtype="seg" mid="1"/></target></trans-unit>'
    '<trans-unit id="3" translate="no"><source>x</source><target state="new">y</target><note>n</note></trans-unit>'
    "</body></file></xliff>"
)
XLIFF2 = (
    '<xliff version="2.1" xmlns="urn:oasis:names:tc:xliff:document:2.0" srcLang="en" trgLang="de"><file id="f">'
    '<unit id="u"><originalData><data id="d">&lt;b&gt;</data></originalData><segment id="s"><source>A <pc id="1" '
    'dataRefStart="d">big</pc> dog<ph id="2"/></source></segment><ignorable><source> </source></ignorable><segment '
    'state="final"><source>B</source><target>C</target></segment></unit></file></xliff>'
)
TMX = (
    '<tmx version="1.4"><header srclang="en" segtype="sentence"/><body><tu tuid="1"><prop type="x">p</prop><tuv '
    'xml:lang="en"><seg>A <bpt i="1">&lt;b&gt;</bpt>big<ept i="1">&lt;/b&gt;</ept> dog <ph>x</ph></seg></tuv></tu><tu>'
    '<tuv xml:lang="en"><seg>B</seg></tuv><tuv xml:lang="de"><seg>C <hi>d</hi></seg></tuv></tu></body></tmx>'
)
PO = (
    'msgid ""\nmsgstr "Language: de\\nContent-Type: text/plain; charset=UTF-8\\nPlural-Forms: nplurals=2; plural=(n != '
    '1);\\n"\n\n#. note\n#: a.c:1\n#, c-format, fuzzy\n#| msgid "old"\nmsgctxt "c"\nmsgid "A %d dog"\nmsgid_plural '
    '"%d dogs"\nmsgstr[0] ""\nmsgstr[1] ""\n\nmsgid "B"\nmsgstr ""\n"C\\n"\n\n#~ msgid "D"\n#~ msgstr "E"\n'
)
SRT = "1\n00:00:01,000 --> 00:00:02,000\n<i>A dog</i>\n- B\n\n2\n00:00:03,000 --> 00:00:04,000\nC {\\an8}x\n"
VTT = "WEBVTT - t\nX: y\n\nNOTE n\n\nSTYLE\n::cue {}\n\nid\n00:01.000 --> 00:02.000 line:0\n<v A>B &amp; C</v>\n"
HTML = (
    '<!DOCTYPE html><html lang="en"><head><title>T</title></head><body><p title="x y">A <b>dog</b> <img alt="x y"> %s'
    '<br>z</p><script>var a="<p>";</script><pre>x</pre><![CDATA[c]]><textarea>t</textarea><svg><text>s</text></svg>'
)
MARKDOWN = (
    '---\na: b\n---\n# A *b*\n\n- c [d](e "f") `g`\n1. x\n\n| h | i |\n|---|---|\n| j | k |\n\n```\nl\n```\n> m\n> n\n'
    "\nT\n===\n<p>q</p>\n\n[r]: http://x.y\n"
)
TSV = "source\ttarget\nA dog\t\nB\tC\tx\nD {x} e\tF\n"
JSONL = (
    '{"source": "A dog", "target": ""}\n{"source": "B %s", "target": "C", "id": 5}\n',
    '{"translation": {"en": "D", "de": "E"}}\n{"translation": {"de": "F\\n", "en": "G"}}\n',
    '{"en": "F", "de": "G"}\n\n{"en": "H\\t", "de": "I", "x": [1, {}]}\n',
)
TEXT = "A dog runs. It is {name}.\n\n  B\tC \r\nE-mail: a@example.org <b>x</b>, 100 %s.\n"
TOML = '[model]\nfamily = "transformer"\nd_model = 64\ndropout = 0.1\n\n[train]\nsteps = 100\naverage = "ema"\n'

XML_WORDS = tuple(
    word.encode()
    for word in (
        *("<source>", "</source>", "<target>", "</target>", "<seg>", "</seg>", "<tuv xml:lang='en'>", "</tuv>", "<tu>"),
        *("</tu>", "<trans-unit id='1'>", "</trans-unit>", "<unit id='1'>", "</unit>", "<segment>", "</segment>"),
        *("<mrk mtype='seg' mid='1'>", "</mrk>", "<g id='1'>", "</g>", "<x id='1'/>", "<ph id='1'/>", "<pc id='1'>"),
        *("</pc>", "<bpt i='1'/>", "<ept i='1'/>", "<sc id='1'/>", "<ec startRef='1'/>", "<it pos='begin'/>", "<sub>"),
        *(
            "<alt-trans>",
            "</alt-trans>",
            "<seg-source>",
            "</seg-source>",
            "<![CDATA[",
            "]]>",
            "<!--",
            "-->",
            "<?x",
            "?>",
        ),
        *("<!DOCTYPE x [", "<!ENTITY a 'b'>", "]>", "&a;", "&amp;", "&#x41;", "&#xFFFF;", ' xml:space="preserve"'),
        *(' translate="no"', ' state="final"', ' approved="yes"', " xmlns='y'", " xmlns:a='b'", "<a:b/>", "<file>"),
        *("</file>", "<body>", "</body>", "<header/>", "<xliff version='1.2'>", "<tmx>", "</tmx>", "</xliff>"),
        *("<cp hex='0001'/>", "<ignorable>", "</ignorable>", "<group>", "</group>", "<bin-unit>", "<ctype>", "<note>"),
    )
)
PO_WORDS = tuple(
    word.encode()
    for word in (
        *('msgid "', 'msgstr "', "msgstr[0]", "msgstr[", 'msgid_plural "a"\n', 'msgctxt "', '"\n', "#, fuzzy\n", "#~ "),
        *("#| ", "#: ", "#. ", "\\n", "\\", "Plural-Forms: nplurals=", "plural=", "(n%10==1 ? 0 : 1)", ";", "n!=1"),
        *("charset=", "klingon", "nplurals=99", "nplurals=-1", "&&", "||", "((((", "?:", "domain", "# "),
    )
)
CUE_WORDS = tuple(
    word.encode()
    for word in (
        *(
            "WEBVTT\n",
            "-->",
            " --> ",
            "00:00:00,000",
            "00:00.000",
            "99:99:99.999",
            "\n\n",
            "1\n",
            "<i>",
            "</i>",
            "<v A>",
        ),
        *("</v>", "<c.x>", "NOTE ", "STYLE\n", "REGION\n", "{\\an8}", "- ", "<00:01.000>", "&lt;", "X-TIMESTAMP-MAP="),
    )
)
PAGE_WORDS = tuple(
    word.encode()
    for word in (
        *("<p>", "</p>", "<b>", "</b>", "<a href='x'>", "</a>", "<script>", "</script>", "<style>", "<!--", "-->"),
        *("<![CDATA[", "]]>", "<!DOCTYPE", "<br/>", "<textarea>", "</textarea>", "<svg>", "<math>", "&nbsp;", "&#"),
        *("```", "~~~", "# ", "- ", "* ", "1. ", "> ", "    ", "[a](b)", "[a][b]", "![", "](", "|", "---", "===", "**"),
        *("_", "`", "<http://x.y>", "{{", "}}", "{% if x %}", "{n, plural, one {x} other {#}}", "&&&&", '="', "='"),
        *("<iframe", "<noscript>", "title='", 'alt="', "<td>", "<table>", "<pre>", "%(a)s", "$t(x)", "{0,number}"),
    )
)
TABLE_WORDS = (
    b"\t",
    b"\n",
    b'{"source": "',
    b'", "target": "',
    b'"}',
    b"null",
    b"[]",
    b"\\ud800",
    b"\\u0000",
    b'"en":',
)
TOML_WORDS = (
    b"[model]\n",
    b"[train]\n",
    b"family = ",
    b'"lstm"\n',
    b"d_model = ",
    b"steps = ",
    b"'''",
    b'"""',
    b"inf\n",
)


def document(name: str, content: bytes) -> None:
    """Read a file of a translation tool, "translate" it with rubbish, and read what was written."""
    dice = random.Random(content)
    if name.endswith(".sdlppx") and content.startswith(b"<"):
        content = package(content)
    parsed = parse_document(content, name)
    work = parsed.begin(
        source_lang="en",
        target_lang="de",
        longest=dice.randint(2, 60),
        overwrite=dice.random() < 0.5,
        rules=Rules(split="always", method=dice.choice(["project", "mask"])),
    )
    kept = work.finish([Output(sentence) for sentence in work.sentences])
    if parsed.in_place and kept.content != content:
        raise Broken("nothing was changed, but the file is another")
    finished = work.finish([Output(dice.choice(ANSWERS)) for _ in work.sentences])
    try:
        parse_document(finished.content, name)
    except PolyglassError as error:
        raise Broken(f"what was written cannot be read: {error}") from None


def corpus(names: Sequence[str], folder: Path, content: bytes) -> None:
    """Read training data, strictly and with what is damaged passed by. Two files get a half each."""
    paths = [folder / name for name in names]
    for path, part in zip(paths, _dealt(content, len(paths)), strict=True):
        path.write_bytes(_packed(part) if path.suffix == ".gz" else part)
    refusals: list[PolyglassError] = []
    for errors in ("strict", "skip"):
        try:
            files = open_corpus(paths, errors=errors)  # type: ignore[arg-type]
            files.guess_languages()
            for pair in files.with_damaged():
                (pair.source + pair.target).encode()  # what is no Unicode would stop a run later
        except PolyglassError as error:
            refusals.append(error)
        except UnicodeEncodeError:
            raise Broken("a text that is no Unicode was read") from None
    if refusals:
        raise refusals[0]


def _dealt(content: bytes, count: int) -> list[bytes]:
    """Deal lines out to files, so that two sides have about as many."""
    lines = content.splitlines(keepends=True) if count > 1 else []
    return [b"".join(lines[number::count]) for number in range(count)] if lines else [content] * count


def _packed(content: bytes) -> bytes:
    """Pack what is not packed, so that half of the hostile files get through to the reader of lines."""
    return content if content.startswith(b"\x1f\x8b") else gzip.compress(content, 1)


def both(document_name: str, corpus_names: Sequence[str], folder: Path) -> Attempt:
    """Attack a format as a file to translate and as training data; refused if either is."""
    names = [document_name, *corpus_names]

    def attempt(content: bytes) -> None:
        refusals = []
        attempts: list[Callable[[bytes], None]] = [partial(document, document_name)] if document_name else []
        attempts += [partial(corpus, corpus_names, folder)] if corpus_names else []
        for one in attempts:
            try:
                one(content)
            except PolyglassError as error:
                if not any(name and name in str(error) for name in names):
                    raise Broken(f"refused without a name: {error}") from None
                refusals.append(error)
        if refusals:
            raise refusals[0]

    return attempt


def sentences(kind: Kind, folder: Path) -> Attempt:
    """Take a text apart, as plain text or markup, and put it together with rubbish."""

    def attempt(content: bytes) -> None:
        dice = random.Random(content)
        text = content.decode("utf-8", dice.choice(["replace", "surrogateescape"]))
        method = dice.choice(["project", "mask"])
        rules = Rules(split=dice.choice(["always", "needed", "never"]), method=method)
        try:
            parts = take_apart(text, kind=kind, language="en", longest=dice.randint(1, 80), rules=rules)
        except InputError as error:
            raise InputError(f"text: {error}") from None  # whoever asks knows the name
        for sentence in parts.sentences:
            if "\n" in sentence or not sentence.strip():
                raise Broken(f"no sentence: {sentence[:60]!r}")
        if parts.put_together([Output(sentence) for sentence in parts.sentences]) != text:
            raise Broken("nothing was changed, but the text is another")
        made = parts.put_together([Output(dice.choice(ANSWERS).replace("\0", "")) for _ in parts.sentences])
        if kind == "xml" and is_well_formed(text) and not is_well_formed(made):
            raise Broken(f"ill-formed XML was made: {made[:100]!r}")

    return attempt


def options(folder: Path) -> Attempt:
    """Read a file of options."""
    path = folder / "options.toml"

    def attempt(content: bytes) -> None:
        path.write_bytes(content)
        resolve(file=path)

    return attempt


def real(*patterns: str) -> tuple[bytes, ...]:
    """Return real files where they are, the beginning of large ones."""
    found = sorted(path for pattern in patterns for path in REAL.rglob(pattern)) if REAL.is_dir() else []
    whole = [path.read_bytes() for path in found if path.stat().st_size <= LARGEST_REAL]
    return (*whole, *(path.read_bytes()[:LARGEST_REAL] for path in found if path.stat().st_size > LARGEST_REAL))


def package(inside: bytes = XLIFF.encode()) -> bytes:
    """Return a small package of Trados."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.sdlproj", "<Project/>")
        archive.writestr("de/a.sdlxliff", inside)
    return written.getvalue()


@dataclass(frozen=True)
class _File:
    """A format: its ending, its files, and the names under which it is training data."""

    ending: str
    seeds: tuple[bytes, ...]
    words: tuple[bytes, ...]
    corpus: tuple[str, ...] = ()
    weight: int = 5
    is_document: bool = True

    def target(self, name: str) -> Target:
        return Target(
            name,
            self.seeds,
            self.words,
            partial(both, f"a{self.ending}" if self.is_document else "", self.corpus),
            (f"a{self.ending}", *self.corpus),
            self.weight,
        )


FILES = {
    "TMX": _File(".tmx", (TMX.encode(), *real("*.tmx")), XML_WORDS, ("a.tmx",)),
    "XLIFF 1.2": _File(".xlf", (XLIFF.encode(), *real("*.xlf", "*.xliff")), XML_WORDS, ("a.xlf",)),
    "XLIFF 2": _File(".xliff", (XLIFF2.encode(), *real("xliff2/*", "xliff2-oasis/*/*")), XML_WORDS, ("a.xliff",)),
    "Trados": _File(".sdlxliff", (XLIFF.encode(), *real("*.sdlxliff")), XML_WORDS, ("a.sdlxliff",)),
    "package": _File(".sdlppx", (package(), XLIFF.encode()), (b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06", b"../")),
    "PO": _File(".po", (PO.encode(), *real("*.po")), PO_WORDS, ("a.po",), 8),
    "SRT": _File(".srt", (SRT.encode(), *real("*.srt")), CUE_WORDS, ("a.en.srt", "a.de.srt")),
    "VTT": _File(".vtt", (VTT.encode(), *real("*.vtt")), CUE_WORDS, ("a.en.vtt", "a.de.vtt")),
    "HTML": _File(".html", (HTML.encode(),), PAGE_WORDS, weight=8),
    "Markdown": _File(".md", (MARKDOWN.encode(),), PAGE_WORDS, weight=8),
    "plain text": _File(".txt", (TEXT.encode(),), PAGE_WORDS, ("a.en.txt", "a.de.txt"), 8),
    "TSV": _File(".tsv", (TSV.encode(),), TABLE_WORDS, ("a.tsv",), 8),
    "JSONL": _File(".jsonl", tuple(map(str.encode, JSONL)), TABLE_WORDS, ("a.jsonl",), 8),
    "gzip": _File(
        ".tsv.gz", (gzip.compress(TSV.encode()), TSV.encode()), (b"\x1f\x8b",), ("a.tsv.gz",), 3, is_document=False
    ),
}
TARGETS: tuple[Target, ...] = (
    *(one.target(name) for name, one in FILES.items()),
    Target("tags, plain", (TEXT.encode(), HTML.encode()), PAGE_WORDS, partial(sentences, "plain"), ("text",), 6),
    Target("tags, html", (HTML.encode(), TEXT.encode()), PAGE_WORDS, partial(sentences, "html"), ("text",), 6),
    Target(
        "tags, xml",
        (b"A <b>dog <x/></b> &amp; c", *(TMX.encode(),)),
        XML_WORDS,
        partial(sentences, "xml"),
        ("text",),
        6,
    ),
    Target("options", (TOML.encode(),), TOML_WORDS, options, ("options.toml",), 3),
    *MODEL_TARGETS,
    *REQUEST_TARGETS,
)
