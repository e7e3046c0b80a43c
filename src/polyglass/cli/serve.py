"""`polyglass serve`: models as an HTTP service that programs made for LibreTranslate or DeepL can use, too."""

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from threading import Lock, Thread
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from polyglass.cli.arguments import add_option_flag, given_options
from polyglass.cli.main import visible
from polyglass.errors import InputError

if TYPE_CHECKING:
    from polyglass.bundle import Bundle
    from polyglass.config import ServeConfig
    from polyglass.explorer.server import Server as ExplorerServer
    from polyglass.serving.models import Shelf

_DESCRIPTION = """\
Translate in the browser, and for others over HTTP: a page at /, our own /v1,
and the interfaces of LibreTranslate and DeepL, so that their clients need only
another address. Requests that wait together are translated together.

  polyglass serve en-de de-en
  polyglass serve models/ --port 8080 --threads 4
  polyglass serve en-de --host 0.0.0.0 --keys keys.txt

Each setting is also an environment variable, POLYGLASS_SERVE_PORT for --port.
Ctrl-C or SIGTERM: what was accepted is finished first.
"""
_SWITCH_SECONDS = 1e-4
"""How long a thread keeps Python to itself while another waits for it. The default of 5 ms is longer than most of the
model's single operations, and a busy event loop would make it wait so long after each of them."""
_MISSING = """\
polyglass serve needs packages that are not installed ({name}). Install them with:
  pip install "polyglass[serve]\""""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb."""
    parser = subparsers.add_parser(
        "serve", description=_DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("models", metavar="MODEL", nargs="*", type=Path, help="model folders, or folders of them")
    where = parser.add_argument_group("where it listens, and to whom")
    add_option_flag(where, "--host", option="serve.host", metavar="ADDRESS", help="default: this machine only")
    add_option_flag(where, "--port", option="serve.port", metavar="N", help="default: 5000; 0: any free one")
    add_option_flag(where, "--keys", option="serve.keys", metavar="FILE", help="ask for an API key of this file")
    add_option_flag(where, "--open", option="serve.open", help="listen beyond this machine without keys")
    add_option_flag(where, "--hosts", option="serve.hosts", metavar="NAMES", help="further names in the Host header")
    add_option_flag(
        where, "--trusted-proxy", option="serve.trusted_proxy", metavar="CIDR", help="believe its X-Forwarded-For"
    )
    where.add_argument("--new-key", metavar="NAME", help="make a key, add it to --keys FILE, print it, and end")
    machine = parser.add_argument_group("machine")
    add_option_flag(machine, "--device", option="serve.device", metavar="NAME", help="cpu (default), cuda, mps, auto")
    add_option_flag(machine, "--threads", option="serve.threads", metavar="N", help="CPU threads; 0: all cores")
    add_option_flag(
        machine, "--batch-tokens", option="serve.batch_tokens", metavar="N", help="less: less memory, quicker answers"
    )
    add_option_flag(machine, "--cache-mb", option="serve.cache_mb", metavar="N", help="for repeated texts; 0: no cache")
    other = parser.add_argument_group("any setting")
    add_option_flag(other, "--set", option="", metavar="serve.NAME=VALUE", help="set it; can be repeated")
    other.add_argument("--settings", action="store_true", help="list all settings, and end")
    add_option_flag(other, "--log-requests", option="serve.log_requests", help="a line for each request, without texts")


def run(arguments: argparse.Namespace) -> int:
    """Serve until a signal comes."""
    if arguments.settings:
        print(_all_settings(), end="")
        return 0
    from polyglass.serving.settings import resolve_serve

    config = resolve_serve(environment=os.environ, flags=given_options(arguments))
    if arguments.new_key is not None:
        return _make_key(config, arguments.new_key)
    try:
        import polyglass.serving.server  # noqa: F401 (what is missing is said before models are loaded)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("polyglass"):
            raise
        raise InputError(_MISSING.format(name=error.name)) from None
    return _serve(config, arguments.models)


def _serve(config: "ServeConfig", named: Sequence[Path]) -> int:
    import torch

    from polyglass.serving.callers import Proxies
    from polyglass.serving.guard import is_loopback
    from polyglass.serving.keys import KeyRing, read_keys
    from polyglass.serving.models import find_folders, load_models
    from polyglass.serving.server import Server, listen, run_server
    from polyglass.serving.site import Site

    paths = named or [Path(part) for part in config.models.split(os.pathsep) if part]
    if not paths:
        raise InputError("Name the model folders to serve, as in: polyglass serve en-de de-en")
    keys = read_keys(Path(config.keys)) if config.keys else KeyRing(())
    Proxies(config.trusted_proxy)  # what is wrong is said before models are loaded
    if not keys and not is_loopback(config.host):
        _warn_of_open_door(config)
    if config.threads:
        torch.set_num_threads(config.threads)
    sys.setswitchinterval(_SWITCH_SECONDS)
    with listen(config) as listener:
        shelf = load_models(find_folders(paths), device=config.device, batch_tokens=config.batch_tokens)
        _log(config)
        words = _announcement(shelf, config, listener.getsockname()[1], bool(keys))
        with Explorers(shelf) as explorers:
            explore = explorers.url if config.explore and is_loopback(config.host) else None
            server = Server(Site(shelf, config, keys, explore=explore), announce=lambda: print(words, flush=True))
            return run_server(server, listener)


class Explorers:
    """Explorers of the loaded models, one for all that read the same language, each started when first asked for.

    running: those that were, by that language.

    They look at the same weights as the server, so they take no second memory. The modules are copies, since a module
    grows its table of positions while it reads, and two threads read here.
    """

    def __init__(self, shelf: "Shelf") -> None:
        self._shelf = shelf
        self._lock = Lock()
        self.running: dict[str, ExplorerServer] = {}

    def __enter__(self) -> "Explorers":
        return self

    def __exit__(self, *error: object) -> None:
        for server in self.running.values():
            server.shutdown()
            server.server_close()

    def url(self, name: str) -> str:
        """Return an address that opens a model once, with the beam that the page's translations were found with."""
        from polyglass.serving.page import ALTERNATIVES

        model = self._shelf.named(name)
        beam = min(16, max(model.translator.bundle.config.decode.beam_size, ALTERNATIVES))
        with self._lock:
            if model.source not in self.running:
                self.running[model.source] = self._start(model.source)
            return self.running[model.source].url(urlencode({"model": name, "beam": beam}))

    def _start(self, language: str) -> "ExplorerServer":
        from polyglass.explorer.look import Explorer
        from polyglass.explorer.server import Server
        from polyglass.explorer.subject import Subject, frequent_words

        subjects = []
        for model in self._shelf.models:
            if model.source == language:
                bundle = _with_own_modules(model.translator.bundle)
                subjects.append(Subject(model.name, model.name, bundle, examples=(frequent_words(bundle),)))
        server = Server(Explorer(subjects), 0)
        Thread(target=server.serve_forever, name="polyglass-explorer", daemon=True).start()
        return server


