"""All problems: by name, by class, those to develop with and those held out."""

from __future__ import annotations

from dataclasses import replace

from jitgrad.testing.problems import (
    c1,
    flat,
    kink,
    optimum,
    oscillating,
    scale,
    singular,
    smooth,
    stairs,
    zero,
)
from jitgrad.testing.problems.definition import Problem

_FILES = (smooth, scale, singular, zero, optimum, oscillating, flat, kink, c1, stairs)

KINDS = tuple(file.__name__.rpartition(".")[2] for file in _FILES)
"""Names of the classes."""

_ALL: tuple[Problem, ...] = tuple(
    replace(problem, kind=kind, held_out=some is file.HELD_OUT)
    for kind, file in zip(KINDS, _FILES, strict=True)
    for some in (file.DEVELOPMENT, file.HELD_OUT)
    for problem in some
)


def problems(*, held_out: bool = False, kind: str | None = None) -> tuple[Problem, ...]:
    """Return the problems to develop with, or those that are held out.

    Parameters
    ----------
    held_out : bool, default False
        Which set: the one to develop with, or the one that is set aside to judge the result. They consist of
        different functions of the same classes. A set that somebody has looked at and then changed something is one to
        develop with, and another must be set aside.
    kind : str, optional
        Only this class, one of `KINDS`.

    Returns
    -------
    tuple of Problem

    Raises
    ------
    ValueError
        If there is no class of that name.

    Examples
    --------
    >>> from jitgrad.testing.problems import problems
    >>> [p.name for p in problems(kind="flat")][:3]
    ['saturated_logistic', 'faint_wave', 'flat_top']
    """
    if kind is not None and kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}, got {kind!r}")
    return tuple(p for p in _ALL if p.held_out == held_out and kind in {None, p.kind})


def problem(name: str) -> Problem:
    """Return one problem of either set.

    Parameters
    ----------
    name : str

    Returns
    -------
    Problem

    Raises
    ------
    ValueError
        If there is no problem of that name.

    Examples
    --------
    >>> from jitgrad.testing.problems import problem
    >>> problem("lennard_jones").kind
    'singular'
    """
    for p in _ALL:
        if p.name == name:
            return p
    raise ValueError(f"name must be one of {', '.join(p.name for p in _ALL)}, got {name!r}")
