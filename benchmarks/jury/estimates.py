"""The verdict on an estimator of single derivatives: clean, noisy, single precision."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from benchmarks.jury.contestants import Estimator
from benchmarks.jury.judge import Sheet, judge
from benchmarks.jury.oracle import best_central, best_fixed
from benchmarks.jury.tables import (
    accuracy,
    by_kind,
    coverage,
    found_noise,
    lowest,
    mean_of_means,
    median_of_medians,
    number,
    pooled,
    share,
    table,
    worst,
)
from jitgrad.testing.problems import KINDS, Noise, Problem, problems
from jitgrad.testing.problems.harness import resolved

LEVELS = (1e-12, 1e-8, 1e-4, 1e-2)
# A solver with a tolerance of 1 % gives a function with another slope on every length that is worth a step.
SOLVER_LEVELS = LEVELS[:3]
ROUNDED = float(np.finfo(np.float32).eps)
"""Where symmetry makes a central difference exact, an error of one unit in the last place is as good."""
ORDINARY = ("smooth", "singular")
"""Classes of scale |x| or 1, as in the lists of problems that others publish."""


class Trial(NamedTuple):
    """One kind and level of noise: the sheets, and the oracle's error in units of each sheet's scale."""

    noise: Noise
    sheets: list[Sheet]
    oracle: list[float]

    @property
    def against_oracle(self) -> np.ndarray:
        """Median error of every problem, in units of the oracle's; NaN where there is none, or both are 0."""
        with np.errstate(all="ignore"):
            return np.array([np.median(sheet.error) for sheet in self.sheets]) / np.array(self.oracle)


def chosen(held_out: bool, quick: bool) -> list[Problem]:
    """The problems to judge by; every other one at a fifth of its points if it must be quick."""
    every, each = (2, 5) if quick else (1, 1)
    return [replace(p, x=p.x[::each], length=p.length[::each]) for p in problems(held_out=held_out)[::every]]


def sheets_of(estimator: Estimator, which: Sequence[Problem], dtype: type, noise: Noise) -> list[Sheet]:
    """Judge all problems, each with noise of its own."""
    seeded = (judge(estimator, p, np.dtype(dtype), replace(noise, seed=i)) for i, p in enumerate(which))
    return [sheet for sheet in seeded if sheet is not None]


def trial(estimator: Estimator, which: Sequence[Problem], noise: Noise) -> Trial:
    """Judge all problems under one noise that does not hide them, beside the oracle."""
    seen = [p for p in which if noise.level < p.hidden_by]
    sheets = sheets_of(estimator, seen, np.float64, noise)
    # On stairs an oracle finds the step that is right by chance.
    oracle = [
        np.nan if s.problem.kind == "stairs" else np.median(best_central(s.problem, s.course.sigma) / s.course.scale)
        for s in sheets
    ]
    return Trial(noise, sheets, oracle)


NOISE_HEAD = (
    "noise",
    "error / oracle",
    "of 9 in 10",
    "evaluations",
    "most",
    "NaN",
    "silently wrong",
    "not trusted %",
    "covered %",
    "least covered class",
    "least covered problem",
    "bar / error",
    "level found %",
)


def noise_row(t: Trial) -> list[str]:
    """One line of `NOISE_HEAD`."""
    sheets = t.sheets
    least, kind = lowest(sheets, coverage)
    problem = worst(sheets)
    return [
        f"{t.noise.kind} {t.noise.level:.0e}",
        number(float(np.nanmedian(t.against_oracle))),
        number(float(np.nanquantile(t.against_oracle, 0.9))),
        f"{pooled(sheets, 'evaluations').mean():.1f}",
        f"{int(pooled(sheets, 'evaluations').max())}",
        f"{int(pooled(sheets, 'failed').sum())}",
        f"{int(pooled(sheets, 'silent').sum())}",
        share(1.0 - pooled(sheets, "trusted").mean()),
        share(coverage(sheets)),
        f"{kind} {share(least)}",
        f"{problem.problem.name} {share(float(problem.covered.mean()))}",
        number(float(np.median(pooled(sheets, "width")))),
        share(found_noise(sheets)),
    ]


def by_class(trials: Sequence[Trial], cell: str) -> str:
    """One figure of every class under every noise."""

    def figure(t: Trial, kind: str) -> str:
        group = by_kind(t.sheets)[kind]
        if cell == "covered":
            return share(coverage(group))
        if cell == "silent":
            return f"{int(pooled(group, 'silent').sum())}"
        if cell == "level found":
            return share(found_noise(group))
        ratios = [r for r, s in zip(t.against_oracle, t.sheets, strict=True) if s.problem.kind == kind]
        return "-" if np.isnan(ratios).all() else number(float(np.nanmedian(ratios)))

    head = ["class", *(f"{t.noise.kind} {t.noise.level:.0e}" for t in trials)]
    return table(head, ([kind, *(figure(t, kind) for t in trials)] for kind in KINDS))


