"""`take_apart` and `put_together`: nothing is lost, whatever the model writes, and nothing is changed that it left."""

import re
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from polyglass.errors import InputError
from polyglass.text.parts import Kind, Method, Output, Parts, Rules, take_apart
from tag_trees import inventory, trees

WILD = st.text(st.sampled_from("ab .,<>/&;\"'%{}s1$\n\t=!-[]#é犬\u200d\u0301\ue000 b"), max_size=60)


def same(parts: Parts) -> list[Output]:
    return [Output(sentence) for sentence in parts.sentences]


def backwards(text: str) -> str:
    return " ".join(reversed(text.split()))


@st.composite
def outputs(draw: st.DrawFn, parts: Parts) -> list[Output]:
    """Draw what a bad model may write: other words, masks lost, doubled and swapped, any alignment."""
    made = []
    for sentence in parts.sentences:
        pieces = draw(st.permutations(re.findall(r"[\ue000-\ue00f]|\w+|\S", sentence)))
        strange = ["%s", "{name}", "%1$s", "https://example.org/a?b=1&c=2", "\x00", "\x1b", "\ufffe"]
        pieces += draw(st.lists(st.sampled_from(strange), max_size=2))
        pieces = pieces[: draw(st.integers(0, 12))] + draw(
            st.lists(st.sampled_from(["X", ".", "\ue000", "<", "&"]), max_size=3)
        )
        source = re.findall(r"\s*\S+", sentence)
        row = st.lists(st.floats(0, 1), min_size=len(source), max_size=len(source))
        alignment = draw(st.one_of(st.none(), st.lists(row, min_size=len(pieces), max_size=len(pieces))))
        made.append(
            Output(
                "".join(f" {piece}" for piece in pieces).strip(), [f"▁{piece}" for piece in pieces], source, alignment
            )
        )
    return made


@pytest.mark.parametrize("kind", ["plain", "html", "xml"])
@given(text=trees(), split=st.sampled_from(["needed", "always", "never"]), longest=st.integers(1, 60))
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_sentences_that_stay_as_they_are_give_the_text_back(kind: Kind, text: str, split: str, longest: int) -> None:
    rules = Rules(split=split, method="mask" if longest % 2 else "project")  # type: ignore[arg-type]
    parts = take_apart(text, kind=kind, language="en", longest=longest, rules=rules)
    assert parts.put_together(same(parts)) == text
    for sentence in parts.sentences:
        assert "\n" not in sentence
        assert sentence == sentence.strip() != ""


@pytest.mark.parametrize("kind", ["plain", "html"])
@given(text=WILD, longest=st.integers(1, 30))
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_text_comes_back_when_nothing_is_changed(kind: Kind, text: str, longest: int) -> None:
    parts = take_apart(text, kind=kind, longest=longest, rules=Rules(split="always"))
    assert parts.put_together(same(parts)) == text


@pytest.mark.parametrize("method", ["project", "mask", "mask_tags"])
@given(text=trees(), data=st.data())
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_xml_stays_well_formed_with_every_tag_and_placeholder_once_whatever_the_model_writes(
    method: Method, text: str, data: st.DataObject
) -> None:
    text = f"Word {text}"  # a text that is one plural and nothing else is translated inside
    parts = take_apart(text, kind="xml", language="en", longest=500, rules=Rules(method=method))
    made = parts.put_together(data.draw(outputs(parts)))
    etree.fromstring(f'<r xmlns:x="x">{made}</r>'.encode())
    assert inventory(made) == inventory(text)
    assert not re.search("[\ue000-\ue00f]", made)


@given(text=trees(empty=("<br>", "<img src='a.png'>", "<!-- c -->")), data=st.data())
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_html_keeps_every_tag_and_placeholder_once(text: str, data: st.DataObject) -> None:
    text = f"Word {text}"
    parts = take_apart(text, kind="html", language="en", longest=500)
    assert inventory(parts.put_together(data.draw(outputs(parts)))) == inventory(text)


@given(text=WILD, data=st.data())
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_tag_soup_keeps_all_its_tags(text: str, data: st.DataObject) -> None:
    parts = take_apart(text, kind="html", longest=500)
    empty = parts.put_together([Output("") for _ in parts.sentences])
    tags = re.findall(r"<b>|</b>|<a>|</a>|<s>|</s>", "".join(p for p in parts._pieces if isinstance(p, str)))
    assert Counter(tags) <= Counter(re.findall(r"</?[abs]>", empty))


@pytest.mark.parametrize(
    ("text", "kind", "sentences"),
    [
        ("Hello %s!\n\n  You have  %d new messages. ", "plain", ("Hello!", "You have new messages.")),
        ("<p>A <b>dog</b> runs\nhome.</p><p>Two</p>", "html", ("A dog runs home.", "Two")),
        ("One.<br>Two &lt; three &amp; four&nbsp;!", "html", ("One.", "Two < three & four !")),
        ("<script>var a = '<p>x</p>';</script><style>b {}</style><!-- no --><p>Yes</p>", "html", ("Yes",)),
        ('<p>Run <code>make it</code> <span translate="no">not me</span> now</p>', "html", ("Run now",)),
        ('<img alt="A dog" src="A dog.png"><input type="submit" value="Send">', "html", ("A dog", "Send")),
        ("Click <g id='1'>here</g> &#228; <ph id='2'/>now", "xml", ("Click here ä now",)),
        ("<![CDATA[<b>Bold</b> & more]]>", "xml", ("Bold & more",)),
        ("12.5 % — {name}: %s", "plain", ()),
        ("", "plain", ()),
        ("{n, plural, =0 {No dogs} one {# dog} other {# dogs}}", "plain", ("No dogs", "dog", "dogs")),
        ("You have {n, plural, one {<b>#</b> dog} other {# dogs}}.", "html", ("You have.",)),
    ],
)
def test_the_sentences_are_what_a_reader_reads(text: str, kind: Kind, sentences: tuple[str, ...]) -> None:
    assert take_apart(text, kind=kind, language="en", longest=500).sentences == sentences


