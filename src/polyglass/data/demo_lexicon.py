"""The demo corpus, part 1 of 5: articles, pronouns, nouns, adjectives and numbers, with their forms.

Part 2, `demo_verbs.py`: verbs, places and times. Part 3, `demo_syntax.py`: from a meaning to both sentences.
Part 4, `demo_speaker.py`: drawing meanings. Part 5, `demo_grammar.py`: the corpus.
To teach the corpus a word, add one line to a list. An English word must have exactly one German word, and a noun must
not look the same in singular and plural (so no "sheep"), or English would no longer determine the German.
Words are compared by identity (`eq=False`): each is one entry of a list.
"""

from dataclasses import dataclass
from enum import Flag, auto
from typing import Literal

from polyglass.errors import DataError

Case = Literal["nominative", "accusative", "dative"]
Column = Literal["masculine", "feminine", "neuter", "plural"]
Paradigm = dict[Column, dict[Case, str]]
Agreement = Literal[0, 1, 2]  # which verb form a subject asks for: I, he, we


class Kind(Flag):
    """What a noun stands for, so that verbs, adjectives and prepositions can choose what they go with."""

    PERSON, ANIMAL, THING = auto(), auto(), auto()
    OPENING, DEVICE, FOOD, TEXT = auto(), auto(), auto(), auto()  # doors, lamps, apples, letters
    INSIDE, ON, UNDER, BESIDE = auto(), auto(), auto(), auto()  # where one can be
    ALIVE = PERSON | ANIMAL
    ANY = ALIVE | THING | OPENING | INSIDE | ON | UNDER | BESIDE


PERSON, ANIMAL, THING, ALIVE, ANY = Kind.PERSON, Kind.ANIMAL, Kind.THING, Kind.ALIVE, Kind.ANY
OPENING, DEVICE, FOOD, TEXT = Kind.OPENING, Kind.DEVICE, Kind.FOOD, Kind.TEXT
INSIDE, ON, UNDER, BESIDE = Kind.INSIDE, Kind.ON, Kind.UNDER, Kind.BESIDE


# --- Articles, pronouns and endings -------------------------------------------------------------------------------


def paradigm(masculine: str, feminine: str, neuter: str, plural: str, *, stem: str = "") -> Paradigm:
    """Make a table from four columns, each "nominative accusative dative" ("-" is an empty ending)."""

    def column(endings: str) -> dict[Case, str]:
        nominative, accusative, dative = (stem + ending.strip("-") for ending in endings.split())
        return {"nominative": nominative, "accusative": accusative, "dative": dative}

    return {
        "masculine": column(masculine),
        "feminine": column(feminine),
        "neuter": column(neuter),
        "plural": column(plural),
    }


def like_dieser(stem: str) -> Paradigm:
    """Forms of dieser, jeder; with an empty stem the strong endings of an adjective that has no article."""
    return paradigm("er en em", "e e er", "es es em", "e e en", stem=stem)


def like_kein(stem: str) -> Paradigm:
    """Forms of kein, mein, unser."""
    return paradigm("- en em", "e e er", "- - em", "e e en", stem=stem)


DER = paradigm("der den dem", "die die der", "das das dem", "die die den")
RELATIVE_PRONOUN = paradigm("der den dem", "die die der", "das das dem", "die die denen")
STRONG_ENDINGS = like_dieser("")
WEAK_ENDINGS = paradigm("e en en", "e e en", "e e en", "en en en")  # after der, dieser, jeder
MIXED_ENDINGS = paradigm("er en en", "e e en", "es es en", "en en en")  # after ein, kein, mein


@dataclass(frozen=True, eq=False)
class Determiner:
    """An article or what stands in its place. `endings`: those of an adjective behind it."""

    english: str
    english_plural: str
    german: Paradigm
    endings: Paradigm
    definite: bool = True


THE = Determiner("the", "the", DER, WEAK_ENDINGS)
THIS = Determiner("this", "these", like_dieser("dies"), WEAK_ENDINGS)
EVERY = Determiner("every", "", like_dieser("jed"), WEAK_ENDINGS, definite=False)  # has no plural
POSSESSIVES = tuple(
    Determiner(english, english, like_kein(german), MIXED_ENDINGS)
    for english, german in (("my", "mein"), ("his", "sein"), ("our", "unser"), ("their", "ihr"))
)
NO_PLURAL: dict[Case, str] = {"nominative": "", "accusative": "", "dative": ""}
A = Determiner(
    "a",
    "",
    like_kein("ein") | {"plural": NO_PLURAL},
    MIXED_ENDINGS | {"plural": STRONG_ENDINGS["plural"]},
    definite=False,
)
NOT_A = Determiner("a", "", like_kein("kein"), MIXED_ENDINGS, definite=False)  # A in a negated clause


