"""Every instruction of the machine against its definition in the PTX ISA, in Python's integers and exact fractions."""

from __future__ import annotations

import itertools
import math
import random
import struct
from collections.abc import Callable
from fractions import Fraction
from typing import NamedTuple

import mpmath
import numpy as np
import pytest
from cuda_tools.handwritten import HEADER, Case, apply, entry, machine_of
from cuda_tools.ptx_machine.compute import row_of
from cuda_tools.ptx_machine.opcodes import TABLE
from cuda_tools.ptx_machine.parse import Instruction, parse

pytestmark = pytest.mark.ptx

INTEGERS = ("u16", "s16", "u32", "s32", "u64", "s64")
ROUNDS = 60
chance = random.Random(20)


class Check(NamedTuple):
    case: Case
    oracle: Callable[..., int | float | bool]
    rows: list[tuple]


def width(of: str) -> int:
    return 1 if of == "pred" else int(of[1:])


def wrap(value: int, of: str) -> int:
    """The value that an integer type keeps."""
    n = width(of)
    value %= 2**n
    return value - 2**n if of[0] == "s" and value >= 2 ** (n - 1) else value


def integers(of: str) -> list[int]:
    """The ends of a type, what lies around them, and numbers of every size."""
    n = width(of)
    edges = [0, 1, 2, 3, 2 ** (n - 1) - 1, 2 ** (n - 1), 2**n - 1, 2**n - 2]
    return [wrap(one, of) for one in (*edges, *(chance.getrandbits(chance.randint(1, n)) for _ in range(12)))]


def rows(*kinds: str, limit: int = ROUNDS) -> list[tuple]:
    pools = [integers(one) if one[0] != "f" else floats(one) for one in kinds]
    every = list(itertools.product(*pools))
    return every if len(every) <= limit else chance.sample(every, limit)


def floats(of: str) -> list[float]:
    """Normal numbers of many sizes, zeros, infinities and NaN; subnormal ones are tested by themselves."""
    span = 60 if of == "f64" else 15
    some = [chance.choice((-1, 1)) * math.ldexp(chance.uniform(1, 2), chance.randint(-span, span)) for _ in range(20)]
    numbers = [*some, 1.0, -1.5, 3.0, 0.0, -0.0, math.inf, -math.inf, math.nan]
    return numbers if of == "f64" else [float(np.float32(one)) for one in numbers]


checks: list[Check] = []


def check(code: str, inputs: tuple[str, ...], output: str, oracle, given=None) -> None:
    """Add one; `code` lacks operands where they are the usual ones."""
    if ";" not in code:
        code = f"{code} %out, {', '.join('%' + name for name in 'abcd'[: len(inputs)])};"
    name = f"k{len(checks)}"
    checks.append(Check(Case(name, code, inputs, output), oracle, given or rows(*inputs)))


# ---- Integers ----

