"""Tags and placeholders go where their neighbours went."""

import pytest

from polyglass.text.parts import Output, Rules, take_apart
from polyglass.text.units import belonging, units_of


def aligned(text: str, source: str, links: str) -> Output:
    """Return an output whose words looked at words of the source: links is a list like "0-1 1-0" (target-source)."""
    words, others = text.split(), source.split()
    table = [[0.0] * (len(others) + 1) for _ in (*words, "</s>")]
    for link in links.split():
        target, place = map(int, link.split("-"))
        table[target][place] = 1.0
    return Output(text, [*(f"▁{word}" for word in words), "</s>"], [*(f"▁{word}" for word in others), "</s>"], table)


@pytest.mark.parametrize(
    ("text", "output", "links", "made"),
    [
        ("a <b>red</b> house", "eine casa rossa", "0-0 1-2 2-1", "eine casa <b>rossa</b>"),
        ("<b>a red</b> house", "x y z", "0-2 1-1 2-0", "x <b>y z</b>"),
        ("a <b>red <i>big</i></b> house", "w x y z", "0-3 1-2 2-1 3-0", "w <b><i>x</i> y</b> z"),
        ("a <b>b</b> <i>c</i> d", "w x y z", "0-0 1-2 2-1 3-3", "w <i>x</i> <b>y</b> z"),
        ("one <x/>two three", "x y z", "0-1 1-0 2-2", "<x/>x y z"),
        ("one two<x/> three", "x y z", "0-1 1-0 2-2", "x<x/> y z"),
        ("<b>one two</b>", "x", "0-0", "<b>x</b>"),
        ("one <b></b> two", "x y", "0-0 1-1", "x <b></b>y"),
    ],
)
def test_a_tag_goes_with_its_words(text: str, output: str, links: str, made: str) -> None:
    parts = take_apart(text, kind="xml", rules=Rules(splitting_tags=frozenset()))
    assert parts.put_together([aligned(output, parts.sentences[0], links)]) == made


@pytest.mark.parametrize(
    ("text", "output", "links", "made"),
    [
        ("Open %s now", "Öffne jetzt", "0-0 1-1", "Öffne %s jetzt"),
        ("%d files", "Dateien", "0-0", "%d Dateien"),
        ("Hello %s!", "Hallo !", "0-0 1-0", "Hallo %s!"),
        ("page {n} of {m}", "Seite von", "0-0 1-1", "Seite {n} von {m}"),
        ("C++ and %s", "C++ und", "0-0 1-1", "C++ und %s"),
    ],
)
def test_a_placeholder_goes_between_its_neighbours(text: str, output: str, links: str, made: str) -> None:
    parts = take_apart(text)
    assert parts.put_together([aligned(output, parts.sentences[0], links)]) == made


def test_a_row_sums_to_one_and_bytes_make_letters() -> None:
    source, target = units_of("caf\xe9 now"), units_of("Caf\xe9 jetzt")
    pieces = ["▁Caf", "<0xC3>", "<0xA9>", "▁jetzt", "</s>"]
    table = [[1, 0, 0], [1, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]]
    rows = belonging(source, target, pieces, ["▁caf\xe9", "▁now", "</s>"], table)
    assert [round(sum(row), 9) for row in rows] == [1, 1]
    assert rows[0][0] > 0.9
    assert rows[1][1] > 0.9


def test_pieces_that_do_not_spell_the_text_are_stretched_over_it() -> None:
    source, target = units_of("ﬁne day"), units_of("sch\xf6ner Tag")
    rows = belonging(
        source, target, ["▁schoe", "ner", "▁Tag"], ["▁fi", "ne", "▁day"], [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
    )
    assert rows[0][0] > 0.9
    assert rows[1][1] > 0.9


def test_scripts_without_spaces_are_cut_into_characters() -> None:
    assert len(units_of("これは犬")) == 4
    assert len(units_of("don't stop, it's 3.5!")) == 8
    parts = take_apart("A <b>dog</b>", kind="xml")
    source = ["▁A", "▁dog"]
    output = Output("犬が", ["▁犬", "が"], source, [[0, 1], [1, 0]])
    assert parts.put_together([output]) == "<b>犬</b>が"
