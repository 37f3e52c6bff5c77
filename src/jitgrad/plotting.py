"""Pictures of how derivatives come about; matplotlib is imported when one is drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from jitgrad._types import FloatArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from jitgrad.check.result import GradientCheck

# Told apart by colour-blind readers too (Okabe and Ito).
_BLUE, _ORANGE, _GREEN, _PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
_COLOURS = (_BLUE, _ORANGE, _GREEN, _PURPLE, "#56B4E9", "#E69F00")
_GREY = "#555555"

WIDTH, UPPER, LOWER = 6.4, 2.0, 2.9
"""Size of a panel, in inches."""


def plot_ladder(
    steps: npt.ArrayLike,
    slopes: npt.ArrayLike,
    *,
    derivative: float,
    error: float,
    noise: float,
    step: float,
    name: str = "",
    figure: Figure | None = None,
) -> Figure:
    """Draw the slopes of one coordinate at several steps, and how far each is from the derivative.

    Above, the slopes with the derivative and its error bar. Below, in logarithms, their distance to the derivative:
    it rises to the right, where truncation prevails, and to the left, where noise does.

    Parameters
    ----------
    steps, slopes : array_like of shape (k,)
        Steps, above 0, and the central differences there.
    derivative, error : float
        The estimate and its error bar.
    noise : float
        Standard deviation of the values of the loss; a central difference inherits ``noise / (sqrt(2) h)``.
    step : float
        The step that was chosen, or the largest of those that were combined.
    name : str
        Title, for example ``"x[3]"``.
    figure : matplotlib Figure or SubFigure, optional
        Where to draw. Default: a new one, without pyplot.

    Returns
    -------
    matplotlib Figure

    Raises
    ------
    ValueError
        If there is not one slope per step, or a step is not above 0.

    Examples
    --------
    >>> import numpy as np
    >>> from jitgrad.plotting import plot_ladder
    >>> h = 2.0 ** -np.arange(1, 30)
    >>> slopes = (np.exp(h) - np.exp(-h)) / (2 * h)
    >>> figure = plot_ladder(h, slopes, derivative=1.0, error=1e-13, noise=1e-16, step=0.1, name="x[0]")
    >>> len(figure.axes)
    2
    """
    h, d = np.asarray(steps, np.float64), np.asarray(slopes, np.float64)
    if h.ndim != 1 or h.shape != d.shape:
        raise ValueError(f"slopes must have one entry per step, got shapes {d.shape} and {h.shape}.")
    if not (h > 0.0).all():
        raise ValueError(f"steps must be above 0, got {h[~(h > 0.0)][0]}.")
    order = np.argsort(h)
    h, d = h[order], d[order]
    figure = _new_figure(1, UPPER + LOWER) if figure is None else figure
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(UPPER, LOWER))
    above.set(xscale="log", xlim=(h[0] / 2.0, h[-1] * 2.0))
    below.set(yscale="log")
    _draw_slopes(above, h, d, derivative, error, step)
    with np.errstate(over="ignore"):  # noise over the smallest steps of a point near 0
        _draw_distances(below, h, d, derivative, error, noise, step)
    above.set_title(name or "slope and error against the step")
    handles: dict[str, Any] = {}
    for axes in (above, below):
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            handles.setdefault(label, handle)
    figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=3, frameon=False, fontsize=9)
    return figure


def _draw_slopes(axes: Axes, h: FloatArray, d: FloatArray, derivative: float, error: float, step: float) -> None:
    axes.axhline(derivative, color=_GREY, lw=1.0, zorder=1, label="derivative")
    if np.isfinite(error):
        axes.axhspan(derivative - error, derivative + error, color=_GREY, alpha=0.2, lw=0, label="its error bar")
    axes.plot(h, d, "o-", color=_BLUE, lw=1.2, ms=4, mec="white", mew=0.5, zorder=3, label="central difference")
    _mark_step(axes, step)
    axes.set_ylim(*_range_around(d, derivative, error))
    axes.ticklabel_format(axis="y", useOffset=False)
    axes.set_ylabel("slope")
    _plain(axes)


def _draw_distances(
    axes: Axes, h: FloatArray, d: FloatArray, derivative: float, error: float, noise: float, step: float
) -> None:
    distance = np.abs(d - derivative)
    # A difference that hits the derivative has no place on a logarithmic axis.
    shown = np.where((distance > 0.0) & np.isfinite(distance), distance, np.nan)
    axes.plot(h, shown, "o-", color=_BLUE, lw=1.2, ms=4, mec="white", mew=0.5, zorder=3)
    floor = noise / (np.sqrt(2.0) * h)
    if noise > 0.0:
        axes.plot(h, floor, color=_ORANGE, lw=1.6, ls=(0, (1, 1.2)), zorder=2, label="noise, as 1 / h")
    branch = _truncation(h, shown, floor)
    if branch is not None:
        axes.plot(h, branch, color=_GREEN, lw=1.6, ls=(0, (5, 2)), zorder=2, label="truncation, as h²")
    has_bar = error > 0.0 and np.isfinite(error)
    if has_bar:
        axes.axhspan(np.finfo(np.float64).tiny, error, color=_GREY, alpha=0.2, lw=0, label="its error bar")
    _mark_step(axes, step)
    seen = np.concatenate([shown[np.isfinite(shown)], [error] if has_bar else []])
    if seen.size:
        axes.set_ylim(seen.min() / 5.0, seen.max() * 5.0)
    axes.set(xlabel="step h", ylabel="distance to the derivative")
    _plain(axes)


def _truncation(h: FloatArray, distance: FloatArray, floor: FloatArray) -> FloatArray | None:
    """Second power of the step through the points where it prevails; None if there are none."""
    clear = np.isfinite(distance) & (distance > 10.0 * floor)
    if clear.sum() < 2:
        return None
    clear[: np.nanargmin(distance)] = False  # left of the minimum noise prevails, and an outlier is no truncation
    if clear.sum() < 2:
        return None
    smallest = np.flatnonzero(clear)[:3]  # higher terms join at the larger steps
    scale: float = np.exp(np.median(np.log(distance[smallest] / h[smallest] ** 2)))
    branch: FloatArray = scale * h**2
    return branch


def _range_around(d: FloatArray, derivative: float, error: float) -> tuple[float, float]:
    """Limits that show most of the slopes: those at the smallest and largest steps may be far off."""
    finite = d[np.isfinite(d)]
    if not np.isfinite(derivative):
        derivative = float(np.median(finite)) if finite.size else 0.0
    spread = np.quantile(np.abs(finite - derivative), 0.5) if finite.size else 0.0
    half = max(1.5 * spread, 3.0 * error if np.isfinite(error) else 0.0, 1e-12 * abs(derivative), 1e-300)
    return derivative - half, derivative + half


def plot_check(check: GradientCheck, *, figure: Figure | None = None) -> Figure:
    """Draw the Taylor remainders of a check against the distance.

    Parameters
    ----------
    check : GradientCheck
        From `jitgrad.check.check_gradient`.
    figure : matplotlib Figure or SubFigure, optional
        Where to draw. Default: a new one, without pyplot.

    Returns
    -------
    matplotlib Figure
        One line per direction, and two that show how remainders of right and of wrong gradients fall.

    Examples
    --------
    >>> import numpy as np
    >>> from jitgrad.check import check_gradient
    >>> from jitgrad.plotting import plot_check
    >>> figure = plot_check(check_gradient(lambda x: np.sin(x).sum(), np.cos, [0.5, 1.5]))
    >>> figure.axes[0].get_title()
    'the gradient is right'
    """
    figure = _new_figure(1, UPPER + LOWER) if figure is None else figure
    axes = figure.subplots()
    t = check.t
    axes.set(xscale="log", yscale="log", xlim=(t[-1] / 2.0, t[0] * 2.0))
    shown = np.where(check.remainders > 0.0, check.remainders, np.nan)
    for k, remainder in enumerate(shown):
        colour = _COLOURS[k % len(_COLOURS)]
        axes.plot(t, remainder, "o-", color=colour, lw=1.2, ms=4, mec="white", mew=0.5, label=f"direction {k}")
    finite = shown[np.isfinite(shown)]
    if finite.size:
        top, bottom = finite.max(), finite.min()
        for power, style, says in ((1, (0, (1, 1.2)), "as t: wrong, or a kink"), (2, (0, (5, 2)), "as t²: right")):
            axes.plot(t, 2.0 * top * (t / t[0]) ** power, color=_GREY, lw=1.6, ls=style, zorder=1, label=says)
        axes.set_ylim(bottom / 5.0, 10.0 * top)
        if check.noise > bottom / 5.0:
            axes.axhspan(bottom / 5.0, check.noise, color=_GREY, alpha=0.2, lw=0, label="noise of the loss")
    axes.set(xlabel="distance t", ylabel="|f(x + t u) - f(x) - t g·u|", title=str(check.verdict))
    _plain(axes)
    figure.legend(loc="outside lower center", ncols=4, frameon=False, fontsize=9)
    return figure


def panels(columns: int) -> tuple[Figure, list[Any]]:
    """Make a figure with room for some ladders side by side; return it and its parts."""
    figure = _new_figure(columns, UPPER + LOWER)
    return figure, list(figure.subfigures(1, columns, squeeze=False)[0])


def _new_figure(columns: int, height: float) -> Figure:
    """Make a figure that no pyplot knows of: the caller's backend and figures stay as they are."""
    from matplotlib.figure import Figure

    return Figure(figsize=(columns * WIDTH, height), dpi=160, layout="constrained")


def _mark_step(axes: Axes, step: float) -> None:
    if step > 0.0:
        axes.axvline(step, color=_PURPLE, lw=1.6, zorder=1, label="step chosen")


def _plain(axes: Axes) -> None:
    axes.grid(which="major", color="0.9", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
