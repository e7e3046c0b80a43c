"""What a page may ask for: the fields of each request, with their types and limits. Anything else is refused."""

from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from polyglass.explorer.refusal import RefusedError

SOURCE_TOKENS = 512
TARGET_TOKENS = 512
BEAM_SIZE = 16
REPLY_BYTES = 8 * 2**20
TILE_CELLS = 4096
BODY_BYTES = 2**16
AT_ONCE = 8
TOP = 20
WINDOW = 64
EDITS = 64
BATCH_SENTENCES = 8
BATCH_TOKENS = 1024

Name = Annotated[str, Field(max_length=200)]
Text = Annotated[str, Field(max_length=20_000)]
Token = Annotated[int, Field(ge=0, lt=2**31)]
Places = Annotated[tuple[Annotated[int, Field(ge=0, lt=2**20)], ...], Field(max_length=4096)]
Side = Literal["source", "target"]


class Request(BaseModel):
    """The body of a request: unknown names are refused, and nothing is converted."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class HeadsOff(Request):
    """Silence some heads of one attention."""

    kind: Literal["heads_off"]
    path: Name
    heads: Places


class PositionsOff(Request):
    """Take away what tells words their place."""

    kind: Literal["positions_off"]
    side: Literal["both", "encoder", "decoder"] = "both"


class ShuffleSource(Request):
    """Put the words of the source into another order."""

    kind: Literal["shuffle_source"]
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 1


class Temperature(Request):
    """Divide the logits."""

    kind: Literal["temperature"]
    value: Annotated[float, Field(ge=0.05, le=20, strict=False)]


class LiftCausalMask(Request):
    """Let each target word see the words to come."""

    kind: Literal["lift_causal_mask"]


AnyEdit = Annotated[HeadsOff | PositionsOff | ShuffleSource | Temperature | LiftCausalMask, Field(discriminator="kind")]


class RunRequest(Request):
    """Translate a text, or read a given translation of it, perhaps with changes to the model."""

    model: Name
    text: Text
    target: Text | None = None
    prefix_ids: Annotated[tuple[Token, ...], Field(max_length=TARGET_TOKENS)] = ()
    beam_size: Annotated[int, Field(ge=1, le=BEAM_SIZE)] | None = None
    edits: Annotated[tuple[AnyEdit, ...], Field(max_length=EDITS)] = ()

    @model_validator(mode="after")
    def _one_way_to_a_target(self) -> "RunRequest":
        if self.target is not None and self.prefix_ids:
            raise ValueError("give target or prefix_ids, but not both")
        paths = [edit.path if isinstance(edit, HeadsOff) else edit.kind for edit in self.edits]
        if len(set(paths)) < len(paths):
            raise ValueError("the same thing is edited twice; put it into one edit")
        return self


class Wanted(Request):
    """One tensor, or a part of it."""

    path: Name
    rows: Places | None = None
    cols: Places | None = None
    heads: Places | None = None
    tile: tuple[int, int, int, int] | None = None


class RunOnly(Request):
    """Something about a run."""

    run: Name


class TensorsRequest(RunOnly):
    """Numbers of a run, or weights of its model."""

    want: Annotated[tuple[Wanted | Name, ...], Field(min_length=1, max_length=200)]
    rows: Places | None = None
    cols: Places | None = None
    heads: Places | None = None
    tile: tuple[int, int, int, int] | None = None
    words: bool = False
    dtype: Literal["float32", "float16"] = "float32"
    sentence: Annotated[int, Field(ge=0, lt=BATCH_SENTENCES)] = 0


class ThumbnailsRequest(RunOnly):
    """Small pictures of all heads of one kind."""

    kind: Literal["encoder", "decoder", "cross"]


class WhyRequest(RunOnly):
    """Why this word?"""

    position: Annotated[int, Field(ge=0, lt=2**20)]


class NeighboursRequest(Request):
    """The pieces whose vectors point nearly the same way."""

    model: Name
    side: Side
    id: Token | None = None
    piece: Name | None = None
    count: Annotated[int, Field(ge=1, le=50)] = 10

    @model_validator(mode="after")
    def _one_piece(self) -> "NeighboursRequest":
        if (self.id is None) == (self.piece is None):
            raise ValueError("give id or piece, and not both")
        return self


class MapRequest(Request):
    """Some vectors drawn on a plane."""

    model: Name
    side: Side
    ids: Annotated[tuple[Token, ...], Field(max_length=600)] = ()
    frequent: Annotated[int, Field(ge=0, le=1000)] = 200


class BatchRequest(Request):
    """Several sentences padded to one length."""

    model: Name
    texts: Annotated[tuple[Text, ...], Field(min_length=1, max_length=BATCH_SENTENCES)]


class SessionRequest(Request):
    """The token of the address, for a cookie."""

    token: Name


class VocabularyRequest(Request):
    """A part of a vocabulary."""

    model: Name
    side: Side
    query: Name = ""
    offset: Annotated[int, Field(ge=0, lt=2**31, strict=False)] = 0


Asked = TypeVar("Asked", bound=Request)
OfRun = TypeVar("OfRun", bound=RunOnly)


def read_request(kind: type[Asked], body: bytes | dict[str, str]) -> Asked:
    """Return the request in a JSON body, or in the query of an address.

    Raises RefusedError naming the first wrong field.
    """
    try:
        return kind.model_validate_json(body) if isinstance(body, bytes) else kind.model_validate(body)
    except ValidationError as error:
        raise RefusedError("bad_request", _words(error.errors(include_url=False, include_input=False)[0])) from None


def _words(error: Any) -> str:
    """Say what is wrong without repeating what was given."""
    place = ".".join(str(part) for part in error["loc"])[:100]
    message = str(error["msg"]).removeprefix("Value error, ")[:200]
    return f"{place}: {message}." if place else f"The request: {message}."
