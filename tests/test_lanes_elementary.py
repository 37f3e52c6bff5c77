"""Vector functions against mpmath: whole range, special values, every length, restricted processors, fastmath.

`python -m benchmarks.ulps` measures a million points each; here it is a few thousand.
"""

from __future__ import annotations

import math
import os
import platform
import struct
import subprocess
import sys
from functools import cache
from pathlib import Path

import llvmlite.binding as llvm
import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from llvmlite import ir
from vector_functions import compiled, loop, symbols

from jitgrad.loss.lanes import elementary
from jitgrad.loss.lanes.elementary.exponential import LARGEST, SMALLEST
from jitgrad.loss.lanes.elementary.hyperbolic import NEAR, SATURATED
from jitgrad.loss.lanes.elementary.trigonometric import FARTHEST
from jitgrad.loss.lanes.vectors import REAL, has_fused_multiply_add, splat

LENGTHS = (4, 8, 16)
BOUND = 2.0
"""Units in the last place; `python -m benchmarks.ulps` measures at most 1.6."""

EXACT = {
    **{name: getattr(mpmath, name) for name in ("exp", "expm1", "log", "log1p", "sin", "cos", "tanh")},
    "pow": mpmath.power,
}
ARITY = {name: 2 if name == "pow" else 1 for name in EXACT}
X86 = platform.machine() in {"x86_64", "AMD64"}