for t in INTEGERS:
    n = width(t)
    check(f"add.{t}", (t, t), t, lambda a, b: a + b)
    check(f"sub.{t}", (t, t), t, lambda a, b: a - b)
    check(f"mul.lo.{t}", (t, t), t, lambda a, b: a * b)
    check(f"mul.hi.{t}", (t, t), t, lambda a, b, n=n: a * b >> n)
    check(f"mad.lo.{t}", (t, t, t), t, lambda a, b, c: a * b + c)
    check(f"mad.hi.{t}", (t, t, t), t, lambda a, b, c, n=n: (a * b >> n) + c)
    check(f"min.{t}", (t, t), t, min)
    check(f"max.{t}", (t, t), t, max)
    check(f"sad.{t}", (t, t, t), t, lambda a, b, c: c + abs(a - b))
    amounts = [(a, b) for a in integers(t)[:10] for b in (0, 1, n - 1, n, n + 1, 2**32 - 1)]
    check(f"shr.{t}", (t, "u32"), t, lambda a, b, n=n: a >> min(b, n), amounts)
    nonzero = [(a, b) for a, b in rows(t, t) if b != 0]
    check(f"div.{t}", (t, t), t, lambda a, b: abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1), nonzero)
    check(f"rem.{t}", (t, t), t, lambda a, b: abs(a) % abs(b) * (1 if a >= 0 else -1), nonzero)
    for comparison, oracle in (
        ("eq", lambda a, b: a == b),
        ("ne", lambda a, b: a != b),
        ("lt", lambda a, b: a < b),
        ("le", lambda a, b: a <= b),
        ("gt", lambda a, b: a > b),
        ("ge", lambda a, b: a >= b),
    ):
        check(f"setp.{comparison}.{t}", (t, t), "pred", oracle, [*rows(t, t), (1, 1)])
    if n < 64:
        wide = f"{t[0]}{2 * n}"
        check(f"mul.wide.{t}", (t, t), wide, lambda a, b: a * b)
        check(f"mad.wide.{t}", (t, t, wide), wide, lambda a, b, c: a * b + c)
    if t[0] == "s":
        check(f"neg.{t}", (t,), t, lambda a: -a)
        check(f"abs.{t}", (t,), t, abs)
    for to in ("u8", "s8", *INTEGERS):
        check(f"cvt.{to}.{t}", (t,), to, lambda a: a)

for t in ("b16", "b32", "b64"):
    n, u = width(t), f"u{t[1:]}"
    check(f"and.{t}", (u, u), u, lambda a, b: a & b)
    check(f"or.{t}", (u, u), u, lambda a, b: a | b)
    check(f"xor.{t}", (u, u), u, lambda a, b: a ^ b)
    check(f"not.{t}", (u,), u, lambda a: ~a)
    check(f"cnot.{t}", (u,), u, lambda a: int(a == 0))
    amounts = [(a, b) for a in integers(u)[:10] for b in (0, 1, n - 1, n, n + 1, 2**32 - 1)]
    check(f"shl.{t}", (u, "u32"), u, lambda a, b: a << min(b, 64), amounts)
    check(f"selp.{t}", (u, u, "pred"), u, lambda a, b, c: a if c else b, [(1, 2, 0), (3, 4, 1)])
    check(f"mov.{t}", (u,), u, lambda a: a)
for t in ("u32", "s32", "f32"):
    check(f"slct.{t}.s32", (t, t, "s32"), t, lambda a, b, c: a if c >= 0 else b)
check("slct.f32.f32", ("f32", "f32", "f32"), "f32", lambda a, b, c: a if c >= 0 else b)


def field_of(a, start, length, bits, signed):
    """Definition of bfe."""
    start, length = start & 255, length & 255
    last = min(start + length - 1, bits - 1)
    fill = a >> last & 1 if signed and length else 0
    taken = [a >> (start + i) & 1 if i < length and start + i < bits else fill for i in range(bits)]
    return sum(bit << i for i, bit in enumerate(taken))


def highest(a, bits, shift):
    """Definition of bfind."""
    a = ~a if a < 0 else a
    return 2**32 - 1 if a == 0 else bits - a.bit_length() if shift else a.bit_length() - 1


for n in (32, 64):
    places = [(a, b, c) for a in integers(f"u{n}")[:8] for b in (0, 3, n - 1, n, 300) for c in (0, 1, 7, n, 255)]
    for sign in "us":
        t = f"{sign}{n}"
        signed = [(wrap(a, t), b, c) for a, b, c in places]
        check(
            f"bfe.{t}", (t, "u32", "u32"), t, lambda a, b, c, n=n, s=sign: field_of(a % 2**n, b, c, n, s == "s"), signed
        )
        check(f"bfind.{t}", (t,), "u32", lambda a, n=n: highest(a, n, shift=False))
        check(f"bfind.shiftamt.{t}", (t,), "u32", lambda a, n=n: highest(a, n, shift=True))
    into = [(a, ~a % 2**n, b, c) for a, b, c in places]

    def inserted(a, b, start, length, n=n):
        mask = sum(1 << i for i in range(n) if start % 256 <= i < start % 256 + length % 256)
        return (b & ~mask) | ((a << start % 256) & mask)

    check(f"bfi.b{n}", (f"u{n}", f"u{n}", "u32", "u32"), f"u{n}", inserted, into)
    check(f"popc.b{n}", (f"u{n}",), "u32", int.bit_count)
    check(f"clz.b{n}", (f"u{n}",), "u32", lambda a, n=n: n - a.bit_length())
    check(f"brev.b{n}", (f"u{n}",), f"u{n}", lambda a, n=n: int(f"{a:0{n}b}"[::-1], 2))


