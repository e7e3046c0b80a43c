"""Numbers, placeholders and tags that match, and those that do not; text that was encoded twice."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyglass.data.exam_contents import find_mismatches, numbers_differ
from polyglass.data.letters import characters
from polyglass.data.mojibake import mend, suspects


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("It costs 1,000 dollars.", "Es kostet 1.000 Dollar."),
        ("10,000 people", "10 000 Menschen"),
        ("1234", "1.234"),
        ("At 6 p.m.", "Um 18 Uhr"),
        ("At 4:30 p.m.", "Um 16:30 Uhr"),
        ("2.00 euros", "2 Euro"),
        ("Two dogs", "2 Hunde"),
        ("500 yen", "fünfhundert Yen"),
        ("On 3 May 2001", "2001 am 3. Mai"),
        ("Version ٣", "Version 3"),
        ("no number", "keine Zahl"),
    ],
)
def test_numbers_that_are_the_same_pass(source: str, target: str) -> None:
    assert not numbers_differ(source, target)


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("Version 2.4", "Version 2.5"),
        ("12 dogs", "21 Hunde und 3 Katzen"),
        ("In 1954", "Im Jahr"),
        ("X11R6", "X11R7"),
        ("5 and 6", "5 und 7"),
    ],
)
def test_other_numbers_are_found(source: str, target: str) -> None:
    assert numbers_differ(source, target)


@pytest.mark.parametrize(
    ("source", "target", "differ"),
    [
        ("Hello {name}!", "Hallo {name}!", False),
        ("Hello {name}!", "Hallo {nom}!", True),
        ("<b>Save</b>", "<b>Sichern</b>", False),
        ("<b>Save</b>", "<b>Sichern", True),
        ("%d files", "%s Dateien", True),
        ("%1$s of %2$s", "%2$s von %1$s", False),
        ("50 % off", "50% billiger", False),
        ("costs $5", "kostet 5 $", False),
        ("a < b", "a ist kleiner als b", False),
    ],
)
def test_placeholders_and_tags_are_compared(source: str, target: str, *, differ: bool) -> None:
    texts = ["plain", source], ["schlicht", target]
    _, tags = find_mismatches([characters(side) for side in texts], texts)
    assert tags == ([1] if differ else [])


@given(st.text(alphabet=st.characters(codec="utf-8", categories=("L", "P", "N", "Zs")), max_size=30))
def test_what_was_encoded_twice_comes_back(text: str) -> None:
    text = f"{text} für"
    broken = text.encode("utf-8").decode("latin-1")
    if mend(text) == text:
        assert mend(broken) == text
        assert suspects(characters(["a", broken])) == [1]


@pytest.mark.parametrize(
    ("broken", "whole"),
    [
        ("Grüße".encode().decode("cp1252", "replace"), "Grüße"),
        ("fÃ¼r â€žSieâ€œ", "für „Sie“"),
        ("ÃƒÂ¼ber", "über"),
        ("Ð¿Ñ€Ð¸Ð²ÐµÑ‚", "привет"),
        ("привет, мир".encode().decode("cp1251"), "привет, мир"),
        ("日本語".encode().decode("latin-1"), "日本語"),
    ],
)
def test_mojibake_is_mended(broken: str, whole: str) -> None:
    assert mend(broken) == whole


@pytest.mark.parametrize(
    "text", ["„FUß“", "«É» È", "SÃO PAULO", "Â, â €5, Ã bien", "Рік", "РАБОТА", "für", "ÄÖÜ", "naïve – »ja«"]
)
def test_text_that_only_looks_odd_stays(text: str) -> None:
    assert mend(text) == text
