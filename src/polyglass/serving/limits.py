"""What one request may ask for at most, checked before anything is computed."""

from collections.abc import Sequence

from polyglass.config import ServeConfig
from polyglass.serving.models import Wishes
from polyglass.serving.refusals import bad_field, too_large


def check_texts(texts: Sequence[str], config: ServeConfig) -> None:
    """Raise Refusal (413) if there are too many texts or characters."""
    if len(texts) > config.max_texts:
        raise too_large(
            f"A request may hold {config.max_texts:,} texts, but this one holds {len(texts):,}.",
            hint="Send them in several requests.",
        )
    characters = sum(map(len, texts))
    if characters > config.max_characters:
        raise too_large(
            f"A request exceeds text limit ({config.max_characters:,} characters): it has {characters:,}.",
            hint="Send it in parts.",
        )


def check_search(wishes: Wishes, config: ServeConfig) -> None:
    """Raise Refusal (422) if the search would be too wide."""
    for name, value in (("beam", wishes.beam), ("n_best", wishes.n_best)):
        if value is not None and value > config.max_beam:
            raise bad_field(f"{name}: must be at most {config.max_beam}, but it is {min(value, 10**9)}.")
