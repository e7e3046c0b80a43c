"""Why a request is not answered: an HTTP status, a word for programs and a sentence for people."""

from polyglass.errors import PolyglassError

STATUS = {
    "bad_request": 400,
    "no_session": 401,
    "forbidden": 403,
    "not_found": 404,
    "wrong_method": 405,
    "too_slow": 408,
    "does_not_fit": 409,
    "forgotten": 410,
    "no_length": 411,
    "too_much": 413,
    "wrong_type": 415,
    "no_expectations": 417,
    "model_failed": 422,
    "too_many": 429,
    "header_too_long": 431,
    "internal": 500,
    "unknown_method": 501,
    "wrong_version": 505,
}


class RefusedError(PolyglassError):
    """A request that is not answered.

    code: a key of STATUS. key: what it is for the page, which says it in its own language ("refused.KEY" among its
    strings; the code where a request has no name of its own). limit, value: of what was too much, if there is one.
    """

    def __init__(
        self, code: str, message: str, *, key: str | None = None, limit: int | None = None, value: int | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.key = key or code
        self.limit = limit
        self.value = value

    @property
    def status(self) -> int:
        """The HTTP status."""
        return STATUS[self.code]


def too_much(what: str, unit: str, *, limit: int, value: int, remedy: str, key: str | None = None) -> RefusedError:
    """Return the refusal of something that is larger than its limit: `what` may have so many `unit`."""
    message = f"{what} may have at most {limit:,} {unit}, but here are {value:,}. {remedy}"
    return RefusedError("too_much", message, key=key, limit=limit, value=value)


class GoneError(Exception):
    """Whoever asked has left; nobody waits for the answer any more."""
