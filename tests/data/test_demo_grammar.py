"""The demo grammar: meanings beside both sentences, written by hand."""

from dataclasses import replace

import pytest

from demo_phrases import ADJECTIVES, MODALS, TIMES, clause, phrase, who, whom
from polyglass.data import demo_verbs as verbs
from polyglass.data.demo_grammar import translate
from polyglass.data.demo_syntax import Clause, Dependent, Place, Sentence

WEIL, OBWOHL = verbs.REASONS
BEVOR, _ = verbs.MEANWHILE
WENN, (ALS,) = verbs.IN_PRESENT[1], verbs.IN_PAST
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
