"""The demo corpus, part 2 of 5: verbs with their forms, the words that join clauses, places and times.

A verb is written "give/gave/given" in English and "geben/gibt/gab/gegeben" in German; regular forms may be left out.
"look for" has a word that stays behind the verb; "auf|machen" is separable: er macht auf, er hat aufgemacht.
An English verb must not look the same in present and past (so neither "read" nor "put"), or English would no longer
determine the German tense.
"""

from dataclasses import dataclass
from typing import Literal

from polyglass.data.demo_lexicon import (
    ALIVE,
    ANIMAL,
    ANY,
    BESIDE,
    DEVICE,
    FOOD,
    INSIDE,
    ON,
    OPENING,
    PERSON,
    TEXT,
    THING,
    UNDER,
    Agreement,
    Case,
    Kind,
)

Tense = Literal["present", "past", "perfect"]


@dataclass(frozen=True)
class Forms:
    """The forms of a verb in one language; `present` and `past` go with I, he and we (see `Agreement`)."""

    infinitive: str
    present: tuple[str, str, str]
    past: tuple[str, str, str]
    participle: str

    def finite(self, tense: Tense, agreement: Agreement) -> str:
        """Return the form that agrees with the subject."""
        return (self.past if tense == "past" else self.present)[agreement]


@dataclass(frozen=True, eq=False)
class Verb:
    """A verb and what it goes with.

    tail: what follows the English verb ("for"). particle: separable part of the German one ("auf").
    by, takes: kinds of subject and object. case, preposition: what the German object stands in.
    """

    english: Forms
    german: Forms
    tail: str = ""
    particle: str = ""
    auxiliary: Literal["haben", "sein"] = "haben"
    by: Kind = PERSON
    takes: Kind = ANY
    case: Case = "accusative"
    preposition: str = ""


def english_forms(written: str) -> Forms:
    """Derive the forms of "open" or "give/gave/given"."""
    base, *irregular = written.split("/")
    third = base + ("es" if base.endswith(("s", "sh", "ch", "x", "o")) else "s")
    if base[-1] == "y" and base[-2] not in "aeiou":
        third = base[:-1] + "ies"
    past = irregular[0] if irregular else (third[:-1] + "d" if third.endswith("es") else base + "ed")
    participle = irregular[-1] if irregular else past
    return Forms(base, (base, third, base), (past, past, past), participle)


def german_forms(written: str) -> Forms:
    """Derive the forms of "machen" or "geben/gibt/gab/gegeben" (infinitive, he-form, past, participle)."""
    infinitive, *irregular = written.split("/")
    stem = infinitive.removesuffix("en")
    link = "e" if stem[-1] in "td" else ""
    third, past, participle = irregular or (f"{stem}{link}t", f"{stem}{link}te", f"ge{stem}{link}t")
    plural_past = past + ("n" if past.endswith("e") else "en")
    return Forms(infinitive, (infinitive[:-1], third, infinitive), (past, past, plural_past), participle)


def verb(
    english: str,
    german: str,
    *,
    takes: Kind = ANY,
    by: Kind = PERSON,
    case: Case = "accusative",
    auxiliary: Literal["haben", "sein"] = "haben",
) -> Verb:
    """Make a verb from its two written forms; "warten auf" in German names the preposition of the object."""
    first, *tail = english.split(" ")
    german_verb, *preposition = german.split(" ")
    particle, _, rest = german_verb.rpartition("|")
    return Verb(
        english_forms(first),
        german_forms(rest),
        tail=" ".join(tail),
        particle=particle,
        auxiliary=auxiliary,
        by=by,
        takes=takes,
        case=case,
        preposition="".join(preposition),
    )


# --- Verbs by what they come with ---------------------------------------------------------------------------------

