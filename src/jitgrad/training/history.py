"""What happened in every round of a training, as a table and as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, overload

import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure

VERDICTS = ("trusted", "shortened", "refused")


class Round(NamedTuple):
    """A round of surrogate training.

    Attributes
    ----------
    round : int
        From 1 on.
    evaluations : int
        Evaluations of the function in all rounds so far, those of cross-validation included.
    loss : float
        True objective at the end of the round: of the function's own outputs, at the rows that were checked.
    before : float
        The same at its beginning, at the same rows.
    promised : float
        What the surrogate said the objective would be after the policy steps.
    error : float
        Error of the surrogate at fresh points: root of the mean square, in standard deviations of the function over
        the replay set.
    fit : float
        Mean squared error of the surrogate on the replay set it was fitted to.
    move : float
        How far the outputs of the policy moved, in units of `Sampling.explore`.
    radius : float
        How far they were allowed to.
    samples : int
        Explored samples of the round.
    lost : int
        Samples of the round at which the function was not finite; they are not learned from.
    lambda_ : float
    verdict : str
        "trusted", "shortened" or "refused".
    """

    round: int
    evaluations: int
    loss: float
    before: float
    promised: float
    error: float
    fit: float
    move: float
    radius: float
    samples: int
    lost: int
    lambda_: float
    verdict: str


class History(Sequence[Round]):
    """The rounds of a training so far; printing it shows a table.

    Parameters
    ----------
    rounds : iterable of Round

    Examples
    --------
    >>> history = History([Round(1, 128, 0.5, 0.9, 0.4, 0.1, 0.01, 2.0, 3.0, 64, 0, 10.0, "trusted")])
    >>> history[-1].loss
    0.5
    >>> history.table()["evaluations"]
    array([128])
    """

    def __init__(self, rounds: Any = ()) -> None:
        self._rounds = tuple(rounds)

    @overload
    def __getitem__(self, k: int) -> Round: ...
    @overload
    def __getitem__(self, k: slice) -> History: ...
    def __getitem__(self, k: int | slice) -> Round | History:
        return History(self._rounds[k]) if isinstance(k, slice) else self._rounds[k]

    def __len__(self) -> int:
        return len(self._rounds)

    def __eq__(self, other: object) -> bool:
        # As text, in which nan is nan.
        return isinstance(other, History) and repr(self._rounds) == repr(other._rounds)

    def __hash__(self) -> int:
        return hash(repr(self._rounds))

    def table(self) -> dict[str, np.ndarray[Any, np.dtype[Any]]]:
        """Return one array per column, as ``pandas.DataFrame`` takes them."""
        return {name: np.array([getattr(entry, name) for entry in self._rounds]) for name in Round._fields}

    def __str__(self) -> str:
        columns = [(name, [_text(getattr(entry, name)) for entry in self._rounds]) for name in Round._fields]
        widths = [max(map(len, (name, *cells))) for name, cells in columns]
        lines = [[name for name, _ in columns], *zip(*(cells for _, cells in columns), strict=True)]
        return "\n".join("  ".join(map(str.rjust, line, widths)) for line in lines)

    def plot(self, figure: Figure | None = None) -> Figure:
        """Draw the true objective and the surrogate's promises over the evaluations they took.

        Above, the objective; rounds whose steps were shortened or refused are marked. Below, the error of the surrogate
        at fresh points.

        Parameters
        ----------
        figure : matplotlib Figure, optional
            An empty one to draw in. Default: a new one.

        Returns
        -------
        matplotlib Figure
        """
        from matplotlib.figure import Figure

        figure = Figure(figsize=(6.4, 4.9), layout="constrained") if figure is None else figure
        above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
        table = self.table()
        count = table["evaluations"]
        above.plot(count, table["loss"], "-o", color="#0072B2", markersize=4, label="true")
        above.plot(count, table["promised"], ":", color="#D55E00", label="promised by the surrogate")
        for verdict, marker in (("shortened", "v"), ("refused", "x")):
            chosen = table["verdict"] == verdict
            if chosen.any():
                above.plot(count[chosen], table["loss"][chosen], marker, color="#555555", markersize=9, label=verdict)
        below.plot(count, table["error"], "-o", color="#009E73", markersize=4)
        above.set_ylabel("objective")
        below.set(xlabel="evaluations of the function", ylabel="surrogate's error /\nspread of the function")
        for axes, values in ((above, (table["loss"], table["promised"])), (below, (table["error"],))):
            if all((column > 0).all() for column in values):
                axes.set_yscale("log")
        above.legend(frameon=False)
        return figure


def _text(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
