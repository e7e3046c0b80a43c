"""What the server will not or cannot do, with its HTTP status; each dialect writes it in its own shape."""

from polyglass.errors import PolyglassError


class Refusal(PolyglassError):  # noqa: N818 (most are no errors of anybody)
    """An answer that is no translation. The message says rule and value, the hint what to do; neither repeats a text.

    status: of HTTP. code: one word for programs. retry_after: whole seconds until it is worth asking again.
    """

    def __init__(self, status: int, code: str, message: str, *, hint: str = "", retry_after: int | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.hint = status, code, message, hint
        self.retry_after = retry_after


def bad_request(message: str, *, hint: str = "") -> Refusal:
    """The request cannot be read."""
    return Refusal(400, "bad_request", message, hint=hint)


def bad_field(message: str, *, hint: str = "") -> Refusal:
    """A field has a value that it cannot have."""
    return Refusal(422, "bad_field", message, hint=hint)


def too_large(message: str, *, hint: str = "") -> Refusal:
    """It is more than the limits allow."""
    return Refusal(413, "too_large", message, hint=hint)


def too_busy(retry_after: int) -> Refusal:
    """More waits than the models can do in time."""
    return Refusal(
        429,
        "too_busy",
        "The server is busy: more waits for the models than they can do in time.",
        hint=f"Try again in {retry_after} seconds.",
        retry_after=retry_after,
    )


def draining() -> Refusal:
    """The server is about to stop."""
    return Refusal(503, "draining", "The server is shutting down.", hint="Ask another server.", retry_after=5)


def broken() -> Refusal:
    """The model thread has ended."""
    return Refusal(503, "not_ready", "The server cannot translate any more.", hint="It must be restarted.")


def too_slow(seconds: float) -> Refusal:
    """The time limit has passed."""
    return Refusal(
        503,
        "time_limit",
        f"The translation took longer than the {seconds:g} seconds that a request may take.",
        hint="Send less text at once, or use /v1/translate/stream.",
        retry_after=5,
    )


def not_found(message: str, *, hint: str = "") -> Refusal:
    """There is no such thing."""
    return Refusal(404, "not_found", message, hint=hint)
