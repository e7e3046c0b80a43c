"""The demo corpus, part 3 of 5: a meaning in, its English and its German sentence out.

A meaning is a tree: a `Sentence` has a `Clause`, a clause has noun phrases and perhaps a clause that depends on it.
Each kind of node has one English and one German function, and all they know comes from the tree, so that English
determines the German. What a learner has to find out stands in four places:
`german_noun_phrase` (case, gender and the endings they ask for), `_german_middle` (the order of objects, time, nicht
and place), `german_verbs` (what stands at the end) and `german_clause` (where the finite verb stands).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from polyglass.data import demo_lexicon as lexicon
from polyglass.data.demo_lexicon import Agreement, Case, Column, Noun, Pronoun
from polyglass.data.demo_verbs import BE, DO, HABEN, HAVE, Joint, Modal, Phrase, Preposition, Tense, Verb

Gap = Literal["nothing", "subject", "object"]  # what a relative pronoun stands for, so that it is left out
Order = Literal["second", "first", "last", "infinitive"]  # where the finite verb stands in German


@dataclass(frozen=True)
class NounPhrase:
    """A thing or a person spoken of. A pronoun or name has neither determiner, adjective, count nor relative."""

    head: Noun | Pronoun
    determiner: lexicon.Determiner = lexicon.THE
    plural: bool = False
    adjective: lexicon.Adjective | None = None
    count: int | None = None
    relative: "Relative | None" = None

    @property
    def agreement(self) -> Agreement:
        """Which verb form it asks for as a subject."""
        if isinstance(self.head, Pronoun):
            return self.head.agreement
        return 2 if self.plural else 1

    @property
    def definite(self) -> bool:
        """True if the hearer knows who is meant; German puts such objects first."""
        return isinstance(self.head, Pronoun) or self.determiner.definite


@dataclass(frozen=True)
class Relative:
    """A relative clause; its subject or object is the noun it describes, and is left out."""

    clause: "Clause"
    gap: Gap


@dataclass(frozen=True)
class Place:
    """Where, where to or with whom."""

    preposition: Preposition
    noun_phrase: NounPhrase


@dataclass(frozen=True)
class Dependent:
    """A clause that depends on another one, and what joins them."""

    joint: Joint
    clause: "Clause"


@dataclass(frozen=True)
class Clause:
    """Who does what to whom, when and where. `dependent`: the clause that follows (dass, weil, um ... zu)."""

    subject: NounPhrase
    verb: Verb
    tense: Tense = "present"
    modal: Modal | None = None
    negated: bool = False
    receiver: NounPhrase | None = None
    object: NounPhrase | None = None
    quality: lexicon.Adjective | None = None
    companion: Place | None = None
    place: Place | None = None
    time: Phrase | None = None
    dependent: Dependent | None = None


@dataclass(frozen=True)
class Sentence:
    """A statement or a question. `front`: what stands before the clause, and in German pushes the subject back."""

    clause: Clause
    front: "Part | None" = None
    question: bool = False


Part = Phrase | Place | Dependent  # of a clause, or what stands before it


def clauses(sentence: Sentence) -> Iterator[tuple[int, Clause]]:
    """Every clause of a sentence with the number of clauses it is nested in."""
    if isinstance(sentence.front, Dependent):
        yield from _nested(sentence.front.clause, 1)
    yield from _nested(sentence.clause, 0)


def _nested(clause: Clause, depth: int) -> Iterator[tuple[int, Clause]]:
    yield depth, clause
    for part in (clause.subject, clause.receiver, clause.object):
        if part and part.relative:
            yield from _nested(part.relative.clause, depth + 1)
    if clause.dependent:
        yield from _nested(clause.dependent.clause, depth + 1)


def write(words: list[str], end: str) -> str:
    """Make text of words: commas close up, one stands for several, and none at the edges."""
    text = re.sub("( ,)+", ",", " ".join(words)).strip(" ,") + end
    return text[0].upper() + text[1:]


# --- English ------------------------------------------------------------------------------------------------------


def english_sentence(sentence: Sentence) -> str:
    """Write a sentence in English; only a clause before the subject is set off by a comma."""
    comma = [","] if isinstance(sentence.front, Dependent) else []
    words = _english(sentence.front) + comma + english_clause(sentence.clause, question=sentence.question)
    return write(words, "?" if sentence.question else ".")


def english_noun_phrase(phrase: NounPhrase | None, *, is_object: bool = True) -> list[str]:
    """Article, number, adjective, noun and relative clause."""
    if phrase is None:
        return []
    head = phrase.head
    if isinstance(head, Pronoun):
        return [head.english_object if is_object else head.english]
    words = [lexicon.english_number(phrase.count)] if phrase.count else []
    words += [phrase.adjective.english] if phrase.adjective else []
    words.append(head.english_plural if phrase.plural else head.english)
    article = phrase.determiner.english_plural if phrase.plural else phrase.determiner.english
    if article == "a" and words[0][0] in "aeiou":
        article = "an"
    words = [article, *words] if article else words
    if phrase.relative:
        gap = phrase.relative.gap
        pronoun = ("who" if gap == "subject" else "whom") if head.kind & lexicon.PERSON else "that"
        words += [pronoun, *english_clause(phrase.relative.clause, gap=gap)]
    return words


def english_verbs(clause: Clause, *, split: bool) -> list[str]:
    """The finite verb and the verbs after it; "do" steps in if a subject or "not" must come between them."""
    verb, agreement = clause.verb.english, clause.subject.agreement
    if clause.modal and not clause.modal.lexical:
        return [clause.modal.english[agreement], verb.infinitive]
    if clause.tense == "perfect":
        return [HAVE.finite("present", agreement), verb.participle]
    do = [DO.finite(clause.tense, agreement)] if split and (clause.modal or clause.verb is not BE) else []
    if clause.modal:
        return [*do, clause.modal.english[2 if do else agreement], "to", verb.infinitive]
    return [*do, verb.infinitive if do else verb.finite(clause.tense, agreement)]


def english_clause(clause: Clause, *, gap: Gap = "nothing", question: bool = False) -> list[str]:
    """Subject, verb, objects, place, time; in a question the finite verb comes first."""
    finite, *rest = english_verbs(clause, split=question or clause.negated)
    subject = [] if gap == "subject" else english_noun_phrase(clause.subject, is_object=False)
    if clause.negated:
        finite = "cannot" if finite == "can" else f"{finite} not"
    start = [finite, *subject] if question else [*subject, finite]
    return start + rest + _english_rest(clause, gap)


def _english_rest(clause: Clause, gap: Gap = "nothing") -> list[str]:
    """What follows the verb."""
    words = english_noun_phrase(clause.receiver) + ([clause.verb.tail] if clause.verb.tail else [])
    words += english_noun_phrase(clause.object) if gap != "object" else []
    words += [clause.quality.english] if clause.quality else []
    return words + [word for part in _parts(clause) for word in _english(part)]


def _parts(clause: Clause) -> tuple[Part | None, ...]:
    return clause.companion, clause.place, clause.time, clause.dependent


def _english(part: Part | None) -> list[str]:
    match part:
        case None:
            return []
        case Place():
            return [part.preposition.english, *english_noun_phrase(part.noun_phrase)]
        case Dependent(Joint(english, infinitive=True), clause):
            return [*english.split(), "to", clause.verb.english.infinitive, *_english_rest(clause)]
        case Dependent(joint, clause):
            return [joint.english, *english_clause(clause)]
    return [part.english]


# --- German -------------------------------------------------------------------------------------------------------


def german_sentence(sentence: Sentence) -> str:
    """Write a sentence in German: what stands in front pushes the subject behind the finite verb."""
    order: Order = "first" if sentence.front or sentence.question else "second"
    words = _german(sentence.front) + german_clause(sentence.clause, order)
    return write(words, "?" if sentence.question else ".")


def german_noun_phrase(phrase: NounPhrase, case: Case, *, negated: bool = False) -> list[str]:
    """Article, number, adjective, noun in their case, and the relative clause between commas."""
    head = phrase.head
    if isinstance(head, Pronoun):
        return [head.german[case]]
    determiner = lexicon.NOT_A if negated and phrase.determiner is lexicon.A else phrase.determiner
    column: Column = "plural" if phrase.plural else head.gender
    article = determiner.german[column][case]
    words = [article] if article else []
    words += [lexicon.german_number(phrase.count)] if phrase.count else []
    words += [phrase.adjective.form(determiner.endings[column][case])] if phrase.adjective else []
    words.append(head.form(case, plural=phrase.plural))
    return words + (_german_relative(phrase.relative, column) if phrase.relative else [])


def _german_relative(relative: Relative, column: Column) -> list[str]:
    """Gender and number of the pronoun come from the noun before it, its case from the clause behind it."""
    clause, gap = relative.clause, relative.gap
    case: Case = "nominative" if gap == "subject" else clause.verb.case
    preposition = [clause.verb.preposition] if gap == "object" and clause.verb.preposition else []
    pronoun = lexicon.RELATIVE_PRONOUN[column][case]
    return [",", *preposition, pronoun, *german_clause(clause, "last", gap=gap), ","]


def german_verbs(clause: Clause, order: Order) -> tuple[list[str], list[str]]:
    """The finite verb, and what stands at the end of the clause: particle, participle, infinitive or all verbs."""
    verb, agreement, particle = clause.verb.german, clause.subject.agreement, clause.verb.particle
    if order == "infinitive":
        return [], [f"{particle}zu{verb.infinitive}"] if particle else ["zu", verb.infinitive]
    if clause.modal:
        finite, end = clause.modal.german[agreement], [particle + verb.infinitive]
    elif clause.tense == "perfect":
        auxiliary = HABEN if clause.verb.auxiliary == "haben" else BE.german
        finite, end = auxiliary.finite("present", agreement), [particle + verb.participle]
    else:
        finite, end = verb.finite(clause.tense, agreement), [particle] if particle else []
        if order == "last":
            return [], [particle + finite]
    return ([], [*end, finite]) if order == "last" else ([finite], end)


def german_clause(clause: Clause, order: Order, *, gap: Gap = "nothing") -> list[str]:
    """Subject, finite verb, middle, rest of the verb, dependent clause; `order` says where the finite verb stands."""
    finite, end = german_verbs(clause, order)
    silent = gap == "subject" or order == "infinitive"
    subject = [] if silent else german_noun_phrase(clause.subject, "nominative")
    start = finite + subject if order == "first" else subject + finite
    return start + _german_middle(clause, gap) + end + _german(clause.dependent)


def _german_middle(clause: Clause, gap: Gap) -> list[str]:
    """Known objects, time, nicht, with whom, where, new objects, object with preposition, quality."""
    known, new, last = list[str](), list[str](), list[str]()
    kein = False
    thing = clause.object if gap != "object" else None
    objects: list[tuple[NounPhrase | None, Case]] = [(clause.receiver, "dative"), (thing, clause.verb.case)]
    for phrase, case in objects:
        if phrase and clause.verb.preposition:
            last = [clause.verb.preposition, *german_noun_phrase(phrase, case)]
        elif phrase and phrase.definite:
            known += german_noun_phrase(phrase, case)
        elif phrase:
            new += german_noun_phrase(phrase, case, negated=clause.negated)
            kein = phrase.determiner is lexicon.A
    negation = ["nicht"] if clause.negated and not kein else []
    quality = [clause.quality.german] if clause.quality else []
    places = _german(clause.companion) + _german(clause.place)
    return known + _german(clause.time) + negation + places + new + last + quality


def _german(part: Part | None) -> list[str]:
    match part:
        case None:
            return []
        case Place(preposition, phrase):
            return preposition.before(german_noun_phrase(phrase, preposition.case))
        case Dependent(joint, clause):
            order: Order = "infinitive" if joint.infinitive else "last"
            return [",", *joint.german.split(), *german_clause(clause, order), ","]
    return [part.german]
