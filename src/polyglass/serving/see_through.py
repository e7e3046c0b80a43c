"""From a translation to the explorer: whoever sits at this machine gets an address that opens it, once."""

import asyncio

from starlette.responses import JSONResponse, Response

from polyglass.errors import PolyglassError
from polyglass.serving import v1_schema as wire
from polyglass.serving.callers import is_here
from polyglass.serving.dialects import OWN
from polyglass.serving.endpoints import Call, Endpoint, checked
from polyglass.serving.refusals import Refusal, not_found
from polyglass.serving.site import Site


class SeeThrough:
    """The handler of one server."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def open(self, call: Call) -> Response:
        """Answer POST /v1/explore: the address holds a key, so it is told to a browser on this machine only."""
        request = checked(wire.ExploreRequest, call.fields)
        if self._site.explore is None:
            raise not_found("The explorer is switched off here.", hint="Start it with: polyglass explore MODEL")
        if not is_here(call.request):
            raise Refusal(
                403,
                "not_here",
                "The explorer shows itself to the machine of the server only.",
                hint="Start it there with: polyglass explore MODEL",
            )
        name = self._site.shelf.named(request.model).name
        try:
            url = await asyncio.to_thread(self._site.explore, name)
        except PolyglassError as error:
            raise Refusal(503, "no_explorer", f"The explorer could not be started: {error}") from None
        return JSONResponse(wire.ExploreAnswer(url=url).model_dump())

    def endpoints(self) -> tuple[Endpoint, ...]:
        """Return where it is: nowhere, if there is no explorer."""
        if self._site.explore is None:
            return ()
        summary = "Open the explorer, from this machine"
        return (
            Endpoint(
                "POST", "/v1/explore", OWN, self.open, summary, "json", body=wire.ExploreRequest,
                answer=wire.ExploreAnswer,
            ),
        )  # fmt: skip
