"""Draw slope and error against the step, smooth and noisy: python docs/figures/ladder_steps.py."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np
from ladder_by_hand import climb, estimates, function, noise_part, truncation_part
from ladder_spectrum import ROUNDING
from matplotlib.figure import Figure

from jitgrad.plotting import plot_ladder

CASES = {"rounding only": (0.0, 40), "noise of 1e-4": (1e-4, 14)}


def draw(path: Path) -> None:
    """Write the figure."""
    mpl.use("Agg")
    figure = Figure(figsize=(11.0, 4.9), dpi=120, layout="constrained")
    for half, (title, (added, rungs)) in zip(figure.subfigures(1, len(CASES)), CASES.items(), strict=True):
        rng = np.random.default_rng(3)
        ladder = climb(lambda x, s=added, r=rng: function(x) + s * r.normal(size=x.shape))
        sigma = max(added, ROUNDING)
        noise, truncation = noise_part(ladder, sigma), truncation_part(ladder)
        best = int(np.nanargmin(np.hypot(noise, truncation)))
        seen = climb(lambda x, s=added, r=rng: function(x) + s * r.normal(size=x.shape), top=0, rungs=rungs)
        plot_ladder(
            seen.h,
            seen.slope,
            derivative=estimates(ladder)[best],
            error=float(np.hypot(3.0 * noise[best], truncation[best])),
            noise=sigma,
            step=ladder.h[0],
            name=title,
            figure=half,
        )
    figure.savefig(path)


if __name__ == "__main__":
    draw(Path(__file__).with_suffix(".png"))
