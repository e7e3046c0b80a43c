"""Files in LibreTranslate's dialect: one request translates a file and says where it can be fetched."""

from pydantic import BaseModel, Field
from starlette.responses import JSONResponse, Response

from polyglass.serving.deepl_documents import download
from polyglass.serving.dialects import LIBRETRANSLATE
from polyglass.serving.document_work import Job, ending_of, translate_document
from polyglass.serving.endpoints import Call, Endpoint
from polyglass.serving.libretranslate import LibreTranslate, Loose, checked_form
from polyglass.serving.refusals import bad_request, not_found
from polyglass.serving.site import Site


class LibreFileForm(Loose):
    """POST /translate_file, as a form with a file."""

    file: bytes = Field(b"", description="the file", json_schema_extra={"format": "binary"})
    source: str = Field(description="language of the file, or auto")
    target: str = Field(description="language to translate to")
    api_key: str = ""


class LibreFile(BaseModel):
    """Where the translated file is."""

    translatedFileUrl: str  # noqa: N815 (so it is called on the wire)


class LibreTranslateFiles:
    """The handlers of one server."""

    def __init__(self, site: Site, texts: LibreTranslate) -> None:
        self._site, self._texts = site, texts

    async def translate(self, call: Call) -> Response:
        """Answer POST /translate_file."""
        if call.upload is None:
            raise bad_request("Invalid request: missing file parameter")
        form = checked_form(LibreFileForm, call, "source", "target")
        ending = ending_of(call.upload.name)
        source, target = self._texts.source_of(form.source), self._texts.target_of(form.target)
        paper = self._site.papers.add(call.upload.content, ending)
        try:
            job = Job(paper.content, ending, source, target, progress=lambda share: None)
            finished, characters = await translate_document(self._site.service, job, self._site.config)
        except BaseException:  # also if the client has left
            self._site.papers.remove(paper)
            raise
        paper.content, paper.state = finished.content, "done"
        self._site.characters += characters
        base = call.request.url.replace(path=f"/download_file/{paper.id}{ending}", query="", fragment="")
        return JSONResponse({"translatedFileUrl": str(base)})

    async def fetch(self, call: Call) -> Response:
        """Answer GET /download_file/{name}; the name is a secret of 128 bits."""
        id, _, ending = call.parts["name"].partition(".")
        paper = self._site.papers.find(id)
        if paper.state != "done" or paper.ending != f".{ending}":
            raise not_found("There is no such file.")
        return download(paper.content, f"translated{paper.ending}")

    def endpoints(self) -> tuple[Endpoint, ...]:
        """Return where these are."""
        limit = int(self._site.config.max_document_mb * 2**20) + 64 * 1024
        return (
            Endpoint(
                "POST", "/translate_file", LIBRETRANSLATE, self.translate, "Translate a file",
                "upload", works=True, limit=limit, body=LibreFileForm, answer=LibreFile,
            ),
            Endpoint(
                "GET", "/download_file/{name}", LIBRETRANSLATE, self.fetch, "Fetch a translated file",
                locked=False, media="application/octet-stream",
            ),
        )  # fmt: skip
