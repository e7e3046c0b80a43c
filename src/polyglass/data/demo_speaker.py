"""The demo corpus, part 4 of 5: draws meanings at random, for `demo_syntax.py` to write in both languages.

What may be drawn is narrowed where a sentence would be odd (who eats what, "tomorrow" with the past) or where one
English sentence could be read in two ways that German tells apart: nothing follows a nested clause within a clause.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal, TypeVar

from polyglass.data import demo_lexicon as lexicon
from polyglass.data import demo_verbs as verbs
from polyglass.data.demo_lexicon import ALIVE, PERSON, THE, A, Kind
from polyglass.data.demo_syntax import Clause, Dependent, NounPhrase, Place, Relative, Sentence
from polyglass.data.demo_verbs import BE, BELONG, CLAUSAL, GIVING, MOTION, TRANSITIVE, Joint, Modal, Phrase, Tense, Verb

Item = TypeVar("Item")
Growth = Literal["nothing", "subject", "object", "clause", "adjunct"]  # where a clause gets a clause nested in it
WITH_OBJECT = (*TRANSITIVE, BELONG, *GIVING)


@dataclass(frozen=True)
class Setting:
    """What a clause must fit into. depth: how many clauses shall be nested in it, each in the one before.

    subject, thing: its subject or object, where it is given (in a relative clause; in "to open the door").
    """

    depth: int
    time: Literal["any", "present", "past", "infinitive"] = "any"
    subject: NounPhrase | None = None
    thing: NounPhrase | None = None
    adjuncts: bool = True  # whether it may have a clause of reason, time or purpose


class Dice:
    """Chance. Uses nothing but `Random.random`, which gives the same numbers in every Python version."""

    def __init__(self, seed: int) -> None:
        self.roll = random.Random(seed).random

    def chance(self, share: float) -> bool:
        """True in this share of the calls."""
        return self.roll() < share

    def one_of(self, items: Sequence[Item]) -> Item:
        """Draw an item."""
        return items[int(self.roll() * len(items))]


class Speaker:
    """Draws meanings."""

    def __init__(self, seed: int) -> None:
        self.dice = Dice(seed)
        self.chance, self.one_of = self.dice.chance, self.dice.one_of

    def depth(self, deepest: int) -> int:
        """Draw how deep to nest; small depths are more frequent."""
        return int(self.dice.roll() ** 2 * (deepest + 1))

    def sentence(self, depth: int) -> Sentence:
        """Draw a statement or a question whose innermost clause stands in `depth` others."""
        clause = self.clause(Setting(depth))
        adjunct = clause.dependent if not _is_clausal(clause.verb) else None
        if adjunct and self.chance(0.45):
            return Sentence(replace(clause, dependent=None), front=adjunct)
        if not clause.negated and self.chance(0.15):
            return self.question(clause)
        if clause.place and clause.verb not in MOTION and self.chance(0.25):
            return Sentence(replace(clause, place=None), front=clause.place)
        if clause.verb is not BELONG and self.chance(0.3):
            return Sentence(replace(clause, time=None), front=clause.time or _time(self.dice, clause))
        return Sentence(clause)

    def question(self, clause: Clause) -> Sentence:
        """Ask for the place, the time or the reason, or yes or no."""
        if self.chance(0.5):
            return Sentence(clause, question=True)
        if clause.place and clause.verb not in MOTION:
            return Sentence(replace(clause, place=None), front=verbs.WHERE, question=True)
        if clause.time and clause.tense != "perfect":
            return Sentence(replace(clause, time=None), front=verbs.WHEN, question=True)
        has_reason = clause.dependent and not _is_clausal(clause.verb)
        return Sentence(clause, front=None if has_reason else verbs.WHY, question=True)

    def clause(self, setting: Setting) -> Clause:
        """Draw a clause."""
        growth = self.growth(setting)
        verb, joint = self.verb(setting, growth)
        tense, modal = _tense(self.dice, setting.time, verb)
        inner = Setting(setting.depth - 1, "past" if tense == "past" else "any", adjuncts=setting.adjuncts)
        subject = setting.subject or self.noun_phrase(verb.by, inner=inner if growth == "subject" else None)
        receiver = _with_article(self.noun_phrase(PERSON, beside=(subject,))) if verb in GIVING else None
        thing = setting.thing
        if verb in WITH_OBJECT and not thing:
            beside = (subject, receiver) if receiver else (subject,)
            thing = self.noun_phrase(verb.takes, beside=beside, inner=inner if growth == "object" else None)
            thing = _with_article(thing) if verb.case == "dative" else thing
        quality = _adjective(self.dice, subject.head.kind, besides=subject.adjective) if verb is BE else None
        clause = Clause(subject, verb, tense, modal, receiver=receiver, object=thing, quality=quality)
        if growth not in ("object", "clause"):
            clause = self.circumstances(clause)
        if self.chance(0.2) and setting.time != "infinitive" and _can_be_negated(clause, setting):
            clause = replace(clause, negated=True)
        if growth in ("clause", "adjunct"):
            if not joint:
                joint, inner = self.one_of(_joints(clause)), replace(inner, adjuncts=False)
            clause = replace(clause, dependent=self.dependent(joint, clause, inner))
        return clause

    def growth(self, setting: Setting) -> Growth:
        """Draw where the next clause is nested."""
        if setting.depth == 0:
            return "nothing"
        if setting.thing:
            return "subject"
        places: list[Growth] = ["object"] if setting.subject else ["object", "subject"]
        if setting.time != "infinitive" and not (setting.subject and not setting.subject.head.kind & PERSON):
            places.append("clause")
        if setting.time != "infinitive" and setting.adjuncts:
            places.append("adjunct")
        return self.one_of(places)

    def verb(self, setting: Setting, growth: Growth) -> tuple[Verb, Joint | None]:
        """Draw a verb that fits; one that governs a clause comes with what joins them ("know whether")."""
        if growth == "clause":
            return self.one_of(CLAUSAL)
        groups: list[tuple[Verb, ...]] = [TRANSITIVE] * 8 + [GIVING] * 3 + [(BELONG,)]
        if not setting.thing and growth != "object":
            groups += [verbs.INTRANSITIVE] * 4 + [MOTION] * 2 + [(BE,)] * 2
        subject, thing = setting.subject, setting.thing
        while True:
            verb = self.one_of(self.one_of(groups))
            active = setting.time != "infinitive" or verb not in (BE, BELONG)
            if active and (not subject or subject.head.kind & verb.by) and (not thing or thing.head.kind & verb.takes):
                return verb, None

    def circumstances(self, clause: Clause) -> Clause:
        """Add with whom, where (or where to) and when."""
        verb, companion, place = clause.verb, None, None
        if verb is BELONG:
            return clause
        if verb in verbs.INTRANSITIVE and verb.by is PERSON and self.chance(0.3):
            companion = Place(verbs.WITH, self.noun_phrase(ALIVE, beside=(clause.subject,)))
        if verb in MOTION:
            place = self.place(verbs.DIRECTIONS)
        elif verb is not BE and self.chance(0.25):
            place = self.place(verbs.PREPOSITIONS)
        time = _time(self.dice, clause) if self.chance(0.25) else None
        return replace(clause, companion=companion, place=place, time=time) if companion or place or time else clause

    def place(self, prepositions: Sequence[verbs.Preposition]) -> Place:
        """Draw a preposition and a noun that goes with it."""
        preposition = self.one_of(prepositions)
        return Place(preposition, self.noun_phrase(preposition.kind, plain=True))

    def dependent(self, joint: Joint, clause: Clause, inner: Setting) -> Dependent:
        """Draw the clause that depends on `clause`."""
        if joint.infinitive:
            subject = replace(clause.subject, relative=None)
            return Dependent(joint, self.clause(replace(inner, time="infinitive", subject=subject)))
        time = "present" if joint.same_time and inner.time == "any" else inner.time
        drawn = self.clause(replace(inner, time=time))
        return Dependent(joint, replace(drawn, negated=False) if joint in verbs.MEANWHILE else drawn)

    def noun_phrase(
        self, kind: Kind, *, beside: Sequence[NounPhrase] = (), inner: Setting | None = None, plain: bool = False
    ) -> NounPhrase:
        """Draw who or what, but nobody of `beside`. inner: asks for a relative clause; plain: for article and noun."""
        named = [phrase.head for phrase in beside]
        if kind & PERSON and not inner and not plain and self.chance(0.25):
            said_by_me = any(head in lexicon.FIRST_PERSON for head in named)  # "I help us" would be reflexive
            taken = [*named, *lexicon.FIRST_PERSON] if said_by_me else named
            words = [word for word in lexicon.PRONOUNS + lexicon.NAMES if word not in taken]
            return NounPhrase(self.one_of(words))
        nouns = _nouns(kind)
        noun = self.one_of([noun for noun in nouns if noun not in named] if named else nouns)
        determiner = THE if self.chance(0.8 if plain else 0.6) else A
        if not inner and not plain and self.chance(0.25):
            determiner = self.one_of((*lexicon.POSSESSIVES, lexicon.THIS, lexicon.EVERY))
        plural = self.chance(0.3) and determiner is not lexicon.EVERY
        counted = plural and not plain and determiner in (THE, A) and self.chance(0.3)
        adjective = _adjective(self.dice, noun.kind) if self.chance(0.2) else None
        phrase = NounPhrase(noun, determiner, plural, adjective, count=_number(self.dice) if counted else None)
        return replace(phrase, relative=self.relative(phrase, inner)) if inner else phrase

    def relative(self, phrase: NounPhrase, inner: Setting) -> Relative:
        """Draw a relative clause; a thing is rather the object of it, a person or an animal rather the subject."""
        inner = replace(inner, adjuncts=False)
        alive = bool(phrase.head.kind & ALIVE)
        if self.chance(0.7 if alive else 0.25) and (alive or inner.depth == 0):
            return Relative(self.clause(replace(inner, subject=phrase)), "subject")
        return Relative(self.clause(replace(inner, thing=phrase)), "object")


def _tense(dice: Dice, time: str, verb: Verb) -> tuple[Tense, Modal | None]:
    """Draw tense and modal verb; what is a state is simply so, or was."""
    if time == "past":
        return "past", None
    if time != "any" or dice.chance(0.4):
        return "present", None
    if verb in (BE, BELONG):
        return ("present", verbs.WILL) if verb is BE and dice.chance(0.4) else ("past", None)
    if dice.chance(0.4):
        return "present", dice.one_of(verbs.MODALS)
    return ("perfect" if dice.chance(0.4) else "past"), None


def _time(dice: Dice, clause: Clause) -> Phrase:
    """Draw a time that goes with the tense."""
    return dice.one_of(_times("modal" if clause.modal else clause.tense))


def _adjective(dice: Dice, kind: Kind, *, besides: lexicon.Adjective | None = None) -> lexicon.Adjective:
    """Draw an adjective that goes with a noun of this kind, and another one than `besides`."""
    return dice.one_of([word for word in _adjectives(kind) if word is not besides])


def _number(dice: Dice) -> int:
    """Draw a number from 2 to 999,999, mostly small; none like 101, which takes a special form before nouns."""
    digits = dice.one_of((1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 3, 3, 6))
    number = 2 + int(dice.roll() * (10**digits - 2))
    return number + 1 if number % 100 == 1 else number


def _with_article(phrase: NounPhrase) -> NounPhrase:
    """A plural that stands alone shows no dative ("er hilft Frauen"); with an article it does."""
    alone = phrase.plural and phrase.determiner is A and not phrase.count
    return replace(phrase, determiner=THE) if alone else phrase


@cache
def _times(tense: str) -> tuple[Phrase, ...]:
    return tuple(phrase for phrase in verbs.TIMES if tense in phrase.tenses)


@cache
def _nouns(kind: Kind) -> tuple[lexicon.Noun, ...]:
    return tuple(word for word in lexicon.NOUNS if word.kind & kind)


@cache
def _adjectives(kind: Kind) -> tuple[lexicon.Adjective, ...]:
    return tuple(word for word in lexicon.ADJECTIVES if word.kind & kind)


def _is_clausal(verb: Verb) -> bool:
    return verb in verbs.GOVERNING


def _joints(clause: Clause) -> Sequence[Joint]:
    """What can join a clause of reason, time or purpose to this one."""
    joints = list(verbs.REASONS)
    if clause.tense != "perfect":
        joints += [*verbs.MEANWHILE, *(verbs.IN_PAST if clause.tense == "past" else verbs.IN_PRESENT)]
    if clause.verb not in (BE, BELONG):
        joints.append(verbs.IN_ORDER)
    return joints


def _can_be_negated(clause: Clause, setting: Setting) -> bool:
    """True where "not" has one German counterpart: with an "a" object it makes "kein", otherwise it is "nicht"."""
    thing = None if setting.thing else clause.object
    no_such = thing and thing.determiner is A and not thing.count and not clause.verb.preposition
    others = (clause.subject, clause.receiver, None if no_such else thing)
    return all(not phrase or phrase.definite for phrase in others) and (not clause.modal or clause.modal.negatable)
