"""The page to translate on in a real browser: what somebody who uses it sees, types, hears and downloads."""

import json
from pathlib import Path
from typing import Any

import pytest

from explorer_site import axe_findings
from polyglass.serving.keys import new_key, read_keys
from serving_files import FILES, send
from serving_live import Live, StandIn, live, tiny_model
from translate_page import READY, Backwards, Watched, watched_page

TEXT = "A maybe dog unlikely runs"
TRANSLATED = "RUNS UNLIKELY DOG MAYBE A"


def api(server: Live, text: str) -> Any:
    return server.translate(text, n_best=4, **{"return": ["scores", "tokens", "alignment"]})["translations"][0]


# --- translating


def test_what_is_typed_is_translated_after_a_pause_and_not_at_each_key(watched: Watched) -> None:
    watched.page.locator("#source").press_sequentially(TEXT, delay=5)
    watched.wait_for(TRANSLATED)
    assert watched.asked.count("/v1/translate") <= 2
    watched.type("")
    watched.wait_for("")


def test_an_older_answer_never_takes_the_place_of_a_newer_one(browser: Any, server: Live) -> None:
    # Requests cannot be called off here, so the old answer really comes, after the new one.
    never = "AbortController.prototype.abort = () => {};"
    with watched_page(browser, server, address="#source=en&target=de", scripts=[never]) as watched:
        held: list[Any] = []
        watched.page.route("**/v1/translate", lambda route: held.append(route) if not held else route.continue_())
        watched.type("the old text")
        watched.page.wait_for_function("() => document.querySelector('.busy').hidden === false", timeout=READY)
        watched.type("the new text")
        watched.wait_for("TEXT NEW THE")
        with watched.page.expect_response("**/v1/translate"):
            held[0].continue_()
        watched.page.wait_for_timeout(100)
        assert watched.translation() == "TEXT NEW THE"
        assert watched.faults == []


def test_a_request_for_a_text_that_was_given_up_is_called_off(watched: Watched) -> None:
    failed: list[str] = []
    watched.page.on("requestfailed", lambda request: failed.append(str(request.failure)))
    held: list[Any] = []
    watched.page.route("**/v1/translate", lambda route: held.append(route) if not held else route.continue_())
    watched.type("the old text")
    watched.page.wait_for_function("() => document.querySelector('.busy').hidden === false", timeout=READY)
    watched.type("the new text")
    watched.wait_for("TEXT NEW THE")
    assert len(failed) == 1
    assert "ERR_ABORTED" in failed[0]


def test_a_long_text_comes_sentence_by_sentence_with_its_layout(watched: Watched) -> None:
    text = "\n\n".join(f"This is line {number} of a text. It goes on." for number in range(50))
    watched.type(text)
    watched.wait_for("\n\n".join(f"TEXT. A OF {number} LINE IS THIS ON. GOES IT" for number in range(50)))
    assert "/v1/translate/stream" in watched.asked
    assert "/v1/translate" not in watched.asked
    others = watched.page.locator(".other")
    assert others.count() == 0 or not others.first.is_visible()  # below so long a text nobody would find them
    watched.page.locator(".word").nth(2).click()
    watched.page.wait_for_selector(".other", timeout=READY)
    assert others.first.text_content() == "TEXT. A OF 0 LINE IS THIS"
    box, height = others.first.bounding_box(), watched.page.viewport_size["height"]
    assert 0 <= box["y"] < height


def test_markup_in_a_text_stays_text_on_both_sides(browser: Any, server: Live) -> None:
    text = '<script>alert(1)</script> <img src=x onerror="alert(2)"> & dog'
    with watched_page(browser, server, address="#source=en&target=de") as watched:
        watched.page.on("dialog", lambda dialog: watched.faults.append("a dialog"))
        watched.type(text)
        watched.page.wait_for_selector("#translation .sentence", timeout=READY)
        assert "<script>ALERT(1)</script>" in watched.translation()
        assert watched.page.locator(".other").count() > 1
        assert watched.page.locator("main script, main img").count() == 0
        assert watched.faults == []


# --- languages


