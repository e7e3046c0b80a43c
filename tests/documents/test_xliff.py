"""XLIFF 1.2, 2.x and Trados' kind of it: what is empty is filled and marked, what is done stays."""

from collections.abc import Callable

import pytest
from translate.storage.xliff import xlifffile
from translate.storage.xliff2 import Xliff2File

from polyglass.documents.document import Finished
from polyglass.documents.parse import parse_document
from polyglass.errors import DataError

Translate = Callable[..., Finished]
HEAD_1 = (
    '<?xml version="1.0"?>\n<xliff version="1.2" xmlns="urn:oasis:names:tc:xliff:document:1.2">'
    '<file original="a" source-language="en" target-language="de" datatype="plaintext"><body>'
)
TAIL_1 = "</body></file></xliff>\n"
HEAD_2 = '<xliff xmlns="urn:oasis:names:tc:xliff:document:2.0" version="2.1" srcLang="en"><file id="f"><unit id="u">'
TAIL_2 = "</unit></file></xliff>"
MACHINE = 'state="needs-review-translation" state-qualifier="leveraged-mt"'


def body_1(unit: str) -> str:
    return HEAD_1 + unit + TAIL_1


@pytest.mark.parametrize(
    ("unit", "changed"),
    [
        ("<source>A</source>", f"<source>A</source><target {MACHINE}>A</target>"),
        ("\r\n  <source>Hi</source>\r\n", f"\r\n  <source>Hi</source>\r\n  <target {MACHINE}>HI</target>\r\n"),
        ("<source>Hi</source><target/>", f"<source>Hi</source><target {MACHINE}>HI</target>"),
        ("<source>Hi</source><target />", f"<source>Hi</source><target {MACHINE}>HI</target>"),
        ("<source>Hi</source><target> </target>", f"<source>Hi</source><target {MACHINE}>HI</target>"),
        ("<source>Hi</source><target state='new'>Hi</target>", None),
        ("<source>Hi</source><target>Hallo</target>", "<source>Hi</source><target>Hallo</target>"),
        (
            "<source>a &lt; b &amp; c</source>",
            f"<source>a &lt; b &amp; c</source><target {MACHINE}>A &lt; B &amp; C</target>",
        ),
        ("<source/>", "<source/>"),
    ],
)
def test_a_target_is_made_filled_or_kept(translated: Translate, unit: str, changed: str | None) -> None:
    made = translated(body_1(f'<trans-unit id="1">{unit}</trans-unit>'), "a.xlf").content.decode()
    if changed is None:
        changed = (
            "<source>Hi</source><target state='needs-review-translation' state-qualifier=\"leveraged-mt\">HI</target>"
        )
    assert made == body_1(f'<trans-unit id="1">{changed}</trans-unit>')


def test_overwrite_changes_what_is_translated_but_not_what_is_approved(translated: Translate) -> None:
    units = (
        '<trans-unit id="1"><source>Hi</source><target>Hallo</target></trans-unit>'
        '<trans-unit id="2" approved="yes"><source>Hi</source><target>Hallo</target></trans-unit>'
        '<group translate="no"><trans-unit id="3"><source>Hi</source></trans-unit></group>'
    )
    finished = translated(body_1(units), "a.xlf", overwrite=True)
    assert finished.content.decode() == body_1(units.replace("<target>Hallo", f"<target {MACHINE}>HI", 1))
    assert (finished.report.filled, dict(finished.report.skipped)) == (
        1,
        {"approved": 1, "marked as not to be translated": 1},
    )


def test_alternative_translations_are_no_sources(translated: Translate) -> None:
    alternative = "<alt-trans><source>C</source><target>D</target></alt-trans>"
    unit = f'<trans-unit id="1"><source>A b</source>{alternative}</trans-unit>'
    made = translated(body_1(unit), "a.xlf").content.decode()
    assert made == body_1(unit.replace("</source><alt", f"</source><target {MACHINE}>A B</target><alt"))


def test_segments_of_a_unit_are_translated_one_by_one(translated: Translate) -> None:
    unit = (
        '<trans-unit id="1"><source>One. Two.</source><seg-source><mrk mid="0" mtype="seg">One.</mrk> '
        '<mrk mid="1" mtype="seg">Two.</mrk></seg-source>{}</trans-unit>'
    )
    target = f'<target {MACHINE}><mrk mid="0" mtype="seg">ONE.</mrk> <mrk mid="1" mtype="seg">TWO.</mrk></target>'
    assert translated(body_1(unit.format("")), "a.xlf").content.decode() == body_1(unit.format(target))
    half = '<target><mrk mid="0" mtype="seg">Eins.</mrk> <mrk mid="1" mtype="seg"/></target>'
    full = f'<target {MACHINE}><mrk mid="0" mtype="seg">Eins.</mrk> <mrk mid="1" mtype="seg">TWO.</mrk></target>'
    assert translated(body_1(unit.format(half)), "a.xlf").content.decode() == body_1(unit.format(full))


def test_trados_is_told_in_its_own_words(translated: Translate) -> None:
    sdl = 'xmlns:sdl="http://sdl.com/FileTypes/SdlXliff/1.0"'
    unit = (
        '<trans-unit id="1"><source>A</source><seg-source><mrk mtype="seg" mid="{0}">A</mrk></seg-source>'
        '<target><mrk mtype="seg" mid="{0}"/></target><sdl:seg-defs><sdl:seg id="{0}"{1}/></sdl:seg-defs></trans-unit>'
    )
    file = body_1(unit.format(1, "") + unit.format(2, ' locked="true"') + unit.format(3, ' conf="ApprovedSignOff"'))
    file = file.replace("<xliff ", f"<xliff {sdl} ")
    finished = translated(file, "a.sdlxliff")
    made = finished.content.decode()
    assert '<mrk mtype="seg" mid="1">A</mrk></target>' in made
    assert '<sdl:seg id="1" conf="Draft" origin="mt"/>' in made
    assert dict(finished.report.skipped) == {"locked": 1, "approved": 1}


