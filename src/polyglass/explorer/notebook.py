"""A model and a text in, the page inside a notebook out: a frame that holds the whole page and asks nobody."""

from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from threading import Lock

from polyglass.bundle import Bundle
from polyglass.explorer.ask import RunRequest
from polyglass.explorer.export import FILE_BYTES, export_page
from polyglass.explorer.look import Explorer
from polyglass.explorer.subject import Subject
from polyglass.files import write_atomically
from polyglass.translator import Translator

HEIGHT = 900  # pixels


@dataclass(frozen=True)
class Page:
    """A page that a notebook shows when it is the last value of a cell. html: the page, as one file."""

    html: bytes = field(repr=False)

    def save(self, path: str | Path) -> None:
        """Write the page to a file that opens in any browser."""
        write_atomically(Path(path), self.html)

    def _repr_html_(self) -> str:
        """Return a frame for Jupyter, Colab and VS Code. It may run scripts, and reach nothing outside itself."""
        page = escape(self.html.decode("utf-8"))
        return (
            f'<iframe srcdoc="{page}" sandbox="allow-scripts allow-downloads" title="polyglass" width="100%" '
            f'height="{HEIGHT}" style="border:0"></iframe>'
        )


def show(model: Translator | str | Path, text: str, *, target: str | None = None, beam_size: int | None = None) -> Page:
    """Return the page about one sentence, for a notebook or a file.

    model: a translator, or a model folder. target: the translation to look at; None: what the model writes, greedily
    unless a beam_size is given. Raises InputError if the text is empty or too long to look at.
    """
    translator = model if isinstance(model, Translator) else Translator.load(model)
    name = "model" if isinstance(model, Translator) else Path(model).resolve().name
    explorer = Explorer([_subject(translator.bundle, name)])
    request = RunRequest(model="a", text=text, target=target, beam_size=beam_size)
    return Page(export_page(explorer, request, limit=FILE_BYTES))


def _subject(bundle: Bundle, name: str) -> Subject:
    return Subject("a", name, bundle, lock=Lock())