def permuted(a, b, select):
    both = (b << 32 | a).to_bytes(8, "little")
    chosen = [(both[select >> 4 * i & 7], select >> 4 * i & 8) for i in range(4)]
    return int.from_bytes(bytes((255 if byte & 128 else 0) if sign else byte for byte, sign in chosen), "little")


check("prmt.b32", ("u32", "u32", "u32"), "u32", permuted)
for table in (0x80, 0xFE, 0x96, 0x1A):

    def by_table(a, b, c, table=table):
        return sum((table >> ((a >> i & 1) << 2 | (b >> i & 1) << 1 | (c >> i & 1)) & 1) << i for i in range(32))

    check(f"lop3.b32 %out, %a, %b, %c, {table:#x};", ("u32", "u32", "u32"), "u32", by_table)
for mode, amount in (("wrap", lambda c: c & 31), ("clamp", lambda c: min(c, 32))):
    funnel = [(a, b, c) for a, b, _ in rows("u32", "u32", "u32") for c in (0, 1, 31, 32, 45)]
    check(f"shf.l.{mode}.b32", ("u32",) * 3, "u32", lambda a, b, c, f=amount: ((b << 32 | a) << f(c)) >> 32, funnel)
    check(f"shf.r.{mode}.b32", ("u32",) * 3, "u32", lambda a, b, c, f=amount: (b << 32 | a) >> f(c), funnel)

HALVES = "{ .reg .b32 %al, %ah, %bl, %bh, %l, %h; mov.b64 {%al, %ah}, %a; mov.b64 {%bl, %bh}, %b; "
JOIN = " mov.b64 %out, {%l, %h}; }"
for code, oracle in (
    ("add.cc.u32 %l, %al, %bl; addc.u32 %h, %ah, %bh;", lambda a, b: a + b),
    ("sub.cc.u32 %l, %al, %bl; subc.u32 %h, %ah, %bh;", lambda a, b: a - b),
    (
        "mad.lo.cc.u32 %l, %al, %bl, %ah; madc.hi.u32 %h, %al, %bl, %bh;",
        lambda a, b: (a % 2**32) * (b % 2**32) + (a >> 32) + (b >> 32 << 32),
    ),
):
    check(HALVES + code + JOIN, ("u64", "u64"), "u64", oracle, rows("u64", "u64", limit=200))

# A carry goes in (%c is 0 or 1), and comes out as the second result.
with_carry = [(a, b, c) for a, b in rows("u32", "u32") for c in (0, 1)]
for name, oracle in (
    ("add{c}", lambda a, b, c: a + b + c),
    ("sub{c}", lambda a, b, c: a - b - c),
    ("mad{c}.lo", lambda a, b, c: (a * b) % 2**32 + 77 + c),
    ("mad{c}.hi", lambda a, b, c: (a * b >> 32) + 77 + c),
):
    last = ", 77" if name.startswith("mad") else ""
    plain, out = name.format(c="c"), name.format(c="c") + ".cc"
    carry_in = "sub.cc.u32 %x, 0, %c;" if name.startswith("sub") else "add.cc.u32 %x, -1, %c;"
    carry_out = "subc.u32 %out, 0, 0; neg.s32 %out, %out;" if name.startswith("sub") else "addc.u32 %out, 0, 0;"
    given = ("u32", "u32", "u32")
    check(f"{{ .reg .b32 %x; {carry_in} {plain}.u32 %out, %a, %b{last}; }}", given, "u32", oracle, with_carry)
    check(f"{{ .reg .b32 %x; {carry_in} {out}.u32 %out, %a, %b{last}; }}", given, "u32", oracle, with_carry)
    check(
        f"{{ .reg .b32 %x; {carry_in} {out}.u32 %x, %a, %b{last}; {carry_out} }}",
        given,
        "u32",
        lambda a, b, c, f=oracle: f(a, b, c) >> 32 & 1,
        with_carry,
    )
