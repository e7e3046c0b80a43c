"""The endpoints in, the OpenAPI 3.1 description of the server out, and a page of it that needs no network."""

import html
import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from starlette.responses import HTMLResponse, JSONResponse, Response

from polyglass._version import __version__
from polyglass.serving.dialects import DEEPL, LIBRETRANSLATE, OWN
from polyglass.serving.endpoints import FORM, MULTIPART, Call, Endpoint
from polyglass.serving.v1_schema import ErrorAnswer

_REFERENCE = "#/components/schemas/{model}"
_STATUSES = {
    "400": "The request cannot be read.",
    "401": "The API key is missing or wrong.",
    "403": "Not allowed.",
    "404": "There is no such thing.",
    "413": "More than the limits allow.",
    "415": "The body is of another type.",
    "421": "This server does not answer to that name.",
    "422": "A field has a value that it cannot have.",
    "429": "Too busy; Retry-After says when to ask again.",
    "500": "A bug, or a model that cannot be used.",
    "503": "Not ready, or shutting down.",
}


class LibreTranslateError(BaseModel):
    """Every answer of LibreTranslate's dialect that is no success."""

    error: str


class DeepLError(BaseModel):
    """Every answer of DeepL's dialect that is no success."""

    message: str


_ERRORS: dict[str, type[BaseModel]] = {
    OWN.name: ErrorAnswer,
    LIBRETRANSLATE.name: LibreTranslateError,
    DEEPL.name: DeepLError,
}


class Description:
    """The two pages about the server itself."""

    def __init__(self, endpoints: Sequence[Endpoint]) -> None:
        own = (
            Endpoint("GET", "/openapi.json", OWN, self.openapi, "This description", locked=False),
            Endpoint(
                "GET", "/docs", OWN, self.page, "This description, for people", locked=False, media="text/html"
            ),
        )  # fmt: skip
        self.endpoints = (*endpoints, *own)
        self.document = describe(self.endpoints)
        self._page = render(self.document)

    async def openapi(self, call: Call) -> Response:
        """Answer GET /openapi.json."""
        return JSONResponse(self.document)

    async def page(self, call: Call) -> Response:
        """Answer GET /docs."""
        policy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
        return HTMLResponse(self._page, headers={"Content-Security-Policy": policy})


def describe(endpoints: Sequence[Endpoint]) -> dict[str, Any]:
    """Return the OpenAPI document."""
    models = {model for endpoint in endpoints for model in (endpoint.body, endpoint.answer) if model}
    schemas = sorted({*models, *_ERRORS.values()}, key=lambda model: model.__name__)
    _, definitions = models_json_schema([(model, "validation") for model in schemas], ref_template=_REFERENCE)
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in endpoints:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint)
    return {
        "openapi": "3.1.0",
        "info": {"title": "polyglass", "version": __version__, "license": {"name": "Apache-2.0"}},
        "paths": paths,
        "components": {
            "schemas": definitions.get("$defs", {}),
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer", "description": "Only if the server has keys."}
            },
        },
    }


def _operation(endpoint: Endpoint) -> dict[str, Any]:
    names = re.findall(r"\{(\w+)\}", endpoint.path)
    operation: dict[str, Any] = {
        "operationId": re.sub(r"\W+", "_", f"{endpoint.method.lower()}{endpoint.path}").strip("_"),
        "summary": endpoint.summary,
        "tags": [endpoint.dialect.name],
        "responses": _responses(endpoint),
    }
    if endpoint.description:
        operation["description"] = endpoint.description
    if names:
        operation["parameters"] = [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string", "maxLength": 200}}
            for name in names
        ]
    if endpoint.body:
        schema = {"$ref": _REFERENCE.format(model=endpoint.body.__name__)}
        types = {"json": ["application/json"], "fields": ["application/json", FORM], "upload": [MULTIPART]}
        content = {media: {"schema": schema} for media in types[endpoint.reads]}
        operation["requestBody"] = {"required": True, "content": content}
    if endpoint.locked:
        operation["security"] = [{}, {"key": []}]
    return operation


def _responses(endpoint: Endpoint) -> dict[str, Any]:
    schema: dict[str, Any] = {"$ref": _REFERENCE.format(model=endpoint.answer.__name__)} if endpoint.answer else {}
    error = {"$ref": _REFERENCE.format(model=_ERRORS[endpoint.dialect.name].__name__)}
    responses: dict[str, Any] = {"200": {"description": "Done.", "content": {endpoint.media: {"schema": schema}}}}
    for status, text in _STATUSES.items():
        responses[status] = {"description": text, "content": {"application/json": {"schema": error}}}
    return responses


