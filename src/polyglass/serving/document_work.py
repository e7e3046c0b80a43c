"""The bytes of a document in, the same document translated out, a few sentences at a time, behind everybody else."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath

from polyglass.config import ServeConfig
from polyglass.documents.document import Document, Finished, Work
from polyglass.documents.parse import ENDINGS, parse_document
from polyglass.errors import InputError
from polyglass.serving.desk import Desk
from polyglass.serving.models import Model, Wishes
from polyglass.serving.orders import Reply, Sentence
from polyglass.serving.refusals import Refusal, bad_field, too_large
from polyglass.serving.routing import Way
from polyglass.serving.service import BY_SENTENCE, Service, failure_of, output_of
from polyglass.text.parts import Output
from polyglass.translator import Translation

__all__ = ["ENDINGS", "Job", "ending_of", "translate_document"]

_SLICE = 20_000  # source tokens times beam size that are handed in at once
_PATIENCE = 20  # how often a slice is tried when the server is busy
_SAMPLE_CHARS = 2000


@dataclass(frozen=True)
class Job:
    """What is to be translated. progress: told the share that is done, from 0 to 1."""

    content: bytes
    ending: str
    source: str
    target: str
    progress: Callable[[float], None]


def ending_of(name: str) -> str:
    """Return the ending of a file's name. Raises Refusal (422) if files of that kind cannot be translated."""
    ending = PurePath(name.replace("\\", "/").rpartition("/")[2]).suffix.lower()
    if ending not in ENDINGS:
        known = ", ".join(sorted(ENDINGS))
        raise bad_field("file: files of this kind cannot be translated.", hint=f"Their names may end in {known}.")
    return ending


async def translate_document(service: Service, job: Job, config: ServeConfig) -> tuple[Finished, int]:
    """Return the translated document and the number of characters that were translated. Raises Refusal."""
    try:
        document = await asyncio.to_thread(parse_document, job.content, f"file{job.ending}")
        way, work = await _begin(service, document, job)
    except InputError as error:
        raise bad_field(str(error)) from None
    characters = sum(map(len, work.sentences))
    most = config.max_document_characters
    if characters > most:
        raise too_large(f"A document may hold {most:,} characters to translate, but this one holds {characters:,}.")
    outputs = [Output(sentence) for sentence in work.sentences]
    for hop, model in enumerate(way.models):
        wanted = work.needs_alignment if len(way.models) == 1 else (False,) * len(outputs)
        texts = [output.text for output in outputs]

        def progress(share: float, hop: int = hop) -> None:
            job.progress((hop + share) / len(way.models))

        translations = await _translate(service.desk, model, texts, wanted=wanted, progress=progress)
        outputs = [output_of(translation, 0) for translation in translations]
    finished = await asyncio.to_thread(work.finish, outputs)
    return finished, characters


async def _begin(service: Service, document: Document, job: Job) -> tuple[Way, Work]:
    """Find the way of a document, and take it apart for the first model on it."""
    first = service.guide.any_model

    def apart(model: Model, source: str, target: str) -> Work:
        rules = replace(BY_SENTENCE, measure=model.measure, method=model.method)
        return document.begin(source_lang=source, target_lang=target, longest=model.longest, rules=rules)

    sample = "\n".join((await asyncio.to_thread(apart, first, first.source, first.target)).sentences)[:_SAMPLE_CHARS]
    way = await service.guide.way(job.source, job.target, text=sample)
    model = way.models[0] if way.models else first
    return way, await asyncio.to_thread(apart, model, way.source, way.target)


async def _translate(
    desk: Desk[Translation],
    model: Model,
    texts: Sequence[str],
    *,
    wanted: Sequence[bool],
    progress: Callable[[float], None],
) -> list[Translation]:
    group = model.group(Wishes())
    sentences = [
        Sentence(group, text, alignment=aligned, tokens=model.tokens(text) + 1, width=group.width)
        for text, aligned in zip(texts, wanted, strict=True)
    ]
    found: list[Translation] = []
    while len(found) < len(sentences):
        rest = sentences[len(found) :]
        taken, weight = 0, 0
        while taken < len(rest) and (not taken or weight + rest[taken].weight <= _SLICE):
            weight += rest[taken].weight
            taken += 1
        for reply in await _patiently(desk, rest[:taken]):
            if reply.result is None:
                raise failure_of(reply.error)
            found.append(reply.result)
        progress(len(found) / len(sentences))
    return found


async def _patiently(desk: Desk[Translation], sentences: Sequence[Sentence]) -> list[Reply[Translation]]:
    """Ask, and ask again if the server is busy: the document was accepted."""
    for _ in range(_PATIENCE):
        try:
            return await desk.ask(sentences)
        except Refusal as refusal:
            if refusal.status != 429:
                raise
            await asyncio.sleep(refusal.retry_after or 1)
    return await desk.ask(sentences)
