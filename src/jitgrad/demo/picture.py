"""The picture of the fit."""

from __future__ import annotations

from pathlib import Path

from jitgrad._types import FloatArray
from jitgrad.demo import pelts

_COLOURS = ("#0072B2", "#D55E00")  # told apart by colour-blind readers too (Okabe and Ito)
_GREY = "#555555"


def draw(parameters: FloatArray, path: Path) -> None:
    """Save a picture of the data, the fit, and where it started.

    Parameters
    ----------
    parameters : ndarray of shape (8,)
        As in `pelts.PARAMETERS`.
    path : Path
        Its ending says which format.
    """
    # No pyplot: the caller's backend and figures stay as they are, and no window opens.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 5), dpi=150, layout="constrained")
    axes = figure.add_subplot()
    times, fitted = pelts.curves(parameters)
    _, start = pelts.curves(pelts.START)
    for species, name in enumerate(("hares", "lynxes")):
        colour, data = _COLOURS[species], pelts.PELTS[:, species]
        axes.plot(times, start[:, species], color=colour, lw=1, ls=(0, (4, 3)), alpha=0.45, zorder=1)
        axes.plot(times, fitted[:, species], color=colour, lw=2, zorder=2, label=f"{name}, fitted")
        axes.plot(pelts.YEARS, data, "o^"[species], color=colour, mec="white", ms=7, zorder=3, label=f"{name}, pelts")
    axes.plot([], [], color=_GREY, lw=1, ls=(0, (4, 3)), alpha=0.7, label="model at the start of the fit")
    axes.set(
        xlim=(pelts.YEARS[0] - 0.4, pelts.YEARS[-1] + 0.4),
        ylim=(0, 1.15 * pelts.PELTS.max()),  # the start leaves it; shown whole it would flatten the data
        xticks=pelts.YEARS[::5],
        ylabel="thousands of pelts",
    )
    axes.grid(axis="y", color="#dddddd", lw=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_title("Pelts collected by the Hudson's Bay Company, and a fit of the Lotka-Volterra equations", pad=12)
    figure.legend(loc="outside lower center", ncols=5, frameon=False, fontsize=9)
    figure.savefig(path)