INF, NAN, TINY, MAX, NORMAL = math.inf, math.nan, 5e-324, sys.float_info.max, sys.float_info.min
# C99, annex F.9, and results that are exact or rounded from exact ones by hand.
SPECIAL = {
    "exp": [
        *((0.0, 1.0), (-0.0, 1.0), (INF, INF), (-INF, 0.0), (NAN, NAN), (TINY, 1.0), (MAX, INF), (-MAX, 0.0)),
        # Where it overflows, and where half of the smallest subnormal is passed: neighbouring arguments.
        *((709.782712893384, 1.797693134862273e308), (709.7827128933841, INF)),
        *((-745.1332191019411, TINY), (-745.1332191019412, 0.0)),
    ],
    "expm1": [
        *((0.0, 0.0), (-0.0, -0.0), (INF, INF), (-INF, -1.0), (NAN, NAN), (MAX, INF), (-MAX, -1.0), (-40.0, -1.0)),
        *((TINY, TINY), (-TINY, -TINY), (NORMAL, NORMAL), (-NORMAL, -NORMAL)),
        *((709.782712893384, 1.797693134862273e308), (709.7827128933841, INF)),
    ],
    "log": [
        *((1.0, 0.0), (0.0, -INF), (-0.0, -INF), (INF, INF), (NAN, NAN), (-1.0, NAN), (-INF, NAN), (-TINY, NAN)),
        *((TINY, -744.4400719213812), (NORMAL, -708.3964185322641), (MAX, 709.782712893384), (-NORMAL, NAN)),
    ],
    "log1p": [
        *((0.0, 0.0), (-0.0, -0.0), (-1.0, -INF), (INF, INF), (NAN, NAN), (-1.5, NAN), (-INF, NAN)),
        *((TINY, TINY), (-TINY, -TINY), (NORMAL, NORMAL), (-NORMAL, -NORMAL), (MAX, 709.782712893384)),
    ],
    "sin": [
        *((0.0, 0.0), (-0.0, -0.0), (INF, NAN), (-INF, NAN), (NAN, NAN), (TINY, TINY), (-TINY, -TINY)),
        *((1e22, -0.8522008497671888), (MAX, 0.004961954789184062), (math.pi, 1.2246467991473532e-16)),
        # The double that is nearest to a multiple of pi / 2 (Muller, Elementary Functions, section 11.3.2). Not in the
        # table of cos: glibc 2.36, whose function takes huge arguments, is off by 8 ulp there.
        (6381956970095103.0 * 2.0**797, 1.0),
    ],
    "cos": [
        *((0.0, 1.0), (-0.0, 1.0), (INF, NAN), (-INF, NAN), (NAN, NAN), (TINY, 1.0), (-TINY, 1.0)),
        *((1e22, 0.5232147853951389), (MAX, -0.9999876894265599), (math.pi, -1.0)),
    ],
    "tanh": [
        *((0.0, 0.0), (-0.0, -0.0), (INF, 1.0), (-INF, -1.0), (NAN, NAN), (TINY, TINY), (-TINY, -TINY)),
        *((MAX, 1.0), (-MAX, -1.0), (20.0, 1.0), (NORMAL, NORMAL), (-NORMAL, -NORMAL)),
    ],
}
# x, y, x**y.
SPECIAL_POWERS = [
    *((0.0, -3.0, INF), (-0.0, -3.0, -INF), (0.0, -2.0, INF), (-0.0, -2.0, INF), (-0.0, -2.5, INF)),
    *((0.0, -INF, INF), (-0.0, -INF, INF), (0.0, 3.0, 0.0), (-0.0, 3.0, -0.0), (-0.0, 2.0, 0.0), (-0.0, 2.5, 0.0)),
    *((-1.0, INF, 1.0), (-1.0, -INF, 1.0), (1.0, NAN, 1.0), (1.0, INF, 1.0), (1.0, -MAX, 1.0)),
    *((NAN, 0.0, 1.0), (NAN, -0.0, 1.0), (INF, 0.0, 1.0), (0.0, 0.0, 1.0), (-2.0, 0.0, 1.0)),
    *((-2.0, 0.5, NAN), (-2.0, TINY, NAN), (NAN, 1.0, NAN), (2.0, NAN, NAN)),
    *((0.5, -INF, INF), (2.0, -INF, 0.0), (0.5, INF, 0.0), (2.0, INF, INF), (-2.0, INF, INF), (-0.5, INF, 0.0)),
    *((-INF, -3.0, -0.0), (-INF, -2.0, 0.0), (-INF, 3.0, -INF), (-INF, 2.0, INF), (INF, -1.0, 0.0), (INF, 0.5, INF)),
    *((2.0, 1023.0, 2.0**1023), (2.0, 1024.0, INF), (2.0, -1074.0, TINY), (2.0, -1076.0, 0.0), (-2.0, 1025.0, -INF)),
    *((-2.0, -1074.0, TINY), (-2.0, -1073.0, -1e-323), (TINY, 1.0, TINY), (TINY, -1.0, INF), (NORMAL, 1.0, NORMAL)),
    # The last odd integer of a double, and the next, which is even; both are beyond 2**51.
    *((-1.0, 2.0**53 - 1.0, -1.0), (-1.0, 2.0**53, 1.0), (-1.0, 2.0**51 + 1.0, -1.0), (-1.0, MAX, 1.0)),
    *((-3.0, 3.0, -27.0), (-3.0, 4.0, 81.0), (7.0, -1.0, 1.0 / 7.0), (10.0, 22.0, 1e22), (4.0, 0.5, 2.0)),
]


@cache
def function(name, lanes=8, dtype=np.float64, fastmath=False):
    return compiled(getattr(elementary, name), lanes, ARITY[name], dtype, fastmath)


def evaluate(name, *x, lanes=8, dtype=np.float64, fastmath=False):
    """Results of as many values as there are; the last lanes of the last vector repeat the first value."""
    size = len(x[0])
    padded = [np.concatenate([v, np.full(-size % lanes, v[0])]).astype(dtype) for v in x]
    return function(name, lanes, dtype, fastmath).call(*padded)[:size]


def same(found, expected):
    """Equal, the sign of zeros included, or both NaN."""
    return (found == expected and math.copysign(1.0, found) == math.copysign(1.0, expected)) or (
        found != found and expected != expected
    )


def exact_value(name, *x):
    """In 120 bits, and more where arguments are so small that the result would round to a constant."""
    with mpmath.workprec(120):
        if name == "expm1" and abs(x[0]) < 2.0**-60:
            return mpmath.mpf(x[0]) * (1 + mpmath.mpf(x[0]) / 2)
        if name == "log1p" and abs(x[0]) < 2.0**-60:
            return mpmath.mpf(x[0]) * (1 - mpmath.mpf(x[0]) / 2)
        return EXACT[name](*map(mpmath.mpf, x))


