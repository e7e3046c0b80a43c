"""The demo grammar: sentences translated by hand, tables of endings, numbers."""

from dataclasses import replace
from itertools import product
from typing import Any

import pytest

from polyglass.data import demo_lexicon as lexicon
from polyglass.data import demo_verbs as verbs
from polyglass.data.demo_grammar import translate
from polyglass.data.demo_lexicon import THE, A, english_number, german_number
from polyglass.data.demo_syntax import Clause, Dependent, NounPhrase, Place, Relative, Sentence, german_noun_phrase
from polyglass.errors import DataError

SINGULAR = {noun.english: noun for noun in lexicon.NOUNS}
PLURAL = {noun.english_plural: noun for noun in lexicon.NOUNS}
ADJECTIVES = {word.english: word for word in lexicon.ADJECTIVES}
PRONOUNS = {word.english: word for word in (*lexicon.PRONOUNS, *lexicon.NAMES)}
TIMES = {time.english: time for time in verbs.TIMES}
MODALS = {modal.english[0]: modal for modal in verbs.MODALS}
EVERY_VERB = (*verbs.INTRANSITIVE, *verbs.MOTION, *verbs.TRANSITIVE, *verbs.GIVING, verbs.BELONG, verbs.BE)
EVERY_VERB += tuple(verb for verb, _ in verbs.CLAUSAL)
VERBS = {f"{verb.english.infinitive} {verb.tail}".strip(): verb for verb in EVERY_VERB}
WEIL, OBWOHL = verbs.REASONS
BEVOR, _ = verbs.MEANWHILE
WENN, (ALS,) = verbs.IN_PRESENT[1], verbs.IN_PAST


def phrase(words: str, **features: Any) -> NounPhrase:
    """Make a noun phrase of "the old man", "dogs" or "he"."""
    *start, head = words.split()
    if head in PRONOUNS:
        return NounPhrase(PRONOUNS[head])
    noun = SINGULAR.get(head) or PLURAL[head]
    article = THE if "the" in start else A
    adjective = ADJECTIVES[start[-1]] if start and start[-1] in ADJECTIVES else None
    return NounPhrase(noun, **{"determiner": article, "plural": head in PLURAL, "adjective": adjective} | features)


def clause(subject: str | NounPhrase, verb: str, thing: str | NounPhrase | None = None, **features: Any) -> Clause:
    """Make a clause; noun phrases may be given as words."""
    subject = phrase(subject) if isinstance(subject, str) else subject
    thing = phrase(thing) if isinstance(thing, str) else thing
    return Clause(subject, VERBS[verb], object=thing, **features)


def who(words: str, verb: str, thing: str | NounPhrase | None = None, **features: Any) -> NounPhrase:
    """Make a noun phrase with a relative clause that says what it does."""
    noun = phrase(words)
    return replace(noun, relative=Relative(clause(noun, verb, thing, **features), "subject"))


def whom(words: str, subject: str | NounPhrase, verb: str, **features: Any) -> NounPhrase:
    """Make a noun phrase with a relative clause that says what is done to it."""
    noun = phrase(words)
    return replace(noun, relative=Relative(clause(subject, verb, noun, **features), "object"))


GARDEN = Place(verbs.PREPOSITIONS[0], phrase("the garden"))
INTO, TO = verbs.DIRECTIONS
OPENS = clause("the man", "open", "the door")
CALLS = clause("Anna", "call", "the boy")
SLEEPS = clause("the child", "sleep")

