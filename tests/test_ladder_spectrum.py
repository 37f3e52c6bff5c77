"""Polynomials of the ladder against exact ones."""

import mpmath
import numba
import numpy as np
import pytest

from jitgrad.ladder.spectrum import KEPT, make_polynomials, polynomials_of
from jitgrad.ladder.steps import MANTISSAS

pytestmark = pytest.mark.interpreted

WINDOWS = [
    (-3, -5, -7),
    (-3, -4, -5, -6, -7),
    (4, 3, 1, -1, -6),
    (10, 9, 8, 7, 6, 5, 4, 2, 0),
]


@numba.njit
def entry_of(polynomials, rungs, first, count, two_sided):
    # Elements have no entry of their own from Python.
    return polynomials_of(polynomials, rungs, first, count, two_sided)


def exact(nodes, weights):
    """Gram-Schmidt on monomials in 60 digits: polynomials at the nodes, and at 0 in the last place."""
    found = []
    for degree in range(len(nodes)):
        p = [u**degree for u in [*nodes, mpmath.mpf(0)]]
        for _ in range(2):
            for q in found:
                overlap = mpmath.fsum(w * a * b for w, a, b in zip(weights, p, q, strict=False))
                p = [a - overlap * b for a, b in zip(p, q, strict=True)]
        norm = mpmath.sqrt(mpmath.fsum(w * a * a for w, a in zip(weights, p, strict=False)))
        found.append([a / norm for a in p])
    return found


@pytest.mark.parametrize("rungs", WINDOWS)
@pytest.mark.parametrize("two_sided", [True, False])
def test_polynomials_are_the_orthonormal_ones(rungs, two_sided):
    polynomials = make_polynomials()
    entry = entry_of(polynomials, np.array(rungs), 0, len(rungs), two_sided)
    with mpmath.workdps(60):
        h = [mpmath.ldexp(mpmath.mpf(float(MANTISSAS[k & 7])), k - rungs[0]) for k in rungs]
        h = [a / h[0] for a in h]
        nodes = [a * a if two_sided else a for a in h]
        weights = [2 * a * a if two_sided else a * a for a in h]
        expected = exact(nodes, weights)
        # A few hundred roundings go into an entry.
        odd = [[float(w * a) for w, a in zip(weights, p, strict=False)] for p in expected]
        np.testing.assert_allclose(polynomials.odd[entry, : len(h), : len(h)], odd, rtol=0, atol=1e-13)
        at_zero = [float(p[-1]) for p in expected]
        np.testing.assert_allclose(polynomials.at_zero[entry, : len(h)], at_zero, rtol=1e-13)
        if two_sided:
            expected = exact([*nodes, mpmath.mpf(0)], [mpmath.mpf(2)] * len(h) + [mpmath.mpf(1)])
            even = [[float(2 * a) for a in p[: len(h)]] for p in expected]
            # Nodes 1e-6 from 0, itself a node here, cost digits in the highest degrees of the longest windows.
            np.testing.assert_allclose(polynomials.even[entry, : len(h) + 1, : len(h)], even, rtol=0, atol=1e-12)


def test_a_pattern_is_computed_once_and_shared_by_its_shifts():
    polynomials = make_polynomials()
    rungs = np.array([99, 5, 3, 1])
    entry = entry_of(polynomials, rungs, 1, 3, True)
    polynomials.odd[entry, 0, 0] = 42.0
    # The mantissas repeat after eight rungs.
    assert entry_of(polynomials, rungs - 8, 1, 3, True) == entry
    assert polynomials.odd[entry, 0, 0] == 42.0


def test_patterns_that_share_an_entry_do_not_mix():
    polynomials = make_polynomials()
    rng = np.random.default_rng(0)
    windows = [np.sort(rng.choice(11, 5, replace=False))[::-1] + rng.integers(-50, 50) for _ in range(2 * KEPT)]
    for rungs in [*windows, *windows]:
        entry = entry_of(polynomials, np.ascontiguousarray(rungs), 0, 5, True)
        w = MANTISSAS[rungs & 7] * 2.0 ** (rungs - rungs[0])
        w = 2.0 * (w / w[0]) ** 2
        products = polynomials.odd[entry, :5, :5] / w @ polynomials.odd[entry, :5, :5].T
        np.testing.assert_allclose(products, np.eye(5), rtol=0, atol=1e-12)


@pytest.mark.parametrize("rungs", WINDOWS)
@pytest.mark.parametrize("two_sided", [True, False])
def test_estimates_are_exact_for_polynomials(rungs, two_sided):
    polynomials, m = make_polynomials(), len(rungs)
    entry = entry_of(polynomials, np.array(rungs), 0, m, two_sided)
    h = MANTISSAS[np.array(rungs) & 7] * 2.0 ** (np.array(rungs) - rungs[0])
    nodes = (h / h[0]) ** 2 if two_sided else h / h[0]
    for degree in range(m):
        weights = polynomials.limits[entry, degree, :m] * (np.sqrt(2.0) if two_sided else 1.0)
        for power in range(degree + 1):
            # As many roundings as above, of weights that grow with the degree.
            exact_value = 1.0 if power == 0 else 0.0
            assert abs(weights @ nodes**power - exact_value) < 1e-13 * max(np.abs(weights).max(), 1.0)
