"""Texts in, translations out, whatever dialect they came in: detection, route, sentences, batches, texts again."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from polyglass.errors import InputError
from polyglass.serving.desk import Desk
from polyglass.serving.detection import Guess, has_words
from polyglass.serving.models import Model, Shelf, Wishes
from polyglass.serving.orders import Reply, Sentence
from polyglass.serving.refusals import Refusal, bad_field, too_large
from polyglass.serving.routing import Guide
from polyglass.text.parts import Kind, Output, Parts, Rules, take_apart
from polyglass.translator import Translation

T = TypeVar("T")
BY_SENTENCE = Rules(split="always")
"""Models learn from single sentences, so a text is cut at every end of one."""
_AS_IT_PREFERS = Wishes()
_LONG_CHARS = 4000  # so much text is worked on beside the event loop, which must go on


@dataclass(frozen=True)
class Asked:
    """What is to be translated and how.

    source: a language code, or AUTO. prefixes: for each text what its translation must begin with, or none at all.
    alignment: also say where the model looked. model: the name of one model, or empty for whatever leads there.
    """

    texts: tuple[str, ...]
    source: str
    target: str
    kind: Kind = "plain"
    rules: Rules = BY_SENTENCE
    wishes: Wishes = _AS_IT_PREFERS
    prefixes: tuple[str, ...] = ()
    alignment: bool = False
    model: str = ""


@dataclass(frozen=True)
class SentenceAnswer:
    """One sentence of a text, as the last model on the way read it. forced: it is a part of one that was too long."""

    translation: Translation
    forced: bool

    @property
    def score(self) -> float:
        """The score of its best translation."""
        return self.translation.candidates[0].score


@dataclass(frozen=True)
class TextAnswer:
    """What became of one text.

    alternatives: other translations, best first, without repetitions. source: the language it was read as. detected:
    what was found out about it, if it was asked. models: the way. repairs: what had to be mended, in words.
    """

    text: str
    source: str
    target: str
    detected: Guess | None = None
    models: tuple[str, ...] = ()
    alternatives: tuple[str, ...] = ()
    sentences: tuple[SentenceAnswer, ...] = ()
    repairs: tuple[str, ...] = ()
    source_tokens: int = 0

    @property
    def score(self) -> float | None:
        """The mean of the scores of its sentences; None if it has none."""
        scores = [sentence.score for sentence in self.sentences]
        return sum(scores) / len(scores) if scores else None


@dataclass(frozen=True)
class Timing:
    """queue: longest wait of a sentence. model: time of the batches that held any. batch: sentences of the largest."""

    queue_seconds: float = 0.0
    model_seconds: float = 0.0
    batch: int = 0
    cached: int = 0


@dataclass
class Passage:
    """One text on its way through the models. hop: how many of them it has passed."""

    text: str
    source: str
    target: str
    detected: Guess | None
    route: tuple[Model, ...]
    prefix: str
    hop: int = 0
    parts: Parts | None = None
    answer: TextAnswer | Refusal | None = None
    tokens: int = 0

    @property
    def hops_left(self) -> int:
        """How many models are still before it."""
        return len(self.route) - self.hop if self.answer is None else 0


class Service:
    """Knows the limits of a request, and takes texts along their way. Lives on the event loop."""

    def __init__(self, shelf: Shelf, desk: Desk[Translation], *, max_cost: int) -> None:
        self.desk = desk
        self.guide = Guide(shelf)
        self._max_cost = max_cost

    async def translate(self, asked: Asked) -> tuple[list[TextAnswer | Refusal], Timing]:
        """Return for each text its translation, or why it alone has none. Raises Refusal if nothing can be done."""
        passages = await self.begin(asked)
        replies: list[Reply[Translation]] = []
        while going := [passage for passage in passages if passage.hops_left]:
            replies += await self.advance(asked, going)
        return [finished(passage) for passage in passages], timing_of(replies)

    async def begin(self, asked: Asked) -> list[Passage]:
        """Find out language and route of each text."""
        return [await self._passage(asked, place) for place in range(len(asked.texts))]

    async def advance(self, asked: Asked, passages: Sequence[Passage]) -> list[Reply[Translation]]:
        """Take each of these texts through the next model on its way."""
        replies = await self.desk.ask(await self.sentences(asked, passages))

        def put_together() -> None:
            taken = 0
            for passage in passages:
                assert passage.parts is not None
                count = len(passage.parts.sentences)
                settle(passage, replies[taken : taken + count])
                taken += count

        await _beside(put_together, passages)
        return replies

    async def sentences(self, asked: Asked, passages: Sequence[Passage]) -> list[Sentence]:
        """Take the texts apart, each for the next model on its way."""

        def take_apart_all() -> list[Sentence]:
            return [sentence for passage in passages for sentence in _sentences_of(asked, passage)]

        found = await _beside(take_apart_all, passages)
        cost = sum(sentence.weight for sentence in found)
        if cost > self._max_cost:
            raise too_large(
                f"A request may cost {self._max_cost:,} source tokens times beam size, but this one costs {cost:,}.",
                hint="Send fewer texts at once, or ask for a smaller beam.",
            )
        return found

    async def _passage(self, asked: Asked, place: int) -> Passage:
        text = asked.texts[place]
        prefix = asked.prefixes[place] if asked.prefixes else ""
        way = await self.guide.way(asked.source, asked.target, text=text, model=asked.model)
        models = way.models if has_words(text) else ()
        return Passage(text, way.source, way.target, way.detected, models, prefix)


async def _beside(work: Callable[[], T], passages: Sequence[Passage]) -> T:
    """Do some work on texts; if they are long, on another thread."""
    if sum(len(passage.text) for passage in passages) > _LONG_CHARS:
        return await asyncio.to_thread(work)
    return work()


def _sentences_of(asked: Asked, passage: Passage) -> list[Sentence]:
    """Take a text apart for the next model on its way."""
    model, last = passage.route[passage.hop], passage.hops_left == 1
    rules = replace(asked.rules, measure=model.measure, method=model.method)
    try:
        passage.parts = take_apart(
            passage.text, kind=asked.kind, language=model.source, longest=model.longest, rules=rules
        )
    except InputError as error:
        raise bad_field(str(error)) from None
    wishes = asked.wishes if last else replace(asked.wishes, n_best=None, sample=None, max_len=None)
    group = model.group(wishes)
    prefix = passage.prefix if last else ""
    found = []
    for text, has_tags in zip(passage.parts.sentences, passage.parts.needs_alignment, strict=True):
        tokens = model.tokens(text) + 1
        passage.tokens += tokens
        alignment = has_tags or (asked.alignment and last)
        found.append(Sentence(group, text, prefix, alignment, tokens=tokens, width=group.width))
        prefix = ""  # only the first sentence of a text begins it
    return found


def settle(passage: Passage, replies: Sequence[Reply[Translation]]) -> None:
    """Put a text together again: it goes to its next model, or it is finished."""
    assert passage.parts is not None
    passage.hop += 1
    translations = []
    for reply in replies:
        if reply.result is None:
            passage.answer = failure_of(reply.error)
            return
        translations.append(reply.result)
    assembled = passage.parts.assemble([output_of(translation, 0) for translation in translations])
    if passage.hops_left:
        passage.text = assembled.text
        return
    most = max((len(translation.candidates) for translation in translations), default=1)
    others = (
        passage.parts.put_together([output_of(translation, rank) for translation in translations])
        for rank in range(1, most)
    )
    passage.answer = TextAnswer(
        assembled.text,
        passage.source,
        passage.target,
        passage.detected,
        models=tuple(model.name for model in passage.route),
        alternatives=tuple(dict.fromkeys(text for text in others if text != assembled.text)),
        sentences=tuple(map(SentenceAnswer, translations, passage.parts.forced)),
        repairs=tuple(dict.fromkeys(assembled.repairs)),
        source_tokens=passage.tokens,
    )


def finished(passage: Passage) -> TextAnswer | Refusal:
    """Return what became of a text; one that no model had to read comes back as it is."""
    return passage.answer or TextAnswer(passage.text, passage.source, passage.target, passage.detected)


def all_or_nothing(results: Sequence[TextAnswer | Refusal]) -> list[TextAnswer]:
    """Return the answers. Raises the first Refusal among them, for dialects that know no answer in part."""
    answers = []
    for result in results:
        if isinstance(result, Refusal):
            raise result
        answers.append(result)
    return answers


def output_of(translation: Translation, rank: int) -> Output:
    """Return the candidate of this rank, or the last one, as the text room wants it."""
    candidate = translation.candidates[min(rank, len(translation.candidates) - 1)]
    return Output(candidate.text, candidate.pieces, translation.source_pieces, candidate.alignment)


def timing_of(replies: Sequence[Reply[Translation]]) -> Timing:
    """Sum up how a request was served."""
    batches = {reply.batch: reply.worked for reply in replies if reply.batch}
    return Timing(
        queue_seconds=max((reply.waited for reply in replies), default=0.0),
        model_seconds=sum(batches.values()),
        batch=max((reply.sentences for reply in replies), default=0),
        cached=sum(not reply.batch for reply in replies),
    )


def failure_of(error: Exception | None) -> Refusal:
    """Return what to say about a sentence without a translation."""
    if isinstance(error, InputError):
        return bad_field(str(error))
    return Refusal(
        500,
        "model_failed",
        "The model failed on a sentence: what it computed is not a number.",
        hint="If this happens with most texts, the model is unusable.",
    )