check(
    "{ .reg .b32 %x; mad.hi.cc.u32 %x, %a, %b, %b; addc.u32 %out, 0, 0; }",
    ("u32", "u32"),
    "u32",
    lambda a, b: (a * b >> 32) + b >> 32,
)


# Carries are of the bits, whatever the sign of the type.
for name, oracle in (("add", lambda a, b: a + b >> 32), ("mad.lo", lambda a, b: (a * b % 2**32) + b >> 32)):
    last = ", %b" if name == "mad.lo" else ""
    code = f"{{ .reg .b32 %x; {name}.cc.s32 %x, %a, %b{last}; addc.u32 %out, 0, 0; }}"
    check(code, ("u32", "u32"), "u32", oracle)


def top_word(a, b):
    """The carry that a sum of 128 bits leaves."""
    return (a + b) >> 64


check("{ .reg .b64 %x; add.cc.u64 %x, %a, %b; addc.u64 %out, 0, 0; }", ("u64", "u64"), "u64", top_word)
check(
    "{ .reg .b64 %x; mad.lo.cc.u64 %x, %a, %b, %b; madc.hi.u64 %out, %a, %b, 0; }",
    ("u64", "u64"),
    "u64",
    lambda a, b: (a * b + b) >> 64,
)
check("setp.lt.and.s32 %out, %a, %b, !%c;", ("s32", "s32", "pred"), "pred", lambda a, b, c: a < b and not c)
check(
    "{ .reg .pred %other; setp.lt.or.u32 %other|%out, %a, %b, %c; }",
    ("u32", "u32", "pred"),
    "pred",
    lambda a, b, c: not a < b or c,
)
for name, oracle in (
    ("and", lambda a, b: a and b),
    ("or", lambda a, b: a or b),
    ("xor", lambda a, b: a != b),
):
    check(f"{name}.pred", ("pred", "pred"), "pred", oracle, list(itertools.product((0, 1), (0, 1))))
check("not.pred", ("pred",), "pred", lambda a: not a, [(0,), (1,)])
check("@%c mov.b32 %out, %a; @!%c mov.b32 %out, %b;", ("u32", "u32", "pred"), "u32", lambda a, b, c: a if c else b)
check(
    "{ L0: .branchtargets M0, M1, M2; brx.idx %a, L0; M0: mov.u32 %out, 7; bra.uni M3; M1: mov.u32 %out, 8; "
    "bra.uni M3; M2: mov.u32 %out, 9; M3: }",
    ("u32",),
    "u32",
    lambda a: 7 + a,
    [(0,), (1,), (2,)],
)

# ---- Floating point ----

ROUNDINGS = {"rn": "n", "rz": "d", "rm": "f", "rp": "c"}
PRECISION = {"f32": 24, "f64": 53}


def rounded(exact: Fraction, of: str, rounding: str) -> float:
    """A normal number, rounded once."""
    if exact == 0:
        return 0.0
    with mpmath.workprec(4000):
        # Division rounds at 4000 bits: only exact quotients and those that are no tie at 53 are asked of it.
        value = mpmath.fraction(exact.numerator, exact.denominator) + mpmath.mpf(0)
        return float(mpmath.fadd(value, 0, prec=PRECISION[of], rounding=ROUNDINGS[rounding]))