def ulps(found, exact, digits=53, smallest=-1074, largest=1024):
    """Distance in units in the last place of the exact value; infinity counts as the next power of two."""
    if found != found:
        return math.inf
    with mpmath.workprec(120):
        exponent = max(mpmath.frexp(exact)[1] - digits, smallest)
        beyond = mpmath.ldexp(1, largest)
        if math.isinf(found):
            found = math.copysign(1.0, found) * beyond
            exact = max(min(exact, beyond), -beyond)
        return float(abs(found - exact) / mpmath.ldexp(1, min(exponent, largest - digits)))


def finite_patterns(rng, size):
    """Numbers of every exponent and sign alike."""
    x = rng.integers(0, 2**64, 2 * size, dtype=np.uint64).view(np.float64)
    return x[np.isfinite(x)][:size]


def edges():
    """Where the formulas change over, and the doubles next to it."""
    places = [math.log(2.0) / 2.0, math.sqrt(0.5), math.sqrt(2.0), NEAR, SATURATED, FARTHEST, 1.0, NORMAL, 2.0**1023]
    places += [-50.0, -math.log(2.0), math.sqrt(0.5) - 1.0, math.sqrt(2.0) - 1.0, LARGEST, SMALLEST, 709.78, -708.39]
    near = [p + k * np.spacing(p) for p in places for k in range(-2, 3)]
    return np.concatenate([near, np.negative(near)])


def nearest_to_quarter_turns():
    """In each binade of the fast range, doubles that are nearest to a multiple of pi / 2: from continued fractions."""
    found = set()
    with mpmath.workprec(400):
        for exponent in range(20):
            rest = mpmath.ldexp(mpmath.pi / 2, 52 - exponent)
            before, numerator = 0, 1
            while numerator < 2**53:
                digit = int(rest)
                before, numerator = numerator, digit * numerator + before
                rest = 1 / (rest - digit)
                nearby = (k * numerator + m * before for k in range(9) for m in range(9))
                found |= {math.ldexp(n, exponent - 52) for n in nearby if 2**52 <= n < 2**53}
    return np.array(sorted(found))


@pytest.mark.parametrize("name", ["sin", "cos"])
def test_all_digits_beside_multiples_of_a_quarter_turn(name):
    x = nearest_to_quarter_turns()
    exact = [exact_value(name, v) for v in x.tolist()]
    other = [exact_value("cos" if name == "sin" else "sin", v) for v in x.tolist()]
    assert min(map(abs, exact + other)) < 1e-18
    assert max(ulps(float(f), e) for f, e in zip(evaluate(name, x), exact, strict=True)) <= BOUND


def defined(name, *x):
    """Where the result is a real number."""
    if name == "log":
        return x[0] > 0.0
    if name == "log1p":
        return x[0] > -1.0
    if name == "pow":
        return (x[0] > 0.0) | ((x[0] < 0.0) & (np.floor(x[1]) == x[1]))
    return np.isfinite(x[0])


def points(name, size=300):
    """Every exponent, and the ranges where the result is neither constant nor infinite."""
    rng = np.random.default_rng(2026)
    anywhere = finite_patterns(rng, size)
    near_one = 1.0 + rng.uniform(-1.0, 1.0, size) * 10.0 ** rng.uniform(-15.0, 0.0, size)
    if name == "pow":
        x = np.exp(rng.uniform(-700.0, 700.0, size))
        y = rng.uniform(-1.1, 1.1, size) * 745.0 / np.abs(np.log(x))
        exponents = rng.integers(-40, 40, size).astype(float)
        steep = rng.uniform(-745.0, 709.0, size) / np.log(np.where(near_one == 1.0, 2.0, near_one))
        columns = (
            (np.abs(anywhere), finite_patterns(rng, size)),
            (x, y),
            (near_one, steep),
            (rng.uniform(-10.0, 10.0, size), exponents),
        )
        found = tuple(np.concatenate(column) for column in zip(*columns, strict=True))
    else:
        spread = rng.uniform(-1.0, 1.0, size) * 10.0 ** rng.uniform(-20.0, 1.0, size)
        wide = rng.uniform(-750.0, 715.0, size)
        # Multiples of pi / 4, where sin and cos cancel or change over, up to the end of the fast range and beyond.
        turns = np.round(10.0 ** rng.uniform(0.0, 6.5, size)) * (math.pi / 4.0)
        subnormal = rng.integers(1, 2**52, 50).view(np.float64) * rng.choice([-1.0, 1.0], 50)
        found = (np.concatenate([anywhere, near_one, spread, wide, turns, subnormal, edges()]),)
    keep = defined(name, *found)
    return tuple(v[keep] for v in found)


