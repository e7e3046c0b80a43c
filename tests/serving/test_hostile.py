"""Requests that nobody should send: each is answered with a 4xx in its dialect, and never with a crash or a hang."""

import json
import socket
import time
import urllib.parse
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from serving_live import Live, StandIn, live

JSON, FORM = "application/json", "application/x-www-form-urlencoded"
POSTS = [
    "/v1/translate", "/v1/translate/stream", "/v1/detect", "/translate", "/detect", "/suggest", "/v2/translate",
]  # fmt: skip
GOOD = {
    "/v1/translate": {"texts": ["a"], "source": "en", "target": "de"},
    "/v1/translate/stream": {"texts": ["a"], "source": "en", "target": "de"},
    "/v1/detect": {"texts": ["a"]},
    "/translate": {"q": "a", "source": "en", "target": "de"},
    "/detect": {"q": "a"},
    "/suggest": {"q": "a"},
    "/v2/translate": {"text": ["a"], "target_lang": "DE", "source_lang": "EN"},
}


def with_value(path: str, value: str) -> bytes:
    """Return a good body whose first field is `value`, which need not be JSON."""
    fields = [f"{json.dumps(name)}: {json.dumps(content)}" for name, content in GOOD[path].items()]
    name = json.dumps(next(iter(GOOD[path])))
    return ("{" + ", ".join([f"{name}: {value}", *fields[1:]]) + "}").encode()


BODIES = {
    "nothing": b"",
    "a blank": b" ",
    "half an object": b"{",
    "an unquoted key": b"{texts: []}",
    "single quotes": b"{'texts': ['a']}",
    "a trailing comma": b'{"a": 1,}',
    "two values": b"{} {}",
    "a list": b"[]",
    "a number": b"5",
    "null": b"null",
    "a text": b'"texts"',
    "NUL": b"\x00",
    "bytes that are no UTF-8": b'{"q": "\xff\xfe"}',
    "UTF-16": '{"q": "a"}'.encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbf{}",
    "a deep list": b"[" * 100_000,
    "a deep object": b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
    "a deep list that is closed": b'{"q": ' + b"[" * 5000 + b"]" * 5000 + b"}",
    "a surrogate as a key": b'{"\\ud800": 1}',
    "a key twice": b'{"texts": ["a"], "texts": ["b"], "q": "a", "q": "b", "text": "a", "text": "b"}',
    "XML": b"<a/>",
}
VALUES = {
    "NaN": "NaN",
    "Infinity": "-Infinity",
    "1e999": "1e999",
    "a number of 5000 digits": "9" * 5000,
    "a number of 300 digits": "9" * 300,
    "half of a surrogate pair": '"\\ud800"',
    "half of a surrogate pair in a list": '["\\ud800"]',
    "the other half": '["a\\uDFFFb"]',
    "null": "null",
    "true": "true",
    "zero": "0",
    "a float": "0.5",
    "an object": '{"a": {"b": []}}',
    "lists in lists": '[["a"]]',
    "a list with null": "[null]",
    "a list with an object": '[{"a": 1}]',
    "an empty list": "[]",
    "a deep value": "[" * 45 + "]" * 45,
    "a raw control character": '"a\x01b"',
    "a bad escape": '"\\x41"',
}


@pytest.fixture(scope="module")
def server() -> Iterator[Live]:
    with live(StandIn("en", "de"), max_body_kb=600) as one:
        yield one


def check(path: str, status: int, headers: dict[str, str], body: bytes) -> None:
    """An answer to rubbish is a 4xx of JSON in the shape of the dialect."""
    assert 400 <= status < 500, (status, body)
    assert headers["content-type"] == "application/json"
    answer = json.loads(body)
    if path.startswith("/v2/"):
        assert isinstance(answer["message"], str)
    elif path.startswith("/v1/"):
        assert answer["error"]["code"]
    else:
        assert isinstance(answer["error"], str)


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize("name", list(BODIES))
def test_a_body_that_is_no_object_is_refused(server: Live, path: str, name: str) -> None:
    answer = server.post(path, BODIES[name], content_type=JSON)
    check(path, answer.status, answer.headers, answer.body)


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize("name", list(VALUES))
def test_a_value_that_is_no_text_is_refused(server: Live, path: str, name: str) -> None:
    answer = server.post(path, with_value(path, VALUES[name]), content_type=JSON)
    check(path, answer.status, answer.headers, answer.body)


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize(
    "kind", ["text/plain", "", "application/octet-stream", "multipart/form-data", "multipart/form-data; boundary=", "x"]
)
def test_a_body_of_another_type_is_refused(server: Live, path: str, kind: str) -> None:
    answer = server.post(path, json.dumps(GOOD[path]).encode(), content_type=kind)
    check(path, answer.status, answer.headers, answer.body)