def normal_rows(of: str, count: int) -> list[tuple]:
    """Numbers whose sums, products and quotients are normal and not zero."""
    span = 60 if of == "f64" else 15
    made = []
    while len(made) < ROUNDS:
        row = [
            chance.choice((-1, 1)) * math.ldexp(chance.uniform(1, 2), chance.randint(-span, span)) for _ in range(count)
        ]
        made.append(tuple(float(np.float32(one)) if of == "f32" else one for one in row))
    return made


def root(a: float, of: str, rounding: str) -> float:
    with mpmath.workprec(4000):
        return float(mpmath.fadd(mpmath.sqrt(mpmath.mpf(abs(a))), 0, prec=PRECISION[of], rounding=ROUNDINGS[rounding]))


for t, r in itertools.product(("f32", "f64"), ROUNDINGS):
    for name, count, exact in (
        ("add", 2, lambda a, b: a + b),
        ("sub", 2, lambda a, b: a - b),
        ("mul", 2, lambda a, b: a * b),
        ("div", 2, lambda a, b: a / b),
        ("fma", 3, lambda a, b, c: a * b + c),
        ("rcp", 1, lambda a: 1 / a),
    ):

        def oracle(*values, t=t, r=r, exact=exact):
            return rounded(exact(*map(Fraction, values)), t, r)

        check(f"{name}.{r}.{t}", (t,) * count, t, oracle, normal_rows(t, count))
    positive = [(abs(a),) for (a,) in normal_rows(t, 1)]
    check(f"sqrt.{r}.{t}", (t,), t, lambda a, t=t, r=r: root(a, t, r), positive)
    whole = [(one,) for one in integers("s64") if one]
    check(f"cvt.{r}.{t}.s64", ("s64",), t, lambda a, t=t, r=r: rounded(Fraction(a), t, r), whole)
    check(
        f"cvt.{r}.{t}.u64",
        ("u64",),
        t,
        lambda a, t=t, r=r: rounded(Fraction(a), t, r),
        [(a,) for a in integers("u64") if a],
    )
for r in ROUNDINGS:
    given = normal_rows("f64", 1)
    given = [(math.ldexp(math.frexp(a)[0], math.frexp(a)[1] % 30),) for (a,) in given]
    check(f"cvt.{r}.f32.f64", ("f64",), "f32", lambda a, r=r: rounded(Fraction(a), "f32", r), given)
check("cvt.f64.f32", ("f32",), "f64", lambda a: a)


def extreme(a, b, better):
    """Definition of min and max."""
    if math.isnan(a) or math.isnan(b):
        return b if math.isnan(a) else a
    if a == b == 0:
        signs = math.copysign(1, a), math.copysign(1, b)
        return math.copysign(0.0, better(signs))
    return better((a, b))


def unordered(a, b):
    return math.isnan(a) or math.isnan(b)


ORDERED = {
    "eq": lambda a, b: a == b,
    "ne": lambda a, b: a != b and not unordered(a, b),
    "lt": lambda a, b: a < b,
    "le": lambda a, b: a <= b,
    "gt": lambda a, b: a > b,
    "ge": lambda a, b: a >= b,
    "num": lambda a, b: not unordered(a, b),
    "nan": unordered,
}
UNORDERED = {
    f"{name}u": lambda a, b, f=f: unordered(a, b) or f(a, b)
    for name, f in ORDERED.items()
    if name not in ("num", "nan")
}
EVERY = {
    "f32": list(itertools.product(floats("f32"), repeat=2)),
    "f64": list(itertools.product(floats("f64"), repeat=2)),
}
TO_INTEGRAL = {"rni": round, "rzi": math.trunc, "rmi": math.floor, "rpi": math.ceil}


def to_integer(a, mode, of, to):
    """Definition of cvt to an integer: NaN as the ISA says, the ends of the range beyond it."""
    n = width(to)
    low, high = (-(2 ** (n - 1)), 2 ** (n - 1) - 1) if to[0] == "s" else (0, 2**n - 1)
    if math.isnan(a):
        return 0 if of == "f32" and n < 64 else 1 << (n - 1)
    if math.isinf(a):
        return high if a > 0 else low
    return min(max(TO_INTEGRAL[mode](a), low), high)


