"""One route of the server as data: where it is, what it reads, who may call it, what it answers."""

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from polyglass.serving.bodies import (
    Fields,
    Upload,
    media_type,
    read_form,
    read_json,
    read_multipart,
    receive,
    unsupported_media,
)
from polyglass.serving.dialects import Dialect
from polyglass.serving.refusals import Refusal, bad_field

B = TypeVar("B", bound=BaseModel)

Reads = Literal["nothing", "json", "fields", "upload"]
"""json: a JSON object and nothing else. fields: JSON, a form, or a query string. upload: a form with a file."""

FORM, MULTIPART = "application/x-www-form-urlencoded", "multipart/form-data"


@dataclass(frozen=True)
class Call:
    """One request at its endpoint. fields: body and query string; what stands in both counts from the body.

    parts: what stood in place of {names} in the path.
    """

    request: Request
    fields: Fields
    upload: Upload | None
    parts: Mapping[str, str]

    @property
    def key(self) -> str:
        """The API key of the request, wherever it was put; empty if there is none."""
        given = self.fields.get("api_key", "")
        return header_key(self.request) or (given if isinstance(given, str) else "")


def header_key(request: Request) -> str:
    """Return the API key that the head of a request holds, or nothing."""
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    return key.strip() if scheme.lower() in ("bearer", "deepl-auth-key") else ""


@dataclass(frozen=True)
class Endpoint:
    """What the server does at one path.

    works: it asks the models, so it is counted, refused when the server stops, and cancelled when its client leaves.
    locked: it needs a key where there are keys. body: what it reads, as documentation. answers: what it returns.
    """

    method: str
    path: str
    dialect: Dialect
    handle: Callable[[Call], Awaitable[Response]]
    summary: str
    reads: Reads = "nothing"
    works: bool = False
    locked: bool = True
    limit: int = 64 * 1024
    body: type[BaseModel] | None = None
    answer: type[BaseModel] | None = None
    media: str = "application/json"
    description: str = ""

    async def read(self, request: Request, parts: Mapping[str, str]) -> Call:
        """Read the body as this endpoint takes it. Raises Refusal."""
        body = await receive(request, self.limit)
        fields: dict[str, Any] = {}
        if self.reads in ("fields", "upload"):
            fields |= read_form(request.url.query.encode())
        upload = None
        kind = media_type(request)
        if self.reads == "json":
            if not _is_json(kind):
                raise unsupported_media()
            fields |= read_json(body)
        elif self.reads != "nothing" and body:
            if _is_json(kind):
                fields |= read_json(body)
            elif kind == MULTIPART:
                form, upload = await read_multipart(request.headers, body)
                fields |= form
            elif kind == FORM:
                fields |= read_form(body)
            else:
                raise unsupported_media()
        return Call(request, fields, upload, parts)


def checked(schema: type[B], fields: Fields, *, ignore: Iterable[str] = ()) -> B:
    """Return the fields as the schema wants them. Raises Refusal (422) that says which is wrong, never its value."""
    skipped = set(ignore)
    try:
        return schema.model_validate({name: value for name, value in fields.items() if name not in skipped})
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = "".join(
            f"[{part}]" if isinstance(part, int) else f".{part}" for part in first["loc"] if part not in _BRANCHES
        )
        known = ", ".join(field.alias or name for name, field in schema.model_fields.items())
        hint = f"The fields are {known}." if first["type"] == "extra_forbidden" else ""
        name = re.sub(r"[^\w.\[\]-]", "?", place.lstrip("."))[:80] or "body"
        raise bad_field(f"{name}: {_words(first['msg'])}", hint=hint) from None


_BRANCHES = ("str", "list[str]", "list[constrained-str]", "constrained-str")


def _words(message: str) -> str:
    message = message.removeprefix("Value error, ")
    return message[:1].lower() + message[1:] + ("" if message.endswith(".") else ".")


def _is_json(kind: str) -> bool:
    return kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))


@dataclass(frozen=True)
class Routes:
    """All endpoints by method and path."""

    endpoints: tuple[Endpoint, ...]
    _exact: dict[str, dict[str, Endpoint]] = field(init=False, repr=False, default_factory=dict)
    _patterns: list[tuple[re.Pattern[str], dict[str, Endpoint]]] = field(init=False, repr=False, default_factory=list)

    def __post_init__(self) -> None:
        by_path: dict[str, dict[str, Endpoint]] = {}
        for endpoint in self.endpoints:
            by_path.setdefault(endpoint.path, {})[endpoint.method] = endpoint
        for path, methods in by_path.items():
            if "{" in path:
                pattern = re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]{1,200})", path))
                self._patterns.append((pattern, methods))
            else:
                self._exact[path] = methods

    def find(self, method: str, path: str) -> tuple[Endpoint, Mapping[str, str]]:
        """Return the endpoint and the parts of its path. Raises Refusal (404, 405)."""
        methods, parts = self._exact.get(path), dict[str, str]()
        if methods is None:
            for pattern, those in self._patterns:
                if found := pattern.fullmatch(path):
                    methods, parts = those, found.groupdict()
        if methods is None:
            raise Refusal(
                404, "no_such_route", "There is nothing at this address.", hint="GET /docs shows what there is."
            )
        endpoint = methods.get("GET" if method == "HEAD" else method)
        if endpoint is None:
            allowed = ", ".join(sorted({*methods, *(["HEAD"] if "GET" in methods else [])}))
            raise Refusal(405, "method_not_allowed", "This address does not know that method.", hint=allowed)
        return endpoint, parts
