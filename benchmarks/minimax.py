"""Constants of `jitgrad.loss.lanes.elementary` that are in no table: python -m benchmarks.minimax.

Coefficients: interpolation in Chebyshev points, in 60 digits, which is minimax to within a few percent where they fall
as fast as here; the others are from fdlibm and Cephes. Numbers in parts: each part has so many bits of what is left.
"""

from __future__ import annotations

import mpmath


def exponential(terms: int) -> tuple[list[float], float]:
    """Fit ``(exp(r) - 1 - r) / r**2`` for r within half of log(2); the error returned is that of ``exp(r)``."""

    def quotient(r: mpmath.mpf) -> mpmath.mpf:
        return mpmath.hyp1f1(1, 3, r) / 2

    # Rounding to a multiple of log(2) without fused multiply-add may exceed the half by a rounding error.
    reach = mpmath.log(2) / 2 * (1 + mpmath.mpf(2) ** -40)
    coefficients, error = mpmath.chebyfit(quotient, [-reach, reach], terms, error=True)
    return [float(c) for c in coefficients[::-1]], float(error * reach**2)


def sine(terms: int) -> tuple[list[float], float]:
    """Fit ``(sin(r) - r) / r**3`` in r**2, r within a quarter of a turn; the error returned is that of ``sin(r)``."""

    def quotient(z: mpmath.mpf) -> mpmath.mpf:
        r = mpmath.sqrt(z)
        return (mpmath.sin(r) - r) / r**3 if z else -mpmath.mpf(1) / 6

    reach = mpmath.pi / 2 * (1 + mpmath.mpf(2) ** -31)
    coefficients, error = mpmath.chebyfit(quotient, [0, reach**2], terms, error=True)
    return [float(c) for c in coefficients[::-1]], float(error * reach**3)


def parts(number: mpmath.mpf, bits: tuple[int, ...]) -> list[float]:
    """Cut a number in parts; those below 53 bits are cut off, those of 53 rounded."""
    found = []
    for count in bits:
        exponent = mpmath.frexp(number)[1] - count
        part = mpmath.ldexp(int(mpmath.ldexp(number, -exponent)), exponent) if count < 53 else mpmath.mpf(float(number))
        found.append(float(part))
        number -= part
    return found


def main() -> None:
    """Print them, coefficients with that of the constant first."""
    mpmath.mp.dps = 60
    for what, (coefficients, error) in (
        ("(exp(r) - 1 - r) / r**2; error of exp(r)", exponential(10)),
        ("(sin(r) - r) / r**3; error of sin(r)", sine(8)),
    ):
        print(f"# {what} at most {error:.1e}")
        print("\n".join(f"{c!r}," for c in coefficients))
    log_2 = mpmath.log(2)
    for name, number, bits in (
        ("log(2), exponential.py", log_2, (41, 53)),
        ("pi / 2, FUSED", mpmath.pi / 2, (53, 33, 53)),
        ("pi / 2, UNFUSED", mpmath.pi / 2, (33, 33, 33, 53)),
        ("log2(1.5)", mpmath.log(1.5) / log_2, (53, 53)),
        ("2 / (3 log(2))", 2 / (3 * log_2), (53, 53)),
        ("log(2), power.py", log_2, (53, 53)),
    ):
        print(f"# {name}", *(f"{part!r} = {part.hex()}" for part in parts(number, bits)), sep="\n")


if __name__ == "__main__":
    main()
