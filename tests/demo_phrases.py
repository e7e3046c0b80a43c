"""Trees of the demo grammar written in a few words, for tests."""

from dataclasses import replace
from typing import Any

from polyglass.data import demo_lexicon as lexicon
from polyglass.data import demo_verbs as verbs
from polyglass.data.demo_lexicon import THE, A
from polyglass.data.demo_syntax import Clause, NounPhrase, Relative

SINGULAR = {noun.english: noun for noun in lexicon.NOUNS}
PLURAL = {noun.english_plural: noun for noun in lexicon.NOUNS}
ADJECTIVES = {word.english: word for word in lexicon.ADJECTIVES}
PRONOUNS = {word.english: word for word in (*lexicon.PRONOUNS, *lexicon.NAMES)}
TIMES = {time.english: time for time in verbs.TIMES}
MODALS = {modal.english[0]: modal for modal in verbs.MODALS}
EVERY_VERB = (*verbs.INTRANSITIVE, *verbs.MOTION, *verbs.TRANSITIVE, *verbs.GIVING, verbs.BELONG, verbs.BE)
EVERY_VERB += tuple(verb for verb, _ in verbs.CLAUSAL)
VERBS = {f"{verb.english.infinitive} {verb.tail}".strip(): verb for verb in EVERY_VERB}


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