@pytest.mark.parametrize(
    "body",
    [b"q=%ff%fe&source=en&target=de", b"q=\xff", b"&" * 5000 + b"a=b", b"=" * 5000, b"%", b"q", b"text&target_lang"],
)
@pytest.mark.parametrize("path", ["/translate", "/v2/translate", "/detect"])
def test_a_form_that_cannot_be_read_is_refused(server: Live, path: str, body: bytes) -> None:
    answer = server.post(path, body, content_type=FORM)
    check(path, answer.status, answer.headers, answer.body)


@pytest.mark.parametrize(
    "body",
    [
        b"--x\r\n",
        b"--x\r\nContent-Disposition: form-data\r\n\r\na\r\n--x--\r\n",
        b'--x\r\nContent-Disposition: form-data; name="q"\r\n\r\n\xff\r\n--x--\r\n',
        b'--x\r\nContent-Disposition: form-data; name="a"; filename="../../etc/passwd"\r\n\r\na\r\n--x--\r\n' * 3,
        b'--x\r\nContent-Disposition: form-data; name="q"\r\n' + b"A: b\r\n" * 5000 + b"\r\na\r\n--x--\r\n",
        b"\x00" * 500,
    ],
)
@pytest.mark.parametrize("path", ["/translate", "/v2/translate"])
def test_a_multipart_form_that_cannot_be_read_is_refused(server: Live, path: str, body: bytes) -> None:
    answer = server.post(path, body, content_type="multipart/form-data; boundary=x")
    check(path, answer.status, answer.headers, answer.body)


