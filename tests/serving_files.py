"""Small files of several kinds with their translations into capitals, and how a form hands one in."""

from typing import Any

from serving_live import Live

FILES: dict[str, tuple[str, str]] = {
    "a.txt": ("A dog.\n\nTwo cats. Three.\n", "A DOG.\n\nTWO CATS. THREE.\n"),
    "a.html": (
        "<!doctype html><p class=x>A <b>dog</b>.</p><script>var dog;</script>\n",
        "<!doctype html><p class=x>A <b>DOG</b>.</p><script>var dog;</script>\n",
    ),
    "a.srt": (
        "1\n00:00:01,000 --> 00:00:02,000\nA dog.\n\n2\n00:00:03,000 --> 00:00:04,000\nA cat.\n",
        "1\n00:00:01,000 --> 00:00:02,000\nA DOG.\n\n2\n00:00:03,000 --> 00:00:04,000\nA CAT.\n",
    ),
    "a.tsv": ("A dog.\t\nA cat.\tKatze\n", "A dog.\tA DOG.\nA cat.\tKatze\n"),
    "a.po": ('msgid "A dog."\nmsgstr ""\n', 'msgstr "A DOG."'),
    "a.xliff": (
        '<?xml version="1.0"?><xliff version="1.2" xmlns="urn:oasis:names:tc:xliff:document:1.2">'
        '<file source-language="en" target-language="de" datatype="plaintext" original="a"><body>'
        '<trans-unit id="1"><source>A dog.</source></trans-unit></body></file></xliff>',
        ">A DOG.</target>",
    ),
}


def multipart(name: str, content: bytes, **fields: str) -> tuple[bytes, str]:
    parts = [f'--x\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n' for key, value in fields.items()]
    head = f'--x\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
    return "".join([*parts, head]).encode() + content + b"\r\n--x--\r\n", "multipart/form-data; boundary=x"


def send(server: Live, path: str, name: str, content: bytes, **fields: str) -> Any:
    body, kind = multipart(name, content, **fields)
    return server.post(path, body, content_type=kind)
