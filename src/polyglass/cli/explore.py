"""`polyglass explore`: a model folder in, a page in the browser that shows every number of it out."""

import argparse
import json
import os
import sys
import webbrowser
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from polyglass.cli.main import visible
from polyglass.errors import InputError

if TYPE_CHECKING:
    from polyglass.explorer.look import Explorer

_DESCRIPTION = """\
Follow a sentence through a trained model in the browser, number by number: how
it is cut and embedded, who looks at whom, how each word is chosen, and what
happens if you switch heads off. All of it stays on this machine.

  polyglass explore en-de
  polyglass explore en-de --text "A dog runs." --model-b lstm-en-de
  polyglass explore en-de --text "A dog runs." --export dog.html
"""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb."""
    parser = subparsers.add_parser(
        "explore", description=_DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", metavar="MODEL", type=Path, help="a model folder")
    parser.add_argument(
        "--text", metavar="TEXT", help="the sentence to begin with (default: one of the validation set, or a few words)"
    )
    parser.add_argument("--target", metavar="TEXT", help="look at this translation instead of the model's own")
    parser.add_argument(
        "--beam-size", metavar="N", type=_beam_size, help="hypotheses kept, at most 16; 1: greedy (default)"
    )
    parser.add_argument("--model-b", metavar="MODEL", type=Path, help="a second model, beside it on the same sentence")
    parser.add_argument(
        "--export", metavar="FILE.html", type=Path, help="write the page to one file that needs no server, and end"
    )
    page = parser.add_argument_group("the page")
    page.add_argument("--port", metavar="N", type=_port, default=0, help="port of this machine (default: a free one)")
    page.add_argument("--no-browser", action="store_true", help="print the address, and open nothing")
    machine = parser.add_argument_group("machine")
    machine.add_argument("--device", default="cpu", help="where to compute: cpu (default), cuda, mps, auto")
    machine.add_argument("--threads", metavar="N", type=_positive, help="CPU threads (default: all cores)")


def run(arguments: argparse.Namespace) -> int:
    """Serve the page until Ctrl-C, or write it."""
    import torch

    from polyglass.explorer.look import Explorer
    from polyglass.explorer.subject import load_subject

    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    folders = {"a": arguments.model} | ({"b": arguments.model_b} if arguments.model_b else {})
    subjects = [load_subject(folder, name=name, device=arguments.device) for name, folder in folders.items()]
    languages = [subject.bundle.source_lang for subject in subjects]
    if len(set(languages)) > 1:
        raise InputError(
            f"Two models beside each other must read the same language, but these read {languages[0]} and "
            f"{languages[1]}. Open them one after the other."
        )
    explorer = Explorer(subjects)
    if arguments.export:
        return _export(arguments, explorer)
    return _serve(arguments, explorer)


def _export(arguments: argparse.Namespace, explorer: "Explorer") -> int:
    from polyglass.explorer.ask import RunRequest, read_request
    from polyglass.explorer.export import export_page
    from polyglass.explorer.refusal import RefusedError
    from polyglass.files import write_atomically

    text = arguments.text or explorer.subjects["a"].examples[0]
    asked = {"model": "a", "text": text, "target": arguments.target, "beam_size": arguments.beam_size}
    beside = [name for name in explorer.subjects if name != "a"]
    try:
        page = export_page(explorer, read_request(RunRequest, json.dumps(asked).encode()), beside=beside)
    except RefusedError as error:
        raise InputError(str(error)) from None
    write_atomically(arguments.export, page)
    print(f"{visible(str(arguments.export))}: {len(page) / 1e6:.1f} MB; it opens in any browser, without a network.")
    return 0


def _serve(arguments: argparse.Namespace, explorer: "Explorer") -> int:
    from polyglass.explorer.server import Server

    state = {"text": arguments.text, "target": arguments.target, "beam": arguments.beam_size}
    state |= {"model_b": "b"} if arguments.model_b else {}
    query = urlencode({name: value for name, value in state.items() if value}, errors="replace")

    def opened() -> None:
        with suppress(OSError):  # whoever read our output has left; the page goes on
            print(f"Opened. For another browser: {server.url(query)}", flush=True)

    with Server(explorer, arguments.port, on_exchange=opened) as server:
        url = server.url(query)
        print(f"{url}\nOpen this address in a browser of this machine; it opens once. Ctrl-C ends it.", flush=True)
        if not arguments.no_browser and _has_screen():
            webbrowser.open(url)
        try:
            server.serve_forever()
        except KeyboardInterrupt:  # the way to leave; there is nothing to save
            print(file=sys.stderr)
    return 0


def _has_screen() -> bool:
    """Whether a browser with windows can be opened; one in the terminal would take the terminal away."""
    if sys.platform in ("win32", "darwin"):
        return True
    return any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"))


def _port(text: str) -> int:
    number = int(text)
    if not 0 <= number < 65536:
        raise ValueError(text)
    return number


def _beam_size(text: str) -> int:
    number = int(text)
    if not 1 <= number <= 16:
        raise ValueError(text)
    return number


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number
