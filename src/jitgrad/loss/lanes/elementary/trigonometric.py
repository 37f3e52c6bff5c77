"""sin and cos on lanes: reduction to an eighth of a turn after Cody and Waite, polynomials of fdlibm.

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


def _quarters(x: Real) -> tuple[Real, Real, Words]:
    """Subtract quarter turns from x; return what is left in two parts, and bits of which the lowest are their number.

    Without the second part, errors reach 1.45 ulp instead of 0.8, and their mean square, which is what a
    difference quotient sees, is 1.6 times that of the scalar function.
    """
    k, turns = nearest_integer(x, 2.0 / math.pi)
    if has_fused_multiply_add():
        before = k.times_plus(-FUSED[0], x)
        r = k.times_plus(-FUSED[1], before)
        return r, k.times_plus(-FUSED[2], k.times_plus(-FUSED[1], before - r)), turns
    before = x - k * UNFUSED[0]
    after = before - k * UNFUSED[1]
    step = k * UNFUSED[2] - ((before - after) - k * UNFUSED[1])
    r = after - step
    return r, ((after - r) - step) - k * UNFUSED[3], turns


def _sine(r: Real, c: Real, turns: Words) -> Real:
    """Return the sine of ``r + c`` and a number of quarter turns."""
    z = r * r
    half = 0.5 * z
    first = 1.0 - half
    sine = r + c.times_plus(first, (z * r) * polynomial(z, SINE))
    cosine = first + (z * z).times_plus(polynomial(z, COSINE), (-r).times_plus(c, (1.0 - first) - half))
    quarter = (turns << 63).negative()
    return (where(quarter, cosine, sine).bits() ^ ((turns << 62) & SIGN)).real()


@elementary
def sin(x: Real) -> Real:
    """Return the sine of x radians."""
    # Of the absolute value, as r loses the sign of a zero.
    size = x.magnitude()
    value = _sine(*_quarters(size))
    signed = (value.bits() ^ (x.bits() & SIGN)).real()
    return signed.or_scalar_calls("sin", ~(size <= FARTHEST), x)


@elementary
def cos(x: Real) -> Real:
    """Return the cosine of x radians."""
    r, c, turns = _quarters(x)
    return _sine(r, c, turns + 1).or_scalar_calls("cos", ~(x.magnitude() <= FARTHEST), x)
