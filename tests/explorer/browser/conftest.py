"""One server and one browser for all tests here; a fresh window for each, in which nothing may go wrong."""

from collections.abc import Iterator
from typing import Any

import pytest

from chromium import running_browser
from explorer_site import Site, Watched, running_site, watched_page


@pytest.fixture(scope="session")
def site() -> Iterator[Site]:
    """Toy models behind a port of this machine."""
    with running_site() as running:
        yield running


@pytest.fixture(scope="module")  # not for the whole session: one process may drive one browser at a time
def browser() -> Iterator[Any]:
    """Chromium."""
    with running_browser() as running:
        yield running


@pytest.fixture
def watched(browser: Any, site: Site) -> Iterator[Watched]:
    """A window of 1280 pixels; the test fails if the page logged an error or asked for anything elsewhere."""
    with watched_page(browser, site) as page:
        yield page
        assert page.faults == []