def test_a_form_in_parts_is_read_as_any_other(server: Live) -> None:
    body = b"".join(
        b'--x\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % pair
        for pair in ((b"q", b"a dog"), (b"source", b"en"), (b"target", b"de"))
    )
    answer = server.post("/translate", body + b"--x--\r\n", content_type="multipart/form-data; boundary=x")
    assert answer.json == {"translatedText": "A DOG"}


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH", "TRACE", "BREW"])
@pytest.mark.parametrize("path", POSTS)
def test_another_method_is_refused_with_the_right_ones(server: Live, path: str, method: str) -> None:
    answer = server.ask(method, path)
    assert (answer.status, answer.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize(
    "path",
    [
        "/../../etc/passwd", "/..%2f..%2fetc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "//etc/passwd", "/v1/../health",
        "/static/..%5c..%5cwin.ini", "/v1/translate/", "/V1/TRANSLATE", "/v2/document/%00", "/%ff", "/download_file/..",
        "/openapi.json%00", "/.git/config", "/v1//models", "/" + "a" * 5000, "/;", "/%00",
    ],
)  # fmt: skip
def test_no_path_leads_anywhere_but_to_a_route(server: Live, path: str) -> None:
    assert server.get(path).status in (404, 405)


def raw(server: Live, content: bytes) -> bytes:
    """Send bytes and return everything that comes back until the server closes."""
    with server.connect() as connection:
        connection.sendall(content)
        seen = b""
        try:
            while part := connection.recv(65536):
                seen += part
        except ConnectionResetError:
            pass
        return seen


def request(*lines: bytes, body: bytes = b"") -> bytes:
    return b"\r\n".join([b"POST /v1/translate HTTP/1.1", b"Host: localhost", *lines, b"", body])


BODY = json.dumps(GOOD["/v1/translate"]).encode()
SMUGGLED = b"GET /version HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


@pytest.mark.parametrize(
    "content",
    [
        request(b"Content-Length: 5", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n" + SMUGGLED),
        request(b"Content-Length: 5", b"Content-Length: 6", body=b"aaaaaa"),
        request(b"Content-Length: -1"),
        request(b"Content-Length: 1e3"),
        request(b"Content-Length: 5, 6", body=b"aaaaaa"),
        request(b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity", body=b"0\r\n\r\n"),
        request(b"Transfer-Encoding: xchunked", body=b"0\r\n\r\n" + SMUGGLED),
        request(b"Transfer-Encoding : chunked", body=b"0\r\n\r\n"),
        request(b"Transfer-Encoding: chunked", body=b"-5\r\n"),
        request(b"Transfer-Encoding: chunked", body=b"zz\r\n"),
        request(b"Transfer-Encoding: chunked", body=b"fffffffffffffffffffff\r\n"),
        request(b" folded: yes", b"X: y"),
        request(b"X" * 20_000 + b": y"),
        request(*[b"X%d: y" % number for number in range(3000)]),
        b"GET /health HTTP/1.1\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET /health HTTP/9.9\r\nHost: localhost\r\n\r\n",
        b"GET /health\r\n\r\n",
        b"GET  /health HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\r\n" * 10_000 + b"\x00",
    ],
    ids=lambda content: repr(content[:70]),
)
def test_what_is_no_plain_http_is_refused_and_the_connection_closed(server: Live, content: bytes) -> None:
    seen = raw(server, content)
    assert seen == b"" or seen.startswith(b"HTTP/1.1 4"), seen[:200]
    assert seen.count(b"HTTP/1.1 ") <= 1
    assert b'"version"' not in seen
    assert b"200 OK" not in seen


def test_a_body_that_is_too_long_is_refused_while_it_comes(server: Live) -> None:
    announced = server.post("/v1/translate", b"x" * (601 * 1024), content_type=JSON)
    assert (announced.status, announced.json["error"]["code"]) == (413, "body_too_large")
    with server.connect() as connection:
        connection.sendall(request(b"Content-Type: application/json", b"Transfer-Encoding: chunked"))
        sent = 0
        connection.setblocking(False)
        seen = b""
        while b"413" not in seen and sent < 4 * 2**20:
            try:
                sent += connection.send(b"10000\r\n" + b"x" * 0x10000 + b"\r\n") and 0x10000
            except BlockingIOError:
                time.sleep(0.002)
            try:
                seen += connection.recv(4096)
            except BlockingIOError:
                time.sleep(0.001)
        assert b"HTTP/1.1 413" in seen
        assert sent <= 2 * 2**20


def test_a_request_that_is_sent_byte_by_byte_is_read(server: Live) -> None:
    content = request(
        b"Content-Type: application/json", b"Content-Length: %d" % len(BODY), b"Connection: close", body=BODY
    )
    with server.connect() as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in content:
            connection.sendall(bytes([byte]))
        assert connection.recv(65536).startswith(b"HTTP/1.1 200")


def test_two_requests_in_one_packet_get_two_answers_in_order(server: Live) -> None:
    one = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
    seen = raw(server, one + SMUGGLED)
    assert seen.count(b"HTTP/1.1 200") == 2
    assert seen.index(b'"status"') < seen.index(b'"version"')


# What any field may hold: every kind of JSON, good codes among them.
anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["en", "de", "auto"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
QUICK = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@given(st.dictionaries(st.sampled_from(["q", "source", "target", "format", "alternatives", "api_key"]), anything))
@QUICK
def test_no_json_makes_libretranslates_dialect_stumble(server: Live, fields: dict[str, object]) -> None:
    answer = server.post("/translate", {"q": "a", "source": "en", "target": "de", **fields})
    assert answer.status < 500
    assert answer.json.keys() & {"error", "translatedText"}


@given(
    st.dictionaries(
        st.sampled_from(
            ["text", "source_lang", "target_lang", "split_sentences", "tag_handling", "ignore_tags", "context"]
        ),
        anything,
    )
)
@QUICK
def test_no_json_makes_deepls_dialect_stumble(server: Live, fields: dict[str, object]) -> None:
    answer = server.post("/v2/translate", {"text": ["a"], "source_lang": "EN", "target_lang": "DE", **fields})
    assert answer.status < 500
    assert answer.json.keys() & {"message", "translations"}


@given(st.text(max_size=200), st.sampled_from(["text", "html"]), st.sampled_from(["auto", "en"]), st.integers(0, 3))
@QUICK
def test_any_text_is_translated_and_valid_unicode_comes_back(
    server: Live, text: str, kind: str, source: str, alternatives: int
) -> None:
    try:
        body = urllib.parse.urlencode(
            {"q": text, "source": source, "target": "de", "format": kind, "alternatives": alternatives}
        ).encode()
    except UnicodeEncodeError:  # half of a surrogate pair cannot be sent in a form
        return
    answer = server.post("/translate", body, content_type=FORM)
    assert answer.status in (200, 400)
    assert answer.status == 200 or not text or source == "auto"


@given(
    st.lists(st.text(max_size=80), min_size=1, max_size=4),
    st.sampled_from([None, "xml", "html"]),
    st.sampled_from("01"),
)
@QUICK
def test_any_texts_get_as_many_translations_and_their_own_lengths(
    server: Live, texts: list[str], tags: str | None, split: str
) -> None:
    body = {"text": texts, "source_lang": "EN", "target_lang": "DE", "tag_handling": tags, "split_sentences": split}
    answer = server.post("/v2/translate", body)
    if answer.status == 200:
        assert [one["billed_characters"] for one in answer.json["translations"]] == list(map(len, texts))
    else:
        assert answer.status == 400
        assert tags == "xml" or any(0xD800 <= ord(letter) < 0xE000 for text in texts for letter in text)
