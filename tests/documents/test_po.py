"""Catalogues of gettext: plurals, contexts, fuzzy and obsolete entries, and lines as gettext writes them."""

import gettext
from collections.abc import Callable

import polib
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from translate.storage.pypo import pofile

from polyglass.data.formats.po_entries import escape, read_entries, unescape
from polyglass.documents.document import Finished
from polyglass.documents.parse import parse_document
from polyglass.documents.plurals import read_plurals
from polyglass.documents.po import quote
from polyglass.errors import DataError

Translate = Callable[..., Finished]
HEADER = (
    'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=UTF-8\\n"\n"Language: de\\n"\n'
    '"Plural-Forms: nplurals=2; plural=(n != 1);\\n"\n\n'
)


def test_an_empty_message_is_filled_and_marked(translated: Translate) -> None:
    made = translated(HEADER + '# note\n#: a.c:1\nmsgctxt "menu"\nmsgid "Open %s"\nmsgstr ""\n', "a.po")
    expected = '# note\n#: a.c:1\n#, fuzzy\nmsgctxt "menu"\nmsgid "Open %s"\nmsgstr "OPEN %s"\n'
    assert made.content.decode() == HEADER + expected


@pytest.mark.parametrize(
    ("entry", "changed"),
    [
        ('#, c-format\nmsgid "a"\nmsgstr ""', '#, fuzzy, c-format\nmsgid "a"\nmsgstr "A"'),
        ('#, fuzzy\nmsgid "a"\nmsgstr "b"', None),
        ('msgid "a"\nmsgstr "b"', None),
        ('#~ msgid "a"\n#~ msgstr ""', None),
        ('msgid ""\n"one\\n"\n"two"\nmsgstr ""', '#, fuzzy\nmsgid ""\n"one\\n"\n"two"\nmsgstr ""\n"ONE\\n"\n"TWO"'),
        ('msgid "a\\n"\nmsgstr ""', '#, fuzzy\nmsgid "a\\n"\nmsgstr "A\\n"'),
        ('msgid "say \\"a\\"\\tb"\nmsgstr ""', '#, fuzzy\nmsgid "say \\"a\\"\\tb"\nmsgstr "SAY \\"A\\"\\tB"'),
        ('msgid "%d"\nmsgstr ""', '#, fuzzy\nmsgid "%d"\nmsgstr "%d"'),
    ],
)
def test_what_becomes_of_an_entry(translated: Translate, entry: str, changed: str | None) -> None:
    made = translated(f"{HEADER}{entry}\n", "a.po").content.decode()
    assert made == f"{HEADER}{entry if changed is None else changed}\n"


def test_a_plural_gets_each_of_its_forms(translated: Translate) -> None:
    entry = 'msgid "a dog"\nmsgid_plural "%d dogs"\nmsgstr[0] "{}"\nmsgstr[1] "{}"\n'
    assert translated(HEADER + entry.format("", ""), "a.po").content.decode().endswith(entry.format("A DOG", "%d DOGS"))
    assert translated(HEADER + entry.format("x", ""), "a.po").content.decode().endswith(entry.format("x", "%d DOGS"))


def test_the_rule_of_the_language_says_which_form_is_the_singular(translated: Translate) -> None:
    rule = "nplurals=6; plural=(n==0 ? 0 : n==1 ? 1 : n==2 ? 2 : n%100>=3 && n%100<=10 ? 3 : n%100>=11 ? 4 : 5);"
    forms = "".join(f'msgstr[{number}] ""\n' for number in range(6))
    header = HEADER.replace("nplurals=2; plural=(n != 1);", rule)
    made = translated(f'{header}msgid "dog"\nmsgid_plural "dogs"\n{forms}', "a.po").content.decode()
    assert [one.msgstr_plural for one in polib.pofile(made)] == [
        {0: "DOGS", 1: "DOG", 2: "DOGS", 3: "DOGS", 4: "DOGS", 5: "DOGS"}
    ]


