"""polyglass's own dialect: /v1, and what machines ask a server about itself."""

from dataclasses import replace

from starlette.responses import JSONResponse, Response, StreamingResponse

from polyglass._version import __version__
from polyglass.serving import metrics
from polyglass.serving import v1_schema as wire
from polyglass.serving.dialects import OWN
from polyglass.serving.endpoints import Call, Endpoint, checked
from polyglass.serving.languages import name_of
from polyglass.serving.limits import check_search, check_texts
from polyglass.serving.models import Wishes
from polyglass.serving.refusals import Refusal, bad_field
from polyglass.serving.service import BY_SENTENCE, Asked
from polyglass.serving.site import Site
from polyglass.serving.stream import events
from polyglass.serving.v1_answers import text_result, timing_result

_KINDS = {"text": "plain", "html": "html", "xml": "xml"}
EVENTS = "text/event-stream"


class Own:
    """The handlers of one server."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def translate(self, call: Call) -> Response:
        """Answer POST /v1/translate."""
        if EVENTS in call.request.headers.get("accept", ""):
            return await self.stream(call)
        request = checked(wire.TranslateRequest, call.fields)
        results, timing = await self._site.service.translate(self._asked(request))
        refusals = [result for result in results if isinstance(result, Refusal)]
        if len(refusals) == len(results):
            raise refusals[0]
        self._site.count(request.texts)
        answer = wire.TranslateAnswer(
            translations=[text_result(result, request.wanted) for result in results], timing=timing_result(timing)
        )
        return JSONResponse(answer.model_dump())

    async def stream(self, call: Call) -> Response:
        """Answer POST /v1/translate/stream: events, each sentence as soon as it and all before it are there."""
        request = checked(wire.TranslateRequest, call.fields)
        asked = self._asked(request)
        passages = await self._site.service.begin(asked)
        self._site.count(request.texts)
        return StreamingResponse(events(self._site, asked, passages, wanted=request.wanted), media_type=EVENTS)

    async def detect(self, call: Call) -> Response:
        """Answer POST /v1/detect."""
        request = checked(wire.DetectRequest, call.fields)
        check_texts(request.texts, self._site.config)
        ranked = [await self._site.service.guide.rank(text) for text in request.texts]
        found = [
            [wire.Detected(language=one.language, confidence=round(one.confidence, 4)) for one in guesses]
            for guesses in ranked
        ]
        return JSONResponse(wire.DetectAnswer(detections=found).model_dump())

    async def models(self, call: Call) -> Response:
        """Answer GET /v1/models."""
        site = self._site
        limits = {name: getattr(site.config, name) for name in ("max_texts", "max_characters", "max_beam", "max_cost")}
        languages = [
            wire.Language(code=code, name=name_of(code), targets=site.shelf.reachable(code))
            for code in site.shelf.sources
        ]
        models = [
            wire.ModelResult(
                name=model.name,
                source=model.source,
                target=model.target,
                family=model.family,
                parameters=model.parameters,
                longest=model.longest,
            )
            for model in site.shelf.models
        ]
        return JSONResponse(wire.ModelsAnswer(models=models, languages=languages, limits=limits).model_dump())

    async def health(self, call: Call) -> Response:
        """Answer GET /health: the process answers, no more."""
        return JSONResponse({"status": "ok"})

    async def ready(self, call: Call) -> Response:
        """Answer GET /ready: every model has decoded lately."""
        await self._site.readiness.check()
        return JSONResponse({"status": "ready"})

    async def version(self, call: Call) -> Response:
        """Answer GET /version."""
        return JSONResponse({"version": __version__})

    async def metrics(self, call: Call) -> Response:
        """Answer GET /metrics."""
        return Response(self._site.metrics.page(), media_type=metrics.CONTENT_TYPE)

    def endpoints(self) -> tuple[Endpoint, ...]:
        """Return where these are."""
        limit = self._site.config.max_body_kb * 1024
        reads = Endpoint(
            "POST", "/v1/translate", OWN, self.translate, "Translate texts", "json", limit=limit, works=True
        )
        reads = replace(reads, body=wire.TranslateRequest, answer=wire.TranslateAnswer)
        return (
            reads,
            replace(
                reads,
                path="/v1/translate/stream",
                handle=self.stream,
                summary="Translate texts, sentence by sentence",
                media=EVENTS,
                answer=None,
                description="Server-sent events: start, sentence, text, done; error ends the stream.",
            ),
            replace(
                reads,
                path="/v1/detect",
                handle=self.detect,
                summary="Say which language texts are in",
                works=False,
                body=wire.DetectRequest,
                answer=wire.DetectAnswer,
            ),
            Endpoint("GET", "/v1/models", OWN, self.models, "What is loaded", answer=wire.ModelsAnswer),
            Endpoint("GET", "/health", OWN, self.health, "Is it alive?", locked=False, answer=wire.StatusAnswer),
            Endpoint("GET", "/ready", OWN, self.ready, "Can it translate?", locked=False, answer=wire.StatusAnswer),
            Endpoint("GET", "/metrics", OWN, self.metrics, "Counters for Prometheus", media="text/plain"),
            Endpoint("GET", "/version", OWN, self.version, "Which version", locked=False, answer=wire.VersionAnswer),
        )

    def _asked(self, request: wire.TranslateRequest) -> Asked:
        config = self._site.config
        check_texts(request.texts, config)
        wishes = Wishes(
            request.beam,
            request.n_best,
            request.length_penalty,
            request.max_len,
            request.sample,
            request.temperature,
            request.top_k,
            request.top_p,
            request.seed,
        )
        check_search(wishes, config)
        prefix = request.prefix
        prefixes = tuple([prefix] * len(request.texts) if isinstance(prefix, str) else prefix or ())
        if prefixes and len(prefixes) != len(request.texts):
            raise bad_field("prefix: there must be one for all texts, or one for each of them.")
        return Asked(
            tuple(request.texts),
            request.source,
            request.target,
            kind=_KINDS[request.format],  # type: ignore[arg-type]
            rules=replace(BY_SENTENCE, split=request.split),
            wishes=wishes,
            prefixes=prefixes,
            alignment="alignment" in request.wanted,
            model=request.model,
        )
