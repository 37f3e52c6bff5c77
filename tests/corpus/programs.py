"""Random programs over x: many expressions and small blocks of statements in one loss, selected by an argument.

>>> from corpus.programs import compiled, program
>>> made = program(seed=1, count=40)
>>> loss = compiled(made.source)

``loss(x, which)`` is then the value of expression ``which`` at x. Five thousand expressions are 63 programs of 80, and
so many compilations; each takes 5 to 7 s, most of it numba's typing, which goes with the number of operations.
"""

from __future__ import annotations

import math
from random import Random
from typing import NamedTuple

import numpy as np
from hypothesis import strategies as st
from numba import njit
from numba.core.dispatcher import Dispatcher

from corpus.reductions import FUNCTIONS, HIGH, LOW, SIZE
from corpus.terms import LARGEST, Term, Writer

DEPTH = 3


class Expression(NamedTuple):
    """Lines of a function body that returns a value in [low, high]; each evaluation is off by ``error`` EPS at most."""

    lines: tuple[str, ...]
    low: float
    high: float
    error: float


class Program(NamedTuple):
    source: str
    expressions: tuple[Expression, ...]


class Blocks:
    """Writes expressions and blocks; what a block declares has a name of its own, since all share one function."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.writer = Writer(self.random)
        self.plain_atoms = list(self.writer.atoms)
        self.helpers = [self.helper(k) for k in range(4)]

    def helper(self, k: int) -> tuple[str, Term]:
        """Source of a function of two numbers in [LOW, HIGH], and its value."""
        self.writer.atoms = [Term("a", LOW, HIGH), Term("b", LOW, HIGH)]
        first, second = self.numbers_only(3), self.numbers_only(2)
        self.writer.atoms = list(self.plain_atoms)
        form = ["    return {}", "    if a > {cut}:\n        return {other}\n    return {}"][k % 2]
        body = form.format(first.text, other=second.text, cut=round(self.random.uniform(LOW, HIGH), 2))
        options = ["", "(fastmath=False)", "(inline='always')", ""][k]
        low, high = min(first.low, second.low), max(first.high, second.high)
        value = Term(f"helper_{k}", low, high, max(first.error, second.error))
        return f"@njit{options}\ndef helper_{k}(a, b):\n{body}\n", value

    def numbers_only(self, depth: int) -> Term:
        """A term that does not look at x."""
        while True:
            t = self.writer.term(depth)
            if "x" not in t.text.replace("exp", "").replace("max", ""):
                return t

    def inside(self, *names: Term, depth: int = 2) -> Term:
        """A term that also uses the given names."""
        self.writer.atoms = [*self.plain_atoms, *(name for name in names for _ in range(4))]
        made = self.writer.term(depth)
        self.writer.atoms = list(self.plain_atoms)
        return made

    def expression(self, k: int) -> Expression:
        if self.random.random() < 0.6:
            t = self.writer.term(DEPTH)
            return Expression((f"return {t.text}",), t.low, t.high, t.error)
        block = self.random.choice(
            [
                self.accumulator,
                self.walk,
                self.recurrence,
                self.buffer,
                self.table,
                self.branches,
                self.search,
                self.list_of_values,
                self.calls,
                self.names,
            ]
        )
        return block(str(k))

    def accumulator(self, k: str) -> Expression:
        start, step = self.random.randrange(2), self.random.choice([1, 1, 2, 3])
        t = self.inside(Term("x[i]", LOW, HIGH), Term("i", 0.0, SIZE - 1.0, whole=True))
        trips = len(range(start, SIZE, step))
        sign = self.random.choice("+-")
        lines = (
            f"s{k} = 0.0",
            f"for i in range({start}, {SIZE}, {step}):",
            f"    s{k} {sign}= {t.text}",
            f"return s{k}",
        )
        return self.summed(lines, t, trips, sign)

    def summed(self, lines: tuple[str, ...], t: Term, trips: int, sign: str = "+") -> Expression:
        low, high = (t.low, t.high) if sign == "+" else (-t.high, -t.low)
        error = trips * t.error + trips * trips * t.largest
        return Expression(lines, min(trips * low, 0.0), max(trips * high, 0.0), error)

    def walk(self, k: str) -> Expression:
        heads = [
            (f"for u{k} in x:", 6),
            (f"for u{k} in x[::-1]:", 6),
            (f"for i, u{k} in enumerate(x):", 6),
            (f"for u{k}, w{k} in zip(x[1:], x[:-1]):", 5),
        ]
        head, trips = self.random.choice(heads)
        names = [Term(f"u{k}", LOW, HIGH)]
        names += [Term("i", 0.0, SIZE - 1.0, whole=True)] if "enumerate" in head else []
        names += [Term(f"w{k}", LOW, HIGH)] if "zip" in head else []
        t = self.inside(*names)
        return self.summed((f"s{k} = 0.0", head, f"    s{k} += {t.text}", f"return s{k}"), t, trips)

    def recurrence(self, k: str) -> Expression:
        t = self.inside(Term("x[i]", LOW, HIGH))
        keep = round(self.random.uniform(0.1, 0.5), 2)
        high = 2 * t.largest + 1.0
        lines = (
            f"y{k} = {self.random.choice(['x[0]', '1', '0.0'])}",
            f"for i in range({SIZE}):",
            f"    y{k} = {keep} * y{k} + {t.text}",
            f"return y{k}",
        )
        return Expression(lines, -high, high, 2 * t.error + 8 * high)

    def buffer(self, k: str) -> Expression:
        t = self.inside(Term("x[i]", LOW, HIGH))
        allocation = self.random.choice(
            ["np.zeros(6)", "np.empty(x.size)", "np.empty_like(x)", "np.ones(6)", "np.full(6, 0.5)"]
        )
        m = t.largest
        result, high, error = self.random.choice(
            [
                (f"np.sum(b{k} * b{k})", 6 * m * m, 12 * m * t.error + 50 * m * m),
                (f"b{k}.sum() + b{k}[2]", 7 * m, 7 * t.error + 50 * m),
                (f"b{k}.max() - b{k}[-1]", 2 * m, 2 * t.error + 2 * m),
                (f"np.dot(b{k}, x)", 6 * m * HIGH, 6 * HIGH * t.error + 50 * m * HIGH),
                (f"np.sum(np.abs(b{k}[1:] - b{k}[:-1]))", 10 * m, 10 * t.error + 60 * m),
                (f"b{k}[0] * b{k}[3] - b{k}[1]", m * m + m, (2 * m + 1) * t.error + 3 * m * m + 3 * m),
            ]
        )
        lines = (f"b{k} = {allocation}", "for i in range(x.size):", f"    b{k}[i] = {t.text}", f"return {result}")
        return Expression(lines, -high, high, error)

    def table(self, k: str) -> Expression:
        t = self.inside(Term("x[i]", LOW, HIGH), Term("x[j]", LOW, HIGH), depth=1)
        high = 9 * t.largest
        result = self.random.choice(
            [f"m{k}.sum()", f"m{k}[0, 1] - m{k}[2, 2]", f"np.sum(m{k}[1])", f"m{k}[:, 0].mean()"]
        )
        lines = (
            f"m{k} = np.zeros((3, 3))",
            "for i in range(3):",
            "    for j in range(3):",
            f"        m{k}[i, j] += {t.text}",
            f"return {result}",
        )
        return Expression(lines, -high, high, 9 * t.error + 90 * t.largest)

    def branches(self, _k: str) -> Expression:
        a, b, c = (self.inside(depth=2) for _ in range(3))
        second = self.random.choice(["elif", "if"])
        lines = (
            f"if {self.writer.condition()}:",
            f"    return {a.text}",
            f"{second} {self.writer.condition()}:",
            f"    return {b.text}",
            f"return {c.text}",
        )
        parts = (a, b, c)
        return Expression(lines, min(p.low for p in parts), max(p.high for p in parts), max(p.error for p in parts))

    def search(self, k: str) -> Expression:
        """A loop that ends early, by a test on coordinates."""
        t = self.inside(Term("x[i]", LOW, HIGH))
        limit = round(self.random.uniform(LOW, HIGH), 2)
        leave = self.random.choice(["break", "continue", f"return s{k} + 0.5"])
        if self.random.random() < 0.5:
            lines = (f"s{k} = 0.0", f"for i in range({SIZE}):", f"    if x[i] > {limit}:", f"        {leave}")
            lines += (f"    s{k} += {t.text}", f"return s{k}")
        else:
            lines = (f"s{k} = 0.0", "i = 0", f"while i < {SIZE} and x[i] != {limit}:", f"    s{k} += {t.text}")
            lines += ("    i += 1", f"    if x[i - 1] > {limit}:", f"        {leave}", f"return s{k}")
        made = self.summed(lines, t, SIZE)
        return made._replace(low=made.low, high=made.high + 0.5)

    def list_of_values(self, k: str) -> Expression:
        t = self.inside(Term(f"u{k}", LOW, HIGH))
        if self.random.random() < 0.5:
            lines = (f"l{k} = [{t.text} + 0.0 for u{k} in x]", f"return sum(l{k})")
        else:
            lines = (f"l{k} = []", f"for u{k} in x:", f"    l{k}.append({t.text} + 0.0)", f"return sum(l{k})")
        return self.summed(lines, t, SIZE)

    def calls(self, _k: str) -> Expression:
        """Calls of helpers with coordinates, so that their bounds hold."""
        total, low, high, error = [], 0.0, 0.0, 0.0
        for _ in range(self.random.randint(1, 3)):
            _, value = self.random.choice(self.helpers)
            a, b = (self.random.choice(self.plain_atoms).text for _ in range(2))
            total.append(f"{value.text}({a}, {b})")
            low, high, error = low + value.low, high + value.high, error + value.error + 3 * LARGEST
        return Expression((f"return {' + '.join(total)}",), low, high, error)

    def names(self, k: str) -> Expression:
        """Local names, made in one line each, changed in place and used twice."""
        a = self.writer.term(2)
        b = self.inside(Term(f"p{k}", a.low, a.high, max(a.error, 0.5)))
        low, high = b.low + 2 * a.low, b.high + 2 * a.high
        error = b.error + 2 * a.error + 3 * max(abs(low), abs(high))
        lines = (f"p{k} = {a.text} + 0.0", f"q{k} = {b.text} + 0.0", f"q{k} += 2 * p{k}", f"return q{k}")
        return Expression(lines, low, high, error)


def program(seed: int, count: int) -> Program:
    """Source of ``loss(x, which)`` with so many expressions; the same seed and count make the same program."""
    blocks = Blocks(seed)
    made = tuple(blocks.expression(k) for k in range(count))
    lines = ["@njit", "def loss(x, which):"]
    for k, expression in enumerate(made):
        lines.append(f"    if which == {k}:")
        lines += [f"        {line}" for line in expression.lines]
    lines += ["    return 0.0", ""]
    helpers = [source for source, _ in blocks.helpers]
    return Program("\n\n".join([*helpers, "\n".join(lines)]), made)


def compiled(source: str) -> Dispatcher:
    """The loss of a program, ready to be compiled."""
    names = {"math": math, "np": np, "njit": njit, **FUNCTIONS}
    exec(compile(source, "<random program>", "exec"), names)
    return names["loss"]


def programs(count: int) -> st.SearchStrategy[Program]:
    """Programs as a hypothesis strategy; what shrinks is the seed, and ``which`` names the expression that failed."""
    return st.integers(0, 2**32 - 1).map(lambda seed: program(seed, count))


def points(seed: int, how_many: int) -> np.ndarray:
    """Points inside the bounds of x, shape (how_many, SIZE)."""
    return np.random.default_rng(seed).uniform(LOW, HIGH, size=(how_many, SIZE))