for t in ("f32", "f64"):
    check(f"min.{t}", (t, t), t, lambda a, b: extreme(a, b, min), EVERY[t])
    check(f"max.{t}", (t, t), t, lambda a, b: extreme(a, b, max), EVERY[t])
    check(f"neg.{t}", (t,), t, lambda a: -a)
    check(f"abs.{t}", (t,), t, abs)
    check(
        f"mad.rn.{t}",
        (t, t, t),
        t,
        lambda a, b, c, t=t: rounded(Fraction(a) * Fraction(b) + Fraction(c), t, "rn"),
        normal_rows(t, 3),
    )
    check(f"copysign.{t}", (t, t), t, lambda a, b: math.copysign(b, a))
    check(f"selp.{t}", (t, t, "pred"), t, lambda a, b, c: a if c else b, [(1.5, 2.5, 0), (1.5, 2.5, 1)])
    check(f"testp.infinite.{t}", (t,), "pred", math.isinf)
    check(f"testp.finite.{t}", (t,), "pred", math.isfinite)
    check(f"testp.notanumber.{t}", (t,), "pred", math.isnan)
    check(f"testp.number.{t}", (t,), "pred", lambda a: not math.isnan(a))
    for comparison, oracle in (ORDERED | UNORDERED).items():
        check(f"setp.{comparison}.{t}", (t, t), "pred", oracle, EVERY[t])
    for mode, to in itertools.product(TO_INTEGRAL, ("s32", "u32", "s64", "u64", "s16", "u8")):
        given = [(a,) for a in (*floats(t), 0.5, 1.5, -2.5, 1e30, -1e30)]
        check(f"cvt.{mode}.{to}.{t}", (t,), to, lambda a, m=mode, t=t, to=to: to_integer(a, m, t, to), given)
    for mode, function in TO_INTEGRAL.items():
        some = [(a,) for (a,) in normal_rows(t, 1) if abs(a) < 2**50]
        check(f"cvt.{mode}.{t}.{t}", (t,), t, lambda a, f=function: math.copysign(float(f(a)), a), some)
    check(f"{{ .reg .{t} %x; mov.{t} %x, %a; mov.b{t[1:]} %out, %x; }}", (t,), t, lambda a: a)

SMALL = [(2.0**-140, 2.0**-3), (-(2.0**-127), 1.0), (2.0**-100, -(2.0**-30)), (1.5, 2.0)]


def flushed(a):
    return math.copysign(0.0, a) if abs(a) < 2.0**-126 else a


check("mul.f32", ("f32", "f32"), "f32", lambda a, b: float(np.float32(a) * np.float32(b)), SMALL)
check("mul.ftz.f32", ("f32", "f32"), "f32", lambda a, b: flushed(flushed(a) * flushed(b)), SMALL)
check("setp.eq.ftz.f32", ("f32", "f32"), "pred", lambda a, b: flushed(a) == b, [(2.0**-140, 0.0), (2.0**-126, 0.0)])
check(
    "add.sat.f32", ("f32", "f32"), "f32", lambda a, b: min(max(a + b, 0.0), 1.0), [(0.25, 0.5), (1.0, 2.0), (-1.0, 0.5)]
)
check(
    "cvt.sat.f32.f32",
    ("f32",),
    "f32",
    lambda a: 0.0 if math.isnan(a) else min(max(a, 0.0), 1.0),
    [(math.nan,), (7.0,), (0.5,)],
)


def twenty_bits(value: float) -> float:
    """The nearest number with 20 bits after the point."""
    return math.ldexp(round(math.ldexp(math.frexp(value)[0], 21)), math.frexp(value)[1] - 21)