def dialects(document: dict[str, Any]) -> dict[str, list[tuple[str, str, dict[str, Any]]]]:
    """Return (method, path, operation) of each operation by its dialect."""
    found: dict[str, list[tuple[str, str, dict[str, Any]]]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            found.setdefault(operation["tags"][0], []).append((method.upper(), path, operation))
    return found


def render(document: dict[str, Any]) -> str:
    """Return the page: no script, nothing from anywhere else."""
    schemas = document["components"]["schemas"]
    parts = [_HEAD, f"<h1>polyglass {html.escape(__version__)}</h1>", _INTRODUCTION]
    for dialect, operations in dialects(document).items():
        parts.append(f"<h2>{html.escape(dialect)}</h2>")
        for method, path, operation in operations:
            parts += _section(method, path, operation=operation, schemas=schemas)
    parts.append("<h2>Types</h2>")
    for name, schema in sorted(schemas.items()):
        if schema.get("properties"):
            meaning = html.escape(schema.get("description", ""))
            parts += [f"<h3 id={html.escape(name)}>{html.escape(name)}</h3><p>{meaning}</p>", _table(schema)]
    return "\n".join([*parts, "</main></body></html>\n"])


def _section(method: str, path: str, *, operation: dict[str, Any], schemas: dict[str, Any]) -> Iterator[str]:
    yield f"<details><summary><code>{method} {html.escape(path)}</code> {html.escape(operation['summary'])}</summary>"
    if "description" in operation:
        yield f"<p>{html.escape(operation['description'])}</p>"
    if "requestBody" in operation:
        content = operation["requestBody"]["content"]
        yield f"<p>Reads {html.escape(' or '.join(content))}:</p>"
        yield _table(schemas[_name(next(iter(content.values()))["schema"])])
    answer = next(iter(operation["responses"]["200"]["content"].items()))
    yield f"<p>Answers {html.escape(answer[0])}{':' if answer[1]['schema'] else '.'}</p>"
    if answer[1]["schema"]:
        yield _table(schemas[_name(answer[1]["schema"])])
    yield "</details>"


def _table(schema: dict[str, Any]) -> str:
    required = schema.get("required", ())
    rows = [
        f"<tr><td><code>{html.escape(name)}</code>{' *' if name in required else ''}</td>"
        f"<td>{_kind(facts)}</td><td>{html.escape(facts.get('description', ''))}</td></tr>"
        for name, facts in schema.get("properties", {}).items()
    ]
    head = "<tr><th>Field</th><th>Type</th><th>Meaning</th></tr>"
    return f"<div class=wide><table>{head}{''.join(rows)}</table></div>"


def _kind(facts: dict[str, Any]) -> str:
    """Say in words which values a field can have, as HTML."""
    if "$ref" in facts:
        name = html.escape(_name(facts))
        return f"<a href=#{name}>{name}</a>"
    if "anyOf" in facts:
        return " or ".join(dict.fromkeys(_kind(one) for one in facts["anyOf"] if one.get("type") != "null"))
    if "enum" in facts:
        return html.escape(" or ".join(json.dumps(value) for value in facts["enum"]))
    if facts.get("type") == "array":
        return f"list of {_kind(facts['items'])}" if "items" in facts else "list"
    return html.escape(str(facts.get("type", "anything")))


def _name(schema: dict[str, Any]) -> str:
    return str(schema["$ref"]).rpartition("/")[2]


_INTRODUCTION = """<p>Three dialects, one server. A field with * must be given. For programs:
<a href="/openapi.json">/openapi.json</a>.</p>
<pre>curl -s http://127.0.0.1:5000/v1/translate -H 'Content-Type: application/json' \\
  -d '{"texts": ["A dog runs."], "source": "en", "target": "de"}'</pre>"""
_HEAD = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark"><title>polyglass API</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; margin: 0; }
main { max-width: 56rem; margin: 0 auto; padding: 1rem; }
code, pre { font-family: ui-monospace, monospace; font-size: .9em; }
pre { overflow-x: auto; padding: .75rem; border: 1px solid color-mix(in srgb, currentColor 25%, transparent); }
details { border-bottom: 1px solid color-mix(in srgb, currentColor 20%, transparent); padding: .4rem 0; }
summary { cursor: pointer; }
h3 { margin: 1.5rem 0 0; font-size: 1rem; scroll-margin-top: 1rem; }
h3 + p { margin: .25rem 0; }
td:first-child { min-width: 9rem; }
summary code { font-weight: 600; margin-right: .5rem; overflow-wrap: anywhere; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; margin: .25rem 0 1rem; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .2rem .6rem .2rem 0; }
a { color: inherit; }
</style></head><body><main>"""
