"""Random programs in lanes, against numba's scalar code."""

import numpy as np
import pytest
from corpus.programs import compiled, points, program
from corpus.terms import EPS
from lanes import in_lanes, one_by_one

from jitgrad.loss.shim import DISAGREED, OK

LANES = 8
COUNT = 80
# Both sides of a comparison are off by the bound at most.
SIDES = 2.0

# 40 expressions by default, more than 5 000 when asked.
sweep = [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 65))]


@pytest.mark.parametrize("seed", sweep)
def test_lanes_and_scalar_agree(seed):
    made = program(seed, COUNT if seed else COUNT // 2)
    loss = compiled(made.source)
    near = points(seed, 1).T * (1.0 + 1e-9 * np.arange(LANES))
    agreed = 0
    for which, expression in enumerate(made.expressions):
        for columns in (near, points(seed + which, LANES).T):
            values, status = in_lanes(loss, columns, (which,))
            assert status in (OK, DISAGREED)
            if status == OK:
                agreed += 1
                difference = abs(values - one_by_one(loss, columns, (which,)))
                assert difference.max() <= SIDES * EPS * expression.error, (which, expression.lines)
    # Points that lie next to each other take the same branches nearly always.
    assert agreed >= 0.9 * len(made.expressions)