def test_the_pair_stands_in_the_address_and_is_remembered(watched: Watched) -> None:
    page = watched.page
    assert page.locator("#to option").all_text_contents() == ["French", "German", "Hebrew"]
    page.select_option("#to", "fr")
    assert page.url.endswith("#source=en&target=fr")
    page.goto(f"{watched.server.url}/?again")
    page.wait_for_selector('body[data-ready="true"]')
    assert (page.input_value("#from"), page.input_value("#to")) == ("en", "fr")


def test_swapping_turns_the_translation_into_the_text(watched: Watched) -> None:
    watched.type("dog runs")
    watched.wait_for("RUNS DOG")
    watched.page.get_by_role("button", name="Swap the languages").click()
    watched.wait_for("DOG RUNS")
    assert watched.page.input_value("#source") == "RUNS DOG"
    assert (watched.page.input_value("#from"), watched.page.input_value("#to")) == ("de", "en")


def test_the_detected_language_is_shown_and_can_be_swapped(browser: Any, server: Live) -> None:
    with watched_page(browser, server, address="#source=auto&target=de") as watched:
        swap = watched.page.get_by_role("button", name="Swap the languages")
        assert swap.is_disabled()
        watched.type("The small dog runs over the green meadow")
        watched.page.wait_for_function("() => document.getElementById('detected').textContent", timeout=READY)
        assert "English detected" in watched.page.locator("#detected").inner_text()
        swap.click()
        assert (watched.page.input_value("#from"), watched.page.input_value("#to")) == ("de", "en")
        assert watched.faults == []


def test_a_way_through_a_third_language_is_said(watched: Watched) -> None:
    watched.page.select_option("#to", "fr")
    watched.type("dog runs")
    watched.wait_for("«RUNS DOG»")
    assert "Translated through German" in watched.page.locator(".route").inner_text()


def test_a_language_from_right_to_left_is_set_so(watched: Watched) -> None:
    watched.page.select_option("#to", "he")
    watched.type("hello world")
    watched.wait_for("שלום עולם")
    assert watched.page.evaluate("getComputedStyle(document.getElementById('translation')).direction") == "rtl"
    assert watched.page.locator("#translation").get_attribute("lang") == "he"


# --- words


def test_pointing_at_a_word_lights_the_counterpart_that_the_alignment_names(watched: Watched) -> None:
    watched.type(TEXT)
    watched.wait_for(TRANSLATED)
    best = api(watched.server, TEXT)["sentences"][0]["candidates"][0]
    for number, row in enumerate(best["alignment"]):
        watched.page.locator(".word").nth(number).hover()
        counterpart = TEXT.split()[row.index(max(row))]
        assert watched.lit("source") == [counterpart]
        assert f"“{TRANSLATED.split()[number]}” comes from “{counterpart}”" in watched.page.inner_text(".about")


def test_pointing_at_a_word_of_the_text_lights_what_it_became(watched: Watched) -> None:
    watched.type(TEXT)
    watched.wait_for(TRANSLATED)
    box = watched.page.locator(".mirror span").nth(2).bounding_box()
    watched.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    assert (watched.lit("source"), watched.lit("target")) == (["dog"], ["DOG"])
    watched.page.focus("#source")
    watched.page.keyboard.press("Control+Home")
    watched.page.wait_for_function("() => document.querySelector('#translation .lit')?.textContent === 'A'")


def test_words_that_the_model_was_less_sure_of_are_underlined_and_it_can_be_switched_off(watched: Watched) -> None:
    watched.type(TEXT)
    watched.wait_for(TRANSLATED)
    line = "e => getComputedStyle(e).textDecorationStyle + ' ' + getComputedStyle(e).textDecorationLine"
    styles = {word.text_content(): word.evaluate(line) for word in watched.page.locator(".word").all()}
    assert styles["UNLIKELY"] == "wavy underline"
    assert styles["MAYBE"] == "dotted underline"
    assert styles["DOG"] == "solid none"
    watched.page.locator(".word", has_text="MAYBE").hover()
    assert "35" in watched.page.inner_text(".about")
    box = watched.page.get_by_label("Underline what the model was less sure of")
    box.uncheck()
    assert watched.page.locator(".word", has_text="UNLIKELY").evaluate(line) == "solid none"
    watched.page.reload()
    watched.page.wait_for_selector('body[data-ready="true"]')
    assert not box.is_checked()