INTRANSITIVE = (
    verb("sleep/slept", "schlafen/schläft/schlief/geschlafen", by=ALIVE),
    verb("play", "spielen", by=ALIVE),
    verb("work", "arbeiten"),
    verb("laugh", "lachen"),
    verb("sing/sang/sung", "singen/singt/sang/gesungen"),
    verb("dance", "tanzen"),
    verb("arrive", "an|kommen/kommt/kam/gekommen", by=ALIVE, auxiliary="sein"),
    verb("wake/woke/woken up", "auf|wachen", by=ALIVE, auxiliary="sein"),
    verb("fall/fell/fallen asleep", "ein|schlafen/schläft/schlief/geschlafen", by=ALIVE, auxiliary="sein"),
)
MOTION = (
    verb("go/went/gone", "gehen/geht/ging/gegangen", by=ALIVE, auxiliary="sein"),
    verb("run/ran/run", "laufen/läuft/lief/gelaufen", by=ALIVE, auxiliary="sein"),
)
TRANSITIVE = (
    verb("see/saw/seen", "sehen/sieht/sah/gesehen", by=ALIVE),
    verb("hear/heard", "hören", by=ALIVE, takes=ALIVE),
    verb("find/found", "finden/findet/fand/gefunden", by=ALIVE),
    verb("look for", "suchen", by=ALIVE),
    verb("love", "lieben", by=ALIVE),
    verb("visit", "besuchen/besucht/besuchte/besucht", takes=PERSON),
    verb("draw/drew/drawn", "zeichnen/zeichnet/zeichnete/gezeichnet"),
    verb("buy/bought", "kaufen", takes=ANIMAL | THING),
    verb("sell/sold", "verkaufen/verkauft/verkaufte/verkauft", takes=ANIMAL | THING),
    verb("lose/lost", "verlieren/verliert/verlor/verloren", takes=THING),
    verb("write/wrote/written", "schreiben/schreibt/schrieb/geschrieben", takes=TEXT),
    verb("eat/ate/eaten", "essen/isst/aß/gegessen", takes=FOOD),
    verb("open", "auf|machen", takes=OPENING),
    verb("close", "zu|machen", takes=OPENING),
    verb("turn on", "ein|schalten", takes=DEVICE),
    verb("turn off", "aus|schalten", takes=DEVICE),
    verb("call", "an|rufen/ruft/rief/gerufen", takes=PERSON),
    verb("invite", "ein|laden/lädt/lud/geladen", takes=PERSON),
    verb("look at", "an|sehen/sieht/sah/gesehen", by=ALIVE),
    verb("imitate", "nach|ahmen", takes=ALIVE),
    verb("help", "helfen/hilft/half/geholfen", takes=ALIVE, case="dative"),
    verb("thank", "danken", takes=PERSON, case="dative"),
    verb("answer", "antworten", takes=PERSON, case="dative"),
    verb("follow", "folgen", by=ALIVE, takes=ALIVE, case="dative", auxiliary="sein"),
    verb("listen to", "zu|hören", takes=PERSON, case="dative"),
    verb("wait for", "warten auf", by=ALIVE, takes=ALIVE),
    verb("think/thought of", "denken/denkt/dachte/gedacht an"),
    verb("speak/spoke/spoken with", "sprechen/spricht/sprach/gesprochen mit", takes=PERSON, case="dative"),
)
BELONG = verb("belong to", "gehören/gehört/gehörte/gehört", by=ANIMAL | THING, takes=PERSON, case="dative")
GIVING = (
    verb("give/gave/given", "geben/gibt/gab/gegeben", takes=THING),
    verb("show/showed/shown", "zeigen", takes=ANIMAL | THING),
    verb("bring/brought", "bringen/bringt/brachte/gebracht", takes=ANIMAL | THING),
    verb("send/sent", "schicken", takes=THING),
)
BE = Verb(
    Forms("be", ("am", "is", "are"), ("was", "was", "were"), "been"),
    Forms("sein", ("bin", "ist", "sind"), ("war", "war", "waren"), "gewesen"),
    auxiliary="sein",
    by=ANY,
)
SAY = verb("say/said", "sagen")
BELIEVE = verb("believe", "glauben/glaubt/glaubte/geglaubt")
HOPE = verb("hope", "hoffen")
KNOW = Verb(
    english_forms("know/knew/known"),
    Forms("wissen", ("weiß", "weiß", "wissen"), ("wusste", "wusste", "wussten"), "gewusst"),
)
ASK = verb("ask", "fragen")
TRY = verb("try/tried", "versuchen/versucht/versuchte/versucht")
FORGET = verb("forget/forgot/forgotten", "vergessen/vergisst/vergaß/vergessen")


# --- Auxiliaries, modals and what joins clauses -------------------------------------------------------------------

