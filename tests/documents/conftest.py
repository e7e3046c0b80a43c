"""What the tests of this room share: a stand-in for a model."""

from collections.abc import Callable

import pytest

from polyglass.documents.document import Finished
from polyglass.documents.parse import parse_document
from polyglass.text.parts import Output, Rules

Translate = Callable[..., Finished]


@pytest.fixture
def translated() -> Translate:
    """Return a function that "translates" a file into capitals."""

    def run(content: bytes | str, name: str, *, overwrite: bool = False, longest: int = 500) -> Finished:
        document = parse_document(content.encode() if isinstance(content, str) else content, name)
        work = document.begin(
            source_lang="en", target_lang="de", overwrite=overwrite, longest=longest, rules=Rules(split="always")
        )
        return work.finish([Output(sentence.upper()) for sentence in work.sentences])

    return run
