"""HTML by construction: text is escaped unless it is `Html`, so that no sentence of a corpus can become markup."""

import html
from collections.abc import Iterable
from typing import TypeAlias

from polyglass.training.wording import visible


class Html(str):
    """Text that is markup already; only `tag`, `join` and constants of our own make it."""

    __slots__ = ()


Child: TypeAlias = "Html | str | int"


def text(value: str | int) -> Html:
    """Escape a text for element content and attributes; control characters become symbols."""
    return value if isinstance(value, Html) else Html(html.escape(visible(str(value)), quote=True))


def tag(name: str, *children: Child, **attributes: str | int | float | None) -> Html:
    """Return one element. `class_` and `aria_label` are written class and aria-label; None leaves an attribute out."""
    spelled = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{html.escape(visible(str(value)), quote=True)}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Html(f"<{name}{spelled}>{''.join(map(text, children))}</{name}>")


def join(parts: Iterable[Html], between: str = "") -> Html:
    """Put elements beside each other."""
    return Html(text(between).join(parts))


def sentence(value: str, language: str | None = None) -> Html:
    """Return a sentence of a corpus, which brings its own writing direction and does not turn its neighbours round."""
    return tag("bdi", value, dir="auto", lang=language or None)
