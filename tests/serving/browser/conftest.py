"""One server and one browser for all tests of the page; a fresh window for each, in which nothing may go wrong."""

from collections.abc import Iterator
from typing import Any

import pytest

from chromium import running_browser
from serving_live import Live, StandIn, live
from translate_page import Backwards, Watched, watched_page


@pytest.fixture(scope="module")
def server() -> Iterator[Live]:
    """English to German and back, and from German on to French and Hebrew."""
    french, hebrew = StandIn("de", "fr", lambda text: f"«{text}»"), StandIn("en", "he", lambda text: "שלום עולם")
    with live(Backwards("en", "de"), Backwards("de", "en"), french, hebrew, max_characters=3000) as one:
        yield one


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium."""
    with running_browser() as running:
        yield running


@pytest.fixture
def watched(browser: Any, server: Live) -> Iterator[Watched]:
    """A window of 1280 pixels, from English to German."""
    with watched_page(browser, server, address="#source=en&target=de") as page:
        yield page
        assert page.faults == []
