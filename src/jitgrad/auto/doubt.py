"""What the values of a formula show about its derivative at no further cost: compiled, for any formula.

The derivative is compared with that of a formula of lower order on some of the same nodes and the point itself. For a
smooth loss both agree to about the step over the scale of ``x``, and values that know nothing of each other (noise, or
an oscillation much faster than the step) agree to 3e-3 only three times in a thousand. What the two differ by, in units
of the loss, also shows its noise: much of it by chance on one coordinate, reliably on the lower quartile of many.
"""

from __future__ import annotations

import numpy as np

from jitgrad._jit import element, kernel
from jitgrad._types import Array, FloatArray, IntArray
from jitgrad.difference import FEWEST, Differences
from jitgrad.formula import BENT, DROPS, DROWNED, LONGEST, SHARE, STATED, UNIT, VISIBLE
from jitgrad.nodes import slope_weights

GAP, AMPLIFICATION, SPREAD, LARGEST, DOUBT = range(5)
"""Columns of the evidence: derivative less that of lower order; by what an error of the loss grows into one of the
derivative at most; by what noise grows into the gap (times sqrt(6), which makes it the second difference of three
equidistant values); largest size of the loss; and what is doubtful (bits below)."""

NOT_FINITE = 1
ROUNDING = 2  # the difference drowns in rounding, or in the noise that was stated
NOISE = 4  # the difference drowns in noise that other coordinates show
CURVED = 8  # the slope changes too much over the step
DISAGREES = 16  # a pair further away gives another derivative
UNSURE = 32  # nothing looks wrong, but only a second look can exclude that it is

CHANCE = 1e-4
"""Where noise that matters would look as quiet as the loss does more often than this, the few coordinates of a point
are looked at a second time."""

FURTHER = 3.7
"""How much larger the steps of a second look are: not a whole number, or a wave that comes back after one step looks
the same after several."""

SECOND_LOOK = 2e-3
"""How well the derivative has to agree with that of a second look, relative to itself."""

BEND = 0.02
"""How well the curvature has to agree with that of a second look, relative to itself."""

UNSEEN = 0.1
"""How much of the noise that all coordinates may have is seen in one that has none."""

_EPS = float(np.finfo(np.float64).eps)
_QUARTILE = 0.32  # of |N(0, 1)|
_SAMPLE = 256  # coordinates from which the quartile is taken: it need not be exact


@element
def examine(found: Differences, values: FloatArray, gradient: Array, checks: FloatArray, evidence: FloatArray) -> None:
    """Fill `evidence` (but for its last column) from the values of a formula.

    Parameters
    ----------
    found : Differences
    values : ndarray of float64, shape (probes,)
        With those at the points themselves.
    gradient : ndarray, shape (targets,)
        The derivatives that follow from them.
    checks : ndarray
        From `jitgrad.formula.thresholds`.
    evidence : ndarray of float64, shape (targets, 5)
    """
    points, first, weights, reference = found.probes.points, found.first, found.weights, found.reference
    point, coordinate, value = found.probes.point, found.probes.coordinate, found.probes.value
    m = points.shape[0]
    most = 1
    for t in range(reference.size):
        most = max(most, first[t + 1] - first[t])
    displacements, kept, lower_weights = np.empty(most), np.empty(most), np.empty(most)
    for t in range(reference.size):
        begin, count = first[t], first[t + 1] - first[t]
        evidence[t, GAP], evidence[t, AMPLIFICATION], evidence[t, SPREAD], evidence[t, LARGEST] = 0.0, 0.0, 0.0, 0.0
        if count == 0:  # fixed
            continue
        p = point[begin]
        at_point, x = values[p], points[p, coordinate[begin - m]]
        size, total, largest = 0.0, 0.0, abs(at_point)
        for k in range(begin, begin + count):
            size += abs(weights[k])
            total += weights[k]
            largest = max(largest, abs(values[k]))
            displacements[k - begin] = float(value[k - m]) - float(x)
        if reference[t] == p:  # the point is a node too, with the weight that makes their sum 0
            size += abs(total)
        evidence[t, AMPLIFICATION] = 0.5 * size
        evidence[t, LARGEST] = largest
        # Nodes left, as a range: the furthest is dropped again and again.
        low, high, gap, share = 0, count, 0.0, 1.0
        for _ in range(int(checks[DROPS])):
            if high - low < 2:
                break
            if abs(displacements[low]) >= abs(displacements[high - 1]):
                low += 1
            else:
                high -= 1
            left = high - low
            for k in range(left):
                kept[k] = displacements[low + k]
            kept[left] = 0.0  # the point itself; what it contributes is subtracted from the others
            if left == 1:
                lower_weights[0] = 1.0 / kept[0]
            else:
                slope_weights(kept, left + 1, abs(kept[0]) + abs(kept[left - 1]), lower_weights)
            slope, spread, sum_of_lower = 0.0, 0.0, 0.0
            for k in range(count):
                lower = lower_weights[k - low] if low <= k < high else 0.0
                if lower != 0.0:
                    slope += lower * (values[begin + k] - at_point)
                spread += (weights[begin + k] - lower) ** 2
                sum_of_lower += lower
            difference = share * (gradient[t] - slope)
            if np.isnan(gap):
                break
            if not abs(difference) <= abs(gap) or evidence[t, SPREAD] == 0.0:
                gap = difference
                evidence[t, SPREAD] = share * np.sqrt((spread + (sum_of_lower - total) ** 2) / 6.0)
            share *= checks[SHARE]
        evidence[t, GAP] = gap


