"""Random programs: the same for the same seed, within their bounds, and the same in Python as in numba."""

import numpy as np
import pytest
from corpus.case import python_of
from corpus.programs import compiled, points, program, programs
from corpus.reductions import REDUCTIONS
from corpus.terms import BOUNDED, EPS, RISING
from hypothesis import given, settings

COUNT = 80
# Both sides of a comparison are off by the bound at most.
SIDES = 2.0


def interpreted(made):
    return python_of(compiled(made.source), {})


@settings(deadline=None, max_examples=20)
@given(programs(COUNT))
def test_values_lie_within_their_bounds(made):
    loss = interpreted(made)
    for x in points(1, 3):
        for which, expression in enumerate(made.expressions):
            value = float(loss(x, which))
            # The bounds themselves were computed with rounding.
            slack = EPS * (expression.error + 4.0 * max(abs(expression.low), abs(expression.high)))
            assert expression.low - slack <= value <= expression.high + slack, expression.lines


def test_a_seed_makes_one_program():
    assert program(3, COUNT) == program(3, COUNT)
    sources = {program(seed, COUNT).source for seed in range(20)}
    assert len(sources) == 20


def test_tolerances_are_tight_and_everything_occurs():
    many = [program(seed, COUNT) for seed in range(100)]
    errors = [expression.error for made in many for expression in made.expressions]
    assert np.quantile(errors, 0.99) * EPS < 1e-10
    text = "\n".join(made.source for made in many)
    names = [name for f in RISING for name in f.names] + [name for row in BOUNDED for name in row[0]]
    names += [row[0].removesuffix("(x)") for row in REDUCTIONS]
    assert [name for name in names if name not in text] == []
    statements = [
        "while ",
        "zip(",
        "enumerate(",
        "break",
        "continue",
        "elif ",
        " if ",
        "np.empty_like(",
        ".append(",
        "//",
        "%",
    ]
    assert [statement for statement in statements if statement not in text] == []


# 40 expressions by default, more than 5 000 when asked: about seven minutes of compiling.
sweep = [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 65))]


@pytest.mark.parametrize("seed", sweep)
def test_compiled_and_interpreted_agree(seed):
    made = program(seed, COUNT if seed else COUNT // 2)
    loss = compiled(made.source)
    python = python_of(loss, {})
    with np.errstate(all="raise"):
        for x in points(seed, 5):
            for which, expression in enumerate(made.expressions):
                difference = abs(loss(x, which) - python(x, which))
                assert difference <= SIDES * EPS * expression.error, (which, expression.lines)
