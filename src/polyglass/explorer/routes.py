"""A request in, a response out: which address leads to which answer, and what must hold before it does."""

from collections.abc import Callable, Mapping
from threading import BoundedSemaphore
from urllib.parse import parse_qsl

from polyglass.explorer import ask
from polyglass.explorer.answers import map_reply, neighbours_reply, run_reply, thumbnails_reply, vocabulary_reply
from polyglass.explorer.assets import PAGE, Asset
from polyglass.explorer.capture import Check, Run
from polyglass.explorer.causes import held_reply, why_reply
from polyglass.explorer.describe import models_reply
from polyglass.explorer.guard import Guard
from polyglass.explorer.look import Explorer
from polyglass.explorer.messages import Incoming, Response, json_response
from polyglass.explorer.numbers import tensors_reply
from polyglass.explorer.parcels import parcels
from polyglass.explorer.refusal import RefusedError, too_much
from polyglass.explorer.what_if import batch_reply, leak_reply

Answer = Callable[[bytes, Check], Response]
Body = Callable[[], bytes]


class Routes:
    """Everything that the port answers to."""

    def __init__(self, explorer: Explorer, guard: Guard, assets: Mapping[str, Asset]) -> None:
        self.explorer = explorer
        self.guard = guard
        self._parcels = parcels(assets)
        self._seats = BoundedSemaphore(ask.AT_ONCE)
        self._posts: Mapping[str, Answer] = {
            "/api/run": self._about(ask.RunRequest, run_reply),
            "/api/tensors": self._tensors,
            "/api/thumbnails": self._of_run(ask.ThumbnailsRequest, thumbnails_reply),
            "/api/why": self._of_run(ask.WhyRequest, why_reply),
            "/api/neighbours": self._about(ask.NeighboursRequest, neighbours_reply),
            "/api/map": self._about(ask.MapRequest, map_reply),
            "/api/leak": self._about(ask.RunOnly, leak_reply),
            "/api/batch": self._about(ask.BatchRequest, batch_reply),
            "/api/held": self._of_run(ask.RunOnly, held_reply),
        }

    def answer(self, incoming: Incoming, body: Body, check: Check) -> Response:
        """Answer a request. body: reads the body, once it is clear that it may be read. Raises RefusedError."""
        self.guard.check_host(incoming)
        if incoming.method not in ("GET", "POST"):
            raise RefusedError("wrong_method", "Only GET and POST are understood here.")
        self.guard.check_place(incoming)
        if incoming.method == "GET":
            return self._get(incoming, check)
        if incoming.path not in self._posts and incoming.path != "/api/session":
            known = incoming.path == "/" or incoming.path in ("/api/models", "/api/vocabulary")
            raise RefusedError("wrong_method" if known else "not_found", "There is nothing of that name to ask.")
        content = self._content(incoming, body)
        if incoming.path == "/api/session":
            cookie = self.guard.exchange(ask.read_request(ask.SessionRequest, content).token)
            return json_response({"ok": True}, headers={"Set-Cookie": cookie})
        with _Seat(self._seats):
            return self._posts[incoming.path](content, check)

    def _content(self, incoming: Incoming, body: Body) -> bytes:
        if incoming.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            raise RefusedError("wrong_type", "A request must say that it is application/json.")
        if "content-length" not in incoming.headers:
            raise RefusedError("no_length", "A request must say how long its body is.")
        if incoming.length > ask.BODY_BYTES:
            remedy = "Ask for less at a time."
            raise too_much("A request", "bytes", limit=ask.BODY_BYTES, value=incoming.length, remedy=remedy)
        if incoming.path != "/api/session":
            self.guard.check_session(incoming)
        return body()

    def _get(self, incoming: Incoming, check: Check) -> Response:
        if incoming.length:
            raise RefusedError("bad_request", "A GET has no body.")
        if incoming.path.startswith("/api/"):
            if incoming.path in self._posts or incoming.path == "/api/session":
                raise RefusedError("wrong_method", "This must be asked by POST.")
            self.guard.check_session(incoming)
            with _Seat(self._seats):
                return self._read(incoming, check)
        name = PAGE if incoming.path == "/" else incoming.path.removeprefix("/static/")
        # A name of the list, letter by letter: nothing is decoded, joined or looked up on the disk.
        parcel = self._parcels.get(name) if incoming.path == "/" or incoming.path.startswith("/static/") else None
        if parcel is None:
            raise RefusedError("not_found", "There is nothing of that name here.")
        if not _takes_gzip(incoming.headers.get("accept-encoding", "")):
            return Response(parcel.content, parcel.media_type, headers={"Vary": "Accept-Encoding"})
        headers = {"Vary": "Accept-Encoding", "Content-Encoding": "gzip"}
        return Response(parcel.packed, parcel.media_type, headers=headers)

    def _read(self, incoming: Incoming, check: Check) -> Response:
        if incoming.path == "/api/models":
            return json_response(models_reply(self.explorer))
        if incoming.path == "/api/vocabulary":
            asked = ask.read_request(ask.VocabularyRequest, _query(incoming.query))
            return json_response(vocabulary_reply(self.explorer, asked, check))
        raise RefusedError("not_found", "There is nothing of that name here.")

    def _about(
        self, kind: type[ask.Asked], reply: Callable[[Explorer, ask.Asked, Check], Mapping[str, object]]
    ) -> Answer:
        return lambda content, check: json_response(reply(self.explorer, ask.read_request(kind, content), check))

    def _of_run(self, kind: type[ask.OfRun], reply: Callable[[Run, ask.OfRun, Check], Mapping[str, object]]) -> Answer:
        def answer(content: bytes, check: Check) -> Response:
            asked = ask.read_request(kind, content)
            return json_response(reply(self.explorer.known_run(asked.run), asked, check))

        return answer

    def _tensors(self, content: bytes, check: Check) -> Response:
        asked = ask.read_request(ask.TensorsRequest, content)
        run = self.explorer.known_run(asked.run)
        return Response(tensors_reply(run, asked, check), "application/octet-stream")


class _Seat:
    """One of the places for requests that are worked on; there are only so many."""

    def __init__(self, seats: BoundedSemaphore) -> None:
        self._seats = seats

    def __enter__(self) -> None:
        if not self._seats.acquire(blocking=False):
            raise RefusedError(
                "too_many", f"At most {ask.AT_ONCE} requests are worked on at once. Try again.", limit=ask.AT_ONCE
            )

    def __exit__(self, *_: object) -> None:
        self._seats.release()


def _takes_gzip(accepted: str) -> bool:
    """Whether an Accept-Encoding names gzip, and not with the weight 0 (RFC 9110, section 12.5.3)."""
    for part in accepted.lower().split(","):
        name, _, weight = part.replace(" ", "").partition(";q=")
        if name == "gzip":
            return weight.strip("0.") != "" or weight == ""
    return False


def _query(text: str) -> dict[str, str]:
    """Return the fields of a query. Raises RefusedError for one that stands there twice."""
    try:
        pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=bool(text), max_num_fields=10)
    except ValueError:
        raise RefusedError("bad_request", "The query of the address is malformed.") from None
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise RefusedError("bad_request", "A field stands twice in the query of the address.")
    return fields
