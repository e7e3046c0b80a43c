"""A person at the terminal: type a sentence, read its translation."""

import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from polyglass.cli.main import visible
from polyglass.errors import PolyglassError

if TYPE_CHECKING:
    from polyglass.cli.translate_lines import Form
    from polyglass.translator import Translator


def converse(translator: "Translator", options: Mapping[str, Any], form: "Form", *, prefix: str | None) -> int:
    """Ask for sentences and translate them until the person leaves (Ctrl-D or Ctrl-C)."""
    with suppress(ImportError):  # gives the prompt a history and cursor keys; not on Windows
        import readline  # noqa: F401
    with suppress(AttributeError, ValueError):
        sys.stdin.reconfigure(encoding="utf-8", errors="replace")  # type: ignore[union-attr]
    bundle = translator.bundle
    print(f"{visible(bundle.source_lang)} to {visible(bundle.target_lang)}. One sentence a line; Ctrl-D leaves.")
    number = 0
    while True:
        try:
            text = input(f"{visible(bundle.source_lang)}> ")
        except (EOFError, KeyboardInterrupt):
            print()
            return 0
        if not text.strip():
            continue
        number += 1
        began = time.perf_counter()
        try:
            prefixes = None if prefix is None else [prefix]
            translation = translator.translate([text], prefix=prefixes, **options)[0]
        except KeyboardInterrupt:
            print()
            return 0
        except PolyglassError as error:
            print(f"polyglass: {visible(str(error))}", file=sys.stderr)
            continue
        print(visible(form.render(number, translation)))
        if translation.cut_tokens:
            print(f"(The sentence was too long: its last {translation.cut_tokens:,} subwords were not read.)")
        print(f"({time.perf_counter() - began:.2f} s)")