def test_an_alternative_takes_its_place_in_the_translation(watched: Watched) -> None:
    watched.type("A dog. The cat runs.")
    watched.wait_for("DOG. A RUNS. CAT THE")
    others = watched.page.locator(".other")
    assert others.all_text_contents() == ["DOG. A", *[f"DOG. A ({rank})" for rank in (1, 2, 3)]]
    watched.page.locator(".word", has_text="CAT").click()
    assert others.first.text_content() == "RUNS. CAT THE"
    others.nth(2).click()
    watched.wait_for("DOG. A RUNS. CAT THE (2)")
    assert [one.get_attribute("aria-pressed") for one in others.all()] == ["false", "false", "true", "false"]
    watched.page.get_by_role("button", name="Copy the translation").click()
    assert watched.page.evaluate("navigator.clipboard.readText()") == "DOG. A RUNS. CAT THE (2)"


def test_everything_is_done_with_the_keyboard_alone(watched: Watched) -> None:
    keys = watched.page.keyboard
    assert watched.page.evaluate("document.activeElement.id") == "source"
    keys.type("A dog. The cat runs.")
    keys.press("Control+Enter")
    watched.wait_for("DOG. A RUNS. CAT THE")
    keys.press("Alt+w")
    assert watched.lit("target") == ["DOG"]
    keys.press("End")
    assert (watched.lit("target"), watched.lit("source")) == (["THE"], ["The"])
    assert "comes from “The”" in watched.page.inner_text("#live")
    keys.press("ArrowLeft")
    assert watched.lit("target") == ["CAT"]
    keys.press("Enter")
    keys.press("Tab")
    keys.press("Enter")
    watched.wait_for("DOG. A RUNS. CAT THE (1)")
    keys.press("Alt+c")
    watched.page.wait_for_function("() => document.getElementById('live').textContent === 'Copied.'")
    assert watched.page.evaluate("navigator.clipboard.readText()") == "DOG. A RUNS. CAT THE (1)"
    keys.press("Escape")
    assert watched.page.evaluate("document.activeElement.id") == "source"
    keys.press("Alt+s")
    assert watched.page.input_value("#from") == "de"
    watched.page.get_by_role("button", name="Keys and help").press("Enter")
    assert watched.page.locator("dialog kbd").count() > 8
    keys.press("Escape")
    watched.page.wait_for_selector("dialog", state="detached")


def test_each_stop_of_the_tab_key_can_be_seen(watched: Watched) -> None:
    watched.type(TEXT)
    watched.wait_for(TRANSLATED)
    look = """() => {
        const at = document.activeElement;
        const shown = (one) => {
            const style = getComputedStyle(one);
            return style.outlineStyle !== "none" || style.boxShadow !== "none";
        };
        const places = [at, at.closest(".pane-source"), at.nextElementSibling].filter(Boolean);
        return [at.id || at.className || at.tagName, places.some(shown)];
    }"""
    watched.page.evaluate("document.activeElement.blur()")
    seen = {}
    for _ in range(22):
        watched.page.keyboard.press("Tab")
        name, visible = watched.page.evaluate(look)
        seen[name] = visible
    assert {"from", "to", "source", "translation", "file", "other", "link see"} <= seen.keys()
    assert [name for name, visible in seen.items() if not visible and name != "BODY"] == []


# --- files


def test_files_come_back_as_the_api_gives_them(browser: Any, tmp_path: Path) -> None:
    with live(StandIn("en", "de")) as server, watched_page(browser, server, address="#source=en&target=de") as watched:
        for name, (content, expected) in FILES.items():
            _drop(watched, name, content)
            link = watched.page.get_by_role("link", name=f"Save {name.replace('.', '.de.')}")
            with watched.page.expect_download(timeout=READY) as caught:
                link.click(timeout=READY)
            saved = tmp_path / name
            caught.value.save_as(saved)
            assert caught.value.suggested_filename == name.replace(".", ".de.")
            assert saved.read_bytes() == _by_api(server, name, content.encode())
            assert expected in saved.read_text(encoding="utf-8")
        assert watched.faults == []