GOLD: dict[str, tuple[Clause | Sentence, str, str]] = {
    "accusative": (
        clause("the man", "see", "the old dog"),
        "The man sees the old dog.",
        "Der Mann sieht den alten Hund.",
    ),
    "dative": (clause("a woman", "help", "the boy"), "A woman helps the boy.", "Eine Frau hilft dem Jungen."),
    "two objects": (
        clause("I", "give", "an apple", receiver=phrase("the child")),
        "I give the child an apple.",
        "Ich gebe dem Kind einen Apfel.",
    ),
    "known objects before the time, new ones behind the place": (
        clause("we", "show", "pictures", receiver=phrase("the king"), place=GARDEN, time=TIMES["today"]),
        "We show the king pictures in the garden today.",
        "Wir zeigen dem König heute im Garten Bilder.",
    ),
    "object with preposition": (
        clause("they", "wait for", "the bear", place=GARDEN),
        "They wait for the bear in the garden.",
        "Sie warten im Garten auf den Bären.",
    ),
    "with takes the dative": (
        clause("she", "dance", companion=Place(verbs.WITH, phrase("an old man"))),
        "She dances with an old man.",
        "Sie tanzt mit einem alten Mann.",
    ),
    "into takes the accusative": (
        clause("the cow", "go", place=Place(INTO, phrase("the garden"))),
        "The cow goes into the garden.",
        "Die Kuh geht in den Garten.",
    ),
    "preposition and article in one": (
        clause("the cow", "run", place=Place(TO, phrase("the old school"))),
        "The cow runs to the old school.",
        "Die Kuh läuft zur alten Schule.",
    ),
    "adjective without endings": (
        clause("the doors", "be", quality=ADJECTIVES["expensive"]),
        "The doors are expensive.",
        "Die Türen sind teuer.",
    ),
    "separable verb in a main clause": (OPENS, "The man opens the door.", "Der Mann macht die Tür auf."),
    "separable verb in a subordinate clause": (
        clause("she", "laugh", dependent=Dependent(WEIL, OPENS)),
        "She laughs because the man opens the door.",
        "Sie lacht, weil der Mann die Tür aufmacht.",
    ),
    "separable verb with zu": (
        clause("the man", "try", dependent=Dependent(verbs.TO, OPENS)),
        "The man tries to open the door.",
        "Der Mann versucht, die Tür aufzumachen.",
    ),
    "um zu": (
        clause("the man", "work", dependent=Dependent(verbs.IN_ORDER, clause("the man", "buy", "a car"))),
        "The man works in order to buy a car.",
        "Der Mann arbeitet, um ein Auto zu kaufen.",
    ),
    "participle of a separable verb": (
        replace(OPENS, tense="perfect"),
        "The man has opened the door.",
        "Der Mann hat die Tür aufgemacht.",
    ),
    "perfect with sein": (
        clause("I", "fall asleep", tense="perfect"),
        "I have fallen asleep.",
        "Ich bin eingeschlafen.",
    ),
    "perfect in a dass clause": (
        clause("I", "hope", dependent=Dependent(verbs.THAT, replace(CALLS, tense="perfect"))),
        "I hope that Anna has called the boy.",
        "Ich hoffe, dass Anna den Jungen angerufen hat.",
    ),
    "past": (
        clause("the girls", "sing", tense="past", time=TIMES["yesterday"]),
        "The girls sang yesterday.",
        "Die Mädchen sangen gestern.",
    ),
    "modal": (
        replace(CALLS, modal=MODALS["want"]),
        "Anna wants to call the boy.",
        "Anna will den Jungen anrufen.",
    ),
    "modal in a subordinate clause": (
        clause("he", "know", dependent=Dependent(verbs.WHETHER, replace(CALLS, modal=MODALS["can"]))),
        "He knows whether Anna can call the boy.",
        "Er weiß, ob Anna den Jungen anrufen kann.",
    ),
    "nicht": (
        replace(OPENS, negated=True, time=TIMES["today"], place=GARDEN),
        "The man does not open the door in the garden today.",
        "Der Mann macht die Tür heute nicht im Garten auf.",
    ),
    "kein": (
        clause("we", "find", "old books", negated=True, tense="past"),
        "We did not find old books.",
        "Wir fanden keine alten Bücher.",
    ),
    "cannot": (
        replace(CALLS, modal=MODALS["can"], negated=True),
        "Anna cannot call the boy.",
        "Anna kann den Jungen nicht anrufen.",
    ),
    "time in front": (
        Sentence(OPENS, front=TIMES["every day"]),
        "Every day the man opens the door.",
        "Jeden Tag macht der Mann die Tür auf.",
    ),
    "place in front": (
        Sentence(clause("a bird", "sleep"), front=GARDEN),
        "In the garden a bird sleeps.",
        "Im Garten schläft ein Vogel.",
    ),
    "clause in front": (
        Sentence(CALLS, front=Dependent(OBWOHL, SLEEPS)),
        "Although the child sleeps, Anna calls the boy.",
        "Obwohl das Kind schläft, ruft Anna den Jungen an.",
    ),
    "when in the present": (
        Sentence(SLEEPS, front=Dependent(WENN, clause("I", "work"))),
        "When I work, the child sleeps.",
        "Wenn ich arbeite, schläft das Kind.",
    ),
    "when in the past": (
        clause("the child", "sleep", tense="past", dependent=Dependent(ALS, clause("I", "work", tense="past"))),
        "The child slept when I worked.",
        "Das Kind schlief, als ich arbeitete.",
    ),
    "when in a question": (
        Sentence(clause("the man", "laugh"), front=verbs.WHEN, question=True),
        "When does the man laugh?",
        "Wann lacht der Mann?",
    ),
    "yes or no": (Sentence(OPENS, question=True), "Does the man open the door?", "Macht der Mann die Tür auf?"),
    "question with modal": (
        Sentence(replace(CALLS, modal=MODALS["want"]), question=True),
        "Does Anna want to call the boy?",
        "Will Anna den Jungen anrufen?",
    ),
    "relative pronoun in the nominative": (
        clause(who("the women", "sleep"), "laugh"),
        "The women who sleep laugh.",
        "Die Frauen, die schlafen, lachen.",
    ),
    "relative pronoun in the accusative": (
        clause(whom("the dog", "the woman", "see"), "sleep"),
        "The dog that the woman sees sleeps.",
        "Der Hund, den die Frau sieht, schläft.",
    ),
    "relative pronoun in the dative plural": (
        clause("I", "see", whom("children", "the woman", "help")),
        "I see children whom the woman helps.",
        "Ich sehe Kinder, denen die Frau hilft.",
    ),
    "relative pronoun behind a preposition": (
        clause(whom("the man", "she", "speak with"), "laugh"),
        "The man whom she speaks with laughs.",
        "Der Mann, mit dem sie spricht, lacht.",
    ),
    "relative clauses three deep": (
        clause(
            who("the man", "see", who("a woman", "help", whom("the child", "the dog", "follow"))), "close", "the box"
        ),
        "The man who sees a woman who helps the child whom the dog follows closes the box.",
        "Der Mann, der eine Frau, die dem Kind, dem der Hund folgt, hilft, sieht, macht die Kiste zu.",
    ),
    "clause in clause in clause": (
        Sentence(
            clause("I", "laugh"),
            front=Dependent(BEVOR, clause("he", "say", dependent=Dependent(verbs.THAT, CALLS))),
        ),
        "Before he says that Anna calls the boy, I laugh.",
        "Bevor er sagt, dass Anna den Jungen anruft, lache ich.",
    ),
    "number": (
        clause("the guest", "buy", phrase("apples", count=21)),
        "The guest buys twenty-one apples.",
        "Der Gast kauft einundzwanzig Äpfel.",
    ),
    "number in the dative": (
        clause("I", "thank", phrase("friendly children", count=3)),
        "I thank three friendly children.",
        "Ich danke drei freundlichen Kindern.",
    ),
}