def _with_own_modules(bundle: "Bundle") -> "Bundle":
    """Return a bundle with the same weights in modules of its own."""
    shared = {id(weight): weight for weight in bundle.model.parameters()}
    return replace(bundle, model=deepcopy(bundle.model, shared))


def _warn_of_open_door(config: "ServeConfig") -> None:
    if not config.open:
        raise InputError(
            f"Without keys only this machine is served, but --host is {config.host}. Ask for keys with --keys FILE "
            "(--new-key makes one), or let everybody in who can reach the port with --open."
        )
    lines = (
        f"WARNING: everybody who can reach {config.host}:{config.port} can use this server, and see how busy it is.",
        "There are no API keys (--keys FILE), and texts travel unencrypted unless a proxy adds TLS.",
    )
    width = max(map(len, lines))
    print("\n".join(["!" * width, *lines, "!" * width]), file=sys.stderr, flush=True)


def _make_key(config: "ServeConfig", name: str) -> int:
    from polyglass.serving.keys import new_key

    if not config.keys:
        raise InputError("Say which file the key goes to: polyglass serve --new-key NAME --keys FILE")
    print(new_key(Path(config.keys), name))
    print(f"polyglass: the file {config.keys} holds its hash only. Keep the key now.", file=sys.stderr)
    return 0


def _log(config: "ServeConfig") -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s polyglass: %(message)s", datefmt="%H:%M:%S"))
    log = logging.getLogger("polyglass.serving")
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    # uvicorn would log what clients sent: requests that are no HTTP, and errors with their texts.
    logging.getLogger("uvicorn").setLevel(logging.CRITICAL)
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)


def _announcement(shelf: "Shelf", config: "ServeConfig", port: int, has_keys: bool) -> str:
    host = f"[{config.host}]" if ":" in config.host else config.host
    url = f"http://{host}:{port}"
    model = shelf.models[0]
    lines = [f"polyglass serves {url}", ""]
    width = max(len(one.name) for one in shelf.models)
    lines += [
        f"  {visible(one.name):<{width}}  {one.source} to {one.target}, {one.parameters:,} parameters"
        for one in shelf.models
    ]
    key = ["    -H 'Authorization: Bearer KEY' \\"] if has_keys else []
    return "\n".join(
        [
            *lines,
            "",
            *([f"Translate in the browser:  {url}", ""] if config.page else []),
            "Or by program:",
            f"  curl {url}/v1/translate \\",
            "    -H 'Content-Type: application/json' \\",
            *key,
            f'    -d \'{{"texts": ["..."], "source": "{model.source}", "target": "{model.target}"}}\'',
            "",
            f"  all routes              {url}/docs",
            f"  LibreTranslate clients  {url}",
            f"  DeepL clients           {url}/",
            "",
            "Ctrl-C stops it.",
        ]
    )


def _all_settings() -> str:
    import textwrap

    from polyglass.options import show_bare
    from polyglass.serving.settings import serve_options

    lines = ["Each can be set with --set serve.NAME=VALUE or by its environment variable.", ""]
    for option in serve_options().values():
        default = show_bare(option.default) or "empty"
        lines += [f"{option.name} = {default}", f"  {option.variable}"]
        lines += textwrap.wrap(f"{option.meaning}; {option.rule}", 78, initial_indent="  ", subsequent_indent="  ")
    return "\n".join(lines) + "\n"
