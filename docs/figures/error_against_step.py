"""Draw the error of central differences against the step: python docs/figures/error_against_step.py."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from numba import njit

import jitgrad as jg

ORDERS = (2, 4, 6, 8)
STEPS = np.logspace(-13, 0.3, 300)


@njit
def loss(x):
    """Logarithm of a sum of exponentials, and waves on it."""
    return np.log(np.exp(x).sum()) + np.sin(x).sum()


def exact(x: np.ndarray) -> np.ndarray:
    """Gradient of `loss`."""
    return np.exp(x) / np.exp(x).sum() + np.cos(x)


def draw(path: Path) -> None:
    """Write the figure."""
    x = np.random.default_rng(1).normal(size=20)
    mpl.use("Agg")
    figure, axes = plt.subplots(figsize=(7.2, 4.4), dpi=160, layout="constrained")
    shades = plt.get_cmap("viridis")(np.linspace(0.0, 0.85, len(ORDERS)))
    for order, colour in zip(ORDERS, shades, strict=True):
        errors = [np.abs(jg.grad_cpu(loss, x, order=order, step=float(h)) - exact(x)).max() for h in STEPS]
        axes.loglog(STEPS, errors, color=colour, linewidth=1.3, label=f"order {order}")
        textbook = jg.Textbook()
        error = np.abs(jg.grad_cpu(loss, x, order=order, step=textbook) - exact(x)).max()
        axes.plot(
            textbook.scaling(x.dtype, order).relative,
            error,
            "o",
            color=colour,
            markersize=9,
            markeredgecolor="white",
            zorder=5,
        )
    axes.plot([], [], "o", color="0.4", markersize=9, markeredgecolor="white", label="textbook step where |x| ≤ 1")
    axes.set(
        xlabel="step h",
        ylabel="largest error of the gradient",
        xlim=(STEPS[0], STEPS[-1]),
        title="Central differences: rounding on the left, truncation on the right",
    )
    axes.grid(which="major", color="0.9", linewidth=0.8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc="lower left")
    figure.savefig(path)


if __name__ == "__main__":
    draw(Path(__file__).with_suffix(".png"))
