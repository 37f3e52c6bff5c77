"""Which of the ladder's derivatives need no warning."""

from __future__ import annotations

import numpy as np

from jitgrad._types import Array, FloatArray
from jitgrad.ladder import Climbed, Status

SHARP = 7e-3
"""Largest error bar, relative to the derivative, that needs no warning: the one error in a hundred that is larger than
its bar shall still be below 1 %."""

NEARBY = 1e-4
"""How near ``x`` the point has to be for which a derivative near 0 is right, relative to ``x`` and to the step."""

CLEAR, ALIKE = 20.0, 3.0
"""How large second differences must be in units of the noise, and how much the curvatures from them may differ."""

FLATTER = (1.6, 4.5)
"""Powers of the step with which second differences may grow."""

SMOOTH = 1.7
"""Where they grow with a smaller power of the step, there is no second derivative."""


def is_fine(climbed: Climbed, size: FloatArray, at_point: FloatArray) -> Array:
    """Say which derivatives need no warning.

    Near a minimum no derivative is known to 1 %. It is fine if it is right for a point next to ``x``: if the slope
    changes by its error bar over a distance that is small against ``x``. Where the loss has the same value everywhere,
    the derivative is 0.

    Parameters
    ----------
    climbed : Climbed
    size, at_point : ndarray of float64, shape (k,)
        ``|x|``, and the loss at the point.

    Returns
    -------
    ndarray of bool, shape (k,)
    """
    slope, unseen = _slopes_beside(climbed, at_point, np.fmax(size, climbed.step))
    next_to = climbed.error <= NEARBY * slope
    sharp = climbed.error + unseen <= SHARP * np.abs(climbed.derivative)
    # Not where it says zero: the curvature that it is small against may be that of large steps.
    trusted = climbed.trusted & (sharp | (climbed.status == Status.FIXED)) & (climbed.status != Status.ZERO)
    return np.asarray(trusted | next_to | (climbed.status == Status.FLAT))


def _slopes_beside(climbed: Climbed, at_point: FloatArray, scale: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return by how much the slope changes over a distance, and by how much nearer to the point than all that was seen.

    Both follow from the second differences that are above the noise. If they are in proportion to the square of the
    step, it is a bowl. If three or more of them grow with a power of up to four, it is one with a flat bottom, which is
    not continued beyond the largest. Noise, kinks and oscillations have second differences too, but not like that.

    If they grow more slowly down to the smallest, the curvature grows towards the point: the slope is continuous at
    most, and changes by what they show over a distance that was not looked at. It was, where the derivative comes from
    smaller steps, between the point and a kink.
    """
    with np.errstate(all="ignore"):
        second = climbed.above + climbed.below - 2.0 * at_point[:, None]
        clear = np.isfinite(second) & (np.abs(second) > CLEAR * climbed.noise[:, None])
        order = np.argsort(np.where(clear, climbed.steps, np.inf), axis=1)
        clear, h, second = (np.take_along_axis(a, order, axis=1) for a in (clear, climbed.steps, second))
        bends = np.abs(second) / h**2
        power = np.diff(np.log(np.abs(second)), axis=1) / np.diff(np.log(h), axis=1)
        count = clear.sum(axis=1)
        known = (count >= 2) & np.isfinite(climbed.error)
        least = np.where(clear, bends, np.inf).min(axis=1, initial=np.inf)
        largest = np.where(clear, bends, 0.0).max(axis=1, initial=0.0)
        slope = np.where(known & (largest <= ALIKE * least), least * scale, 0.0)
        same_sign = ((second > 0.0) == (second[:, :1] > 0.0)) | ~clear
        grows = ((power >= FLATTER[0]) & (power <= FLATTER[1])) | ~clear[:, 1:]
        flatter = known & (count >= 3) & same_sign.all(axis=1) & grows.all(axis=1)
        last = np.take_along_axis(h, np.maximum(count - 1, 0)[:, None], axis=1)[:, 0]
        slope = np.where(flatter, np.fmax(slope, largest * np.minimum(scale, last)), slope)
        rough = known & (h[:, 0] <= climbed.step) & (power[:, 0] < SMOOTH)
        unseen = np.where(rough, np.maximum(0.5 * power[:, 0] * bends[:, 0] * h[:, 0], 0.0), 0.0)
    return slope, unseen
