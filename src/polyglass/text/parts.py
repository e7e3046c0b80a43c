"""A text in, its sentences out, and the text again when they are translated: with all its layout, tags and codes.

parts = take_apart("<p>A <b>dog</b> runs.</p>", kind="html", language="en", longest=500)
parts.sentences                                     # ("A dog runs.",)
parts.put_together([Output("Ein Hund läuft.")])     # "<p>Ein <b>Hund</b> läuft.</p>"
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from polyglass.text.icu import Branch, branches
from polyglass.text.markup import escape, read_runs, split_layout
from polyglass.text.reading import Method, Reading, read_sentence
from polyglass.text.runs import Kind, Run, TagRules
from polyglass.text.sentences import Sentence, SplitRules, Splitting, find_sentences
from polyglass.text.tags import is_well_formed
from polyglass.text.writing import Output, write_sentence

__all__ = ["PLAIN_RULES", "Assembled", "Kind", "Method", "Output", "Parts", "Rules", "take_apart"]


@dataclass(frozen=True)
class Rules:
    """What is taken for a sentence, and how tags and placeholders travel.

    split: "needed" cuts only what is longer than the limit, "always" at each end of a sentence, "never" only by force.
    line_breaks: "keep" ends a sentence at each, "space" reads them as spaces; None: keep in plain text only.
    method: "project" takes placeholders out and puts them back by alignment, "mask" puts a character in their place
    that the model has learned to copy. measure: the unit of `longest`. ignore_tags: elements that are kept with all
    they hold. splitting_tags end a sentence, non_splitting_tags do not even where they are blocks of HTML. paired_tags:
    elements of XML that stand for a tag each, as ("bpt", "ept").
    """

    split: Splitting = "needed"
    line_breaks: Literal["keep", "space"] | None = None
    method: Method = "project"
    measure: Callable[[str], int] = len
    ignore_tags: frozenset[str] = frozenset()
    splitting_tags: frozenset[str] = frozenset()
    non_splitting_tags: frozenset[str] = frozenset()
    paired_tags: tuple[tuple[str, str], ...] = ()


PLAIN_RULES = Rules()
_ICU_SIGNS = str.maketrans({"{": "(", "}": ")", "#": None})


@dataclass(frozen=True)
class Assembled:
    """A text put together again. repairs: what the model had lost or a limit forced, in words."""

    text: str
    repairs: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Piece:
    """A sentence: what stands in the text, what a model reads of it, and how text is written in its place.

    inner: texts inside of its tags (attributes), each of which stands in `raw` as a sign of its own, see `_sign`.
    """

    raw: str
    reading: Reading
    forced: bool
    escape: Callable[[str], str]
    in_cdata: bool = False
    inner: tuple["Parts", ...] = ()


@dataclass(frozen=True)
class Parts:
    """A text that was taken apart."""

    _pieces: tuple[str | _Piece, ...] = field(repr=False)

    @property
    def sentences(self) -> tuple[str, ...]:
        """What a model is to translate, in order; may be empty."""
        return tuple(piece.reading.text for piece in self._read())

    @property
    def needs_alignment(self) -> tuple[bool, ...]:
        """For each sentence: True if tags or placeholders have to be put back into its translation."""
        return tuple(bool(piece.reading.root.inner) for piece in self._read())

    @property
    def forced(self) -> tuple[bool, ...]:
        """For each sentence: True if it is a part of one that was too long."""
        return tuple(piece.forced for piece in self._read())

    def put_together(self, outputs: Sequence[Output]) -> str:
        """Return the text with these translations of its sentences."""
        return self.assemble(outputs).text

    def assemble(self, outputs: Sequence[Output]) -> Assembled:
        """Return the text with these translations, and say what had to be mended.

        A sentence whose translation is the sentence itself comes out as it stood, byte for byte.
        """
        count = len(self.sentences)
        if len(outputs) != count:
            raise ValueError(f"there must be an output for each of {count} sentences, but there are {len(outputs)}")
        return self._assemble(iter(outputs))

    def _assemble(self, outputs: Iterator[Output]) -> Assembled:
        parts: list[str] = []
        repairs: list[str] = []
        for piece in self._pieces:
            if isinstance(piece, str):
                parts.append(piece)
                continue
            output = next(outputs)
            text = piece.raw
            if output.text != piece.reading.text:
                written = write_sentence(piece.reading, output, piece.escape)
                text = written.text.replace("]]>", "]] >") if piece.in_cdata else written.text
                repairs += written.restored
            if piece.forced:
                repairs.append("a sentence was too long for the model and was cut")
            for number, inner in enumerate(piece.inner):
                assembled = inner._assemble(outputs)
                text = text.replace(_sign(number), assembled.text)
                repairs += assembled.repairs
            parts.append(text)
        return Assembled("".join(parts), tuple(repairs))

    def _read(self) -> Iterator[_Piece]:
        for piece in self._pieces:
            if isinstance(piece, _Piece):
                yield piece
                for inner in piece.inner:
                    yield from inner._read()


def take_apart(
    text: str, *, kind: Kind = "plain", language: str = "", longest: int = 1000, rules: Rules = PLAIN_RULES
) -> Parts:
    """Find the sentences of a text. Each is one line, holds a letter, and measures at most `longest`.

    kind: "plain" (tags count only where nothing else is meant), "html" (may be tag soup), "xml" or
    "markdown". language: of the
    text, a code such as "en" or "pt-BR". Raises InputError for XML that is not well-formed.
    """
    taker = _Taker(kind, SplitRules(rules.split, language, longest, rules.measure), rules)
    return Parts(tuple(taker.take(text)))


@dataclass(frozen=True)
class _Taker:
    """Takes texts apart by the same rules."""

    kind: Kind
    splitting: SplitRules
    rules: Rules
    escape: Callable[[str], str] | None = None

    def take(self, text: str) -> Iterator[str | _Piece]:
        """Yield what stays as it is, and sentences."""
        message = text.strip()
        if message.startswith("{") and (found := branches(message)) and self._nests(message, found):
            yield from self._branches(text, found, text.index("{"))
            return
        rules = self.rules
        tags = TagRules(rules.ignore_tags, rules.splitting_tags, rules.non_splitting_tags, rules.paired_tags)
        runs = read_runs(text, self.kind, tags)
        if self.kind in ("plain", "xml") or rules.line_breaks == "keep":
            keeps_lines = (rules.line_breaks or ("keep" if self.kind == "plain" else "space")) == "keep"
            runs = split_layout(runs, lines=keeps_lines)
        for part in find_sentences(runs, self.splitting):
            if isinstance(part, Sentence):
                yield self._piece(part)
            else:
                yield from self._outside(part)

    def _nests(self, message: str, found: Sequence[Branch]) -> bool:
        """True if no tag begins in one branch and ends in another."""
        return self.kind != "xml" or all(is_well_formed(message[branch.start : branch.end]) for branch in found)

    def _branches(self, text: str, found: Sequence[Branch], first: int) -> Iterator[str | _Piece]:
        """Take each branch of a plural or select apart by itself; what is around the branches stays."""
        at = 0
        for branch in found:
            start, end = first + branch.start, first + branch.end
            yield text[at:start]
            inner = replace(self, splitting=replace(self.splitting, icu=True), escape=_escape_icu)
            yield from inner.take(text[start:end])
            at = end
        yield text[at:]

    def _piece(self, sentence: Sentence) -> _Piece:
        runs, inner = list(sentence.runs), list[Parts]()
        for place, run in enumerate(runs):
            if run.values:
                runs[place], found = self._signed(run, len(inner))
                inner += found
        escape_text = self.escape or (lambda text: escape(text, self.kind))
        tagged = any(run.role in ("open", "close", "point") for run in runs)
        if self.kind == "plain" and tagged and not any("<" in run.text or ">" in run.text for run in runs):
            escape_text = _escape_brackets
        in_cdata = any(run.in_cdata for run in runs)
        if in_cdata:
            escape_text = str
        raw, reading = "".join(run.raw for run in runs), read_sentence(runs, self.rules.method)
        return _Piece(raw, reading, sentence.forced, escape_text, in_cdata, tuple(inner))

    def _signed(self, run: Run, first: int) -> tuple[Run, list[Parts]]:
        """Put a sign in the place of each value for people, and take the values apart."""
        parts, inner, at = list[str](), list[Parts](), 0
        for start, end in run.values:
            parts += [run.raw[at:start], _sign(first + len(inner))]
            inner.append(Parts(tuple(replace(self, escape=_escape_value).take(run.raw[start:end]))))
            at = end
        return replace(run, raw="".join([*parts, run.raw[at:]])), inner

    def _outside(self, run: Run) -> Iterator[str | _Piece]:
        """Yield a run that is no part of a sentence; the values for people in its tag are sentences of their own."""
        at = 0
        for start, end in run.values:
            yield run.raw[at:start]
            yield from replace(self, escape=_escape_value).take(run.raw[start:end])
            at = end
        yield run.raw[at:]


def _sign(number: int) -> str:
    """Return what stands for a value until it is translated: noncharacters, which no text may hold (Unicode §23.7)."""
    return f"\ufdd0{number}\ufdd1"


def _escape_value(text: str) -> str:
    return escape(text, "html").replace('"', "&quot;").replace("'", "&#39;")


def _escape_brackets(text: str) -> str:
    """In a text with tags a bracket that the model writes could begin one more."""
    return text.replace("<", "\u2039").replace(">", "\u203a")


def _escape_icu(text: str) -> str:
    """An apostrophe before a brace would quote it; ICU's own advice is the typographic one, which never does."""
    return text.replace("'", "\u2019").translate(_ICU_SIGNS)