@pytest.mark.parametrize("name", EXACT)
def test_within_two_ulp_of_mpmath(name):
    x = points(name)
    assert len(x[0]) > 800
    found = evaluate(name, *x)
    errors = [ulps(float(f), exact_value(name, *map(float, v))) for f, *v in zip(found, *x, strict=True)]
    worst = int(np.argmax(errors))
    assert errors[worst] <= BOUND, f"{name}{tuple(v[worst] for v in x)} gave {found[worst]!r}"


@pytest.mark.parametrize("lanes", [2, 4, 16, 32])
@pytest.mark.parametrize("name", EXACT)
def test_every_length_gives_the_same_bits(name, lanes):
    x = points(name, 200)
    np.testing.assert_array_equal(
        evaluate(name, *x, lanes=lanes).view(np.uint64), evaluate(name, *x).view(np.uint64), strict=True
    )


@pytest.mark.parametrize("lanes", LENGTHS)
@pytest.mark.parametrize("name", SPECIAL)
def test_special_values(name, lanes):
    x, expected = np.array(SPECIAL[name]).T
    found = evaluate(name, x, lanes=lanes)
    wrong = [
        (v, f, e)
        for v, f, e in zip(x, found, expected, strict=True)
        # Zeros, infinities and NaN exactly; other numbers of the table are rounded to the nearest.
        if not same(f, e)
        and not (math.isfinite(f) and math.isfinite(e) and e != 0.0 and ulps(float(f), mpmath.mpf(e)) <= BOUND)
    ]
    assert wrong == []


@pytest.mark.parametrize("lanes", LENGTHS)
def test_special_powers(lanes):
    x, y, expected = np.array(SPECIAL_POWERS).T
    found = evaluate("pow", x, y, lanes=lanes)
    assert [(*v, f) for *v, f, e in zip(x, y, found, expected, strict=True) if not same(f, e)] == []


PATTERNS = st.one_of(
    st.integers(0, 2**64 - 1).map(lambda bits: struct.unpack("<d", struct.pack("<Q", bits))[0]),
    st.floats(),
    st.floats(-1000.0, 1000.0),
    st.integers(-100, 100).map(float),
)


@pytest.mark.parametrize("name", EXACT)
def test_arbitrary_neighbours(name):
    """Odd lanes are right, and leave the others alone."""

    @settings(max_examples=50, deadline=None)
    @given(st.lists(st.tuples(*[PATTERNS] * ARITY[name]), min_size=8, max_size=8))
    def check(lanes):
        x = np.array(lanes).T.copy()
        for found, *v in zip(evaluate(name, *x), *x.tolist(), strict=True):
            if all(map(math.isfinite, v)) and defined(name, *map(np.float64, v)):
                assert ulps(float(found), exact_value(name, *v)) <= BOUND
            elif name != "pow":
                assert same(found, expected_at_edge(name, v[0]))
            else:
                # What lies on the edges of pow's domain is the scalar function's, and its table is above.
                assert same(found, scalar_power(*v))

    check()


def expected_at_edge(name, x):
    """Results where the argument is infinite, NaN, or outside the domain."""
    if x == INF:
        return {"exp": INF, "expm1": INF, "log": INF, "log1p": INF, "tanh": 1.0}.get(name, NAN)
    if x == -INF:
        return {"exp": 0.0, "expm1": -1.0, "tanh": -1.0}.get(name, NAN)
    return -INF if (name, x) in {("log", 0.0), ("log1p", -1.0)} else NAN


