"""What goes over the wire in polyglass's own dialect: the fields of each request and answer."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Code = Annotated[str, StringConstraints(min_length=2, max_length=40)]


class Wire(BaseModel):
    """A JSON object with exactly these fields, and values of exactly these types."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False, populate_by_name=True)


class TranslateRequest(Wire):
    """Texts to translate. What is not given is as the model prefers."""

    texts: Annotated[list[str], Field(min_length=1)] = Field(description="texts of any length", examples=[["A dog."]])
    target: Code = Field(description="language to translate to", examples=["de"])
    source: Code = Field("auto", description="language of the texts, or auto", examples=["en"])
    model: Annotated[str, StringConstraints(max_length=200)] = Field("", description="name of one loaded model")
    format: Literal["text", "html", "xml"] = Field("text", description="html, xml: tags are kept and not translated")
    split: Literal["always", "needed", "never"] = Field(
        "always", description="cut texts into sentences always, only where the model needs it, or only by force"
    )
    beam: int | None = Field(None, ge=1, description="hypotheses kept at each step; 1: greedy")
    n_best: int | None = Field(None, ge=1, description="translations of each text: one, and n_best - 1 alternatives")
    length_penalty: float | None = Field(None, ge=0, le=10, description="higher: longer translations")
    max_len: int | None = Field(None, ge=1, le=10_000, description="most tokens of the translation of a sentence")
    prefix: str | list[str] | None = Field(None, description="what each translation must begin with")
    sample: bool | None = Field(None, description="draw words at random by their probability")
    temperature: float | None = Field(None, gt=0, le=100, description="sampling: below 1 sharper, above 1 flatter")
    top_k: int | None = Field(None, ge=0, le=1_000_000, description="sampling: only the k likeliest words; 0: all")
    top_p: float | None = Field(None, gt=0, le=1, description="sampling: only the likeliest words that add up to p")
    seed: int | None = Field(None, ge=0, lt=2**31, description="sampling: same seed, same words")
    wanted: list[Literal["scores", "tokens", "alignment"]] = Field(
        default_factory=list, alias="return", description="what else to say about each sentence"
    )


class Token(Wire):
    """One subword ("▁" is a space) and the natural logarithm of its probability."""

    text: str
    log_prob: float | None = None


class Candidate(Wire):
    """One possible translation of a sentence. alignment: a row for each token, a column for each source token."""

    text: str
    score: float | None = None
    finish_reason: Literal["end", "length"]
    tokens: list[Token] | None = None
    alignment: list[list[float]] | None = None


class SentenceResult(Wire):
    """One sentence as the last model on the way read it, and its translations, best first."""

    source: str
    source_tokens: list[str] | None = None
    candidates: list[Candidate]
    cut_tokens: int = Field(0, description="tokens at its end that were too many for the model")


class Detected(Wire):
    """What language a text seems to be in."""

    language: str
    confidence: float = Field(ge=0, le=1)


class Problem(Wire):
    """Why there is no answer."""

    code: str
    message: str
    hint: str = ""
    request_id: str = ""


class TextResult(Wire):
    """What became of one text. error: then there is no text."""

    text: str | None
    source: str
    target: str
    detected: Detected | None = None
    models: list[str] = Field(default_factory=list, description="the way; two where a third language lies between")
    alternatives: list[str] = Field(default_factory=list)
    score: float | None = Field(None, description="mean of the scores of its sentences")
    sentences: list[SentenceResult] | None = None
    repairs: list[str] = Field(default_factory=list, description="what had to be mended, such as a lost placeholder")
    error: Problem | None = None


class TimingResult(Wire):
    """How the request was served. batch_size: sentences of all requests in the largest batch that it was part of."""

    queue_ms: float
    model_ms: float
    batch_size: int
    cached: int = Field(description="sentences whose answer was known")


class TranslateAnswer(Wire):
    """One result for each text, in their order."""

    translations: list[TextResult]
    timing: TimingResult


class StreamStart(Wire):
    """The first event of a stream: what will come."""

    texts: int
    sentences: int


class StreamSentence(Wire):
    """One sentence of a text (both counted from 0) is ready."""

    text: int
    sentence: int
    result: SentenceResult


class StreamText(Wire):
    """All sentences of a text are ready; here it is as a whole."""

    text: int
    result: TextResult


class DetectRequest(Wire):
    """Texts whose language is asked for."""

    texts: Annotated[list[str], Field(min_length=1)]


class DetectAnswer(Wire):
    """For each text the loaded languages that it may be in, likeliest first."""

    detections: list[list[Detected]]


class ModelResult(Wire):
    """A loaded model."""

    name: str
    source: str
    target: str
    family: str
    parameters: int
    longest: int = Field(description="subwords of the longest sentence that it takes in one piece")


class Language(Wire):
    """A source language, and where it can be translated to."""

    code: str
    name: str
    targets: list[str]


class ModelsAnswer(Wire):
    """What is loaded, and which limits hold."""

    models: list[ModelResult]
    languages: list[Language]
    limits: dict[str, int]


class ExploreRequest(Wire):
    """The model that somebody wants to look into."""

    model: Annotated[str, StringConstraints(min_length=1, max_length=200)] = Field(description="name of a loaded model")


class ExploreAnswer(Wire):
    """url: opens once, in a browser of this machine; `&text=` may be added to it."""

    url: str


class StatusAnswer(Wire):
    """The server lives, or is ready."""

    status: str


class VersionAnswer(Wire):
    """Which polyglass this is."""

    version: str


class ErrorAnswer(Wire):
    """Every answer that is no success."""

    error: Problem