RULES = [
    "n != 1",
    "0",
    "n>1",
    "n%10==1 && n%100!=11 ? 0 : n%10>=2 && n%10<=4 && (n%100<10 || n%100>=20) ? 1 : 2",
    "(n==1) ? 0 : (n>=2 && n<=4) ? 1 : 2",
    "n==0 ? 0 : n==1 ? 1 : n==2 ? 2 : n%100>=3 && n%100<=10 ? 3 : n%100>=11 ? 4 : 5",
    "(n%10!=1) + 2*(n>5) - n/100",
]


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_means_what_it_means_to_python_s_own_gettext(rule: str) -> None:
    _, ours = read_plurals(f"nplurals=9; plural={rule};")
    theirs = gettext.c2py(rule)
    assert [ours(n) for n in range(250)] == [min(8, max(0, theirs(n))) for n in range(250)]


@pytest.mark.parametrize(
    "header",
    [
        *("", "nplurals=2", "nplurals=0; plural=0;", "nplurals=99; plural=0;", "nplurals=2; plural=n!;"),
        *("nplurals=2; plural=__import__('os');", "nplurals=2; plural=n ? 1;"),
        "nplurals=2; plural=" + "(" * 300 + ";",
    ],
)
def test_a_rule_that_is_none_is_refused(header: str) -> None:
    with pytest.raises(DataError, match=r"^Plural-Forms "):
        read_plurals(header)


@given(st.text())
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_string_survives_quotes(text: str) -> None:
    assert unescape(escape(text)) == text


@given(st.text(st.sampled_from('ab "\\\n\tä犬'), min_size=1, max_size=300), st.sampled_from([0, 80]))
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_what_is_quoted_reads_the_same_in_polib(text: str, width: int) -> None:
    quoted = quote(text, used=7, width=width, line_end="\n")
    file = polib.pofile(f'{HEADER}msgid "x"\nmsgstr {quoted}\n')
    assert file[0].msgstr == text
    assert [entry.forms[0].text for entry in read_entries(f'msgid "x"\nmsgstr {quoted}\n', "a.po")] == [text]


def test_long_lines_are_broken_as_in_the_file(translated: Translate) -> None:
    long = "word " * 30 + "end"
    made = translated(f'{HEADER}msgid ""\n"{long[:70]}"\n"{long[70:140]}"\n"{long[140:]}"\nmsgstr ""\n', "a.po").content
    assert max(map(len, made.decode().splitlines())) <= 80
    made = translated(f'{HEADER}msgid "{long}"\nmsgstr ""\n', "a.po").content.decode()
    assert f'msgstr "{long.upper()}"' in made


def test_carriage_returns_stay(translated: Translate) -> None:
    text = f'{HEADER}msgid "a\\nb"\nmsgstr ""\n'.replace("\n", "\r\n")
    made = translated(text, "a.po").content.decode()
    assert made.count("\n") == made.count("\r\n")
    assert made.endswith('#, fuzzy\r\nmsgid "a\\nb"\r\nmsgstr ""\r\n"A\\n"\r\n"B"\r\n')


def test_another_encoding_stays_and_what_it_lacks_is_refused(translated: Translate) -> None:
    text = HEADER.replace("UTF-8", "ISO-8859-1") + 'msgid "\xe4 {}"\nmsgstr ""\n'
    assert 'msgstr "Ä B"'.encode("latin-1") in translated(text.format("b").encode("latin-1"), "a.po").content
    with pytest.raises(DataError, match=r"which iso8859-1 cannot write\. Convert the file first: iconv -f iso8859-1"):
        translated(text.format("\xff").encode("latin-1"), "a.po")


def test_another_library_reads_what_was_written(translated: Translate) -> None:
    made = translated(f'{HEADER}#, c-format\nmsgid "Hello"\nmsgstr ""\n', "a.po").content
    unit = pofile.parsestring(made).units[1]
    assert (str(unit.target), unit.isfuzzy(), unit.hastypecomment("c-format")) == ("HELLO", True, True)


@pytest.mark.parametrize("line", ["msgid a", "hello", '"text"', 'msgid "a', 'msgstr[x] "a"', 'msgid "a" "b"'])
def test_a_broken_line_is_named(line: str) -> None:
    with pytest.raises(DataError, match=r"^a\.po:7: a line must be a comment, or msgid"):
        parse_document(f"{HEADER}{line}\n".encode(), "a.po")