def scalar_power(x, y):
    with np.errstate(all="ignore"):
        return float(np.float64(x) ** np.float64(y))


@pytest.mark.parametrize("lanes", LENGTHS)
@pytest.mark.parametrize("name", EXACT)
def test_floats(name, lanes):
    x = points(name, 100)
    with np.errstate(all="ignore"):
        short = [v.astype(np.float32) for v in x]
    keep = defined(name, *short) & np.logical_and.reduce([np.isfinite(v) for v in short])
    short = [v[keep] for v in short]
    found = evaluate(name, *short, lanes=lanes, dtype=np.float32)
    errors = [
        ulps(float(f), exact_value(name, *map(float, v)), 24, -149, 128) for f, *v in zip(found, *short, strict=True)
    ]
    # Half an ulp of a float, and 2 ulp of a double, which is 2**-28 of it.
    assert max(errors) <= 0.5 + 2.0**-28


@pytest.mark.parametrize("name", EXACT)
def test_fastmath_of_the_loss_changes_no_bit(name):
    x = points(name, 200)
    np.testing.assert_array_equal(evaluate(name, *x, fastmath=True).view(np.uint64), evaluate(name, *x).view(np.uint64))


@pytest.mark.parametrize("lanes", LENGTHS)
@pytest.mark.parametrize("name", EXACT)
def test_nothing_is_called_but_for_rare_lanes(name, lanes):
    rare = {f"jitgrad.lanes.{name}.v{lanes}f64"}
    assert symbols(function(name, lanes).assembly) <= rare


def test_a_call_would_be_seen():
    def emit(builder, x):
        return builder.call(ir.Function(builder.module, ir.FunctionType(x.type, [x.type]), "llvm.sin.v8f64"), [x])

    assert symbols(compiled(emit, 8).assembly) == {"sin"}


def test_scalars_are_splat():
    def emit(builder, x):
        return splat(builder, builder.extract_element(x, ir.IntType(32)(2)), 4)

    assert compiled(emit, 4).call(np.arange(8.0)).tolist() == [2.0] * 4 + [6.0] * 4


@pytest.mark.skipif(not X86, reason="names registers and instructions of x86")
def test_code_is_for_the_processor_numba_was_given():
    assembly = function("exp").assembly
    widest = {"x86-64": "xmm", "haswell": "ymm"}.get(os.environ.get("NUMBA_CPU_NAME", ""))
    if widest:
        assert f"%{widest}" in assembly
        assert not any(f"%{r}" in assembly for r in ("ymm", "zmm") if r > widest)
    assert ("vfmadd" in assembly) == has_fused_multiply_add()


@pytest.mark.skipif(not X86, reason="restricts a processor of the x86 family")
@pytest.mark.parametrize("processor", ["x86-64", "haswell"])
def test_restricted_processor(processor):
    """All of the above on SSE2, without fused multiply-add, and on AVX2."""
    environment = {**os.environ, "NUMBA_CPU_NAME": processor, "NUMBA_CPU_FEATURES": "", "PYTEST_ADDOPTS": ""}
    chosen = "two_ulp or quarter or special or called or processor_numba"
    command = [sys.executable, "-m", "pytest", "-q", __file__, "-k", chosen]
    root = Path(__file__).parent.parent
    run = subprocess.run(command, check=False, env=environment, capture_output=True, text=True, cwd=root)
    assert run.returncode == 0, run.stdout


@pytest.mark.skipif(not has_fused_multiply_add(), reason="the code is made as for a processor that has it, like NEON")
@pytest.mark.parametrize("name", EXACT)
def test_neon_needs_no_call(name):
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    machine = llvm.Target.from_triple("aarch64-unknown-linux-gnu").create_target_machine(opt=3)
    module = ir.Module("neon")
    module.triple = machine.triple
    loop(module, getattr(elementary, name), 4, ARITY[name], REAL)
    parsed = llvm.parse_assembly(str(module))
    parsed.verify()
    assembly = machine.emit_assembly(parsed)
    assert "fmla" in assembly
    assert symbols(assembly) <= {f"jitgrad.lanes.{name}.v4f64"}
