"""Documents in DeepL's dialect: hand one in, ask how far it is, fetch it once."""

import asyncio
import logging

from pydantic import BaseModel, Field
from starlette.responses import JSONResponse, Response

from polyglass.serving.dialects import DEEPL
from polyglass.serving.document_work import Job, ending_of, translate_document
from polyglass.serving.endpoints import Call, Endpoint, checked
from polyglass.serving.libretranslate import Loose
from polyglass.serving.papers import Paper
from polyglass.serving.refusals import Refusal, bad_request
from polyglass.serving.routing import AUTO
from polyglass.serving.site import Site

logger = logging.getLogger("polyglass.serving")

_AT_ONCE = 4


class DeepLUpload(Loose):
    """POST /v2/document, as a form with a file."""

    file: bytes = Field(b"", description="the document", json_schema_extra={"format": "binary"})
    target_lang: str = Field(description="language to translate to")
    source_lang: str | None = Field(None, description="language of the document; none: it is detected")
    filename: str | None = Field(None, description="its name, if the file has none; the ending says what it is")
    output_format: str | None = Field(None, description="must be the format of the file, if given")


class DeepLHandle(BaseModel):
    """What a document is asked for with."""

    document_id: str
    document_key: str


class DeepLKey(Loose):
    """Proves that somebody may ask for a document."""

    document_key: str


class DeepLStatus(BaseModel):
    """How far a document is."""

    document_id: str
    status: str
    seconds_remaining: int | None = None
    billed_characters: int | None = None
    error_message: str | None = None


class DeepLDocuments:
    """The handlers of one server."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._slots = asyncio.Semaphore(_AT_ONCE)

    async def upload(self, call: Call) -> Response:
        """Answer POST /v2/document."""
        if call.upload is None:
            raise bad_request("Parameter 'file' not specified.")
        form = checked(DeepLUpload, call.fields, ignore=("file",))
        ending = ending_of(form.filename or call.upload.name)
        if form.output_format and "." + form.output_format.lower().lstrip(".") != ending:
            raise bad_request("output_format: a document keeps its format here.")
        shelf = self._site.shelf
        target = shelf.target(form.target_lang)
        source = AUTO if form.source_lang is None else shelf.source(form.source_lang)
        paper = self._site.papers.add(call.upload.content, ending)
        self._site.in_background(self._translate(paper, source, target))
        return JSONResponse({"document_id": paper.id, "document_key": paper.key})

    async def status(self, call: Call) -> Response:
        """Answer POST /v2/document/{document_id}."""
        paper = self._find(call)
        status = DeepLStatus(document_id=paper.id, status=paper.state)
        if paper.state in ("queued", "translating"):
            status.seconds_remaining = max(1, round(paper.remaining))
        if paper.state == "done":
            status.billed_characters = paper.characters
        if paper.state == "error":
            status.error_message = paper.reason
        return JSONResponse(status.model_dump(exclude_none=True))

    async def result(self, call: Call) -> Response:
        """Answer POST /v2/document/{document_id}/result; the document is forgotten then."""
        paper = self._find(call)
        if paper.state == "error":
            raise bad_request(f"The document could not be translated: {paper.reason}")
        if paper.state != "done":
            raise Refusal(503, "not_ready_yet", "The document is still being translated.", retry_after=5)
        self._site.papers.remove(paper)
        return download(paper.content, f"document{paper.ending}")

    def endpoints(self) -> tuple[Endpoint, ...]:
        """Return where these are."""
        limit = int(self._site.config.max_document_mb * 2**20) + 64 * 1024
        return (
            Endpoint(
                "POST", "/v2/document", DEEPL, self.upload, "Hand in a document", "upload",
                works=True, limit=limit, body=DeepLUpload, answer=DeepLHandle,
            ),
            Endpoint(
                "POST", "/v2/document/{document_id}", DEEPL, self.status, "How far a document is", "fields",
                body=DeepLKey, answer=DeepLStatus,
            ),
            Endpoint(
                "POST", "/v2/document/{document_id}/result", DEEPL, self.result, "Fetch a document, once",
                "fields", body=DeepLKey, media="application/octet-stream",
            ),
        )  # fmt: skip

    def _find(self, call: Call) -> Paper:
        key = checked(DeepLKey, call.fields).document_key
        return self._site.papers.find(call.parts["document_id"], key)

    async def _translate(self, paper: Paper, source: str, target: str) -> None:
        """Translate in the background; whatever goes wrong is noted on the paper."""
        loop = asyncio.get_running_loop()
        async with self._slots:
            paper.state, began = "translating", loop.time()

            def progress(share: float) -> None:
                paper.remaining = (loop.time() - began) * (1 - share) / share if share else 0.0

            try:
                job = Job(paper.content, paper.ending, source, target, progress)
                finished, characters = await translate_document(self._site.service, job, self._site.config)
            except Refusal as refusal:
                paper.state, paper.reason, paper.content = "error", f"{refusal.message} {refusal.hint}".strip(), b""
            except Exception as error:
                logger.error("a document failed: %s", type(error).__name__)
                paper.state, paper.reason, paper.content = "error", "Something went wrong in the server.", b""
            else:
                paper.content, paper.characters, paper.state = finished.content, characters, "done"
                self._site.characters += characters


def download(content: bytes, name: str) -> Response:
    """Return a file that a browser saves and never shows, whatever is in it."""
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content, media_type="application/octet-stream", headers=headers)
