"""Another web page in the same browser, with a session of the explorer open beside it: it learns nothing."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from chromium import running_browser
from explorer_site import running_site

ATTACK = """
<!doctype html><title>evil</title><script type="module">
const target = TARGET;
const said = window.said = [];
async function attempt(name, work) {
  try { said.push([name, String(await work())]); } catch (error) { said.push([name, "stopped"]); }
}
const read = async (path, options) => (await fetch(target + path, options)).text();
const json = { method: "POST", headers: { "Content-Type": "application/json" }, body: '{"model":"pre","text":"dog"}' };
await attempt("read the page", () => read("/"));
await attempt("read the models", () => read("/api/models"));
await attempt("read with cookies", () => read("/api/models", { credentials: "include" }));
await attempt("ask", () => read("/api/run", { ...json, credentials: "include" }));
await attempt("ask as plain text", () => read("/api/run", { method: "POST", body: json.body, credentials: "include" }));
await attempt("ask blindly", async () => {
  const blind = { method: "POST", body: json.body, mode: "no-cors", credentials: "include" };
  const reply = await fetch(target + "/api/run", blind);
  return reply.type === "opaque" ? "stopped" : reply.text();
});
await attempt("import a script", async () => Object.keys(await import(target + "/static/app.js")));
await attempt("include a script", () => new Promise((resolve, reject) => {
  const script = document.createElement("script");
  Object.assign(script, { src: target + "/static/numbers.js", type: "module" });
  Object.assign(script, { onload: () => resolve("loaded"), onerror: reject });
  document.head.append(script);
}));
await attempt("frame", () => new Promise((resolve) => {
  const frame = document.createElement("iframe");
  frame.src = target + "/";
  frame.onload = () => {
    try { resolve(frame.contentDocument.title || "stopped"); } catch { resolve("stopped"); }
  };
  document.body.append(frame);
}));
await attempt("opened window", async () => {
  const other = window.open(target + "/");
  await new Promise((resolve) => setTimeout(resolve, 500));
  try { return other.document.title || "stopped"; } catch { return "stopped"; }
});
window.finished = true;
</script>
"""


class _Evil(BaseHTTPRequestHandler):
    target = ""

    def do_GET(self) -> None:
        body = ATTACK.replace("TARGET", f'"{self.target}"').encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def evil() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Evil)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_a_page_on_another_port_reads_nothing(evil: ThreadingHTTPServer, name: str) -> None:
    """ "Site" does not know of ports, so a page on another port of this machine gets the strict cookie sent along."""
    with running_site() as site, running_browser() as browser:
        context = browser.new_context()
        page = context.new_page()
        page.goto(site.server.url())
        page.wait_for_selector("body[data-ready=true]", timeout=20_000)
        assert [cookie["sameSite"] for cookie in context.cookies()] == ["Strict"]
        assert context.cookies()[0]["httpOnly"]
        worked = set(site.server.routes.explorer._runs)
        _Evil.target = site.origin.replace("127.0.0.1", name)
        other: Any = context.new_page()
        other.goto(f"http://{name}:{evil.server_port}/")
        other.wait_for_function("window.finished", timeout=30_000)
        said = other.evaluate("window.said")
        assert len(said) == 10
        assert {outcome for _, outcome in said} == {"stopped"}, said
        assert set(site.server.routes.explorer._runs) == worked  # nor was anything computed for it
        context.close()
