"""All scenarios by name."""

from __future__ import annotations

from jitgrad.testing import awkward, dynamics, idioms, networks, optimisation, physics, statistics
from jitgrad.testing.definition import Factory, Scenario

_FAMILIES = (optimisation, statistics, networks, physics, dynamics, idioms, awkward)
_FACTORIES: dict[str, Factory] = {factory.__name__: factory for family in _FAMILIES for factory in family.SCENARIOS}


def scenarios(n: int | None = None) -> tuple[Scenario, ...]:
    """Build all scenarios.

    Parameters
    ----------
    n : int, optional
        Number of coordinates, from 6. A scenario with fewer parameters keeps its own number, and one whose number
        must be a multiple of something gets the next smaller one. Default: a size between 3 and 12 that suits tests.

    Returns
    -------
    tuple of Scenario

    Raises
    ------
    ValueError
        If `n` is below 6.

    Examples
    --------
    >>> from jitgrad.testing import scenarios
    >>> [s.name for s in scenarios(n=1000) if s.dense][:3]
    ['rosenbrock', 'sine_bumps', 'ackley']
    """
    return tuple(scenario(name, n) for name in _FACTORIES)


def scenario(name: str, n: int | None = None) -> Scenario:
    """Build one scenario.

    Parameters
    ----------
    name : str
        Name of the scenario.
    n : int, optional
        As in `scenarios`.

    Returns
    -------
    Scenario

    Raises
    ------
    ValueError
        If there is no scenario of that name, or `n` is below 6.

    Examples
    --------
    >>> from jitgrad.testing import scenario
    >>> scenario("lennard_jones", n=100).n
    99
    """
    if name not in _FACTORIES:
        raise ValueError(f"name must be one of {', '.join(_FACTORIES)}, got {name!r}")
    if n is None:
        return _FACTORIES[name]()
    if n < 6:
        raise ValueError(f"n must be at least 6, got {n}. Leave it out for a small scenario.")
    return _FACTORIES[name](n)
