"""Train your own translator, and see through it.

from polyglass import Translator
print(Translator.load("en-de").translate(["Good morning."])[0].text)

The names are loaded when first used, so that `polyglass --help` does not wait for torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from polyglass._version import __version__
from polyglass.errors import PolyglassError

if TYPE_CHECKING:
    from polyglass.run.train import train
    from polyglass.translator import Candidate, Trace, Translation, Translator

__all__ = ["Candidate", "PolyglassError", "Trace", "Translation", "Translator", "__version__", "train"]

_HOMES = {
    "Candidate": "polyglass.translator",
    "Trace": "polyglass.translator",
    "Translation": "polyglass.translator",
    "Translator": "polyglass.translator",
    "train": "polyglass.run.train",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'polyglass' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