@pytest.mark.parametrize(
    ("text", "kind", "translated"),
    [
        ("<p>A <b>dog</b> runs.</p>", "html", "<p>RUNS. <b>DOG</b> A</p>"),
        ("Red <i>and</i> 5 &lt; 7", "xml", "7 &lt; 5 <i>AND</i> RED"),
        ('<img alt="a &quot;b&quot; c">', "html", '<img alt="C &quot;B&quot; A">'),
        ("one (%s) two", "plain", "TWO (%s) ONE"),
    ],
)
def test_what_is_put_together_reads_as_a_person_would_write_it(text: str, kind: Kind, translated: str) -> None:
    parts = take_apart(text, kind=kind, language="en")
    assert parts.put_together([Output(backwards(one).upper()) for one in parts.sentences]) == translated


def test_a_model_that_writes_markup_cannot_make_any() -> None:
    parts = take_apart("<p title='a word'>Hello</p>", kind="html")
    made = parts.put_together([Output("' onclick='x"), Output("<script>&amp;")])
    assert made == "<p title='&#39; onclick=&#39;x'>&lt;script&gt;&amp;amp;</p>"
    cdata = take_apart("<![CDATA[Hello]]>", kind="xml")
    etree.fromstring(f"<r>{cdata.put_together([Output('a]]>b')])}</r>")
    plural = take_apart("{n, plural, other {dogs}}")
    assert plural.put_together([Output("l'{x y} #")]) == "{n, plural, other {l’(x y) }}"


def test_a_placeholder_that_the_model_invents_is_taken_out_and_said() -> None:
    assembled = take_apart("Hello you").assemble([Output("Hallo %s du")])
    assert (assembled.text, assembled.repairs) == ("Hallo du", ("a code too many was taken out",))
    assembled = take_apart("Hello %s").assemble([Output("Hallo %s %d")])
    assert (inventory(assembled.text), len(assembled.repairs)) == (inventory("%s"), 2)


def test_controls_that_the_model_spells_out_are_dropped() -> None:
    assert take_apart("Hello").put_together([Output("Ha\x00l\x1blo\ud800")]) == "Hallo"


def test_brackets_of_the_model_make_no_tags_in_a_text_that_has_some() -> None:
    assert take_apart("A <b>dog</b>").put_together([Output("Ein Hund <b>")]).count("<b>") == 1
    assert take_apart("A dog").put_together([Output("Ein Hund < Katze")]) == "Ein Hund < Katze"


def test_masks_travel_through_the_model_and_come_back_where_it_put_them() -> None:
    parts = take_apart("From %1$s to %2$s", rules=Rules(method="mask"))
    assert parts.sentences == ("From \ue000 to \ue001",)
    assembled = parts.assemble([Output("Nach \ue001 von \ue000")])
    assert (assembled.text, assembled.repairs) == ("Nach %2$s von %1$s", ())


def test_a_mask_that_was_lost_or_doubled_is_mended_and_said() -> None:
    parts = take_apart("From %s to %d", rules=Rules(method="mask"))
    lost = parts.assemble([Output("Von \ue000 \ue000 nach")])
    assert inventory(lost.text) == inventory("%s %d")
    assert lost.repairs == ("%d was missing and was put back", "a code too many was taken out")


def test_more_placeholders_than_masks_are_kept_too() -> None:
    text = "Word " + " ".join(f"{{a{number}}}" for number in range(40))
    parts = take_apart(text, rules=Rules(method="mask"))
    made = parts.put_together([Output(parts.sentences[0] + " mehr")])
    assert sorted(re.findall(r"\{a\d+\}", made)) == sorted(re.findall(r"\{a\d+\}", text))


@pytest.mark.parametrize(
    "text",
    ["<b>", "</b>", "<b></i>", "a < b", "a & b", "<b x=1/>", "<!-- -- -->", "<![CDATA[", "<?xml ?", "<!DOCTYPE a>"],
)
def test_xml_that_is_not_well_formed_is_refused_with_the_place(text: str) -> None:
    with pytest.raises(InputError, match=r"^The text must be well-formed XML, but .* Mend it, or give it as HTML\.$"):
        take_apart(text, kind="xml")


def test_a_wrong_number_of_outputs_is_a_bug() -> None:
    with pytest.raises(ValueError, match="an output for each of 1 sentences, but there are 2"):
        take_apart("Hello").put_together([Output("a"), Output("b")])


@pytest.mark.parametrize(
    "text",
    [
        *("<b>" * 50_000, "<a '\"" * 50_000, "</p>" * 50_000 + "<i>", "<code>x" * 30_000, "{" * 100_000),
        *("&amp;" * 50_000, "<!--" * 50_000, "<b>x</i>" * 10_000, "<i>" * 3000 + "Hello" + "</i>" * 3000),
        *("<" * 100_000, "%s " * 30_000, "{n, plural, a {" * 5000),
    ],
    ids=lambda text: text[:8],
)
@pytest.mark.timeout(90)
def test_hostile_markup_takes_time_that_grows_with_its_length_only(text: str) -> None:
    parts = take_apart(text, kind="html", longest=300)
    assert parts.put_together(same(parts)) == text
    parts.put_together([Output("Ein Satz.") for _ in parts.sentences])
