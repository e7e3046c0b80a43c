"""Write what documentation takes from the code: `python docs/make_reference.py`.

A page is a function that returns Markdown, with one line in PAGES. `tests/architecture/test_reference.py` fails when
a page on disk is not what the code says.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import get_args

from polyglass.config import Config
from polyglass.options import Option, options_of, sections_of, show_bare
from polyglass.presets import PRESETS
from polyglass.serving.settings import serve_options

ROOT = Path(__file__).resolve().parent.parent
NOTE = "<!-- Written by docs/make_reference.py from the code. Do not edit. -->"


def options_page() -> str:
    """Every option and every preset."""
    lines = [
        NOTE,
        "# Options",
        "",
        "An option is named `section.field`. It can be set in five places; a later one wins:",
        "",
        "1. the default below,",
        "2. a preset: `--preset tiny`,",
        "3. a TOML file: `--config my.toml`, with `dropout = 0.2` below a line `[model]`,",
        "4. the environment: `POLYGLASS_MODEL_DROPOUT=0.2`,",
        "5. a flag: `--set model.dropout=0.2`.",
        "",
        "`polyglass config show --origin` shows each value and where it came from. "
        "`none` means that the value is chosen when training starts.",
        "",
    ]
    for section in sections_of(Config):
        lines += [f"## {section}", "", f"{_meaning(section)}", ""]
        lines += ["| Option | Default | Allowed | Meaning |", "|---|---|---|---|"]
        lines += [_row(option) for option in options_of(Config).values() if option.section == section]
        lines += [""]
    return "\n".join([*lines, *_presets()])


def _meaning(section: str) -> str:
    annotation = Config.model_fields[section].annotation
    return " ".join((kind.__doc__ or "").partition("\n")[0] for kind in get_args(annotation) or (annotation,))


def _row(option: Option) -> str:
    families = f" (only {', '.join(option.families)})" if option.families else ""
    cells = (f"`{option.name}`", f"`{option.default_words}`", option.rule, option.meaning + families)
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _presets() -> Iterator[str]:
    yield from ("## Presets", "")
    for name, preset in PRESETS.items():
        yield from (f"### {name}", "", f"{preset.description}.", "")
        for head, options in (("", preset.options), ("For `rnn`, `gru` and `lstm`: ", preset.recurrent)):
            if options:
                yield from (head + ", ".join(f"`{option}={show_bare(value)}`" for option, value in options.items()), "")


def serve_page() -> str:
    """Every setting of the server."""
    lines = [
        NOTE,
        "# Settings of `polyglass serve`",
        "",
        "Each can be set by a variable of the environment, or on the command line, which wins: "
        "`--set serve.max_beam=8`. [How to serve](../how-to/serve.md) says what they are for.",
        "",
        "| Setting | Default | Allowed | Meaning | Variable |",
        "|---|---|---|---|---|",
    ]
    for option in serve_options().values():
        lines.append(f"{_row(option).replace('| `` |', '| empty |')} `{option.variable}` |")
    return "\n".join([*lines, ""])


PAGES: Mapping[str, Callable[[], str]] = {
    "docs/reference/options.md": options_page,
    "docs/reference/serve.md": serve_page,
}


def main() -> None:
    """Write all pages."""
    for name, page in PAGES.items():
        path = ROOT / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(page(), encoding="utf-8", newline="\n")
        print(path)


if __name__ == "__main__":
    main()
