"""Tags and placeholders through a model: is each there once, is the text well-formed, and are they in the right place?

Sentences of the demo grammar get tags around noun phrases, nested and alone, and placeholders (printf, braces, ICU,
addresses) in the place of names. The grammar knows the one translation, so it knows where each of them belongs:
placed     a tag holds the noun it should; a placeholder or a single tag has a neighbour word that it should have
exact      a tag holds the whole noun phrase and nothing else; a placeholder has both neighbours
Exit status 1 if one text is not well-formed or one code is missing or doubled.

  polyglass data demo corpus
  polyglass train corpus/train.en corpus/train.de --valid corpus/valid.en corpus/valid.de --out models/en-de \
      --preset mini --steps 4800 --set train.batch_tokens=512 --set data.protect=true
  python benchmarks/markup.py models/en-de --method project --method mask
"""

import argparse
import json
import platform
import random
import re
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from xml.etree import ElementTree

import torch

from polyglass.data.demo_grammar import DemoPair, generate_pairs
from polyglass.data.demo_lexicon import ADJECTIVES, DER, NAMES, NOUNS, POSSESSIVES, THIS, A, Noun
from polyglass.text.parts import Method, Output, Rules, take_apart
from polyglass.translator import Translator

PLACEHOLDERS = (
    *("%s", "%1$s", "%(name)s", "%@", "%-10s", "{name}", "{0}", "{user.name}", "{{ name }}", "${name}", "%{name}"),
    *("{n, plural, one {# guest} other {# guests}}", "{who, select, male {he} female {she} other {they}}"),
    *("https://example.org/a?b=1", "anna@example.org", "ABC-1234"),
)
TAGS = ("b", "i", "g", "span", "mark")
ENGLISH_NAMES = tuple(name.english for name in NAMES)
_WORD = re.compile(r"[\w-]+")


@dataclass(frozen=True)
class Case:
    """A text with codes, and what is known of its translation.

    tags: name and number of each tag pair -> the words of the noun phrase that it should hold, the noun last.
    codes: placeholder or single tag -> the words that should stand before and behind it.
    """

    text: str
    tags: dict[str, tuple[str, ...]]
    codes: dict[str, tuple[str, str]]


@dataclass
class Result:
    """What became of the cases with one method."""

    method: str
    cases: int = 0
    well_formed: int = 0
    complete: int = 0
    repaired: int = 0
    tags: int = 0
    tags_placed: int = 0
    tags_exact: int = 0
    singles: int = 0
    singles_placed: int = 0
    singles_exact: int = 0
    placeholders: int = 0
    placeholders_placed: int = 0
    placeholders_exact: int = 0


def make_cases(count: int, seed: int) -> list[Case]:
    """Draw cases, each with at least one tag or placeholder."""
    dice = random.Random(seed)
    pairs = (pair for pair in generate_pairs(60 * count, seed=seed + 1000, min_words=5, max_words=20))
    cases: list[Case] = []
    for pair in pairs:
        case = _case(pair, dice)
        # Names are rare in the grammar, so every second case must have a placeholder.
        if case is not None and (len(cases) % 2 == 0 or any(code[0] != "<" for code in case.codes)):
            cases.append(case)
        if len(cases) == count:
            return cases
    raise SystemExit(f"only {len(cases)} cases could be made; ask for fewer")


def _case(pair: DemoPair, dice: random.Random) -> Case | None:
    english, german = pair.source, pair.target
    tags: dict[str, tuple[str, ...]] = {}
    codes: dict[str, tuple[str, str]] = {}
    names = [name for name in ENGLISH_NAMES if _count(name, english) == _count(name, german) == 1]
    for name in dice.sample(names, dice.randint(0, len(names))):
        code = dice.choice([code for code in PLACEHOLDERS if code not in codes])
        codes[code] = _neighbours(german, name)
        english = re.sub(rf"\b{name}\b", lambda _, code=code: code, english)
    nouns = [
        (word, noun) for noun in NOUNS for word in (noun.english, noun.english_plural) if _count(word, english) == 1
    ]
    nouns = [(word, noun) for word, noun in nouns if len(_phrase(german, noun)) > 0 and _only(noun, english, german)]
    for number, (word, noun) in enumerate(dice.sample(nouns, min(len(nouns), dice.randint(0, 2)))):
        phrase = _phrase(german, noun)
        found = re.search(rf"(?:\b(?:the|an?|my|his|our|their|this|these|every) )?(?:\w+ )??\b{word}\b", english)
        found = re.search(rf"{_determiner()}{_adjective()}\b{word}\b", english) or found
        if found is None:
            continue
        if dice.random() < 0.25:
            code = f'<x id="{number}"/>'
            codes[code] = (_neighbours(german, phrase[0] if len(phrase) == 1 else " ".join(phrase))[0], phrase[0])
            english = english[: found.start()] + code + english[found.start() :]
        else:
            tag = f"{dice.choice(TAGS)}{number}"
            inner = re.sub(r"\b(\w+) (\w+)$", r"<u>\1</u> \2", found[0]) if dice.random() < 0.3 else found[0]
            tags[tag] = phrase
            english = f"{english[: found.start()]}<{tag}>{inner}</{tag}>{english[found.end() :]}"
    return Case(english, tags, codes) if tags or codes else None


def _determiner() -> str:
    return r"(?:\b(?:[Tt]he|[Aa]n?|[Mm]y|[Hh]is|[Oo]ur|[Tt]heir|[Tt]his|[Tt]hese|[Ee]very) )?"


def _adjective() -> str:
    return rf"(?:\b(?:{'|'.join(word.english for word in ADJECTIVES)}) )?"


