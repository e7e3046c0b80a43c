"""Languages in, the models that lead from one to the other out; the source may have to be found out first."""

import asyncio
from dataclasses import dataclass

from polyglass.serving.detection import Detector, Guess, has_words, or_unknown
from polyglass.serving.languages import UNKNOWN, is_code
from polyglass.serving.models import Model, Shelf
from polyglass.serving.refusals import Refusal, bad_field

AUTO = "auto"


@dataclass(frozen=True)
class Way:
    """models: one, two through a third language, or none where source and target are the same language.

    detected: what was found out about the source, if it was asked.
    """

    source: str
    target: str
    models: tuple[Model, ...]
    detected: Guess | None = None


class Guide:
    """Knows the loaded models and the languages that they read."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._detector = Detector()

    @property
    def any_model(self) -> Model:
        """Some model, for questions that every one can answer."""
        return self._shelf.models[0]

    async def rank(self, text: str) -> list[Guess]:
        """Return the languages of the loaded models that a text may be in, likeliest first."""
        languages = tuple(dict.fromkeys((*self._shelf.sources, *self._shelf.targets)))
        return await asyncio.to_thread(self._detector.rank, text, languages)

    async def way(self, source: str, target: str, *, text: str, model: str = "") -> Way:
        """Return the way of a text. Raises Refusal (422, 404) if there is none.

        source: a code, or AUTO. model: the name of the one to use, or empty.
        """
        for word, code in (("source", source), ("target", target)):
            if code != AUTO and not is_code(code):
                raise bad_field(f"{word}: a language code is a word such as en or pt-BR.")
        named = self._shelf.named(model) if model else None
        known_target = self._shelf.target(target)
        known_source, detected = await self._source(source, text, named)
        if named is None:
            return Way(known_source, known_target, self._route(known_source, known_target), detected)
        if (known_source, known_target) != (named.source, named.target):
            raise bad_field(f"model: {named.name} translates from {named.source} to {named.target} only.")
        return Way(known_source, known_target, (named,), detected)

    def _route(self, source: str, target: str) -> tuple[Model, ...]:
        route = self._shelf.route(source, target)
        if route or source == target:
            return route
        ways = ", ".join(self._shelf.reachable(source)) or "nothing"
        raise Refusal(
            422,
            "no_route",
            f"No loaded model leads from {source} to {target}, not even over a third language.",
            hint=f"From {source} they lead to {ways}.",
        )

    async def _source(self, code: str, text: str, named: Model | None) -> tuple[str, Guess | None]:
        if code != AUTO:
            return self._shelf.source(code), None
        if named is not None:
            return named.source, None
        if not has_words(text):
            return self._shelf.sources[0], Guess(UNKNOWN, 0.0)
        ranked = await asyncio.to_thread(self._detector.rank, text, self._shelf.sources)
        if not ranked:
            raise Refusal(
                422,
                "unknown_language",
                "source: the text is in none of the languages of the loaded models.",
                hint=f"The source languages are {', '.join(self._shelf.sources)}. Name one if it is.",
            )
        return ranked[0].language, or_unknown(ranked[0])
