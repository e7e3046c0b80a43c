"""A rule of gettext for plurals in, the number of the form for a count out: "n%10==1 && n%100!=11 ? 0 : 1".

The rule is an expression of C (GNU gettext manual, "Plural forms"). It is read by a small parser of its own, because a
file of a stranger must not be evaluated.
"""

import re
from collections.abc import Callable

from polyglass.errors import DataError

Rule = Callable[[int], int]
MOST_FORMS = 20
_TOKEN = re.compile(r"\s*(\d{1,9}|n|\|\||&&|[=!<>]=|[-+*/%<>!?:()])")
_LEVELS = (("||",), ("&&",), ("==", "!="), ("<", ">", "<=", ">="), ("+", "-"), ("*", "/", "%"))
_LONGEST = 1000  # characters; real rules have a fifth of it
_DEEPEST = 50


def read_plurals(header: str) -> tuple[int, Rule]:
    """Return how many forms a language has, and the rule that chooses one, from "nplurals=2; plural=(n != 1);"."""
    found = re.fullmatch(r"\s*nplurals\s*=\s*(\d{1,2})\s*;\s*plural\s*=\s*([^;]*);?\s*", header)
    if found is None or not 1 <= int(found[1]) <= MOST_FORMS or len(found[2]) > _LONGEST:
        raise DataError(f"Plural-Forms must look like nplurals=2; plural=(n != 1); but it is {header[:80]!r}.")
    count = int(found[1])
    rule = _Parser(found[2]).parse()
    return count, lambda n: min(count - 1, max(0, rule(n)))


class _Parser:
    """Reads one expression by descending through the levels of precedence."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens: list[str] = []
        at = 0
        while at < len(text.rstrip()):
            found = _TOKEN.match(text, at)
            if found is None:
                raise self._wrong()
            self._tokens.append(found[1])
            at = found.end()
        self._at = 0
        self._depth = 0

    def parse(self) -> Rule:
        """Return the rule."""
        rule = self._choice()
        if self._at < len(self._tokens):
            raise self._wrong()
        return rule

    def _choice(self) -> Rule:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise self._wrong()
        condition = self._level(0)
        if not self._take("?"):
            self._depth -= 1
            return condition
        yes = self._choice()
        if not self._take(":"):
            raise self._wrong()
        no = self._choice()
        self._depth -= 1
        return lambda n: yes(n) if condition(n) else no(n)

    def _level(self, level: int) -> Rule:
        if level == len(_LEVELS):
            return self._single()
        left = self._level(level + 1)
        while self._at < len(self._tokens) and self._tokens[self._at] in _LEVELS[level]:
            operator = self._tokens[self._at]
            self._at += 1
            left = _apply(operator, left, self._level(level + 1))
        return left

    def _single(self) -> Rule:
        if self._take("!"):
            inner = self._single()
            return lambda n: int(not inner(n))
        if self._take("("):
            rule = self._choice()
            if not self._take(")"):
                raise self._wrong()
            return rule
        token = self._tokens[self._at] if self._at < len(self._tokens) else ""
        self._at += 1
        if token == "n":
            return lambda n: n
        if not token.isdecimal():
            raise self._wrong()
        value = int(token)
        return lambda n: value

    def _take(self, token: str) -> bool:
        there = self._at < len(self._tokens) and self._tokens[self._at] == token
        self._at += there
        return there

    def _wrong(self) -> DataError:
        return DataError(f"Plural-Forms has a rule that cannot be read: {self._text[:80]!r}. Mend it in the header.")


def _apply(operator: str, left: Rule, right: Rule) -> Rule:
    match operator:
        case "||":
            return lambda n: int(bool(left(n) or right(n)))
        case "&&":
            return lambda n: int(bool(left(n) and right(n)))
        case "==":
            return lambda n: int(left(n) == right(n))
        case "!=":
            return lambda n: int(left(n) != right(n))
        case "<":
            return lambda n: int(left(n) < right(n))
        case ">":
            return lambda n: int(left(n) > right(n))
        case "<=":
            return lambda n: int(left(n) <= right(n))
        case ">=":
            return lambda n: int(left(n) >= right(n))
        case "+":
            return lambda n: left(n) + right(n)
        case "-":
            return lambda n: left(n) - right(n)
        case "*":
            return lambda n: left(n) * right(n)
        case "/":
            return lambda n: left(n) // (right(n) or 1)
        case _:
            return lambda n: left(n) % (right(n) or 1)