def _only(noun: Noun, english: str, german: str) -> bool:
    """True if no other form of the noun is in either sentence."""
    forms = {noun.german, noun.german_plural, f"{noun.german_plural}n"}
    there = len(re.findall(rf"\b(?:{noun.english}|{noun.english_plural})\b", english))
    return there == 1 and sum(word in forms for word in _WORD.findall(german)) == 1


def _phrase(german: str, noun: Noun) -> tuple[str, ...]:
    """Return article, adjective and noun as they stand in a sentence."""
    forms = "|".join(sorted({noun.german, noun.german_plural, f"{noun.german_plural}n"}, key=len, reverse=True))
    stems = "|".join(word.stem or word.german for word in ADJECTIVES)
    articles = {form for table in (DER, A.german, THIS.german) for column in table.values() for form in column.values()}
    articles |= {f for p in POSSESSIVES for column in p.german.values() for f in column.values()}
    article = "|".join(sorted(filter(None, articles), key=len, reverse=True))
    found = re.search(
        rf"(?i:\b(?:{article}|jede[rsnm]?|keine?[rsnm]?) )?(?:\b(?:{stems})e?[rsnm]? )?\b(?:{forms})\b", german
    )
    return tuple(found[0].split()) if found else ()


def _count(word: str, text: str) -> int:
    return len(re.findall(rf"\b{word}\b", text))


def _neighbours(text: str, words: str) -> tuple[str, str]:
    before, _, behind = text.partition(words)
    left, right = _WORD.findall(before), _WORD.findall(behind)
    return (left[-1] if left else "", right[0] if right else "")


def judge(case: Case, made: str, repaired: bool, result: Result) -> None:
    """Count what became of one case."""
    result.cases += 1
    result.repaired += repaired
    try:
        ElementTree.fromstring(f"<r>{made.replace('&', '&amp;')}</r>")
        result.well_formed += 1
    except ElementTree.ParseError:
        return
    expected = Counter([*re.findall(r"<[^<>]*>", case.text), *(code for code in case.codes if code[0] != "<")])
    rest = made
    found: Counter[str] = Counter(re.findall(r"<[^<>]*>", made))
    for code in sorted(case.codes, key=len, reverse=True):
        if code[0] != "<":
            found[code] = rest.count(code)
            rest = rest.replace(code, " ")
    result.complete += found == expected
    for tag, phrase in case.tags.items():
        inside = re.search(rf"<{tag}>(.*?)</{tag}>", made)
        words = tuple(_WORD.findall(re.sub(r"<[^<>]*>", "", inside[1]))) if inside else ()
        result.tags += 1
        result.tags_placed += phrase[-1] in words
        result.tags_exact += tuple(map(str.lower, words)) == tuple(map(str.lower, phrase))
    for code, wanted in case.codes.items():
        before, _, behind = made.partition(code)
        left = _WORD.findall(re.sub(r"<[^<>]*>", " ", before))
        right = _WORD.findall(re.sub(r"<[^<>]*>", " ", behind))
        got = (left[-1] if left else "", right[0] if right else "")
        same = [a.lower() == b.lower() for a, b in zip(got, wanted, strict=True)]
        if code[0] == "<":
            result.singles += 1
            result.singles_placed += any(same)
            result.singles_exact += all(same)
        else:
            result.placeholders += 1
            result.placeholders_placed += any(same)
            result.placeholders_exact += all(same)


def measure(translator: Translator, cases: Sequence[Case], method: Method, *, alignment: bool) -> Result:
    """Translate all cases with one method."""
    result = Result(method if alignment else f"{method}, no alignment")
    apart = [take_apart(case.text, language="en", rules=Rules(method=method)) for case in cases]
    sentences = [sentence for parts in apart for sentence in parts.sentences]
    answers = iter(translator.translate(sentences, alignment=alignment))
    for case, parts in zip(cases, apart, strict=True):
        outputs = []
        for _ in parts.sentences:
            answer = next(answers)
            best = answer.candidates[0]
            outputs.append(Output(best.text, best.pieces, answer.source_pieces, best.alignment))
        assembled = parts.assemble(outputs)
        judge(case, assembled.text, bool(assembled.repairs), result)
    return result


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="a model folder, English to German")
    parser.add_argument("--method", action="append", choices=("project", "mask", "mask_tags"))
    parser.add_argument("--without-alignment", action="store_true", help="place by likeness of words only")
    parser.add_argument("--cases", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--quick", action="store_true", help="20 cases: does it run?")
    given = parser.parse_args()
    translator = Translator.load(given.model)
    cases = make_cases(20 if given.quick else given.cases, given.seed)
    results = [
        measure(translator, cases, method, alignment=not given.without_alignment)
        for method in given.method or ["project"]
    ]
    for one in results:
        print(one.method, f"{one.cases} texts")
        print(f"  {one.well_formed / one.cases:.1%} well-formed, {one.complete / one.cases:.1%} with every code once,")
        print(f"  {one.repaired} repaired")
        for name, count, placed, exact in (
            ("tag pairs", one.tags, one.tags_placed, one.tags_exact),
            ("single tags", one.singles, one.singles_placed, one.singles_exact),
            ("placeholders", one.placeholders, one.placeholders_placed, one.placeholders_exact),
        ):
            print(f"  {count:>4} {name:<12} {placed / max(1, count):>6.1%} placed {exact / max(1, count):>6.1%} exact")
    if given.json:
        recipe = {
            "command": " ".join(["python benchmarks/markup.py", *sys.argv[1:]]),
            "processor": platform.processor() or platform.machine(),
            "python": platform.python_version(),
            "torch": torch.__version__,
        }
        report = {"recipe": recipe, "results": [asdict(one) for one in results]}
        given.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8", newline="\n")
    return 0 if all(one.well_formed == one.complete == one.cases for one in results) else 1


if __name__ == "__main__":
    sys.exit(main())
