"""How wide a bar must be that is made from few samples."""

from __future__ import annotations

_NORMAL = 1.959963984540054
_FEW = (12.706204736174694, 4.302652729749462, 3.1824463053037078, 2.7764451051977934)


def student_quantile(freedom: int) -> float:
    """Return the number within which Student's t lies in 95 of 100 cases.

    Parameters
    ----------
    freedom : int
        Degrees of freedom, at least 1.

    Returns
    -------
    float
        To 1.1e-4 of itself, and far better for many degrees of freedom.

    Notes
    -----
    From 5 on the expansion in powers of one over the degrees of freedom, M. Abramowitz and I. A. Stegun, "Handbook of
    Mathematical Functions" (1964), 26.7.5; below from tables.
    """
    if freedom <= len(_FEW):
        return _FEW[freedom - 1]
    z = _NORMAL
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return z + sum(term / float(freedom) ** power for power, term in enumerate(terms, 1))
