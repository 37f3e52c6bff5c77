"""sin and cos on lanes: reduction after Cody and Waite, polynomials of fdlibm for an eighth of a turn.

Where the processor fuses multiplications and additions, sin is one polynomial for a quarter of a turn: 20 % faster, or
30 % on AVX2. The largest error is 1.6 ulp and not 0.8, and the mean square is 1.4 times that of the scalar function,
2.6 times near odd multiples of pi / 2. cos keeps two polynomials, because there its argument is 0, which angles of
losses often are near to; so does sin where products are rounded, as errors would reach 2.8 ulp.

Lanes beyond 2**19 quarter turns, where the reduction needs more digits, take the scalar function.
"""

from __future__ import annotations

import math

from jitgrad.loss.lanes.elementary.exponential import nearest_integer
from jitgrad.loss.lanes.elementary.expressions import SIGN, Real, Words, elementary, polynomial, where
from jitgrad.loss.lanes.vectors import has_fused_multiply_add

# pi / 2 in parts. Products of a part of 33 bits with up to 2**20 are exact, which fused multiply-add does not need for
# the first. What is left of x may be as small as 6e-19 in this range, and keeps all its digits.
FUSED = tuple(map(float.fromhex, ("0x1.921fb54442d18p+0", "0x1.1a62633100000p-54", "0x1.1701b839a2520p-88")))
UNFUSED = tuple(
    map(
        float.fromhex,
        ("0x1.921fb54400000p+0", "0x1.0b4611a600000p-34", "0x1.3198a2e000000p-69", "0x1.b839a252049c1p-104"),
    )
)
FARTHEST = 2.0**19 * math.pi / 2.0

# fdlibm (Sun Microsystems, 1993), k_sin.c: (sin(r) - r) / r**3, and k_cos.c: (cos(r) - 1 + r**2 / 2) / r**4.
SINE = (
    -1.66666666666666324348e-01,
    8.33333333332248946124e-03,
    -1.98412698298579493134e-04,
    2.75573137070700676789e-06,
    -2.50507602534068634195e-08,
    1.58969099521155010221e-10,
)
COSINE = (
    4.16666666666666019037e-02,
    -1.38888888888741095749e-03,
    2.48015872894767294178e-05,
    -2.75573143513906633035e-07,
    2.08757232129817482790e-09,
    -1.13596475577881948265e-11,
)

# (sin(r) - r) / r**3 for |r| <= pi / 2, from `python -m benchmarks.minimax`; error of sin(r) below 1.4e-18.
SINE_OF_QUARTER = (
    -0.16666666666666666,
    0.008333333333333316,
    -0.00019841269841254974,
    2.7557319219163234e-06,
    -2.505210761699618e-08,
    1.6058977312463903e-10,
    -7.643970296792679e-13,
    2.7314447669129175e-15,
)


def _fused_rest(x: Real, k: Real, turn: float) -> tuple[Real, Real]:
    """Subtract k times so many quarter turns from x, and return what is left in two parts."""
    first, second, third = (-turn * part for part in FUSED)
    before = k.times_plus(first, x)
    r = k.times_plus(second, before)
    return r, k.times_plus(third, k.times_plus(second, before - r))


def _quarters(x: Real) -> tuple[Real, Real, Words]:
    """Subtract quarter turns from x; return what is left in two parts, and bits of which the lowest are their number.

    Without the second part, errors reach 1.45 ulp instead of 0.8, and their mean square, which is what a
    difference quotient sees, is 1.6 times that of the scalar function.
    """
    k, turns = nearest_integer(x, 2.0 / math.pi)
    if has_fused_multiply_add():
        return *_fused_rest(x, k, 1.0), turns
    before = x - k * UNFUSED[0]
    after = before - k * UNFUSED[1]
    step = k * UNFUSED[2] - ((before - after) - k * UNFUSED[1])
    r = after - step
    return r, ((after - r) - step) - k * UNFUSED[3], turns


def _sine(r: Real, c: Real, turns: Words) -> tuple[Real, Words]:
    """Return the sine of ``r + c`` and a number of quarter turns, and bits of which the highest changes its sign."""
    z = r * r
    half = 0.5 * z
    first = 1.0 - half
    sine = r + c.times_plus(first, (z * r) * polynomial(z, SINE))
    cosine = first + (z * z).times_plus(polynomial(z, COSINE), (-r).times_plus(c, (1.0 - first) - half))
    quarter = (turns << 63).negative()
    return where(quarter, cosine, sine), turns << 62


def _sine_by_halves(x: Real) -> tuple[Real, Words]:
    """Return the sine of x from what is left of half turns, and bits of which the highest changes its sign."""
    k, turns = nearest_integer(x, 1.0 / math.pi)
    r, c = _fused_rest(x, k, 2.0)
    z = r * r
    # sin(r + c) = 3/4 r + (1/4 r + r**3 P + c cos(r)). The bracket is small at both ends of the range, and so are its
    # rounding errors: with all of r outside they reach 2.7 ulp. 1 - 0.41 r**2 is cos(r) to 0.06.
    rest = r.times_plus(polynomial(z, (0.25, *SINE_OF_QUARTER)), c * z.times_plus(-0.41, 1.0))
    return r.times_plus(0.75, rest), turns << 63


@elementary
def sin(x: Real) -> Real:
    """Return the sine of x radians."""
    # Of the absolute value, as r loses the sign of a zero.
    size = x.magnitude()
    value, sign = _sine_by_halves(size) if has_fused_multiply_add() else _sine(*_quarters(size))
    signed = (value.bits() ^ ((sign ^ x.bits()) & SIGN)).real()
    return signed.or_scalar_calls("sin", ~(size <= FARTHEST), x)


@elementary
def cos(x: Real) -> Real:
    """Return the cosine of x radians."""
    r, c, turns = _quarters(x)
    value, sign = _sine(r, c, turns + 1)
    return (value.bits() ^ (sign & SIGN)).real().or_scalar_calls("cos", ~(x.magnitude() <= FARTHEST), x)
