"""From sheets to figures, and from figures to Markdown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from benchmarks.jury.judge import Sheet

FACTOR = 4.0
"""A noise level within this factor of the truth counts as found."""


def pooled(sheets: Iterable[Sheet], field: str) -> np.ndarray:
    """Join one array of all sheets."""
    return np.concatenate([np.empty(0), *(getattr(sheet, field) for sheet in sheets)])


def mean_of_means(sheets: Sequence[Sheet]) -> float:
    """Mean over problems of the mean error, failures left out."""
    return float(np.mean([np.mean(sheet.error[~sheet.failed]) for sheet in sheets if not sheet.failed.all()]))


def median_of_medians(sheets: Sequence[Sheet]) -> float:
    """Median over problems of the median error."""
    return float(np.median([np.median(sheet.error) for sheet in sheets]))


def coverage(sheets: Sequence[Sheet]) -> float:
    """Share of points whose error bar covers the truth."""
    return float(np.mean(pooled(sheets, "covered")))


def worst(sheets: Sequence[Sheet]) -> Sheet:
    """The problem whose error bars cover the truth least often."""
    return min(sheets, key=lambda sheet: float(np.mean(sheet.covered)))


def found_noise(sheets: Sequence[Sheet]) -> float:
    """Share of points whose noise level is found within a factor of 4, among those where the truth is known."""
    ratio = pooled(sheets, "noise")
    known = np.concatenate([sheet.course.sigma > 0 for sheet in sheets]) & np.concatenate(
        [np.isfinite(sheet.noise) for sheet in sheets]
    )
    return float(np.mean((ratio[known] <= FACTOR) & (ratio[known] >= 1 / FACTOR))) if known.any() else np.nan


def by_kind(sheets: Iterable[Sheet]) -> dict[str, list[Sheet]]:
    """Sort sheets by the class of their problem."""
    found: dict[str, list[Sheet]] = {}
    for sheet in sheets:
        found.setdefault(sheet.problem.kind, []).append(sheet)
    return found


def lowest(sheets: Iterable[Sheet], figure: Callable[[Sequence[Sheet]], float]) -> tuple[float, str]:
    """The class with the smallest figure, NaN left out."""
    figures = [(figure(group), kind) for kind, group in by_kind(sheets).items()]
    return min((pair for pair in figures if not np.isnan(pair[0])), default=(np.nan, ""))


def share(value: float) -> str:
    """Write a share in per cent, rounded down so that 95.0 is never less than 95."""
    return "-" if np.isnan(value) else f"{np.floor(1000.0 * value + 1e-9) / 10.0:.1f}"


def number(value: float) -> str:
    """Write a figure of any size."""
    return "-" if np.isnan(value) else f"{value:.2g}"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a Markdown table; the first column is text, the others are figures."""
    lines = [head, ["---"] + ["--:"] * (len(head) - 1), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


ACCURACY_HEAD = (
    "class",
    "problems",
    "mean of means",
    "median of medians",
    "evaluations",
    "most",
    "NaN",
    "silently wrong",
    "not trusted %",
    "covered %",
    "least covered problem",
    "bar / error",
)


def accuracy_row(name: str, sheets: Sequence[Sheet]) -> list[str]:
    """One line of `ACCURACY_HEAD`."""
    least = worst(sheets)
    return [
        name,
        str(len(sheets)),
        number(mean_of_means(sheets)),
        number(median_of_medians(sheets)),
        f"{pooled(sheets, 'evaluations').mean():.1f}",
        f"{int(pooled(sheets, 'evaluations').max())}",
        f"{int(pooled(sheets, 'failed').sum())}",
        f"{int(pooled(sheets, 'silent').sum())}",
        share(1.0 - pooled(sheets, "trusted").mean()),
        share(coverage(sheets)),
        f"{least.problem.name} {share(float(least.covered.mean()))}",
        number(float(np.median(pooled(sheets, "width")))),
    ]


def accuracy(sheets: Sequence[Sheet]) -> str:
    """Table by class and in all."""
    rows = [accuracy_row(kind, group) for kind, group in by_kind(sheets).items()]
    return table(ACCURACY_HEAD, [*rows, accuracy_row("all", sheets)])
