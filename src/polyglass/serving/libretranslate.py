"""The dialect of LibreTranslate: what Weblate, browser add-ons and `libretranslatepy` send, and what they expect.

Written from the public contract and from what the client puts on the wire; LibreTranslate's own code is under another
licence and was not read.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse, Response

from polyglass.documents.parse import ENDINGS
from polyglass.serving.bodies import media_type
from polyglass.serving.dialects import LIBRETRANSLATE
from polyglass.serving.endpoints import Call, Endpoint, checked
from polyglass.serving.languages import UNKNOWN, fold, for_libretranslate, name_of
from polyglass.serving.limits import check_search, check_texts
from polyglass.serving.models import Wishes
from polyglass.serving.refusals import Refusal, bad_request
from polyglass.serving.routing import AUTO
from polyglass.serving.service import Asked, TextAnswer, all_or_nothing
from polyglass.serving.site import Site

F = TypeVar("F", bound="Loose")

_FRONTEND_TIMEOUT_MS = 500
_GUESSES = 3


class Loose(BaseModel):
    """Fields as forms send them: numbers may be text, and unknown fields are no mistake."""

    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False)


class LibreTranslateForm(Loose):
    """POST /translate, as JSON, form or query string."""

    q: str | list[str] = Field(description="text, or list of texts", examples=["A dog."])
    source: str = Field(description="language of the text, or auto", examples=["en"])
    target: str = Field(description="language to translate to", examples=["de"])
    format: Literal["text", "html"] = Field("text", description="html: tags are kept and not translated")
    alternatives: Annotated[int, Field(ge=0)] = Field(0, description="how many other translations")
    api_key: str = ""


class LibreDetectForm(Loose):
    """POST /detect, as JSON, form or query string."""

    q: str = Field(description="text", examples=["A dog."])
    api_key: str = ""


class DetectedLanguage(BaseModel):
    """confidence: from 0 to 100."""

    confidence: float
    language: str


class LibreTranslated(BaseModel):
    """Lists, where q was a list."""

    translatedText: str | list[str]  # noqa: N815 (so it is called on the wire)
    detectedLanguage: DetectedLanguage | list[DetectedLanguage] | None = None  # noqa: N815
    alternatives: list[str] | list[list[str]] | None = None


class LibreTranslate:
    """The handlers of one server."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def translate(self, call: Call) -> Response:
        """Answer POST /translate."""
        form = checked_form(LibreTranslateForm, call, "q", "source", "target")
        texts = [form.q] if isinstance(form.q, str) else form.q
        if media_type(call.request) != "application/json":  # forms write line ends as the network does
            texts = [text.replace("\r\n", "\n").replace("\r", "\n") for text in texts]
        check_texts(texts, self._site.config)
        if not texts or (isinstance(form.q, str) and not form.q):
            raise bad_request("Invalid request: missing q parameter")
        wishes = Wishes(n_best=form.alternatives + 1 if form.alternatives else None)
        check_search(wishes, self._site.config)
        asked = Asked(
            tuple(texts),
            self.source_of(form.source),
            self.target_of(form.target),
            kind="html" if form.format == "html" else "plain",
            wishes=wishes,
        )
        results, _ = await self._site.service.translate(asked)
        answers = all_or_nothing(results)
        self._site.count(texts)
        return JSONResponse(self._body(form, answers))

    async def detect(self, call: Call) -> Response:
        """Answer POST /detect."""
        form = checked_form(LibreDetectForm, call, "q")
        check_texts([form.q], self._site.config)
        guesses = await self._site.service.guide.rank(form.q)
        found = [_detected(one.language, one.confidence) for one in guesses[:_GUESSES]]
        return JSONResponse(found or [_detected("en", 0.0)])

    async def languages(self, call: Call) -> Response:
        """Answer GET /languages."""
        shelf = self._site.shelf
        return JSONResponse(
            [
                {
                    "code": for_libretranslate(code),
                    "name": name_of(for_libretranslate(code)),
                    "targets": sorted(map(for_libretranslate, shelf.reachable(code))),
                }
                for code in shelf.sources
            ]
        )

    async def settings(self, call: Call) -> Response:
        """Answer GET /frontend/settings."""
        site = self._site
        first = site.shelf.models[0]
        pair = {
            side: {"code": for_libretranslate(code), "name": name_of(for_libretranslate(code))}
            for side, code in (("source", first.source), ("target", first.target))
        }
        return JSONResponse(
            {
                "charLimit": site.config.max_characters,
                "frontendTimeout": _FRONTEND_TIMEOUT_MS,
                "apiKeys": bool(site.keys),
                "keyRequired": bool(site.keys),
                "suggestions": False,
                "filesTranslation": True,
                "supportedFilesFormat": sorted(ENDINGS),
                "language": pair,
            }
        )

    async def suggest(self, call: Call) -> Response:
        """Answer POST /suggest: suggestions are not kept."""
        raise Refusal(403, "off", "Suggestions are disabled on this server.")

    def endpoints(self) -> tuple[Endpoint, ...]:
        """Return where these are."""
        limit = self._site.config.max_body_kb * 1024
        reads = Endpoint(
            "POST", "/translate", LIBRETRANSLATE, self.translate, "Translate texts", "fields",
            limit=limit, works=True, body=LibreTranslateForm, answer=LibreTranslated,
        )  # fmt: skip
        return (
            reads,
            replace(
                reads, path="/detect", handle=self.detect, summary="Say which language a text is in",
                works=False, body=LibreDetectForm, answer=None,
            ),
            replace(
                reads, method="GET", path="/languages", handle=self.languages, summary="Languages",
                works=False, locked=False, body=None, answer=None, limit=1024,
            ),
            Endpoint(
                "GET", "/frontend/settings", LIBRETRANSLATE, self.settings, "Settings", locked=False
            ),
            Endpoint("POST", "/suggest", LIBRETRANSLATE, self.suggest, "Not offered", "fields"),
        )  # fmt: skip

    def source_of(self, code: str) -> str:
        """Return the loaded source language that a code means, or AUTO. Raises Refusal (400)."""
        return AUTO if code == AUTO else _known(code, self._site.shelf.sources)

    def target_of(self, code: str) -> str:
        """Return the loaded target language that a code means. Raises Refusal (400)."""
        return _known(code, self._site.shelf.targets)

    def _body(self, form: LibreTranslateForm, answers: Sequence[TextAnswer]) -> dict[str, Any]:
        texts = [answer.text for answer in answers]
        detected = [_found(answer) for answer in answers]
        alternatives = [list(answer.alternatives) for answer in answers]
        is_list = isinstance(form.q, list)
        body: dict[str, Any] = {"translatedText": texts if is_list else texts[0]}
        if form.source == AUTO:
            body["detectedLanguage"] = detected if is_list else detected[0]
        if form.alternatives:
            body["alternatives"] = alternatives if is_list else alternatives[0]
        return body


def checked_form(schema: type[F], call: Call, *required: str) -> F:
    """Return the fields of a request; what is missing is said in the words that clients look for."""
    for name in required:
        if call.fields.get(name) in (None, ""):
            raise bad_request(f"Invalid request: missing {name} parameter")
    return checked(schema, call.fields, ignore=("file",))


def _known(code: str, known: Sequence[str]) -> str:
    found = fold(code, known)
    if found is None:
        shown = code if len(code) < 20 and code.isprintable() else "That language"
        raise bad_request(f"{shown} is not supported")
    return found


def _found(answer: TextAnswer) -> dict[str, Any]:
    """Return the language that was found; what has no letter counts as English, as there."""
    guess = answer.detected
    if guess is None or guess.language == UNKNOWN:
        return _detected("en", 0.0)
    return _detected(guess.language, guess.confidence)


def _detected(language: str, confidence: float) -> dict[str, Any]:
    return {"confidence": round(100 * confidence, 1), "language": for_libretranslate(language)}
