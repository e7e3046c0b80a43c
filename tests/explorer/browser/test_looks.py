"""How the page stands on screens of all sizes: nothing runs out of the window, and axe-core finds nothing serious."""

from typing import Any

import pytest

from explorer_site import Site, Watched, axe_findings, watched_page

VIEWS = {
    **{str(number): f"stage={number}&model=pre&level=detail&i=1&step=1&beam=3" for number in range(1, 7)},
    "3 rotary": "stage=3&model=rotary",
    "3 none": "stage=3&model=none",
    "3 learned": "stage=3&model=learned&level=detail",
    **{f"{number}R": f"stage={number}R&model=gru&level=debug&i=1" for number in (4, 5, 6, 8)},
    "two models": "stage=4&model=pre&model_b=lstm",
    "experiment": 'stage=3&model=pre&edits=[{"kind":"positions_off","side":"both"}]',
    "tables": "stage=5&model=post&level=debug&table=1",
}
WIDTHS = (360, 768, 1280, 1920)


@pytest.fixture(scope="module", params=WIDTHS)
def sized(request: pytest.FixtureRequest, browser: Any, site: Site) -> Any:
    with watched_page(browser, site, width=request.param) as watched:
        yield watched
        assert watched.faults == []


@pytest.fixture(scope="module", params=["light", "dark"])
def coloured(request: pytest.FixtureRequest, browser: Any, site: Site) -> Any:
    with watched_page(browser, site, scheme=request.param) as watched:
        yield watched


@pytest.mark.parametrize("view", [*VIEWS, *[f"all {number}" for number in range(7, 15)]])
def test_nothing_is_wider_than_the_window(sized: Watched, view: str) -> None:
    state = VIEWS.get(view, f"stage={view.removeprefix('all ')}&model=pre&level=detail")
    sized.open(state, target="")
    assert sized.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
    # Whatever sticks out does so inside something that scrolls.
    outside = """() => [...document.querySelectorAll("#view *, #panel *, .top *")].filter((element) => {
        const box = element.getBoundingClientRect();
        if (!box.width || box.right <= innerWidth + 1 || element.closest(".unseen")) return false;
        for (let up = element.parentElement; up; up = up.parentElement) {
            if (/auto|scroll|hidden/.test(getComputedStyle(up).overflowX)) return false;
        }
        return true;
    }).map((element) => `${element.tagName}.${element.className}`)"""
    assert sized.page.evaluate(outside) == []


@pytest.mark.parametrize("view", VIEWS)
def test_axe_finds_nothing_serious(coloured: Watched, view: str) -> None:
    coloured.open(VIEWS[view], target="")
    assert axe_findings(coloured.page) == []


def test_axe_finds_nothing_serious_on_a_telephone(browser: Any, site: Site) -> None:
    with watched_page(browser, site, width=360, scheme="dark") as watched:
        for view in ("1", "5", "6R"):
            watched.open(VIEWS[view], target="")
            watched.page.locator(".stage-fold").click()
            assert axe_findings(watched.page) == [], view


@pytest.mark.parametrize("view", VIEWS)
def test_every_picture_has_a_name_a_sentence_and_a_table(sized: Watched, view: str) -> None:
    sized.open(f"{VIEWS[view]}&table=1".replace("table=1&table=1", "table=1"), target="")
    figures = sized.page.locator("figure[data-figure]")
    for index in range(figures.count()):
        figure = figures.nth(index)
        assert figure.locator("h2, h3").first.inner_text().strip()
        assert figure.locator("table").count() == 1
        name = figure.get_attribute("data-figure")
        said = figure.locator("> .summary, > .note").all_inner_texts()
        assert "".join(said).strip() or name == "merges", name
        assert "{" not in "".join(said), name
        assert "stage." not in figure.inner_text(), name


def test_motion_stops_where_the_user_wants_less_of_it(coloured: Watched) -> None:
    coloured.open("stage=6&model=pre", target="")
    moving = """() => [...document.querySelectorAll("*")].filter((element) => {
        const style = getComputedStyle(element);
        return parseFloat(style.transitionDuration) > 0 || style.animationName !== "none";
    }).map((element) => element.className)"""
    assert [name for name in coloured.page.evaluate(moving) if name != "view"] == []
