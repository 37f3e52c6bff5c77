"""Coefficients of `jitgrad.loss.lanes.elementary` that are in no table: python -m benchmarks.minimax.

Interpolation in Chebyshev points, in 60 digits, which is minimax to within a few percent where the coefficients fall
as fast as here; the others are from fdlibm and Cephes.
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


def main() -> None:
    """Print them, constant first."""
    mpmath.mp.dps = 60
    coefficients, error = exponential(11)
    print(f"# (exp(r) - 1 - r) / r**2; error of exp(r) at most {error:.1e}")
    print("\n".join(f"{c!r}," for c in coefficients))


if __name__ == "__main__":
    main()