def _by_api(server: Live, name: str, content: bytes) -> bytes:
    answer = send(server, "/translate_file", name, content, source="en", target="de")
    return server.get(answer.json["translatedFileUrl"].removeprefix(server.url)).body


def _drop(watched: Watched, name: str, content: str) -> None:
    transfer = watched.page.evaluate_handle(
        """([name, content]) => {
            const all = new DataTransfer();
            all.items.add(new File([content], name));
            return all;
        }""",
        [name, content],
    )
    for event in ("dragenter", "dragover", "drop"):
        watched.page.dispatch_event("main", event, {"dataTransfer": transfer})


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.exe", "A", "Files with .exe cannot be translated."),
        ("a.txt", "", "The file is empty."),
        ("a.xliff", "<xliff", "xliff"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_beside_it(watched: Watched, name: str, content: str, said: str) -> None:
    _drop(watched, name, content)
    failed = watched.page.locator('.files li[data-state="failed"]')
    failed.wait_for(timeout=READY)
    assert said in failed.inner_text()
    failed.get_by_role("button", name="Remove").click()
    assert watched.page.locator(".files li").count() == 0


# --- limits and failures


def test_too_long_a_text_is_said_before_it_is_sent(watched: Watched) -> None:
    watched.type("dog " * 760)
    assert "3,040 of 3,000 characters: 40 too many" in watched.page.inner_text("#count")
    watched.page.wait_for_timeout(400)
    assert not [one for one in watched.asked if one.startswith("/v1/translate")]


def _refuse(watched: Watched, status: int, code: str, message: str, **headers: str) -> list[int]:
    """Let the first translation fail; return a list that grows with each request."""
    count: list[int] = []
    body = json.dumps({"error": {"code": code, "message": message, "hint": "", "request_id": "x"}})

    def answer(route: Any) -> None:
        count.append(1)
        if len(count) == 1:
            route.fulfill(status=status, headers={"Content-Type": "application/json", **headers}, body=body)
        else:
            route.continue_()

    watched.page.route("**/v1/translate", answer)
    return count


@pytest.mark.parametrize(("status", "code"), [(429, "too_busy"), (503, "draining")])
def test_a_busy_server_is_asked_again_when_it_says_so(watched: Watched, status: int, code: str) -> None:
    count = _refuse(watched, status, code, "busy", **{"Retry-After": "1"})
    watched.type("dog runs")
    said = watched.notice()
    assert "The server is" in said
    assert "Next try in 1 second." in said
    watched.wait_for("RUNS DOG")
    assert len(count) == 2
    assert watched.page.locator(".notice").is_hidden()


def test_an_unknown_failure_is_shown_in_the_servers_words(watched: Watched) -> None:
    _refuse(watched, 422, "no_route", "No loaded model leads from en to de.")
    watched.type("dog runs")
    assert "No loaded model leads from en to de." in watched.notice()


def test_a_server_that_is_gone_is_said_and_found_again(watched: Watched) -> None:
    watched.page.context.set_offline(True)
    watched.type("dog runs")
    assert "offline" in watched.notice()
    watched.page.context.set_offline(False)
    watched.wait_for("RUNS DOG")


def test_a_key_is_asked_for_where_the_server_wants_one_and_never_in_the_address(browser: Any, tmp_path: Path) -> None:
    key = new_key(tmp_path / "keys", "me")
    ring = read_keys(tmp_path / "keys")
    with live(Backwards(), keys=ring) as server, watched_page(browser, server) as watched:
        page = watched.page
        page.fill("#key", "pg_wrong")
        page.get_by_role("button", name="Use it").click()
        assert "not known here" in watched.notice()
        page.fill("#key", key)
        page.get_by_role("button", name="Use it").click()
        page.wait_for_function("() => document.querySelectorAll('#to option').length > 0", timeout=READY)
        watched.type("dog runs")
        watched.wait_for("RUNS DOG")
        assert not [one for one in watched.asked if key in one]
        assert page.evaluate("Object.values(localStorage).join()").find(key) == -1
        assert page.evaluate("sessionStorage.getItem('polyglass.key')") == key
        assert watched.faults == []


def test_no_key_is_asked_for_where_none_is_wanted(watched: Watched) -> None:
    assert watched.page.locator("#key").is_hidden()


# --- seeing through it


def test_the_link_opens_the_explorer_at_the_sentence(browser: Any) -> None:
    from polyglass.cli.serve import Explorers
    from polyglass.serving.models import Shelf

    shelf = Shelf([tiny_model()])
    with (
        Explorers(shelf) as explorers,
        live(*shelf.models, explore=explorers.url) as server,
        watched_page(browser, server, address="#source=en&target=de") as watched,
    ):
        watched.type("The dog runs.")
        watched.page.wait_for_selector(".see:not([hidden])", timeout=READY)
        with watched.page.context.expect_page() as opened:
            watched.page.locator(".see").click()
        explorer = opened.value
        explorer.wait_for_selector('body[data-ready="true"]', timeout=READY)
        assert explorer.locator("textarea").first.input_value() == "The dog runs."
        assert "token" not in explorer.url
        assert "beam=4" in explorer.url  # the model's own, with which the translation was found
        assert watched.faults == []


def test_without_an_explorer_the_link_says_how_to_start_one(watched: Watched) -> None:
    watched.type("dog runs")
    watched.wait_for("RUNS DOG")
    watched.page.locator(".see").click()
    assert watched.page.inner_text("dialog pre") == 'polyglass explore en-de --text "dog runs"'
    assert "/v1/explore" not in watched.asked


# --- looks


@pytest.mark.parametrize("width", [360, 1920])
def test_nothing_is_wider_than_the_window(browser: Any, server: Live, width: int) -> None:
    with watched_page(browser, server, width=width, address="#source=auto&target=de") as watched:
        wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert watched.page.evaluate(wide) <= 0
        watched.type(f"The dog sees {'w' * 200} and runs over the meadow")
        watched.page.wait_for_selector(".other", timeout=READY)
        _drop(watched, f"{'n' * 120}.exe", "A")
        watched.page.wait_for_selector('.files li[data-state="failed"]')
        assert watched.page.evaluate(wide) <= 0
        watched.page.keyboard.press("Escape")
        watched.page.get_by_role("button", name="Keys and help").click()
        assert watched.page.evaluate(wide) <= 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(browser: Any, server: Live, scheme: str) -> None:
    with watched_page(browser, server, scheme=scheme, address="#source=en&target=de") as watched:
        assert axe_findings(watched.page) == []
        _refuse(watched, 422, "no_route", "No loaded model leads there.")
        watched.type(f"{TEXT} once more. And another sentence.")
        watched.notice()
        _drop(watched, "a.exe", "A")
        watched.page.wait_for_selector('.files li[data-state="failed"]')
        assert axe_findings(watched.page) == []
        watched.type(f"{TEXT}. And another sentence.")
        watched.page.wait_for_selector(".other", timeout=READY)
        watched.page.locator(".word").first.hover()
        assert axe_findings(watched.page) == []
        watched.page.get_by_role("button", name="Keys and help").click()
        assert axe_findings(watched.page) == []


def test_the_switch_of_the_looks_is_remembered(watched: Watched) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    light = watched.page.evaluate(ground)
    watched.page.get_by_role("button", name="Dark or light").click()
    dark = watched.page.evaluate(ground)
    watched.page.reload()
    watched.page.wait_for_selector('body[data-ready="true"]')
    assert watched.page.evaluate(ground) == dark != light


def test_nothing_moves_where_the_user_wants_less_motion(watched: Watched) -> None:
    moving = """() => [...document.querySelectorAll("*")]
        .flatMap((one) => ["", "::after"].map((part) => getComputedStyle(one, part)))
        .filter((style) => parseFloat(style.transitionDuration) > 0 || style.animationName !== "none").length"""
    watched.page.evaluate("document.querySelector('.busy').hidden = false")
    assert watched.page.evaluate(moving) == 0
