"""What HTML's elements are to a translator: a block, a word in a line, nothing to read (HTML Living Standard, §4)."""

import re

_BLOCKS = """
    address article aside audio base blockquote body br canvas caption center col colgroup dd details dialog dir div
    dl dt fieldset figcaption figure footer form frame frameset h1 h2 h3 h4 h5 h6 head header hgroup hr html iframe
    legend li link main math menu meta nav noframes noscript object ol optgroup option p param pre script search
    section select style summary svg table tbody td template textarea tfoot th thead title tr track ul video
"""
_VOID = "area base br col embed hr img input link meta param source track wbr"
_UNREAD = "script style svg math pre code kbd samp var object canvas iframe noframes"
BLOCKS, VOID, UNREAD = frozenset(_BLOCKS.split()), frozenset(_VOID.split()), frozenset(_UNREAD.split())
RAW = frozenset(["script", "style"])  # nothing inside them is a tag
_TEXT_ATTRIBUTES = frozenset(["alt", "title", "placeholder", "aria-label", "aria-description", "aria-placeholder"])
_ATTRIBUTE = re.compile(r"""([^\s"'<>/=]{1,100})\s*=\s*(?:"([^"]*)"|'([^']*)')""")
_NOT_TRANSLATED = re.compile(
    r"""(?i)(?:^|\s)(?:translate\s*=\s*["']?no\b
    |class\s*=\s*(?:"[^"]*\bnotranslate\b|'[^']*\bnotranslate\b|notranslate\b))""",
    re.VERBOSE,
)
_META = re.compile(
    r"""(?i)\b(?:name|property)\s*=\s*["']?(?:description|keywords|(?:og|twitter):(?:title|description))\b"""
)
_BUTTON = re.compile(r"""(?i)\btype\s*=\s*["']?(?:submit|button|reset)\b""")


def is_unread(name: str, attributes: str) -> bool:
    """True if what an element holds is not for reading, or is marked as not to be translated."""
    return name in UNREAD or _NOT_TRANSLATED.search(attributes) is not None


def attribute_spans(name: str, tag: str, start: int) -> tuple[tuple[int, int], ...]:
    """Return where in a tag the values stand that are text for people. start: where its attributes begin."""
    if "=" not in tag:
        return ()
    spans = []
    for found in _ATTRIBUTE.finditer(tag, start):
        attribute = found[1].lower()
        is_text = (
            attribute in _TEXT_ATTRIBUTES
            or (name == "meta" and attribute == "content" and _META.search(tag))
            or (name == "input" and attribute == "value" and _BUTTON.search(tag))
            or (name in ("track", "optgroup", "option") and attribute == "label")
        )
        span = found.span(2) if found[2] is not None else found.span(3)
        if is_text and tag[span[0] : span[1]].strip():
            spans.append(span)
    return tuple(spans)
