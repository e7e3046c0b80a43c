"""The words of the demo corpus: tables of endings, forms and numbers, and what every entry must be."""

from dataclasses import replace
from itertools import product

import pytest

from demo_phrases import ADJECTIVES, EVERY_VERB, SINGULAR, VERBS, phrase
from polyglass.data import demo_lexicon as lexicon
from polyglass.data import demo_verbs as verbs
from polyglass.data.demo_lexicon import english_number, german_number
from polyglass.data.demo_syntax import german_noun_phrase
from polyglass.errors import DataError

DECLENSION = """
the old man    | der alte Mann        | den alten Mann       | dem alten Mann
the old woman  | die alte Frau        | die alte Frau        | der alten Frau
the old child  | das alte Kind        | das alte Kind        | dem alten Kind
the old boy    | der alte Junge       | den alten Jungen     | dem alten Jungen
the old men    | die alten Männer     | die alten Männer     | den alten Männern
a old man      | ein alter Mann       | einen alten Mann     | einem alten Mann
a old woman    | eine alte Frau       | eine alte Frau       | einer alten Frau
a old child    | ein altes Kind       | ein altes Kind       | einem alten Kind
a old boy      | ein alter Junge      | einen alten Jungen   | einem alten Jungen
old men        | alte Männer          | alte Männer          | alten Männern
tired women    | müde Frauen          | müde Frauen          | müden Frauen
expensive cars | teure Autos          | teure Autos          | teuren Autos
not a new hat  | kein neuer Hut       | keinen neuen Hut     | keinem neuen Hut
not new hats   | keine neuen Hüte     | keine neuen Hüte     | keinen neuen Hüten
this big lamp  | diese große Lampe    | diese große Lampe    | dieser großen Lampe
this big house | dieses große Haus    | dieses große Haus    | diesem großen Haus
every red apple | jeder rote Apfel    | jeden roten Apfel    | jedem roten Apfel
our small dog  | unser kleiner Hund   | unseren kleinen Hund | unserem kleinen Hund
our small cow  | unsere kleine Kuh    | unsere kleine Kuh    | unserer kleinen Kuh
my new book    | mein neues Buch      | mein neues Buch      | meinem neuen Buch
their keys     | ihre Schlüssel       | ihre Schlüssel       | ihren Schlüsseln
I              | ich                  | mich                 | mir
they           | sie                  | sie                  | ihnen
Paul           | Paul                 | Paul                 | Paul
"""


@pytest.mark.parametrize("row", DECLENSION.strip().splitlines())
def test_article_adjective_and_noun_agree_in_gender_number_and_case(row: str) -> None:
    words, *forms = (cell.strip() for cell in row.split("|"))
    others = {word.english: word for word in (*lexicon.POSSESSIVES, lexicon.THIS, lexicon.EVERY)}
    tree = phrase(words)
    tree = replace(tree, determiner=others.get(words.split()[0], tree.determiner))
    cases = ("nominative", "accusative", "dative")
    written = [german_noun_phrase(tree, case, negated=words.startswith("not")) for case in cases]
    assert [" ".join(form) for form in written] == forms


@pytest.mark.parametrize(
    ("verb", "english", "german"),
    [
        ("carry", "carry carries carried carried", "trage trägt tragen trug trugen getragen"),
        ("close", "close closes closed closed", "mache macht machen machte machten gemacht"),
        (
            "answer",
            "answer answers answered answered",
            "antworte antwortet antworten antwortete antworteten geantwortet",
        ),
        ("go", "go goes went gone", "gehe geht gehen ging gingen gegangen"),
        ("know", "know knows knew known", "weiß weiß wissen wusste wussten gewusst"),
        ("invite", "invite invites invited invited", "lade lädt laden lud luden geladen"),
    ],
)
def test_the_forms_of_a_verb_are_derived_from_its_entry(verb: str, english: str, german: str) -> None:
    carry = verbs.verb("carry", "tragen/trägt/trug/getragen")
    entry = carry if verb == "carry" else VERBS[verb]
    en, de = entry.english, entry.german
    assert " ".join([en.infinitive, en.present[1], en.past[0], en.participle]) == english
    assert " ".join([*de.present, de.past[0], de.past[2], de.participle]) == german
    assert de.past[0] == de.past[1]


@pytest.mark.parametrize(
    ("number", "english", "german"),
    [
        (1, "one", "eins"),
        (7, "seven", "sieben"),
        (12, "twelve", "zwölf"),
        (16, "sixteen", "sechzehn"),
        (17, "seventeen", "siebzehn"),
        (21, "twenty-one", "einundzwanzig"),
        (30, "thirty", "dreißig"),
        (66, "sixty-six", "sechsundsechzig"),
        (77, "seventy-seven", "siebenundsiebzig"),
        (100, "one hundred", "einhundert"),
        (101, "one hundred one", "einhunderteins"),
        (111, "one hundred eleven", "einhundertelf"),
        (999, "nine hundred ninety-nine", "neunhundertneunundneunzig"),
        (1000, "one thousand", "eintausend"),
        (1001, "one thousand one", "eintausendeins"),
        (2345, "two thousand three hundred forty-five", "zweitausenddreihundertfünfundvierzig"),
        (21_000, "twenty-one thousand", "einundzwanzigtausend"),
        (101_000, "one hundred one thousand", "einhunderteintausend"),
        (
            987_654,
            "nine hundred eighty-seven thousand six hundred fifty-four",
            "neunhundertsiebenundachtzigtausendsechshundertvierundfünfzig",
        ),
        (1_000_000, "one million", "eine Million"),
    ],
)
def test_numbers_are_spelled_out(number: int, english: str, german: str) -> None:
    assert (english_number(number), german_number(number)) == (english, german)


@pytest.mark.parametrize("number", [0, -3, 1_000_001])
def test_a_number_that_cannot_be_spelled_is_refused(number: int) -> None:
    for spell in (english_number, german_number):
        with pytest.raises(DataError) as error:
            spell(number)
        assert str(error.value) == (
            f"a spelled-out number must be between 1 and 1,000,000, but is {number:,}. Write it in digits."
        )


# --- Rules for whoever adds a word --------------------------------------------------------------------------------


def test_no_english_word_has_two_german_ones() -> None:
    for words in ([n.english for n in lexicon.NOUNS], list(ADJECTIVES), [t.english for t in verbs.TIMES]):
        assert len(words) == len(set(words))
    names = [f"{verb.english.infinitive} {verb.tail}" for verb in dict.fromkeys(EVERY_VERB)]
    assert len(names) == len(set(names))


def test_english_shows_the_number_of_every_noun_and_the_tense_of_every_verb() -> None:
    assert [noun.english for noun in lexicon.NOUNS if noun.english == noun.english_plural] == []
    assert [verb for verb in EVERY_VERB if set(verb.english.present) & set(verb.english.past)] == []


def test_the_article_a_becomes_an_before_a_vowel_that_is_spoken() -> None:
    written = [f"{word}" for word in (*SINGULAR, *ADJECTIVES) if word[0] in "aeiou"]
    assert sorted(written) == ["apple", "egg", "expensive", "old", "uncle"]  # all of them begin with a spoken vowel


def test_every_entry_has_something_to_go_with() -> None:
    for verb, adjective in product(EVERY_VERB, lexicon.ADJECTIVES):
        assert any(noun.kind & verb.takes for noun in lexicon.NOUNS)
        assert any(noun.kind & adjective.kind for noun in lexicon.NOUNS)
