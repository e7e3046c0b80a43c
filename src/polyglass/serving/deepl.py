"""The dialect of DeepL, version 2: what the client `deepl` and programs made for it send, and what they expect.

Marks like [wire] in the tests name what the client was seen to do. It dies of a missing `billed_characters` and of
errors that are not text; it retries every 429 and every status from 500 on five times.
"""

from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, Field
from starlette.responses import JSONResponse, Response

from polyglass.serving.dialects import DEEPL
from polyglass.serving.endpoints import Call, Endpoint, checked
from polyglass.serving.languages import UNKNOWN, deepl_source, deepl_targets, name_of
from polyglass.serving.libretranslate import Loose
from polyglass.serving.limits import check_texts
from polyglass.serving.refusals import bad_field, bad_request
from polyglass.serving.routing import AUTO
from polyglass.serving.service import Asked, TextAnswer, all_or_nothing
from polyglass.serving.site import Site
from polyglass.text.parts import Kind, Rules

_NO_LIMIT = 1_000_000_000_000  # the client prints "Unknown" without a number


def _listed(value: Any) -> Any:
    """A form sends a lone text, or tags with commas between them."""
    return [value] if isinstance(value, str) else value


def _tags(value: Any) -> Any:
    return [tag.strip() for tag in value.split(",") if tag.strip()] if isinstance(value, str) else value


Tags = Annotated[list[str], BeforeValidator(_tags), Field(max_length=200)]
_SPLITS: dict[str, Rules] = {
    "0": Rules(split="never"),
    "1": Rules(split="always"),
    "nonewlines": Rules(split="always", line_breaks="space"),
}


class DeepLForm(Loose):
    """POST /v2/translate, as JSON or form. What has no meaning here (formality, context, ...) is read and ignored."""

    text: Annotated[list[str], BeforeValidator(_listed)] = Field(description="texts", examples=[["A dog."]])
    target_lang: str = Field(description="language to translate to", examples=["DE"])
    source_lang: str | None = Field(None, description="language of the texts; none: it is detected", examples=["EN"])
    split_sentences: Literal["0", "1", "nonewlines"] | None = Field(None, description="0: texts are single sentences")
    tag_handling: Literal["xml", "html"] | None = Field(None, description="tags are kept and not translated")
    splitting_tags: Tags = Field(default_factory=list, description="tags that end a sentence")
    non_splitting_tags: Tags = Field(default_factory=list, description="tags that do not")
    ignore_tags: Tags = Field(default_factory=list, description="tags whose content is not translated")
    tag_handling_version: Annotated[str | None, Field(max_length=20)] = None
    model_type: Annotated[str | None, Field(max_length=60)] = None


class DeepLTranslation(BaseModel):
    """One translated text."""

    detected_source_language: str
    text: str
    billed_characters: int


class DeepLTranslations(BaseModel):
    """In the order of the texts."""

    translations: list[DeepLTranslation]


class DeepLUsage(BaseModel):
    """Characters since the server started."""

    character_count: int
    character_limit: int


class DeepL:
    """The handlers of one server."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def translate(self, call: Call) -> Response:
        """Answer POST /v2/translate."""
        if "text" not in call.fields or "target_lang" not in call.fields:
            missing = "text" if "text" not in call.fields else "target_lang"
            raise bad_request(f"Parameter '{missing}' not specified.")
        form = checked(DeepLForm, call.fields)
        if not form.text:
            raise bad_request("Parameter 'text' not specified.")
        check_texts(form.text, self._site.config)
        kind: Kind = form.tag_handling or "plain"
        asked = Asked(tuple(form.text), form.source_lang or AUTO, form.target_lang, kind=kind, rules=self._rules(form))
        results, _ = await self._site.service.translate(asked)
        answers = all_or_nothing(results)
        self._site.count(form.text)
        return JSONResponse({"translations": list(map(self._item, form.text, answers, [form] * len(answers)))})

    async def languages(self, call: Call) -> Response:
        """Answer GET /v2/languages; the client sends `type` as a form in the body."""
        kind = call.fields.get("type", "source")
        if kind not in ("source", "target"):
            raise bad_field("type: must be source or target.")
        shelf = self._site.shelf
        if kind == "source":
            codes = dict.fromkeys(map(deepl_source, shelf.sources))
            found: list[dict[str, Any]] = [{"language": code, "name": name_of(code)} for code in codes]
        else:
            found = [
                {"language": code, "name": name, "supports_formality": False}
                for target in shelf.targets
                for code, name in deepl_targets(target)
            ]
        return JSONResponse(found)

    async def usage(self, call: Call) -> Response:
        """Answer GET /v2/usage."""
        return JSONResponse({"character_count": self._site.characters, "character_limit": _NO_LIMIT})

    async def glossary_pairs(self, call: Call) -> Response:
        """Answer GET /v2/glossary-language-pairs: there are none."""
        return JSONResponse({"supported_languages": []})

    async def glossaries(self, call: Call) -> Response:
        """Answer GET /v2/glossaries: there are none."""
        return JSONResponse({"glossaries": []})

    def endpoints(self) -> tuple[Endpoint, ...]:
        """Return where these are."""
        limit = self._site.config.max_body_kb * 1024
        get = Endpoint("GET", "/v2/languages", DEEPL, self.languages, "Languages", "fields", limit=1024)
        return (
            Endpoint(
                "POST", "/v2/translate", DEEPL, self.translate, "Translate texts", "fields",
                works=True, limit=limit, body=DeepLForm, answer=DeepLTranslations,
            ),
            get,
            replace(get, path="/v2/usage", handle=self.usage, summary="Characters so far", answer=DeepLUsage),
            replace(
                get, path="/v2/glossary-language-pairs", handle=self.glossary_pairs, summary="No glossaries"
            ),
            replace(get, path="/v2/glossaries", handle=self.glossaries, summary="No glossaries"),
        )  # fmt: skip

    def _rules(self, form: DeepLForm) -> Rules:
        # As there: without a wish, line breaks end sentences in plain text and in XML, and not in HTML.
        split = form.split_sentences or ("nonewlines" if form.tag_handling == "html" else "1")
        return replace(
            _SPLITS[split],
            ignore_tags=frozenset(form.ignore_tags),
            splitting_tags=frozenset(form.splitting_tags),
            non_splitting_tags=frozenset(form.non_splitting_tags),
        )

    def _item(self, text: str, answer: TextAnswer, form: DeepLForm) -> dict[str, Any]:
        guess = answer.detected
        source = answer.source if guess is None or guess.language == UNKNOWN else guess.language
        item: dict[str, Any] = {
            "detected_source_language": deepl_source(source),
            "text": answer.text,
            "billed_characters": len(text),
        }
        if form.model_type:
            item["model_type_used"] = form.model_type
        if form.tag_handling and form.tag_handling_version:
            item["tag_handling_version"] = form.tag_handling_version
        return item