def test_a_segment_of_version_2_names_language_and_state(translated: Translate) -> None:
    made = translated(f"{HEAD_2}<segment><source>A <pc id='1'>b</pc></source></segment>{TAIL_2}", "a.xlf").content
    state = 'state="translated" subState="polyglass:machine"'
    assert made.decode() == (
        f"{HEAD_2}<segment {state}><source>A <pc id='1'>b</pc></source>"
        f"<target>A <pc id='1'>B</pc></target></segment>{TAIL_2}"
    ).replace('srcLang="en"', 'srcLang="en" trgLang="de"')


@pytest.mark.parametrize(
    ("attributes", "filled"),
    [("", 0), (' state="initial"', 1), (' state="translated"', 0), (' state="final"', 0)],
)
def test_only_an_initial_target_of_version_2_counts_as_empty(
    translated: Translate, attributes: str, filled: int
) -> None:
    head = HEAD_2.replace('srcLang="en"', 'srcLang="en" trgLang="de"')
    file = f"{head}<segment{attributes}><source>A</source><target>B</target></segment>{TAIL_2}"
    assert translated(file, "a.xliff").report.filled == filled


def test_codes_of_both_versions_are_kept_with_what_they_hold(translated: Translate) -> None:
    source = 'A <bpt id="1">&lt;b></bpt>dog<ept id="1">&lt;/b></ept> and <ph id="2">{0}<sub>no</sub></ph> <x id="3"/>'
    made = translated(body_1(f'<trans-unit id="1"><source>{source}</source></trans-unit>'), "a.xlf").content.decode()
    for code in (
        '<bpt id="1">&lt;b></bpt>',
        '<ept id="1">&lt;/b></ept>',
        '<ph id="2">{0}<sub>no</sub></ph>',
        '<x id="3"/>',
    ):
        assert made.count(code) == 2
    source = (
        'A <sc id="1"/>dog<ec startRef="1"/> <ph id="2"/> <mrk id="m" translate="no">Polyglass</mrk> <cp hex="0007"/>'
    )
    made = translated(f"{HEAD_2}<segment><source>{source}</source></segment>{TAIL_2}", "a.xlf").content.decode()
    for code in (
        '<sc id="1"/>',
        '<ec startRef="1"/>',
        '<mrk id="m" translate="no">Polyglass</mrk>',
        '<cp hex="0007"/>',
    ):
        assert made.count(code) == 2


def test_a_prefix_for_the_namespace_is_followed(translated: Translate) -> None:
    file = (
        '<x:xliff xmlns:x="urn:oasis:names:tc:xliff:document:1.2" version="1.2"><x:file><x:body>'
        '<x:trans-unit id="1"><x:source>A <x:ph id="1">b</x:ph></x:source>'
        "<source>foreign</source></x:trans-unit></x:body></x:file></x:xliff>"
    )
    made = translated(file, "a.xlf").content.decode()
    assert f'<x:target {MACHINE}>A <x:ph id="1">b</x:ph></x:target><source>foreign</source>' in made


def test_line_breaks_are_kept_where_the_file_says_so(translated: Translate) -> None:
    unit = '<trans-unit id="1" xml:space="{}"><source>One\nline</source></trans-unit>'
    assert "<target" in (made := translated(body_1(unit.format("preserve")), "a.xlf").content.decode())
    assert ">ONE\nLINE</target>" in made
    assert ">ONE LINE</target>" in translated(body_1(unit.format("default")), "a.xlf").content.decode()


def test_another_library_reads_what_was_written(translated: Translate) -> None:
    unit = '<trans-unit id="1"><source>Hello <g id="1">big</g> world</source></trans-unit>'
    file = xlifffile.parsestring(translated(body_1(unit), "a.xlf").content)
    assert [(str(one.source), str(one.target)) for one in file.units] == [("Hello big world", "HELLO BIG WORLD")]
    assert file.units[0].isfuzzy()
    made = translated(f"{HEAD_2}<segment><source>Hello</source></segment>{TAIL_2}", "a.xlf").content
    assert [str(one.target) for one in Xliff2File.parsestring(made).units] == ["HELLO"]


def test_what_is_no_xliff_is_refused() -> None:
    with pytest.raises(DataError, match=r"^a\.xlf must be XLIFF, but its root element is <tmx>\."):
        parse_document(b"<tmx/>", "a.xlf")


def test_a_segment_in_another_language_than_its_file_is_left_alone_and_counted(translated: Translate) -> None:
    content = (
        '<xliff version="2.0" xmlns="urn:oasis:names:tc:xliff:document:2.0" srcLang="en" trgLang="de"><file id="f">'
        '<unit id="u"><segment><source xml:lang="ja">x</source></segment><segment><source xml:lang="EN">y</source>'
        '</segment></unit><unit id="v" xml:lang="fr"><segment><source>z</source></segment></unit></file></xliff>'
    )
    finished = translated(content, "a.xlf")
    assert (finished.report.filled, dict(finished.report.skipped)) == (
        1,
        {"its source is in 'ja', not in 'en'": 1, "its source is in 'fr', not in 'en'": 1},
    )
    assert finished.content.count(b"<target") == 1
