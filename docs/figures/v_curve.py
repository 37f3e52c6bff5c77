"""Draw the V curves of an estimate: python docs/figures/v_curve.py."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np
from numba import njit

import jitgrad as jg


@njit
def loss(x):
    """Smooth in x[0]; known to four decimals in x[1]; with a kink next to the point in x[2]."""
    return np.exp(np.sin(3 * x[0])) + np.round(np.exp(x[1]) * 1e4) / 1e4 + abs(np.sin(x[2]) - 0.5)


POINT = np.array([1.3, 0.3, 0.53])


def draw(path: Path) -> None:
    """Write the figure, and print what it is about."""
    mpl.use("Agg")
    estimate = jg.estimate_cpu(loss, POINT)
    print(estimate)
    figure = estimate.plot()
    figure.set_size_inches(15.0, 4.6)
    figure.savefig(path, dpi=80)


if __name__ == "__main__":
    draw(Path(__file__).with_suffix(".png"))