DO = english_forms("do/did/done")
HAVE = Forms("have", ("have", "has", "have"), ("had", "had", "had"), "had")
HABEN = Forms("haben", ("habe", "hat", "haben"), ("hatte", "hatte", "hatten"), "gehabt")


@dataclass(frozen=True, eq=False)
class Modal:
    """A verb that sends the main verb to the end as an infinitive; its forms go with I, he and we.

    lexical: in English an ordinary verb with "to". negatable: False where a negation means something else in German
    ("must not" is "darf nicht").
    """

    english: tuple[str, str, str]
    german: tuple[str, str, str]
    lexical: bool = False
    negatable: bool = True


WILL = Modal(("will",) * 3, ("werde", "wird", "werden"))
MODALS = (
    Modal(("can",) * 3, ("kann", "kann", "können")),
    Modal(("must",) * 3, ("muss", "muss", "müssen"), negatable=False),
    Modal(("may",) * 3, ("darf", "darf", "dürfen"), negatable=False),
    Modal(("should",) * 3, ("sollte", "sollte", "sollten")),
    WILL,
    Modal(("want", "wants", "want"), ("will", "will", "wollen"), lexical=True),
)


@dataclass(frozen=True)
class Joint:
    """What joins a clause to the one it depends on.

    same_time: both clauses speak of the same time. infinitive: "to" in English, "zu" in German, and no subject.
    """

    english: str
    german: str
    same_time: bool = False
    infinitive: bool = False


THAT, WHETHER = Joint("that", "dass"), Joint("whether", "ob")
TO = Joint("", "", infinitive=True)
IN_ORDER = Joint("in order", "um", infinitive=True)
REASONS = (Joint("because", "weil"), Joint("although", "obwohl"))
MEANWHILE = (Joint("before", "bevor", same_time=True), Joint("while", "während", same_time=True))
IN_PRESENT = (Joint("if", "wenn", same_time=True), Joint("when", "wenn", same_time=True))
IN_PAST = (Joint("when", "als", same_time=True),)
SAYING = tuple((verb, THAT) for verb in (SAY, BELIEVE, HOPE, KNOW))
CLAUSAL = (*SAYING, (KNOW, WHETHER), (ASK, WHETHER), (TRY, TO), (FORGET, TO))
GOVERNING = tuple(verb for verb, _ in CLAUSAL)


# --- Places and times ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Preposition:
    """A preposition, the case it asks for, and the nouns it goes with."""

    english: str
    german: str
    kind: Kind
    case: Case = "dative"

    def before(self, words: list[str]) -> list[str]:
        """Put the German preposition before a noun phrase; "in dem" becomes "im"."""
        joined = CONTRACTIONS.get((self.german, words[0]))
        return [joined, *words[1:]] if joined else [self.german, *words]


CONTRACTIONS = {("in", "dem"): "im", ("in", "das"): "ins", ("zu", "dem"): "zum", ("zu", "der"): "zur"}
PREPOSITIONS = (
    Preposition("in", "in", INSIDE),
    Preposition("on", "auf", ON),
    Preposition("under", "unter", UNDER),
    Preposition("behind", "hinter", BESIDE),
    Preposition("in front of", "vor", BESIDE),
    Preposition("next to", "neben", BESIDE),
)
DIRECTIONS = (Preposition("into", "in", INSIDE, "accusative"), Preposition("to", "zu", BESIDE))
WITH = Preposition("with", "mit", ALIVE)


@dataclass(frozen=True)
class Phrase:
    """A fixed phrase that says or asks when, where or why. `tenses`: those it goes with ("modal" has the future)."""

    english: str
    german: str
    tenses: str = ""


TIMES = (
    Phrase("today", "heute", "present past perfect modal"),
    Phrase("now", "jetzt", "present modal"),
    Phrase("every day", "jeden Tag", "present past modal"),
    Phrase("in the evening", "am Abend", "present past modal"),
    Phrase("on Monday", "am Montag", "past modal"),
    Phrase("yesterday", "gestern", "past"),
    Phrase("last week", "letzte Woche", "past"),
    Phrase("tomorrow", "morgen", "modal"),
    Phrase("soon", "bald", "modal"),
)
WHERE, WHEN, WHY = Phrase("where", "wo"), Phrase("when", "wann"), Phrase("why", "warum")