@element
def pooled_noise(evidence: FloatArray) -> float:
    """Return the noise that the coordinates of one point show together; 0 if they are too few."""
    count = evidence.shape[0]
    if count < FEWEST:
        return 0.0
    sample = np.empty(min(count, _SAMPLE))
    used = 0
    for k in range(sample.size):
        t = k * count // sample.size
        if evidence[t, SPREAD] > 0.0 and np.isfinite(evidence[t, GAP]):
            sample[used] = abs(evidence[t, GAP]) / evidence[t, SPREAD]
            used += 1
    return np.sort(sample[:used])[used // 4] / _QUARTILE if used > 0 else 0.0


@element
def _is_double(at_point: float, pooled: float) -> bool:
    """Whether a loss of points in single precision is computed in double precision.

    Its value is no number of single precision then. What parts of it, or an earlier result, were rounded more is noise
    like any other, of which a quarter of the coordinates must show how much there is: none at all may just mean that
    all differences are a few units of single precision.
    """
    return pooled > 0.0 and float(np.float32(at_point)) != at_point


@element
def judge(gradient: Array, evidence: FloatArray, checks: FloatArray, at_point: float) -> int:
    """Fill the last column of the evidence of one point; return how many derivatives are doubtful."""
    unit, stated, drowned, bent = checks[UNIT], checks[STATED], checks[DROWNED], checks[BENT]
    visible = checks[VISIBLE] * abs(at_point)
    count, pooled = gradient.size, pooled_noise(evidence)
    longest = checks[LONGEST] if count >= FEWEST else np.inf
    finer = _EPS / unit if unit > _EPS and _is_double(at_point, pooled) else 1.0
    doubtful = 0
    for t in range(count):
        gap, amplification = evidence[t, GAP], evidence[t, AMPLIFICATION]
        doubt = 0
        if amplification > 0.0:
            difference = abs(gradient[t]) / amplification
            bend = abs(gap) / evidence[t, SPREAD] if evidence[t, SPREAD] > 0.0 else 0.0
            rounding = max(unit * evidence[t, LARGEST], 2.0 * stated)
            bends = abs(gap) > bent * abs(gradient[t])
            if not (np.isfinite(difference) and np.isfinite(bend)):
                doubt = NOT_FINITE
            elif rounding > drowned * difference:
                doubt = ROUNDING
            elif pooled > drowned * difference:
                doubt = NOISE
            if bends and bend > visible:
                doubt |= CURVED
            if doubt == ROUNDING and finer < 1.0:
                least = max(finer * unit * evidence[t, LARGEST], 2.0 * stated, pooled)
                if least <= drowned * difference and not (bends and bend > finer * visible):
                    doubt = UNSURE
            elif doubt == 0 and 0.5 / amplification > longest:
                doubt = UNSURE
        evidence[t, DOUBT] = doubt
        doubtful += doubt != 0
    return doubtful


@element
def is_quiet(gradient: Array, evidence: FloatArray, checks: FloatArray) -> bool:
    """Whether few coordinates together show that there is no noise that matters, and no step is very large.

    Noise of a level ``s`` makes a derivative wrong by 1 % where the difference is 140 ``s`` or less, and second
    differences of the size of ``2.4 s`` everywhere. That one of them is smaller than ``b`` by chance has the
    probability ``b / 3 s``; that all are, the product of these.
    """
    smallest = np.inf
    for t in range(gradient.size):
        if evidence[t, DOUBT] == 0 and evidence[t, AMPLIFICATION] > 0.0:
            if 0.5 / evidence[t, AMPLIFICATION] > checks[LONGEST]:
                return False
            smallest = min(smallest, abs(gradient[t]) / evidence[t, AMPLIFICATION])
    level = 0.005 * smallest
    chance = 1.0
    for t in range(gradient.size):
        if evidence[t, SPREAD] > 0.0 and np.isfinite(evidence[t, GAP]):
            chance *= min(1.0, abs(evidence[t, GAP]) / evidence[t, SPREAD] / (3.0 * level))
    return chance <= CHANCE


@element
def undecided(evidence: FloatArray, checks: FloatArray) -> IntArray:
    """Return the places of derivatives about which the formula at larger steps may decide.

    Of formulas with more nodes, curvature and noise are left to the ladder, which hardly costs more.
    """
    decidable = UNSURE | CURVED | NOISE if checks[DROPS] == 1.0 else UNSURE
    places = np.empty(evidence.shape[0], np.int64)
    used = 0
    for t in range(places.size):
        doubt = int(evidence[t, DOUBT])
        if doubt != 0 and doubt & ~decidable == 0:
            places[used] = t
            used += 1
    return places[:used]


@element
def confirm(
    gradient: Array, evidence: FloatArray, places: IntArray, further: Array, seen: FloatArray, pooled: float, order: int
) -> int:
    """Clear the doubt where a look at larger steps shows what a smooth loss shows; return how often.

    The same slope, and a curvature that grows with the step as it should, which noise and oscillations know nothing
    of: so it is near a minimum, where a formula that is exact for parabolas needs no repair, and where the curvature
    of all coordinates looks like noise. Of what the others take for noise, next to nothing may be seen. Where nothing
    looks wrong, the same slope is enough.

    Parameters
    ----------
    gradient, evidence
        Of one point; the last column of the evidence is changed.
    places : ndarray of int64, shape (k,)
        From `undecided`.
    further, seen : ndarray of shape (k,) and (k, 5)
        Derivatives and evidence at the larger steps.
    pooled : float
        `pooled_noise`.
    order : int
        Accuracy order of the formula.
    """
    growth, cleared = FURTHER ** (order - 1), 0
    for k in range(places.size):
        t = places[k]
        grown = growth * evidence[t, GAP]
        allowed = BEND * abs(grown)
        if int(evidence[t, DOUBT]) == NOISE:
            allowed = max(allowed, UNSEEN * pooled * seen[k, SPREAD])
        same_slope = abs(further[k] - gradient[t]) <= SECOND_LOOK * abs(gradient[t])
        if same_slope and (int(evidence[t, DOUBT]) == UNSURE or abs(seen[k, GAP] - grown) <= allowed):
            evidence[t, DOUBT] = 0.0
            cleared += 1
    return cleared


@element
def compare(gradient: Array, further: Array, evidence: FloatArray) -> int:
    """Note where a second look with larger steps disagrees; return how many derivatives are doubtful then."""
    doubtful = 0
    for t in range(gradient.size):
        if not abs(gradient[t] - further[t]) <= SECOND_LOOK * abs(gradient[t]):
            evidence[t, DOUBT] = int(evidence[t, DOUBT]) | DISAGREES
        doubtful += evidence[t, DOUBT] != 0
    return doubtful


@kernel
def examine_all(found: Differences, values: FloatArray, gradient: Array, checks: FloatArray) -> FloatArray:
    """Examine the derivatives of all points, for Python.

    Parameters
    ----------
    found, values, gradient, checks
        As in `examine`.

    Returns
    -------
    ndarray of float64, shape (targets, 5)
        The evidence; its last column is 0.
    """
    evidence = np.zeros((gradient.size, 5))
    examine(found, values, gradient, checks, evidence)
    return evidence


@kernel
def judge_all(gradient: Array, evidence: FloatArray, checks: FloatArray, at_points: FloatArray) -> tuple[int, bool]:
    """Judge the derivatives of all points; return how many are doubtful, and whether no second look is needed.

    Parameters
    ----------
    gradient : ndarray, shape (targets,)
        Equally many derivatives for every point, in turn.
    evidence : ndarray of float64, shape (targets, 5)
        Receives what is doubtful.
    checks : ndarray
        From `jitgrad.formula.thresholds`.
    at_points : ndarray of float64, shape (m,)
        The loss at every point.
    """
    m, doubtful, quiet = at_points.size, 0, True
    each = gradient.size // m
    for p in range(m):
        row = slice(p * each, (p + 1) * each)
        doubtful += judge(gradient[row], evidence[row], checks, at_points[p])
        quiet = quiet and (each >= FEWEST or is_quiet(gradient[row], evidence[row], checks))
    return doubtful, quiet


@kernel
def undecided_all(evidence: FloatArray, checks: FloatArray) -> IntArray:
    """Do what `undecided` does, for Python."""
    return undecided(evidence, checks)


@kernel
def pooled_noise_all(evidence: FloatArray, m: int) -> FloatArray:
    """Return the pooled noise of each of `m` points, shape (m,)."""
    each = evidence.shape[0] // m
    return np.array([pooled_noise(evidence[p * each : (p + 1) * each]) for p in range(m)])


@kernel
def confirm_all(
    gradient: Array,
    evidence: FloatArray,
    places: IntArray,
    further: Array,
    seen: FloatArray,
    pooled: FloatArray,
    order: int,
) -> int:
    """Do what `confirm` does for all points, given the pooled noise of each of `places`."""
    cleared = 0
    for k in range(places.size):
        one = slice(k, k + 1)
        cleared += confirm(gradient, evidence, places[one], further[one], seen[one], pooled[k], order)
    return cleared


@kernel
def compare_all(gradient: Array, further: Array, evidence: FloatArray) -> int:
    """Do what `compare` does, for Python."""
    return compare(gradient, further, evidence)
