"""The corpus in lanes: most cases take them, and all give the values and the gradients that they give without."""

import numpy as np
import pytest
from corpus import CASES
from test_corpus import DEFAULT, swept

from jitgrad import grad_cpu
from jitgrad.loss.bind import bind
from jitgrad.loss.compiled import lanes_version
from jitgrad.loss.lanes.compiled import Refused
from jitgrad.loss.shim import DISAGREED, OK
from jitgrad.loss.trial import ENTRY

LANES = 8
# Sums are added up in another order, and functions are off by a unit of the last place here or there: hundreds of
# operations at most.
DOUBLE = 1e-12
# A float32 loss: as many operations at 6e-8 each.
SINGLE = 1e-5
LEAST_SHARE = 0.95

# Nothing may be shared by lanes here: drawn, printed, asked of memory, changed, or run on threads. (counts_in_argument
# takes lanes: each group gets fresh copies of the arguments, as each evaluation does, and all lanes count alike.)
MUST_BE_SCALAR = {
    "random_numbers", "random_helper", "shuffled_order", "prints", "object_mode", "writes_to_x", "writes_to_slice_of_x",
    "sorts_x_in_place", "helper_writes_to_x", "asks_for_types", "asks_for_bytes", "asks_for_strides", "views_bits",
    "parallel_loop", "stores_in_argument",
}  # fmt: skip


def version_of(case):
    bound = bind(case.loss, case.x.copy().reshape(1, -1), case.args, (None,) * len(case.args), (1,))
    return bound, lanes_version(case.loss, bound.compiled, LANES)


def displaced(case):
    """Columns that differ from the point in one coordinate each."""
    columns = np.repeat(case.x[:, None], LANES, axis=1)
    for k in range(LANES):
        columns[k % case.x.size, k] *= 1.0 + (1e-6 if k % 2 else -1e-6)
    return columns


@pytest.mark.parametrize("case", swept([case for case in CASES if case.name not in MUST_BE_SCALAR]))
def test_values_agree(case):
    bound, version = version_of(case)
    if isinstance(version, Refused):
        assert version.reason
        return
    columns = displaced(case)
    block = bound.blocks[0].copy()
    block[1] = version.loss
    values, scratch = np.empty(LANES), columns.copy()
    status = ENTRY(version.shim)(scratch.ctypes.data, case.x.size, values.ctypes.data, block.ctypes.data, 0)
    np.testing.assert_array_equal(scratch, columns)
    assert status in (OK, DISAGREED)
    if status == OK:
        wanted = [case.loss(np.ascontiguousarray(column), *case.args) for column in columns.T]
        np.testing.assert_allclose(values, wanted, rtol=DOUBLE if case.x.dtype == np.float64 else SINGLE, atol=0.0)


@pytest.mark.parametrize("case", swept([case for case in CASES if not case.writes]))
def test_gradients_agree(case):
    single = case.x.dtype == np.float32
    step = 2.0**-8 if single else 2.0**-20
    takes_lanes = not isinstance(version_of(case)[1], Refused)
    found, wanted = (
        grad_cpu(case.loss, case.x, args=case.args, method="forward", step=step, vectorize=vectorize)
        for vectorize in ("require" if takes_lanes else "auto", "off")
    )
    # Two values, each off by so much, over the step.
    bound = 2.0 * (SINGLE if single else DOUBLE) * abs(case.loss(case.x.copy(), *case.args)) / step
    np.testing.assert_allclose(found, wanted, rtol=0.0, atol=bound)


@pytest.mark.parametrize(
    "cases",
    [
        pytest.param([case for case in CASES if case.name in DEFAULT], id="sixth"),
        pytest.param(CASES, id="all", marks=pytest.mark.slow),
    ],
)
def test_most_take_lanes(cases):
    wanted = [case for case in cases if not case.scalar_expected]
    refused = {case.name: version.reason for case in wanted if isinstance(version := version_of(case)[1], Refused)}
    assert len(refused) <= (1.0 - LEAST_SHARE) * len(wanted), refused


@pytest.mark.parametrize("case", [case for case in CASES if case.name in MUST_BE_SCALAR], ids=str)
def test_what_must_not_be_shared_is_refused(case):
    assert isinstance(version_of(case)[1], Refused)