@dataclass(frozen=True, eq=False)
class Pronoun:
    """A noun phrase of one word: a personal pronoun or a name."""

    english: str
    english_object: str
    german: dict[Case, str]
    agreement: Agreement = 1
    kind: Kind = PERSON


def pronoun(english: str, german: str, agreement: Agreement) -> Pronoun:
    """Make a pronoun from "he him" and "er ihn ihm"."""
    subject, english_object = english.split()
    nominative, accusative, dative = german.split()
    forms: dict[Case, str] = {"nominative": nominative, "accusative": accusative, "dative": dative}
    return Pronoun(subject, english_object, forms, agreement)


PRONOUNS = (
    pronoun("I me", "ich mich mir", 0),
    pronoun("he him", "er ihn ihm", 1),
    pronoun("she her", "sie sie ihr", 1),
    pronoun("we us", "wir uns uns", 2),
    pronoun("they them", "sie sie ihnen", 2),
)
FIRST_PERSON = tuple(word for word in PRONOUNS if word.english in ("I", "we"))
NAMES = tuple(pronoun(f"{name} {name}", f"{name} {name} {name}", 1) for name in ("Anna", "Paul", "Clara", "Jonas"))


# --- Nouns and adjectives -----------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Noun:
    """A noun. `weak`: takes its plural form in every singular case but the nominative (der Junge, den Jungen)."""

    english: str
    english_plural: str
    gender: Column
    german: str
    german_plural: str
    kind: Kind
    weak: bool = False

    def form(self, case: Case, *, plural: bool) -> str:
        """Return the German form; the dative plural ends in n, unless the plural ends in n or s."""
        if plural:
            return self.german_plural + ("n" if case == "dative" and self.german_plural[-1] not in "ns" else "")
        return self.german_plural if self.weak and case != "nominative" else self.german


def noun(english: str, german: str, kind: Kind, *, weak: bool = False) -> Noun:
    """Make a noun from "man men" and "der Mann Männer"; an English plural in -s may be left out."""
    singular, *irregular = english.split()
    article, german_singular, german_plural = german.split()
    genders: dict[str, Column] = {"der": "masculine", "die": "feminine", "das": "neuter"}
    plural = irregular[0] if irregular else singular + "s"
    return Noun(singular, plural, genders[article], german_singular, german_plural, kind, weak)


NOUNS = (
    noun("man men", "der Mann Männer", PERSON),
    noun("woman women", "die Frau Frauen", PERSON),
    noun("child children", "das Kind Kinder", PERSON),
    noun("girl", "das Mädchen Mädchen", PERSON),
    noun("boy", "der Junge Jungen", PERSON, weak=True),
    noun("brother", "der Bruder Brüder", PERSON),
    noun("sister", "die Schwester Schwestern", PERSON),
    noun("uncle", "der Onkel Onkel", PERSON),
    noun("king", "der König Könige", PERSON),
    noun("queen", "die Königin Königinnen", PERSON),
    noun("guest", "der Gast Gäste", PERSON),
    noun("dog", "der Hund Hunde", ANIMAL),
    noun("cat", "die Katze Katzen", ANIMAL),
    noun("horse", "das Pferd Pferde", ANIMAL),
    noun("bird", "der Vogel Vögel", ANIMAL),
    noun("bear", "der Bär Bären", ANIMAL, weak=True),
    noun("cow", "die Kuh Kühe", ANIMAL),
    noun("book", "das Buch Bücher", THING | TEXT),
    noun("letter", "der Brief Briefe", THING | TEXT),
    noun("story stories", "die Geschichte Geschichten", THING | TEXT),
    noun("door", "die Tür Türen", OPENING),
    noun("window", "das Fenster Fenster", OPENING),
    noun("suitcase", "der Koffer Koffer", THING | OPENING),
    noun("box boxes", "die Kiste Kisten", THING | OPENING),
    noun("lamp", "die Lampe Lampen", THING | DEVICE),
    noun("radio", "das Radio Radios", THING | DEVICE),
    noun("computer", "der Computer Computer", THING | DEVICE),
    noun("apple", "der Apfel Äpfel", THING | FOOD),
    noun("egg", "das Ei Eier", THING | FOOD),
    noun("carrot", "die Karotte Karotten", THING | FOOD),
    noun("picture", "das Bild Bilder", THING),
    noun("key", "der Schlüssel Schlüssel", THING),
    noun("flower", "die Blume Blumen", THING),
    noun("hat", "der Hut Hüte", THING),
    noun("car", "das Auto Autos", THING),
    noun("house", "das Haus Häuser", INSIDE | BESIDE),
    noun("garden", "der Garten Gärten", INSIDE),
    noun("forest", "der Wald Wälder", INSIDE),
    noun("school", "die Schule Schulen", INSIDE | BESIDE),
    noun("church churches", "die Kirche Kirchen", INSIDE | BESIDE),
    noun("village", "das Dorf Dörfer", INSIDE),
    noun("bridge", "die Brücke Brücken", ON | UNDER | BESIDE),
    noun("tree", "der Baum Bäume", UNDER | BESIDE),
)