def single_row(name: str, pairs: Sequence[tuple[Sheet, np.ndarray]]) -> list[str]:
    """Median error beside that of the best fixed step, in single precision."""
    sheets = [sheet for sheet, _ in pairs]
    ours = np.array([np.median(sheet.error) for sheet in sheets])
    fixed = np.array([np.median(error / sheet.course.scale) for sheet, error in pairs])
    return [
        name,
        str(len(sheets)),
        number(float(np.median(ours))),
        number(float(np.median(fixed))),
        f"{np.count_nonzero(ours <= np.maximum(fixed, ROUNDED))} of {len(sheets)}",
        f"{pooled(sheets, 'evaluations').mean():.1f}",
        f"{int(pooled(sheets, 'evaluations').max())}",
        f"{int(pooled(sheets, 'failed').sum())}",
        f"{int(pooled(sheets, 'silent').sum())}",
        share(1.0 - pooled(sheets, "trusted").mean()),
        share(coverage(sheets)),
        number(float(np.median(pooled(sheets, "width")))),
    ]


def single(sheets: Sequence[Sheet]) -> str:
    """Table of single precision, by class and in all."""
    pairs = [
        (
            s,
            best_fixed(
                s.problem, s.course.evaluator.points[:, 0], s.course.derivative, resolved(s.problem, np.float32)
            ),
        )
        for s in sheets
    ]
    head = (
        *("class", "problems", "median error", "best fixed step", "not worse", "evaluations", "most", "NaN"),
        *("silently wrong", "not trusted %", "covered %", "bar / error"),
    )
    rows = [single_row(kind, [pair for pair in pairs if pair[0].problem.kind == kind]) for kind in by_kind(sheets)]
    return table(head, [*rows, single_row("all", pairs)])


def targets(clean: Sequence[Sheet], trials: Sequence[Trial], in_single: Sequence[Sheet]) -> str:
    """The figures that were promised, beside those that came out."""
    ordinary = [sheet for sheet in clean if sheet.problem.kind in ORDINARY]
    random = [t for t in trials if t.noise.kind != "solver"]
    noisy = [sheet for t in random for sheet in t.sheets]
    solved = [sheet for t in trials if t.noise.kind == "solver" for sheet in t.sheets]
    everything = [*clean, *noisy, *solved, *in_single]
    groups = (clean, *(t.sheets for t in random))
    lines = [
        ("clean: mean of mean errors, smooth and singular", "1e-12", number(mean_of_means(ordinary))),
        ("clean: median of median errors, smooth and singular", "5e-15", number(median_of_medians(ordinary))),
        ("clean: median of median errors, all", "5e-15", number(median_of_medians(clean))),
        (
            "clean: evaluations with f(x), smooth and singular; all",
            "12",
            f"{pooled(ordinary, 'evaluations').mean():.1f}; {pooled(clean, 'evaluations').mean():.1f}",
        ),
        (
            "failures: clean; noisy; solver; single",
            "0",
            "; ".join(str(int(pooled(group, "failed").sum())) for group in (clean, noisy, solved, in_single)),
        ),
        (
            "silently wrong: clean; noisy; solver; single",
            "0",
            "; ".join(str(int(pooled(group, "silent").sum())) for group in (clean, noisy, solved, in_single)),
        ),
        (
            "noisy: median error / oracle at " + ", ".join(f"{t.noise.kind[0]} {t.noise.level:.0e}" for t in random),
            "1.5",
            "; ".join(number(float(np.nanmedian(t.against_oracle))) for t in random),
        ),
        (
            "noisy: evaluations on average, most",
            "20, 24",
            f"{pooled(noisy, 'evaluations').mean():.1f}, {int(pooled(noisy, 'evaluations').max())}",
        ),
        (
            "covered %, least class: clean; each noise",
            "95",
            "; ".join(share(lowest(group, coverage)[0]) for group in groups),
        ),
        (
            "covered %, least problem: clean; each noise",
            "90",
            "; ".join(share(float(worst(group).covered.mean())) for group in groups),
        ),
        (
            "median bar / error: clean; each noise",
            "20",
            "; ".join(number(float(np.median(pooled(group, "width")))) for group in groups),
        ),
        (
            "noise level within a factor of 4, %",
            "95",
            "; ".join(share(found_noise(t.sheets)) for t in random),
        ),
        ("points whose evaluations are counted wrongly", "0", str(sum(sheet.miscounted for sheet in everything))),
    ]
    return table(("what", "wanted", "found"), lines)


def verdict(estimator: Estimator, *, held_out: bool, quick: bool) -> str:
    """Judge an estimator: everything, as Markdown."""
    which = chosen(held_out, quick)
    clean = sheets_of(estimator, which, np.float64, Noise())
    noises = [Noise(level, kind) for kind in ("independent", "hash") for level in LEVELS]
    noises += [Noise(level, "solver") for level in SOLVER_LEVELS]
    trials = [trial(estimator, which, noise) for noise in noises]
    in_single = sheets_of(estimator, which, np.float32, Noise())
    parts = [
        ("Figures", targets(clean, trials, in_single)),
        ("Clean", accuracy(clean)),
        ("Noisy", table(NOISE_HEAD, map(noise_row, trials))),
        ("Noisy: covered %, by class", by_class(trials, "covered")),
        ("Noisy: silently wrong, by class", by_class(trials, "silent")),
        ("Noisy: median error / oracle, by class", by_class(trials, "oracle")),
        ("Noisy: level found %, by class", by_class(trials, "level found")),
        ("Single precision", single(in_single)),
    ]
    return "\n\n".join(f"## {title}\n\n{text}" for title, text in parts)
