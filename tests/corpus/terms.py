"""Random expressions in x that have a value, with bounds of the value and of what rounding makes of it.

Every rule below knows between which numbers its value lies when those of its operands lie where they say, so nothing
divides by zero, leaves a domain or overflows; and how errors of the operands and of the rule itself, in units of EPS,
add up. That is the tolerance with which two ways of evaluating an expression have to agree.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from random import Random
from typing import NamedTuple

import numpy as np

from corpus.reductions import HIGH, LOW, REDUCTIONS, SIZE

EPS = float(np.finfo(np.float64).eps)
# Larger numbers are folded back; sums over all of x stay below six times as much.
LARGEST = 50.0
# Expressions whose rounding errors exceed 1e-10 say little; they are replaced by one of their operands.
COARSEST = 1e-10 / EPS
# Functions of numba, of NumPy and of lanes are off by at most four units in the last place.
FUNCTION = 4.0


class Term(NamedTuple):
    """Source text in parentheses where it needs them; the value lies in [low, high], off by ``error`` EPS."""

    text: str
    low: float
    high: float
    error: float = 0.0
    whole: bool = False

    @property
    def largest(self) -> float:
        return max(abs(self.low), abs(self.high))


class Function(NamedTuple):
    """A function that rises over its domain, and the largest slope there is between two numbers."""

    names: tuple[str, ...]
    low: float
    high: float
    value: Callable[[float], float]
    slope: Callable[[float, float], float]


def both(name: str, numpy_name: str = "") -> tuple[str, ...]:
    return (f"math.{name}", f"np.{numpy_name or name}")


def edge(low: float, high: float) -> float:
    return max(abs(low), abs(high))


RISING = [
    Function(both("exp"), -6.0, 3.0, math.exp, lambda _, b: math.exp(b)),
    Function(both("expm1"), -6.0, 3.0, math.expm1, lambda _, b: math.exp(b)),
    Function(both("log"), 0.1, 1e3, math.log, lambda a, _: 1 / a),
    Function(both("log1p"), -0.8, 1e3, math.log1p, lambda a, _: 1 / (1 + a)),
    Function(both("log2"), 0.1, 1e3, math.log2, lambda a, _: 1 / (a * math.log(2))),
    Function(both("log10"), 0.1, 1e3, math.log10, lambda a, _: 1 / (a * math.log(10))),
    Function(both("sqrt"), 0.05, 1e3, math.sqrt, lambda a, _: 0.5 / math.sqrt(a)),
    Function(both("sinh"), -4.0, 4.0, math.sinh, lambda a, b: math.cosh(edge(a, b))),
    Function(both("tanh"), -LARGEST, LARGEST, math.tanh, lambda *_: 1.0),
    Function(both("atan", "arctan"), -LARGEST, LARGEST, math.atan, lambda *_: 1.0),
    Function(both("asinh", "arcsinh"), -LARGEST, LARGEST, math.asinh, lambda *_: 1.0),
    Function(both("asin", "arcsin"), -0.95, 0.95, math.asin, lambda a, b: 1 / math.sqrt(1 - edge(a, b) ** 2)),
    Function(both("atanh", "arctanh"), -0.95, 0.95, math.atanh, lambda a, b: 1 / (1 - edge(a, b) ** 2)),
    Function(both("acosh", "arccosh"), 1.1, 1e3, math.acosh, lambda a, _: 1 / math.sqrt(a * a - 1)),
    Function(both("tan"), -1.2, 1.2, math.tan, lambda a, b: 1 / math.cos(edge(a, b)) ** 2),
    Function(("math.erf",), -LARGEST, LARGEST, math.erf, lambda *_: 1.13),
    Function(("math.gamma",), 1.5, 4.5, math.gamma, lambda _, b: math.gamma(b) * math.log(b)),
    Function(("math.lgamma",), 1.5, LARGEST, math.lgamma, lambda _, b: math.log(b)),
    Function(("float", "np.float64"), -LARGEST, LARGEST, float, lambda *_: 1.0),
]
# Names, domain, range, largest slope.
BOUNDED = [
    (both("sin"), LARGEST, (-1.0, 1.0), 1.0),
    (both("cos"), LARGEST, (-1.0, 1.0), 1.0),
    (("math.erfc",), 3.0, (0.0, 2.0), 1.13),
    (both("acos", "arccos"), 0.95, (0.0, math.pi), 3.3),
    (both("cosh"), 3.0, (1.0, math.cosh(3.0)), math.sinh(3.0)),
]


def corners(rule: Callable[[float, float], float], a: Term, b: Term) -> tuple[float, float]:
    values = [rule(p, q) for p in (a.low, a.high) for q in (b.low, b.high)]
    return min(values), max(values)


class Writer:
    """Writes terms at random; ``atoms`` are the names that may be used now, with their bounds."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.atoms = [Term(f"x[{k}]", LOW, HIGH) for k in range(-1, SIZE)]

    def literal(self, low: float = -3.0, high: float = 3.0) -> Term:
        if self.random.random() < 0.3 and high - low > 2.0:
            number = self.random.randint(math.ceil(low), math.floor(high))
            return Term(f"({number})" if number < 0 else str(number), number, number, whole=True)
        value = round(self.random.uniform(low, high), 2)
        return Term(f"({value})" if value < 0 else str(value), value, value)

    def leaf(self) -> Term:
        drawn = self.random.random()
        if drawn < 0.7:
            return self.random.choice(self.atoms)
        if drawn < 0.9:
            return self.literal()
        text, low, high = self.random.choice(REDUCTIONS)
        return Term(text, low, high, 16.0 * high)

    def term(self, depth: int) -> Term:
        """A term whose operations are nested at most so deep."""
        if depth == 0:
            return self.leaf()
        rules = [
            (8, self.sum_or_product),
            (2, self.quotient),
            (3, self.power),
            (5, self.function),
            (2, self.extreme),
            (1, self.two_arguments),
            (2, self.conditional),
            (1, self.stepwise),
        ]
        rule = self.random.choices([r for _, r in rules], [w for w, _ in rules])[0]
        made = self.folded(rule(depth - 1))
        return made if made.error <= COARSEST else self.leaf()

    def folded(self, t: Term) -> Term:
        """The term itself, or a bounded function of it where it may be large."""
        if t.largest <= LARGEST:
            return t
        name = self.random.choice(["math.sin", "np.cos", "math.tanh", "math.atan"])
        return Term(f"{name}({t.text})", -1.6, 1.6, t.error + FUNCTION)

    def fitted(self, t: Term, low: float, high: float) -> Term:
        """The term, brought into the interval if it may lie outside."""
        if low <= t.low and t.high <= high:
            return t
        kind = self.random.randrange(3)
        high = min(high, low + 40.0)
        middle, half = (low + high) / 2, 0.49 * (high - low)
        if kind == 0:
            return Term(f"min(max({t.text}, {low!r}), {high!r})", low, high, t.error)
        name = "math.sin" if kind == 1 else "np.tanh"
        error = half * (t.error + FUNCTION) + edge(low, high)
        return Term(f"({middle!r} + {half!r} * {name}({t.text}))", middle - half, middle + half, error)

    def sum_or_product(self, depth: int) -> Term:
        a, b = self.term(depth), self.term(depth)
        sign = self.random.choice("+-*")
        rule = {"+": lambda p, q: p + q, "-": lambda p, q: p - q, "*": lambda p, q: p * q}[sign]
        low, high = corners(rule, a, b)
        error = a.error * b.largest + b.error * a.largest if sign == "*" else a.error + b.error
        return Term(f"({a.text} {sign} {b.text})", low, high, error + edge(low, high), a.whole and b.whole)

    def quotient(self, depth: int) -> Term:
        a, b = self.term(depth), self.term(depth)
        if b.low < 0.1 and b.high > -0.1:
            b = Term(f"(1.5 + {b.text} * {b.text})", 1.5, 1.5 + b.largest**2, 2 * b.largest * (b.error + b.largest) + 3)
        nearest = min(abs(b.low), abs(b.high))
        low, high = corners(lambda p, q: p / q, a, b)
        error = (a.error + edge(low, high) * b.error) / nearest + edge(low, high)
        return Term(f"({a.text} / {b.text})", low, high, error)

    def power(self, depth: int) -> Term:
        base = self.term(depth)
        kind = self.random.randrange(4)
        if kind == 0 and not base.whole:
            n = self.random.choice([2, 2, 3, 4])
            base = self.fitted(base, -4.0, 4.0)
            m = base.largest
            return Term(
                f"({base.text} ** {n})", -(m**n) if n == 3 else 0.0, m**n, n * m ** (n - 1) * base.error + 4 * m**n
            )
        # Whole numbers to a negative power are another operation, so all else starts from a float above 0.
        base = self.fitted(base, 0.3, 4.0)
        if base.whole:
            base = Term(f"(0.0 + {base.text})", base.low, base.high, base.error)
        if kind == 3:
            e = self.fitted(self.term(depth), -2.0, 2.5)
            text = self.random.choice(["{} ** {}", "math.pow({}, {})", "np.power({}, {})"]).format(base.text, e.text)
        else:
            p = self.random.choice([-1, -2]) if kind == 1 else self.random.choice([0.5, 1.5, 2.5, -0.5, -1.3])
            e = Term(str(p), p, p)
            text = f"{base.text} ** {e.text}"
        low, high = corners(pow, base, e)
        steepest = e.largest * max(corners(lambda q, r: q ** (r - 1), base, e))
        logarithm = max(abs(math.log(base.low)), abs(math.log(base.high)))
        return Term(f"({text})", low, high, steepest * base.error + logarithm * high * e.error + FUNCTION * high)

    def function(self, depth: int) -> Term:
        inner = self.term(depth)
        if self.random.random() < 0.3:
            names, reach, bounds, slope = self.random.choice(BOUNDED)
            inner = self.fitted(inner, -reach, reach)
            text = f"{self.random.choice(names)}({inner.text})"
            return Term(text, *bounds, slope * inner.error + FUNCTION * bounds[1])
        if self.random.random() < 0.2:
            name = self.random.choice(["-", "abs", "math.fabs", "np.abs", "np.square"])
            if name == "-":
                return Term(f"(-{inner.text})", -inner.high, -inner.low, inner.error, inner.whole)
            m = inner.largest
            if name == "np.square":
                return Term(f"np.square({inner.text})", 0.0, m * m, 2 * m * inner.error + m * m, inner.whole)
            return Term(f"{name}({inner.text})", 0.0, m, inner.error, inner.whole)
        f = self.random.choice(RISING)
        inner = self.fitted(inner, f.low, f.high)
        low, high = f.value(inner.low), f.value(inner.high)
        # lgamma is near 0 near 2, with the errors of numbers near 1.
        error = f.slope(inner.low, inner.high) * inner.error + FUNCTION * max(1.0, edge(low, high))
        return Term(f"{self.random.choice(f.names)}({inner.text})", low, high, error)

    def extreme(self, depth: int) -> Term:
        name = self.random.choice(["min", "max", "np.minimum", "np.maximum"])
        count = 3 if not name.startswith("np") and self.random.random() < 0.4 else 2
        parts = [self.term(depth) for _ in range(count)]
        pick = min if "min" in name else max
        text = f"{name}({', '.join(p.text for p in parts)})"
        ends = pick(p.low for p in parts), pick(p.high for p in parts)
        return Term(text, *ends, max(p.error for p in parts), all(p.whole for p in parts))

    def two_arguments(self, depth: int) -> Term:
        a, b = self.term(depth), self.fitted(self.term(depth), 0.3, 4.0)
        kind = self.random.randrange(3)
        if kind == 0:
            name = self.random.choice(both("hypot"))
            high = math.hypot(a.largest, b.high)
            return Term(f"{name}({a.text}, {b.text})", b.low, high, a.error + b.error + FUNCTION * high)
        if kind == 1:
            name = self.random.choice(both("atan2", "arctan2"))
            return Term(f"{name}({a.text}, {b.text})", -1.58, 1.58, (a.error + b.error) / b.low + FUNCTION * 2)
        sign = self.random.choice(["", "-"])
        ends = (-a.largest, 0.0) if sign else (0.0, a.largest)
        return Term(f"math.copysign({a.text}, {sign}{b.text})", *ends, a.error)

    def condition(self) -> str:
        """A comparison of coordinates and literals, so that rounding decides nothing."""
        a, b = self.random.sample([t.text for t in self.atoms if not t.whole and t.error == 0.0], 2)
        first, second = sorted([self.literal(0.4, 2.1).text, self.literal(0.4, 2.1).text])
        form = self.random.choice(
            [
                "{a} < {b}",
                "{a} >= {p}",
                "{p} < {a} <= {q}",
                "{a} > {p} and {b} < {q}",
                "{a} > {q} or not {b} > {p}",
                "({a} < {q}) & ({b} != {p})",
            ]
        )
        return form.format(a=a, b=b, p=first, q=second)

    def conditional(self, depth: int) -> Term:
        a, b = self.term(depth), self.term(depth)
        if self.random.random() < 0.2:
            low, high = min(0.0, a.low), max(0.0, a.high)
            return Term(f"(({self.condition()}) * {a.text})", low, high, a.error, a.whole)
        text = f"({a.text} if {self.condition()} else {b.text})"
        return Term(text, min(a.low, b.low), max(a.high, b.high), max(a.error, b.error), a.whole and b.whole)

    def stepwise(self, _depth: int) -> Term:
        """Rounding and remainders: of a coordinate, since an error of the operand would move the jump."""
        atom = self.random.choice([t for t in self.atoms if not t.whole and t.error == 0.0])
        slope, shift = round(self.random.uniform(0.7, 3.3), 2), round(self.random.uniform(0.1, 0.9), 2)
        u = f"({slope} * {atom.text} + {shift})"
        high = slope * max(atom.high, 0.0) + shift
        low = slope * min(atom.low, 0.0) + shift
        d = round(self.random.uniform(0.3, 1.7), 2)
        form, first, last = self.random.choice(
            [
                ("int({u})", low - 1, high + 1),
                ("math.floor({u})", low - 1, high),
                ("np.floor({u})", low - 1, high),
                ("math.ceil({u})", low, high + 1),
                ("np.ceil({u})", low, high + 1),
                ("({u} % {d})", 0.0, d),
                ("({u} // {d})", low / d - 1, high / d),
            ]
        )
        text = form.format(u=u, d=d)
        return Term(text, first, last, 2 * edge(low, high), text.startswith(("int", "math")))