@pytest.mark.parametrize("name", GOLD)
def test_a_meaning_is_written_as_a_person_would_write_it(name: str) -> None:
    tree, english, german = GOLD[name]
    pair = translate(tree if isinstance(tree, Sentence) else Sentence(tree))
    assert (pair.source, pair.target) == (english, german)


def test_the_depth_counts_the_clauses_around_the_innermost_one() -> None:
    assert translate(Sentence(OPENS)).depth == 0
    assert translate(GOLD["clause in front"][0]).depth == 1
    assert translate(Sentence(GOLD["relative clauses three deep"][0])).depth == 3


def test_a_pair_names_each_verb_with_its_object_also_where_a_pronoun_stands_for_the_object() -> None:
    pair = translate(Sentence(GOLD["relative clauses three deep"][0]))
    assert pair.objects == (("close", "box"), ("see", "woman"), ("help", "child"), ("follow", "child"))


# --- Tables -------------------------------------------------------------------------------------------------------

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
    others = (*lexicon.POSSESSIVES, lexicon.THIS, lexicon.EVERY)
    named = {"determiner": other for other in others if words.startswith((f"{other.english} ",))}
    cases = ("nominative", "accusative", "dative")
    written = [german_noun_phrase(phrase(words, **named), case, negated=words.startswith("not")) for case in cases]
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
