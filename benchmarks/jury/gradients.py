"""The verdict on a gradient function: evaluations, errors, and whether it warned of what is wrong."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from benchmarks.jury.contestants import GradientFunction
from benchmarks.jury.judge import WRONG
from benchmarks.jury.tables import number, share, table
from jitgrad.testing.problems import VectorLoss, vector_losses


class Result(NamedTuple):
    """What came out on one loss; arrays of shape (n,), `evaluations` a number for all coordinates."""

    loss: VectorLoss
    error: np.ndarray
    flagged: np.ndarray
    failed: np.ndarray
    evaluations: int

    @property
    def wrong(self) -> np.ndarray:
        """Coordinates that are wrong by more than 1 %, NaN included."""
        return ~(self.error <= WRONG)


def judge(gradient: GradientFunction, loss: VectorLoss) -> Result:
    """Let a gradient function differentiate one loss."""
    found = gradient(loss.loss, loss.x.copy(), loss.args)
    derivative = np.asarray(found.derivative, np.float64)
    flagged = np.zeros(loss.x.size, bool)
    flagged[np.asarray(found.flagged, np.int64)] = True
    with np.errstate(all="ignore"):
        error = np.abs(derivative - loss.gradient) / loss.scale
    return Result(loss, error, flagged, ~np.isfinite(derivative), int(found.evaluations))


HEAD = (
    "loss",
    "n",
    "evaluations per coordinate",
    "median error",
    "largest not warned of",
    "wrong",
    "warned of %",
    "NaN",
    "silently wrong",
)


def row(name: str, results: Sequence[Result]) -> list[str]:
    """One line of `HEAD`; the shared evaluation at the point is not counted."""
    n = sum(result.loss.x.size for result in results)
    error, flagged, wrong, failed = (
        np.concatenate([getattr(result, field) for result in results])
        for field in ("error", "flagged", "wrong", "failed")
    )
    kept = error[~flagged & ~failed]
    return [
        name,
        f"{n}" if len(results) == 1 else f"{n} in {len(results)}",
        f"{sum(result.evaluations for result in results) / n:.2f}",
        number(float(np.nanmedian(error))),
        number(float(kept.max()) if kept.size else np.nan),
        f"{np.count_nonzero(wrong)}",
        share(float(flagged.mean())),
        f"{np.count_nonzero(failed)}",
        f"{np.count_nonzero(wrong & ~flagged)}",
    ]


def losses(results: Iterable[Result]) -> str:
    """One line for each name, then all that are ordinary and all that are not."""
    results = list(results)
    names = list(dict.fromkeys(result.loss.name for result in results))
    rows = [row(name, [result for result in results if result.loss.name == name]) for name in names]
    for name, ordinary in (("all ordinary", True), ("all awkward", False)):
        group = [result for result in results if result.loss.ordinary == ordinary]
        if group:
            rows.append(row(name, group))
    return table(HEAD, rows)


def targets(double: Sequence[Result], single: Sequence[Result]) -> str:
    """The figures that were promised, beside those that came out."""

    def per_coordinate(results: Sequence[Result]) -> str:
        ordinary = [result for result in results if result.loss.ordinary]
        together = sum(r.evaluations for r in ordinary) / sum(r.loss.x.size for r in ordinary)
        return f"{together:.2f}; {max(r.evaluations / r.loss.x.size for r in ordinary):.2f}"

    def count(results: Sequence[Result], field: str) -> int:
        return sum(int(np.count_nonzero(getattr(result, field) & ~result.flagged)) for result in results)

    def silent_but(results: Sequence[Result], word: str) -> str:
        inside = [result for result in results if word in result.loss.name]
        outside = [result for result in results if word not in result.loss.name]
        return f"{count(outside, 'wrong')}; {count(inside, 'wrong')}"

    at_optimum = [r for r in double if r.loss.name.partition(",")[0] in {"optimum", "sum of optimum"}]
    flagged = sum(int(np.count_nonzero(r.flagged)) for r in at_optimum)
    rows = [
        ("evaluations per coordinate of ordinary losses, without the shared one: all; most", "2.2",
         per_coordinate(double)),
        ("the same, float32", "4", per_coordinate(single)),
        ("silently wrong: all but aliasing; aliasing (0 with `verify=True`)", "0", silent_but(double, "alias")),
        ("silently wrong, float32", "0", str(count(single, "wrong"))),
        ("warnings at optima", "0", f"{flagged} of {sum(r.loss.x.size for r in at_optimum)}"),
    ]  # fmt: skip
    return table(("what", "wanted", "found"), rows)


def verdict(gradient: GradientFunction, *, held_out: bool, quick: bool) -> str:
    """Judge a gradient function: everything, as Markdown. Quick: one loss of each name."""

    def results(dtype: type) -> list[Result]:
        some = vector_losses(held_out=held_out, dtype=dtype)
        if quick:
            some = tuple({loss.name: loss for loss in reversed(some)}.values())[::-1]
        return [judge(gradient, loss) for loss in some]

    double, single = results(np.float64), results(np.float32)
    parts = [
        ("Figures", targets(double, single)),
        ("Double precision", losses(double)),
        ("Single precision", losses(single)),
    ]
    return "\n\n".join(f"## {title}\n\n{text}" for title, text in parts)
