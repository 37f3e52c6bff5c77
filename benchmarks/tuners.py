"""The table of step tuners in the documentation: python -m benchmarks.tuners [--write].

Everybody gets the same functions of one number (`jitgrad.testing.problems`, those to develop with), and is compared
with their exact derivatives.
"""

from __future__ import annotations

import argparse
import platform
import sys
import warnings
from collections.abc import Callable, Iterable
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import jitgrad as jg
from benchmarks.jury.tables import table
from benchmarks.peers import Peer, peers
from jitgrad.difference import combine, differences
from jitgrad.formula import formula_for
from jitgrad.launch.cpu import Evaluation
from jitgrad.launch.evaluator import Evaluator
from jitgrad.launch.probes import Probes
from jitgrad.prepared.repair import repair
from jitgrad.prepared.tuned import tuned_formula
from jitgrad.stencils import stencil
from jitgrad.steps import Scaling, Tuner
from jitgrad.testing.problems import KINDS, Course, Noise, Problem, course, problems

PAGE = Path(__file__).parent.parent / "docs" / "tuners.md"
BEGIN, END = "<!-- table: begin -->", "<!-- table: end -->"
FAILED = 0.01
"""A relative error above this, or NaN, is a failure."""

NOISES = (1e-8, 1e-4)
"""Levels of independent noise, over the typical size of the loss, put on the smooth functions."""

Contestant = Callable[[Course, float | None], np.ndarray]


class Result(NamedTuple):
    """What a contestant made of one class: relative errors and evaluations, at every point."""

    errors: np.ndarray
    evaluations: np.ndarray


def by_tuner(tuner: Tuner | None, method: Any = "central", order: int | None = None) -> Contestant:
    """Differentiate as `grad_cpu` does; None is the textbook step."""
    chosen = stencil(method, order)

    def gradient(c: Course, noise: float | None) -> np.ndarray:
        points = c.evaluator.points
        launch = c.evaluator._launch
        targets = np.arange(len(points))
        largest = float(np.finfo(points.dtype).max)
        h = jg.Textbook().scaling(points.dtype, chosen.order)
        limits = np.empty((1, 1, 3))
        limits[...] = float(h.floor), -largest, largest
        formula = formula_for(chosen, Scaling(h.relative, h.floor), limits)

        def evaluate(probes: Probes) -> Evaluation:
            return Evaluation(launch(probes), 0.0)

        if tuner is not None:
            informed = tuner if noise is None or isinstance(tuner, jg.MoreWild) else replace(tuner, noise=noise)
            formula = tuned_formula(informed, chosen, Evaluator(points, launch), targets, formula)
        found, needs_value = differences(points, targets, formula)
        result = np.empty(len(points), points.dtype)
        if not combine(found, _values(launch, found.probes, needs_value), result):
            repair(evaluate, points, targets, formula, result)
        return result

    return gradient


def _values(launch: Callable[[Probes], np.ndarray], probes: Probes, needs_value: bool) -> np.ndarray:
    """Evaluate without the points themselves, which come first, where they have no weight."""
    skip = 0 if needs_value else len(probes.points)
    rest = probes._replace(point=probes.point[skip:], begin=probes.begin[skip:])
    return np.concatenate([np.full(skip, np.nan), launch(rest)])


def by_peer(peer: Peer) -> Contestant:
    """Differentiate one point after the other."""

    def gradient(c: Course, noise: float | None) -> np.ndarray:
        results = np.full(len(c.derivative), np.nan)
        for p, x in enumerate(c.evaluator.points[:, 0]):

            def f(at: Any, p: int = p) -> Any:
                at = np.asarray(at, np.float64)
                values = c.evaluator.displaced(np.full(at.size, p), at.reshape(-1)).reshape(at.shape)
                return values if at.ndim else float(values)

            try:
                results[p] = peer(f, float(x), noise)
            except Exception:  # noqa: BLE001  # numericalderivative raises where it finds no step; that is a failure
                continue
        return results

    return gradient