def cut(a: float) -> float:
    return struct.unpack("<d", struct.pack("<Q", struct.unpack("<Q", struct.pack("<d", a))[0] >> 32 << 32))[0]


check("rcp.approx.ftz.f64", ("f64",), "f64", lambda a: twenty_bits(1 / cut(a)), normal_rows("f64", 1))
check(
    "rsqrt.approx.ftz.f64",
    ("f64",),
    "f64",
    lambda a: twenty_bits(1 / math.sqrt(cut(a))),
    [(abs(a),) for (a,) in normal_rows("f64", 1)],
)
with mpmath.workprec(200):
    for name, function in (
        ("ex2", lambda a: mpmath.mpf(2) ** a),
        ("lg2", lambda a: mpmath.log(abs(a), 2)),
        ("sin", mpmath.sin),
        ("cos", mpmath.cos),
        ("tanh", mpmath.tanh),
        ("rsqrt", lambda a: 1 / mpmath.sqrt(abs(a))),
    ):
        given = [(float(np.float32(chance.uniform(0.1, 9))),) for _ in range(ROUNDS)]
        check(
            f"{name}.approx.f32",
            ("f32",),
            "f32",
            lambda a, f=function: float(np.float32(float(f(mpmath.mpf(a))))),
            given,
        )
for name in ("approx", "full"):
    check(
        f"div.{name}.f32",
        ("f32", "f32"),
        "f32",
        lambda a, b: float(np.float32(a) / np.float32(b)),
        normal_rows("f32", 2),
    )
check("rcp.approx.f32", ("f32",), "f32", lambda a: float(np.float32(1) / np.float32(a)), normal_rows("f32", 1))
check("sqrt.approx.f32", ("f32",), "f32", lambda a: float(np.sqrt(np.float32(a))), [(2.0,), (3.0,), (1e-3,)])
check("testp.normal.f32", ("f32",), "pred", lambda a: abs(a) >= 2.0**-126, [(2.0**-126,), (2.0**-127,), (0.0,)])
check("testp.subnormal.f32", ("f32",), "pred", lambda a: 0 < abs(a) < 2.0**-126, [(2.0**-126,), (2.0**-127,), (0.0,)])


@pytest.fixture(scope="module")
def machine():
    return machine_of([one.case for one in checks])


def read(bits: int, of: str) -> int | float | bool:
    if of == "pred":
        return bool(bits)
    if of[0] == "f":
        n = width(of)
        return struct.unpack("<f" if n == 32 else "<d", (bits % 2**n).to_bytes(n // 8, "little"))[0]
    return wrap(bits, of)


def same(a, b) -> bool:
    if isinstance(a, float) and isinstance(b, float):
        return struct.pack("<d", a) == struct.pack("<d", b) or (math.isnan(a) and math.isnan(b))
    return a == b


@pytest.mark.parametrize("one", checks, ids=[f"{i} {c.case.code[:40]}" for i, c in enumerate(checks)])
def test_instruction(machine, one):
    found = [read(bits, one.case.output) for bits in apply(machine, one.case, one.rows)]
    wanted = []
    for row in one.rows:
        value = one.oracle(*row)
        kind = one.case.output
        wanted.append(bool(value) if kind == "pred" else float(value) if kind[0] == "f" else wrap(int(value), kind))
    wrong = [(row, f, w) for row, f, w in zip(one.rows, found, wanted, strict=True) if not same(f, w)]
    assert wrong == []


def test_every_row_of_the_table_is_tested():
    instructions = (one for c in checks for one in parse(HEADER + entry(c.case)).functions[0].body)
    names = {key.partition(".")[0] for key in TABLE}
    used = [row_of(one)[0] for one in instructions if isinstance(one, Instruction) and one.name in names]
    # Moves of addresses are in every kernel that numba-cuda compiles; here they would not show anything.
    others = {key for key in TABLE if not key.startswith(("cvta", "mov"))}
    assert {key for key in others if not any(TABLE[key] is row for row in used)} == set()
