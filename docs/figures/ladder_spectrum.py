"""Draw the spectra of a smooth and a noisy loss on a ladder: python docs/figures/ladder_spectrum.py."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np
from ladder_by_hand import RUNGS, climb, function
from matplotlib.figure import Figure

BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#555555"
CASES = {"rounding only": 0.0, "noise of 1e-8": 1e-8, "noise of 1e-4": 1e-4}
ROUNDING = 0.3 * np.finfo(float).eps  # of values near 1/2 and of the sine in them: a standard deviation


def draw(path: Path) -> None:
    """Write the figure."""
    mpl.use("Agg")
    figure = Figure(figsize=(9.6, 3.8), dpi=130, layout="constrained")
    panels = figure.subplots(1, len(CASES), sharey=True)
    for axes, (title, sigma) in zip(panels, CASES.items(), strict=True):
        rng = np.random.default_rng(3)
        ladder = climb(lambda x, s=sigma, r=rng: function(x) + s * r.normal(size=x.shape))
        level = max(sigma, ROUNDING)
        axes.axhspan(level / 3.0, level * 3.0, color=GREY, alpha=0.2, lw=0, label="noise level, within a factor of 3")
        axes.plot(np.abs(ladder.odd), "o-", color=BLUE, lw=1, ms=6, mec="white", label="odd part")
        axes.plot(np.abs(ladder.even), "^--", color=ORANGE, lw=1, ms=6, mec="white", label="even part")
        axes.set(yscale="log", title=title, xlabel="degree", xticks=range(0, RUNGS + 1, 2))
        axes.grid(which="major", color="0.9", linewidth=0.8)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylabel("size of the coefficient")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False)
    figure.savefig(path)


if __name__ == "__main__":
    draw(Path(__file__).with_suffix(".png"))
