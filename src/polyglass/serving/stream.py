"""A long text in, events out: each sentence as soon as the model has it, then the whole (server-sent events)."""

import json
from collections.abc import AsyncIterator, Collection, Sequence

from pydantic import BaseModel

from polyglass.serving import v1_schema as wire
from polyglass.serving.orders import Reply
from polyglass.serving.refusals import Refusal
from polyglass.serving.service import Asked, Passage, SentenceAnswer, finished, settle, timing_of
from polyglass.serving.site import Site
from polyglass.serving.v1_answers import sentence_result, text_result, timing_result
from polyglass.translator import Translation


async def events(
    site: Site, asked: Asked, passages: Sequence[Passage], *, wanted: Collection[str]
) -> AsyncIterator[bytes]:
    """Yield the events of one request as they are sent: start, sentence, text, done; or error, which is the last."""
    try:
        with site.gate.pass_through():
            async for event in _events(site, asked, passages, wanted=wanted):
                yield event
    except Refusal as refusal:
        yield _frame("error", wire.Problem(code=refusal.code, message=refusal.message, hint=refusal.hint))


async def _events(
    site: Site, asked: Asked, passages: Sequence[Passage], *, wanted: Collection[str]
) -> AsyncIterator[bytes]:
    service = site.service
    replies: list[Reply[Translation]] = []
    while going := [passage for passage in passages if passage.hops_left > 1]:
        replies += await service.advance(asked, going)
    sentences = await service.sentences(asked, [passage for passage in passages if passage.hops_left])
    yield _frame("start", wire.StreamStart(texts=len(passages), sentences=len(sentences)))
    coming = site.desk.each(sentences)
    for number, passage in enumerate(passages):
        own: list[Reply[Translation]] = []
        forced = passage.parts.forced if passage.parts and passage.hops_left else ()
        for place, is_forced in enumerate(forced):
            own.append(await anext(coming))
            if (translation := own[-1].result) is not None:
                sentence = sentence_result(SentenceAnswer(translation, is_forced), wanted)
                yield _frame("sentence", wire.StreamSentence(text=number, sentence=place, result=sentence))
        if passage.hops_left:
            settle(passage, own)
        replies += own
        yield _frame("text", wire.StreamText(text=number, result=text_result(finished(passage), wanted)))
    yield _frame("done", timing_result(timing_of(replies)))


def _frame(event: str, data: BaseModel) -> bytes:
    """Return one event. JSON has no line break outside of strings and none inside, so the data is one line."""
    return f"event: {event}\ndata: {json.dumps(data.model_dump(), ensure_ascii=False)}\n\n".encode()
