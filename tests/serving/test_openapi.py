"""The description of the server: it is true, whatever is sent by it, and its page needs nothing from anywhere."""

import json
import os
import re
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import negative_data_rejection, positive_data_acceptance

from polyglass.config import ServeConfig
from polyglass.serving.app import endpoints_of
from polyglass.serving.keys import KeyRing
from polyglass.serving.models import Shelf
from polyglass.serving.site import Site
from serving_live import Live, StandIn, live

EXAMPLES = int(os.environ.get("POLYGLASS_SCHEMA_EXAMPLES", "12"))


def document() -> dict[str, Any]:
    return endpoints_of(Site(Shelf([StandIn()]), ServeConfig(), KeyRing(()))).document


SCHEMA = schemathesis.openapi.from_dict(document())


@pytest.fixture(scope="module")
def server() -> Iterator[Live]:
    # Names of hosts are generated, too.
    with live(StandIn("en", "de"), StandIn("de", "en"), max_body_kb=64) as one:
        yield one


@SCHEMA.parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_every_answer_is_as_described_and_never_a_server_error(case: Any, server: Live) -> None:
    # What fits the schema may still be refused: a code of a language that is not loaded, for example. And the
    # dialects of others take numbers and lists as text, as forms write them.
    lenient = not case.path.startswith("/v1/")
    excluded = [positive_data_acceptance, *([negative_data_rejection] if lenient else [])]
    case.call_and_validate(base_url=server.url, excluded_checks=excluded)


def test_the_live_description_is_the_same(server: Live) -> None:
    assert server.get("/openapi.json").json == document()


def test_every_route_has_a_summary_and_its_own_name() -> None:
    operations = [operation for methods in document()["paths"].values() for operation in methods.values()]
    assert all(operation["summary"] for operation in operations)
    names = [operation["operationId"] for operation in operations]
    assert len(names) == len(set(names)) == 25


def test_every_reference_leads_somewhere() -> None:
    text = json.dumps(document())
    schemas = document()["components"]["schemas"]
    assert set(re.findall(r"#/components/schemas/(\w+)", text)) <= schemas.keys()


def test_the_page_shows_every_route_and_loads_nothing(server: Live) -> None:
    answer = server.get("/docs")
    page = answer.body.decode()
    assert answer.headers["content-type"].startswith("text/html")
    for path in document()["paths"]:
        assert path in page
    assert "<script" not in page
    links = set(re.findall(r"""(?:src|href)=["']?([^"' >]*)""", page))
    assert {link for link in links if not link.startswith("#")} == {"/openapi.json"}
    assert {link[1:] for link in links if link.startswith("#")} <= set(re.findall(r"<h3 id=(\w+)>", page))
