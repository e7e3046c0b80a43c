"""Codes of languages: each habit of writing them leads to the loaded model, and no further."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyglass.serving.detection import Detector, Guess, has_words, or_unknown
from polyglass.serving.languages import (
    UNKNOWN,
    deepl_source,
    deepl_targets,
    fold,
    for_libretranslate,
    is_code,
    name_of,
)
from polyglass.serving.models import Shelf
from serving_live import StandIn


@pytest.mark.parametrize(
    ("code", "known", "meant"),
    [
        ("en", ["de", "en"], "en"),
        ("EN", ["en"], "en"),
        ("en-GB", ["en"], "en"),
        ("EN_us", ["en"], "en"),
        ("de-AT-1996", ["de"], "de"),
        ("en", ["en-GB"], "en-GB"),
        ("pt-BR", ["pt", "pb"], "pb"),
        ("pt-BR", ["pt"], "pt"),
        ("pt-PT", ["pt", "pt-BR"], "pt"),
        ("zh-Hans", ["zh"], "zh"),
        ("zh-CN", ["zh-Hans"], "zh-Hans"),
        ("zh-TW", ["zh", "zt"], "zt"),
        ("zh-Hant", ["zh", "zt"], "zt"),
        ("zt", ["zh-TW"], "zh-TW"),
        ("nb", ["no"], "no"),
        ("iw", ["he"], "he"),
        ("tl", ["fil"], "fil"),
        ("ja", ["en", "de"], None),
        ("e", ["en"], None),
        ("english", ["en"], None),
        ("", ["en"], None),
    ],
)
def test_a_code_means_the_nearest_loaded_language(code: str, known: list[str], meant: str | None) -> None:
    assert fold(code, known) == meant


@given(st.text(max_size=12), st.lists(st.sampled_from(["en", "de", "pt-BR", "zh", "zt", "nb"]), max_size=6))
def test_whatever_is_asked_for_only_a_loaded_language_is_found(code: str, known: list[str]) -> None:
    assert fold(code, known) in {*known, None}


@pytest.mark.parametrize(
    ("code", "good"), [("en", True), ("pt-BR", True), ("e", False), ("en us", False), ("en\n", False)]
)
def test_what_looks_like_a_code(code: str, good: bool) -> None:
    assert is_code(code) is good


def test_languages_have_english_names() -> None:
    names = [name_of(code) for code in ("en", "DE", "pt-BR", "zh-Hant", "tlh", "csb")]
    assert names == ["English", "German", "Portuguese", "Chinese (traditional)", "tlh", "Kashubian"]


def test_the_codes_of_other_dialects() -> None:
    assert [for_libretranslate(code) for code in ("zh", "zt", "pb", "de")] == ["zh-Hans", "zh-Hant", "pt-BR", "de"]
    assert [deepl_source(code) for code in ("zt", "pb", "en-GB", "de")] == ["ZH", "PT", "EN", "DE"]
    codes = [code for target in ("en", "pt", "pb", "de", "zt") for code, _ in deepl_targets(target)]
    assert codes == ["EN-GB", "EN-US", "PT-BR", "PT-PT", "PT-BR", "DE", "ZH-HANT"]


LOADED = ["en", "de", "zh"]


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector()


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("How are you today?", "en"),
        ("Guten Morgen, wie geht es dir?", "de"),
        ("今天天气很好，我们去公园吧。", "zh"),
        ("Bonjour, comment allez-vous aujourd'hui ?", UNKNOWN),
        ("12:30 -- 100 %", UNKNOWN),
        ("🎉", UNKNOWN),
        ("", UNKNOWN),
    ],
)
def test_the_language_of_a_text_is_told_among_those_that_are_loaded(
    detector: Detector, text: str, language: str
) -> None:
    ranked = detector.rank(text, LOADED)
    assert (or_unknown(ranked[0]).language if ranked else UNKNOWN) == language


@given(st.text(max_size=60))
def test_guesses_are_probabilities_best_first_of_loaded_languages(detector: Detector, text: str) -> None:
    guesses = detector.rank(text, LOADED)
    assert not guesses or sum(guess.confidence for guess in guesses) == pytest.approx(1)
    assert guesses == sorted(guesses, key=lambda guess: -guess.confidence)
    assert {guess.language for guess in guesses} <= {"en", "de", "zh"}
    assert has_words(text) or not guesses


def test_a_language_that_the_detector_does_not_know_does_no_harm(detector: Detector) -> None:
    assert detector.rank("How are you today?", ["en", "tlh"]) == [Guess("en", 1.0)]


def test_a_guess_that_is_no_better_than_a_coin_is_none(detector: Detector) -> None:
    ranked = detector.rank("Hi", ["en", "de"])
    assert [guess.confidence for guess in ranked] == [0.5, 0.5]
    assert ranked[0].language == "en"  # the first one that is loaded
    assert or_unknown(ranked[0]).language == UNKNOWN


def test_a_third_language_is_taken_only_where_no_model_leads() -> None:
    direct, first, second = StandIn("en", "fr"), StandIn("en", "de"), StandIn("de", "fr")
    assert Shelf([first, second]).route("en", "fr") == (first, second)
    assert Shelf([first, second, direct]).route("en", "fr") == (direct,)
    assert Shelf([first, second]).route("fr", "en") == ()
    assert Shelf([first, StandIn("de", "en")]).route("en", "en") == ()
    assert Shelf([first, second]).reachable("en") == ["de", "fr"]


def test_of_two_models_for_one_pair_the_first_is_taken() -> None:
    one, other = StandIn("en", "de"), StandIn("en", "de")
    assert Shelf([one, other]).route("en", "de") == (one,)
