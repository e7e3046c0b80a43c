"""What is a placeholder and what only looks like one."""

import time

import pytest

from polyglass.text.codes import find_codes
from polyglass.text.icu import branches, matching_brace


def codes(text: str, *, icu: bool = False) -> list[str]:
    return [text[code.start : code.end] for code in find_codes(text, icu=icu)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("%s %d %1$s %-10s %.2f %5.1lf %@ %(name)s %ld %c", "%s %d %1$s %-10s %.2f %5.1lf %@ %(name)s %ld %c"),
        ("%{count} %<name>s %1 %L2 %n %user% %%", "%{count} %<name>s %1 %L2 %n %user% %%"),
        ("{} {0} {name} {0:N2} {user.name} {x!r} {{x}} {{ x | upper }} {{{y}}}",) * 2,
        ("${x} ${a.b} $t(key) #{x} @{x} $name [[link]]",) * 2,
        ("<%= x %> {% trans 'x' %} {# note #}",) * 2,
        ("{n, number, integer} {d, date, short} {n, plural, one {# dog} other {# dogs}}",) * 2,
        ("{g, select, male {He {x}} female {She} other {They}}",) * 2,
        ("see https://a.b/c?d=e#f, or http://x.y. Or www.a.org!", "https://a.b/c?d=e#f http://x.y www.a.org"),
        ("(https://a.b/c) mailto:a@b.de a.b+c@d-e.org.", "https://a.b/c mailto:a@b.de a.b+c@d-e.org"),
        (
            "ABC-1234 COVID-19 RTX4090 v1.2.3 192.168.0.1 0xFF 2024-01-31 1234567",
            "ABC-1234 COVID-19 RTX4090 v1.2.3 192.168.0.1 0xFF 2024-01-31 1234567",
        ),
        ("/usr/bin/env ~/a/b C:\\temp\\x.txt", "/usr/bin/env ~/a/b C:\\temp\\x.txt"),
        ("a\\nb &nbsp; &#160;", "\\n &nbsp; &#160;"),
        ("50%d 5%s", "%d %s"),
        ("%s%d{a}{b}", "%s %d {a} {b}"),
    ],
)
def test_placeholders_are_found(text: str, found: str) -> None:
    assert " ".join(codes(text)) == found


@pytest.mark.parametrize(
    "text",
    [
        "100% sure, 5% discount, 50 % of it, 100%important",
        "{hello world} { } {a b c} {",
        "1st 2nd 3D 1990s 10am mp3 T-shirt and/or 24/7 AT&T R&D",
        "$5 US$ 5$ a@b @name #1 e.g. i.e. U.S. 3.5 1,234.50 12:30",
        "it's 'quoted' {it's",
        "a < b > c & d",
    ],
)
def test_ordinary_text_is_left_alone(text: str) -> None:
    assert codes(text) == []


def test_the_number_sign_counts_only_in_a_plural() -> None:
    assert codes("# dogs") == []
    assert codes("# dogs", icu=True) == ["#"]


@pytest.mark.parametrize(
    ("message", "texts"),
    [
        ("{n, plural, one {# dog} other {# dogs}}", ["# dog", "# dogs"]),
        ("{n,plural,offset:1 =0{none}=1{one}other{more}}", ["none", "one", "more"]),
        ("{a, select, x {{b, plural, other {c}}} other {}}", ["{b, plural, other {c}}", ""]),
        ("{n, selectordinal, one {#st} other {#th}}", ["#st", "#th"]),
        ("{n, plural, other {it''s '{'x'}'}}", ["it''s '{'x'}'"]),
        ("{n, plural}", None),
        ("{n, plural, }", None),
        ("{n, plural, one {a} x}", None),
        ("{n, number}", None),
        ("{n, plural, one {a}} b", None),
        ("{n, plural, one {a}", None),
    ],
)
def test_branches_of_a_message(message: str, texts: list[str] | None) -> None:
    found = branches(message)
    assert (None if found is None else [message[one.start : one.end] for one in found]) == texts


def test_braces_match_near_by_or_not_at_all() -> None:
    assert matching_brace("{a {b} c} d", 0) == 9
    assert matching_brace("{" * 50 + "}" * 50, 0) == 0
    assert matching_brace("{" + "x" * 30_000 + "}", 0) == 0


@pytest.mark.parametrize(
    "text",
    [
        *("{" * 100_000, "%" * 100_000, "a.b@" * 30_000, "http://" * 20_000, "A1-" * 40_000, "/a" * 50_000),
        *("1." * 50_000, "<%" * 50_000, "'{" * 50_000, "{n, plural, a {" * 8000, "\\" * 100_000, "aA1" * 40_000),
    ],
    ids=lambda text: text[:8],
)
@pytest.mark.timeout(90)
def test_hostile_text_takes_time_that_grows_with_its_length_only(text: str) -> None:
    began = time.process_time()
    list(find_codes(text))
    assert time.process_time() - began < 5
