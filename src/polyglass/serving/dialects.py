"""How each dialect says no: the same refusal in three shapes, each with the statuses that its clients know."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from starlette.responses import JSONResponse

from polyglass.serving.refusals import Refusal


@dataclass(frozen=True)
class Dialect:
    """shape: (refusal, id of the request) -> body. status: what HTTP is told."""

    name: str
    shape: Callable[[Refusal, str], dict[str, Any]]
    status: Callable[[Refusal], int]

    def response(self, refusal: Refusal, request_id: str) -> JSONResponse:
        """Return the answer that says no."""
        headers = {}
        if refusal.retry_after is not None:
            headers["Retry-After"] = str(refusal.retry_after)
        status = self.status(refusal)
        if status == 401:
            headers["WWW-Authenticate"] = "Bearer"
        if status == 405:
            headers["Allow"] = refusal.hint
        return JSONResponse(self.shape(refusal, request_id), status, headers)


def _own_shape(refusal: Refusal, request_id: str) -> dict[str, Any]:
    error = {"code": refusal.code, "message": refusal.message, "hint": refusal.hint, "request_id": request_id}
    return {"error": error}


def _libretranslate_shape(refusal: Refusal, request_id: str) -> dict[str, Any]:
    slow = "Slowdown: " if refusal.status == 429 else ""
    return {"error": slow + _sentence(refusal)}


def _deepl_shape(refusal: Refusal, request_id: str) -> dict[str, Any]:
    # The client puts `message` and `detail` together with +, so both must be text.
    return {"message": _sentence(refusal)}


def _sentence(refusal: Refusal) -> str:
    return f"{refusal.message} {refusal.hint}".strip()


def _libretranslate_status(refusal: Refusal) -> int:
    if refusal.code == "key_missing":
        return 400
    if refusal.code == "key_invalid":
        return 403
    return 400 if refusal.status in (413, 415, 422) and refusal.code != "body_too_large" else refusal.status


def _deepl_status(refusal: Refusal) -> int:
    if refusal.status == 401:
        return 403
    return 400 if refusal.status in (415, 422) else refusal.status


OWN = Dialect("polyglass", _own_shape, lambda refusal: refusal.status)
LIBRETRANSLATE = Dialect("LibreTranslate", _libretranslate_shape, _libretranslate_status)
DEEPL = Dialect("DeepL", _deepl_shape, _deepl_status)