def contestants() -> dict[str, Contestant]:
    """Return everybody, by the name in the table."""
    central = {
        "textbook step": None,
        "`Shi`": jg.Shi(),
        "`Gill`": jg.Gill(),
        "`CurtisReid`": jg.CurtisReid(),
        "`CurtisReid(modified=True)`": jg.CurtisReid(modified=True),
        "`DumontetVignes`": jg.DumontetVignes(),
        "`SteplemanWinarsky`": jg.SteplemanWinarsky(),
        "`Mathur`": jg.Mathur(),
        "`Kostyrka`": jg.Kostyrka(),
        "`PlugIn`": jg.PlugIn(),
        "`MoreWild`": jg.MoreWild(),
    }
    forward = {name: central[name] for name in ("textbook step", "`Shi`", "`Gill`", "`MoreWild`")}
    return {
        **{name: by_tuner(tuner) for name, tuner in central.items()},
        **{f"{name}, forward": by_tuner(tuner, "forward") for name, tuner in forward.items()},
        **{f"{name}, order 4": by_tuner(central[name], order=4) for name in ("textbook step", "`Shi`", "`PlugIn`")},
        **{name: by_peer(peer) for name, peer in peers().items()},
    }


def judge(contestant: Contestant, which: Iterable[Problem], level: float) -> Result:
    """Let a contestant differentiate some problems."""
    errors, evaluations = [], []
    for problem in which:
        c = course(problem, noise=Noise(level) if level else None)
        # The noise is one number for a whole problem: that of its middle point.
        noise = float(np.median(c.sigma)) if level else None
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            found = contestant(c, noise)
            errors.append(np.abs(found - c.derivative) / c.scale)
        evaluations.append(c.counts.copy())
    return Result(np.concatenate(errors), np.concatenate(evaluations))


def measure() -> dict[str, dict[str, Result]]:
    """Return all results, by contestant and class."""
    known = problems()
    results: dict[str, dict[str, Result]] = {}
    for name, contestant in contestants().items():
        results[name] = {kind: judge(contestant, [p for p in known if p.kind == kind], 0.0) for kind in KINDS}
        smooth = [p for p in known if p.kind == "smooth"]
        for level in NOISES:
            results[name][f"noise {level:.0e}"] = judge(contestant, smooth, level)
        sys.stderr.write(f"{name}\n")
    return results


def _exponent(value: float) -> str:
    return "-" if not np.isfinite(value) else f"{value:.0e}"


def _median(result: Result) -> str:
    return _exponent(float(np.median(np.nan_to_num(result.errors, nan=np.inf))))


def _worst(result: Result) -> str:
    return _exponent(float(np.quantile(np.nan_to_num(result.errors, nan=np.inf), 0.95, method="lower")))


def _evaluations(result: Result) -> str:
    return f"{result.evaluations.mean():.3g}"


def _failures(result: Result) -> str:
    return f"{100 * np.mean(~(result.errors <= FAILED)):.3g}"


SECTIONS = (
    ("Median relative error", _median),
    ("Relative error that 5 % of the points exceed", _worst),
    ("Evaluations per derivative, that at `x` included", _evaluations),
    ("Failures: NaN or an error above 1 %, in percent of the points", _failures),
)


def page() -> str:
    """Measure everything and write the section."""
    results = measure()
    classes = list(next(iter(results.values())))
    parts = []
    for title, figure in SECTIONS:
        rows = [[name, *(figure(found[kind]) for kind in classes)] for name, found in results.items()]
        parts += [f"**{title}**", "", table(["", *classes], rows), ""]
    versions = ", ".join(
        f"{name} {version(name)}" for name in ("numdifftools", "jacobi", "scipy", "numericalderivative", "numpy")
    )
    count = len(problems())
    parts += [
        f"{count} functions at 100 points each, those of `jitgrad.testing.problems` to develop with; independent",
        "Gaussian noise of the given level on the smooth ones. Central differences of order 2 unless said otherwise.",
        "Noise is told to those that ask for it, except `MoreWild`, which finds it. A dash means that more points than",
        f"those counted gave no number. Python {platform.python_version()}, {versions}.",
        "`python -m benchmarks.tuners` makes these tables.",
    ]
    return "\n".join(parts)


def main() -> None:
    """Print the tables, or write them into the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="rewrite the section of docs/tuners.md")
    write = parser.parse_args().write
    measured = page()
    if not write:
        sys.stdout.write(measured + "\n")
        return
    text = PAGE.read_text()
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    PAGE.write_text(f"{before}{BEGIN}\n{measured}\n{END}{after}")


if __name__ == "__main__":
    main()
