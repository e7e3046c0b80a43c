"""A misspelt name in, the nearest known one out; imports nothing heavy, so that the command line starts at once."""

from collections.abc import Iterable


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that looks most like `name`, or None where none does.

    A last part that is right counts most: "dropout" finds "model.dropout", "modle.dropout" too.
    """
    from difflib import get_close_matches  # costs milliseconds that only a mistake should pay

    names = list(known)
    last = name.rpartition(".")[2]
    same_end = [candidate for candidate in names if candidate.rpartition(".")[2] == last]
    found = get_close_matches(name, same_end, n=1, cutoff=0.0) or get_close_matches(name, names, n=1)
    if not found and "." not in name:
        ends = {candidate.rpartition(".")[2]: candidate for candidate in reversed(names)}
        found = [ends[end] for end in get_close_matches(name, ends, n=1)]
    return found[0] if found else None


def did_you_mean(name: str, known: Iterable[str], *, otherwise: str = "") -> str:
    """Return "; did you mean model.dropout?", or `otherwise` where nothing known looks like `name`."""
    found = nearest(name, known)
    return f"; did you mean {found}?" if found else otherwise