@dataclass(frozen=True, eq=False)
class Adjective:
    """An adjective. `stem`: what its endings are put on, where that is not the word itself."""

    english: str
    german: str
    kind: Kind
    stem: str = ""

    def form(self, ending: str) -> str:
        """Return the German form before a noun."""
        return (self.stem or self.german) + ending


ADJECTIVES = (
    Adjective("old", "alt", ANY),
    Adjective("small", "klein", ANY),
    Adjective("big", "groß", ANY),
    Adjective("beautiful", "schön", ANY),
    Adjective("young", "jung", ALIVE),
    Adjective("tired", "müde", ALIVE, stem="müd"),
    Adjective("hungry", "hungrig", ALIVE),
    Adjective("friendly", "freundlich", ALIVE),
    Adjective("new", "neu", THING | OPENING),
    Adjective("red", "rot", THING | OPENING),
    Adjective("expensive", "teuer", THING, stem="teur"),
    Adjective("heavy", "schwer", THING | OPENING),
)


# --- Numbers ------------------------------------------------------------------------------------------------------

MAX_NUMBER = 1_000_000
_ENGLISH = (
    "zero one two three four five six seven eight nine ten eleven twelve "
    "thirteen fourteen fifteen sixteen seventeen eighteen nineteen "
    "twenty thirty forty fifty sixty seventy eighty ninety"
)
_GERMAN = (
    "null ein zwei drei vier fünf sechs sieben acht neun zehn elf zwölf "
    "dreizehn vierzehn fünfzehn sechzehn siebzehn achtzehn neunzehn "
    "zwanzig dreißig vierzig fünfzig sechzig siebzig achtzig neunzig"
)
_VALUES = (*range(20), *range(20, 100, 10))
ENGLISH_NUMBERS: dict[int, str] = dict(zip(_VALUES, _ENGLISH.split(), strict=True))
GERMAN_NUMBERS: dict[int, str] = dict(zip(_VALUES, _GERMAN.split(), strict=True))


def english_number(number: int) -> str:
    """Spell a number from 1 to 1,000,000. Raises DataError outside."""
    _check_number(number)
    if number in ENGLISH_NUMBERS:
        return ENGLISH_NUMBERS[number]
    if number < 100:
        return f"{ENGLISH_NUMBERS[number // 10 * 10]}-{ENGLISH_NUMBERS[number % 10]}"
    powers = ((100, "hundred"), (1000, "thousand"), (1_000_000, "million"))
    size, name = max(power for power in powers if power[0] <= number)
    rest = f" {english_number(number % size)}" if number % size else ""
    return f"{english_number(number // size)} {name}{rest}"


def german_number(number: int) -> str:
    """Spell a number from 1 to 1,000,000 as one counts, so 1 is "eins". Raises DataError outside."""
    _check_number(number)
    if number == MAX_NUMBER:
        return "eine Million"
    return _german_number(number) + ("s" if number % 100 == 1 else "")


def _german_number(number: int) -> str:
    """Spell a number as it stands inside a longer one, where 1 is "ein"."""
    if number in GERMAN_NUMBERS:
        return GERMAN_NUMBERS[number]
    if number < 100:
        return f"{GERMAN_NUMBERS[number % 10]}und{GERMAN_NUMBERS[number // 10 * 10]}"
    size, name = (1000, "tausend") if number >= 1000 else (100, "hundert")
    return _german_number(number // size) + name + (_german_number(number % size) if number % size else "")


def _check_number(number: int) -> None:
    if not 1 <= number <= MAX_NUMBER:
        raise DataError(f"a spelled-out number must be between 1 and 1,000,000, but is {number:,}. Write it in digits.")
