"""Bodies of requests in, fields out; whatever cannot be read is refused in words, and nothing of it is repeated.

JSON is read more strictly than Python does it: UTF-8 only, no NaN, no number of thousands of digits, no key twice, no
half of a surrogate pair, no nesting that could exhaust the stack.
"""

import json
import math
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn
from urllib.parse import parse_qsl

from starlette.datastructures import FormData, Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

from polyglass.serving.refusals import Refusal, bad_request

_LONGEST_NUMBER = 400
_MOST_FIELDS = 1000

Fields = Mapping[str, Any]
"""What a body holds by name: JSON values, or text (a list of texts, if a field was repeated)."""


@dataclass(frozen=True)
class Upload:
    """A file that came in a form."""

    name: str
    content: bytes


async def receive(request: Request, limit: int) -> bytes:
    """Return the body. Raises Refusal as soon as it is known to be longer than `limit` bytes."""
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced[:20]) > limit:
        _refuse_size(limit)
    chunks: list[bytes] = []
    size = 0
    try:
        async for chunk in request.stream():
            size += len(chunk)
            if size > limit:
                _refuse_size(limit)
            chunks.append(chunk)
    except ClientDisconnect:
        raise bad_request("The connection was closed before the whole body had arrived.") from None
    return b"".join(chunks)


def media_type(request: Request) -> str:
    """Return the media type of the body in small letters, without parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def read_json(body: bytes) -> Fields:
    """Read a JSON object."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise bad_request("The body must be UTF-8, but it is not.") from None
    try:
        value = json.loads(
            text, object_pairs_hook=_object, parse_constant=_refuse_constant, parse_int=_integer, parse_float=_number
        )
        # A lone surrogate can only be written as an escape, and cannot be written out again.
        is_unicode = "\\ud" not in text.lower() or _is_unicode(value)
    except RecursionError:
        raise bad_request("The body is nested too deeply.") from None
    except ValueError:
        raise bad_request("The body must be JSON, but it is not.", hint="Check quotes, commas and brackets.") from None
    if not is_unicode:
        raise bad_request("The body holds half of a surrogate pair, which is no character.")
    if not isinstance(value, dict):
        raise bad_request("The body must be a JSON object, such as {}, but it is another value.")
    return value


def read_form(body: bytes) -> Fields:
    """Read name=value pairs, as forms and query strings hold them."""
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS)
    except UnicodeDecodeError:
        raise bad_request("A form must hold UTF-8, written with %, but this one does not.") from None
    except ValueError:
        raise bad_request(f"A form may have {_MOST_FIELDS} fields, but this one has more.") from None
    return _collected(pairs)


async def read_multipart(headers: Headers, body: bytes) -> tuple[Fields, Upload | None]:
    """Read a form with at most one file."""

    async def stream() -> AsyncGenerator[bytes, None]:
        yield body

    parser = MultiPartParser(headers, stream(), max_files=1, max_fields=100, max_part_size=len(body) + 1)
    try:
        form: FormData = await parser.parse()
    except MultiPartException as error:
        raise bad_request(f"The form cannot be read: {error.message}") from None
    except (KeyError, UnicodeError, ValueError, AttributeError):  # a boundary that is missing or no text
        raise bad_request("The form cannot be read: its boundary is missing or wrong.") from None
    pairs = [(name, value) for name, value in form.multi_items() if isinstance(value, str)]
    upload = None
    for value in form.values():
        if isinstance(value, UploadFile):
            upload = Upload(value.filename or "", await value.read())
            await value.close()
    fields = _collected(pairs)
    if not _is_unicode(dict(fields)):
        raise bad_request("A form must hold UTF-8, but this one does not.")
    return fields, upload


def _collected(pairs: list[tuple[str, str]]) -> Fields:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name not in found:
            found[name] = value
        elif isinstance(found[name], list):
            found[name].append(value)
        else:
            found[name] = [found[name], value]
    return found


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise bad_request("A JSON object may hold a key once, but one of them holds a key twice.")
    return found


def _integer(digits: str) -> int:
    if len(digits) > _LONGEST_NUMBER:
        raise bad_request(f"A number may have {_LONGEST_NUMBER} digits, but one of them has more.")
    return int(digits)


def _number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise bad_request("A number may have at most 308 digits before its point, but one of them has more.")
    return number


def _refuse_constant(name: str) -> NoReturn:
    raise bad_request(f"JSON has no {name}. Write a number or null.")


def _is_unicode(value: Any) -> bool:
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            return False
        return True
    if isinstance(value, dict):
        return all(_is_unicode(part) for pair in value.items() for part in pair)
    return all(map(_is_unicode, value)) if isinstance(value, list) else True


def _refuse_size(limit: int) -> NoReturn:
    message = f"The body of a request may have {limit:,} bytes, but this one has more."
    raise Refusal(413, "body_too_large", message, hint="Send it in parts.")


def unsupported_media() -> Refusal:
    """The body is of a type that this route does not read."""
    return Refusal(
        415,
        "unsupported_media_type",
        "The body must be JSON, and its Content-Type must say so.",
        hint="Send the header Content-Type: application/json.",
    )
