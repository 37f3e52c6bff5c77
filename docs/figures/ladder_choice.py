"""Draw how the degree is chosen, and print what is quoted in the page: python docs/figures/ladder_choice.py."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np
from ladder_by_hand import X, climb, derivative, estimates, function, noise_part, truncation_part
from ladder_spectrum import ROUNDING
from matplotlib.figure import Figure

BLUE, ORANGE, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
CASES = {"rounding only": ROUNDING, "noise of 1e-4": 1e-4}
RUNS = 400


def errors_by_degree(sigma: float, rng: np.random.Generator, x: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Noise, truncation and true error of every degree, for one draw of the noise."""
    added = sigma if sigma > ROUNDING else 0.0
    ladder = climb(lambda v: function(v) + added * rng.normal(size=v.shape), x=x)
    return noise_part(ladder, sigma), truncation_part(ladder), np.abs(estimates(ladder) - derivative(x))


def draw(path: Path) -> None:
    """Write the figure."""
    mpl.use("Agg")
    figure = Figure(figsize=(8.4, 3.9), dpi=130, layout="constrained")
    panels = figure.subplots(1, len(CASES))
    for axes, (title, sigma) in zip(panels, CASES.items(), strict=True):
        noise, truncation, error = errors_by_degree(sigma, np.random.default_rng(3), X)
        degree = np.arange(noise.size)
        chosen = int(np.nanargmin(np.hypot(noise, truncation)))
        axes.plot(degree, noise, color=ORANGE, lw=1.8, ls=(0, (1, 1.2)), label="noise, from the sum of squares")
        axes.plot(degree, truncation, color=GREEN, lw=1.8, ls=(0, (5, 2)), label="truncation, the next term")
        axes.plot(degree, np.hypot(noise, truncation), color=BLUE, lw=1.4, label="both")
        axes.plot(degree, error, "o", color="black", ms=6, mec="white", label="true error")
        axes.axvline(chosen, color=PURPLE, lw=1.6, zorder=1, label="chosen")
        axes.set(yscale="log", title=title, xlabel="degree", xticks=degree)
        axes.grid(which="major", color="0.9", linewidth=0.8)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylabel("error of the derivative")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False)
    figure.savefig(path)


def quote() -> None:
    """Print the errors of the chosen degrees, and those of central differences at the step that suits them best."""
    h = np.logspace(-8, -1, 71)
    for title, sigma in CASES.items():
        rng = np.random.default_rng(1)
        added = sigma if sigma > ROUNDING else 0.0
        ladder, central = [], []
        for x in X + rng.uniform(-0.05, 0.05, RUNS):
            noise, truncation, error = errors_by_degree(sigma, rng, x)
            ladder.append(error[np.nanargmin(np.hypot(noise, truncation))])
            above, below = (function(x + s * h) + added * rng.normal(size=h.size) for s in (1.0, -1.0))
            central.append(np.abs((above - below) / ((x + h) - (x - h)) - derivative(x)))
        typical = np.median(central, axis=0)
        print(
            f"{title}: median error of the ladder {np.median(ladder):.1e}, of central differences {typical.min():.1e} "
            f"at their best step, {h[typical.argmin()]:.0e}"
        )


if __name__ == "__main__":
    draw(Path(__file__).with_suffix(".png"))
    quote()
