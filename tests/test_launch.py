"""The one primitive: a probe list in, values out; against direct calls of the loss."""

import ctypes

import numpy as np
import pytest
from losses import raises_at, smooth
from numba import njit

from jitgrad.launch import cpu, threads
from jitgrad.launch.drivers import run_parallel, run_serial
from jitgrad.launch.evaluator import Evaluator
from jitgrad.launch.failure import describe, probe_point
from jitgrad.launch.probes import along_directions, replaced
from jitgrad.loss.bind import bind
from jitgrad.loss.shim import DISAGREED, OK, RAISED
from jitgrad.loss.trial import ENTRY

pytestmark = pytest.mark.interpreted

POINTS = np.random.default_rng(1).normal(size=(3, 5))
ARGS = (1.5, 0.25)


def bound_smooth(points=POINTS):
    return bind(smooth, points, ARGS, (None, None), points.shape[:1])


def direct(probes):
    return [smooth(probe_point(probes, k), *ARGS) for k in range(probes.point.size)]


def pairs():
    """Probes that displace two coordinates, as mixed second differences need."""
    coordinates = [(0, 4), (1, 2), (3, 3), (2, 0)]
    return replaced(POINTS, [0, 2, 1, 1], coordinates, [(0.5, -1.0), (2.0, 0.0), (7.0, 8.0), (1e3, -1e-3)])


def directions():
    dense = np.random.default_rng(2).normal(size=(2, 5))
    return along_directions(POINTS, [0, 1, 2, 2], dense, [1, 0, -1, 1], [0.5, -0.25, 9.0, 1e-3])


def mixture():
    """Dense directions with coordinates replaced afterwards."""
    lists = pairs()
    return lists._replace(
        along=np.array([0, -1, 0, -1]), distance=np.array([0.5, 9, -2.0, 9]), directions=np.ones((1, 5))
    )


@pytest.mark.parametrize("make", [pairs, directions, mixture])
@pytest.mark.parametrize("workers", [1, 2, 5])
def test_every_kind_of_probe(make, workers):
    probes = make()
    values = cpu.evaluate(bound_smooth(), probes, 0.0, threads=workers).values
    np.testing.assert_array_equal(values, direct(probes))


def test_values_that_are_skipped_are_nan():
    values = cpu.evaluate(bound_smooth(), pairs(), 0.0, skip=2).values
    assert np.isnan(values[:2]).all()
    np.testing.assert_array_equal(values[2:], direct(pairs())[2:])


def test_points_are_not_copied_n_times():
    n = 2000
    points = np.zeros((1, n))
    probes = replaced(points, np.zeros(2 * n), np.repeat(np.arange(n), 2)[:, None], np.ones((2 * n, 1)))
    assert sum(part.nbytes for part in probes) < 100 * 2 * n  # an n x n array would be 32 MB


def test_descriptions():
    assert describe(pairs(), 0).endswith("and x[4] displaced from " + f"{POINTS[0, 4]!s} to -1.0 of point 0")
    assert describe(directions(), 0) == "x moved by 0.5 along direction 1 of point 0"
    assert describe(directions(), 2) == "x as it was given of point 2"


def test_the_first_probe_that_raises_is_reported_whatever_the_threads():
    points = np.zeros((1, 4))
    probes = replaced(points, np.zeros(4, int), [[0], [1], [2], [3]], [[0.1], [5.0], [6.0], [7.0]])

    @njit
    def loss(x):
        if x.max() > 1.0:
            raise ValueError("too far")
        return x[0]

    for workers in (1, 2, 4):
        with pytest.raises(ValueError, match="too far") as caught:
            cpu.evaluate(bind(loss, points, (), (), (1,)), probes, 0.0, threads=workers)
        assert "x[1] displaced from 0.0 to 5.0" in caught.value.__notes__[0]


@njit
def raises_above(x, limit):
    if x.max() > limit:
        raise ValueError("too far")
    return 2.0 * x.sum()


@pytest.mark.parametrize("workers", [1, 2, 5])
@pytest.mark.parametrize("far", [[], [0], [11], [3, 4, 5], [0, 2, 5, 6, 9, 11], list(range(12))])
@pytest.mark.parametrize("skip", [0, 2])
def test_forgiven_exceptions_are_nan_and_nothing_else_is(workers, far, skip):
    points = np.zeros((1, 3))
    values = np.linspace(0.1, 0.9, 12)
    values[far] += 5.0
    probes = replaced(points, np.zeros(12), np.arange(12)[:, None] % 3, values[:, None])
    found = cpu.evaluate(
        bind(raises_above, points, (1.0,), (None,), (1,)), probes, 0.0, skip=skip, threads=workers, forgive=True
    ).values
    expected = np.where(values > 1.0, np.nan, 2.0 * values)
    expected[:skip] = np.nan
    np.testing.assert_array_equal(found, expected)


# --- several lanes: shims of our own that evaluate columns


def columns_shim(lanes, status=lambda scratch: OK):
    """A shim for `lanes` columns, whose values are the weighted sums of squares; and the scratch of every call."""
    calls = []

    def entry(x, n, result, block, record):
        scratch = np.ctypeslib.as_array((ctypes.c_double * (n * lanes)).from_address(x)).reshape(n, lanes)
        weight = ctypes.c_int64.from_address(block + 16).value
        calls.append(scratch.copy())
        np.ctypeslib.as_array((ctypes.c_double * lanes).from_address(result))[:] = weight * (scratch**2).sum(0)
        return status(scratch)

    return ENTRY(entry), calls


def address(shim):
    return ctypes.cast(shim, ctypes.c_void_p).value


@pytest.mark.parametrize("writes_x", [0, 1])
@pytest.mark.parametrize("shared", [True, False])
def test_lanes_are_filled_point_by_point(writes_x, shared):
    (wide, groups), (single, alone) = columns_shim(4), columns_shim(1)
    points = np.arange(6.0).reshape(3, 2)
    blocks = np.array([[0, 0, 1]] if shared else [[0, 0, 1], [0, 0, 2], [0, 0, 3]])
    entry = np.array([address(single), address(wide), 4, 0 if shared else 24, writes_x, 0])
    point = np.array([0, 0, 0, 0, 0, 1, 1, 2, 2])
    probes = replaced(points, point, np.arange(9)[:, None] % 2, np.arange(9.0)[:, None] + 10)
    values, statuses = np.full(9, np.nan), np.zeros(9, np.int8)
    assert run_serial(entry, blocks, np.empty((0, 4), np.int64), probes, 0, 0, 9, values, statuses) == 0
    weights = 1 if shared else point + 1
    np.testing.assert_array_equal(values, weights * np.array([(probe_point(probes, k) ** 2).sum() for k in range(9)]))
    # 4, 4, 1; or, where the arguments change with the point, 4, 1, 2, 1, 1
    assert (len(groups), len(alone)) == ((3, 0) if shared else (5, 0))
    again = np.full(9, np.nan)
    run_parallel(entry, blocks, np.empty((0, 4), np.int64), probes, 0, 0, 9, again, statuses, 2)
    np.testing.assert_array_equal(again, values)


@pytest.mark.parametrize("trouble", [DISAGREED, RAISED, DISAGREED | RAISED])
def test_a_group_in_trouble_is_evaluated_one_by_one(trouble):
    wide, groups = columns_shim(4, lambda scratch: trouble if scratch.max() == 15.0 else OK)
    single, alone = columns_shim(1)
    entry = np.array([address(single), address(wide), 4, 0, 0, 0])
    probes = replaced(np.zeros((1, 2)), np.zeros(9, int), np.zeros((9, 1)), np.arange(9.0)[:, None] + 8)
    values, statuses = np.full(9, np.nan), np.zeros(9, np.int8)
    nothing = np.empty((0, 4), np.int64)
    assert run_serial(entry, np.array([[0, 0, 1]]), nothing, probes, 0, 0, 9, values, statuses) == 4
    np.testing.assert_array_equal(values, (np.arange(9.0) + 8) ** 2)
    assert not statuses.any()
    assert (len(groups), len(alone)) == (3, 4)


def test_only_the_probe_that_raises_by_itself_is_marked():
    wide, _ = columns_shim(4, lambda scratch: RAISED if scratch.max() > 13.5 else OK)
    single, alone = columns_shim(1, lambda scratch: RAISED if scratch.max() > 13.5 else OK)
    entry = np.array([address(single), address(wide), 4, 0, 0, 0])
    probes = replaced(np.zeros((1, 2)), np.zeros(9, int), np.zeros((9, 1)), np.arange(9.0)[:, None] + 8)
    values, statuses = np.full(9, np.nan), np.zeros(9, np.int8)
    run_serial(entry, np.array([[0, 0, 1]]), np.empty((0, 4), np.int64), probes, 0, 0, 9, values, statuses)
    np.testing.assert_array_equal(statuses, [0] * 6 + [RAISED, 0, 0])
    np.testing.assert_array_equal(values[:6], (np.arange(6.0) + 8) ** 2)
    assert len(alone) == 3


# --- choice of threads


def test_threads_are_used_where_they_pay(monkeypatch):
    bound = bound_smooth()
    monkeypatch.setattr(threads, "launch_seconds", lambda launch: 10e-6)
    monkeypatch.setattr(threads, "thread_limit", lambda wanted: wanted or 2)
    serial = bound.serial
    assert cpu.workers_for(bound, 1e-6, None) == 1
    assert cpu.workers_for(bound, 15e-6, None) == 1  # saves 7.5 us, costs 10
    assert cpu.workers_for(bound, 30e-6, None) == (1 if serial else 2)
    assert cpu.workers_for(bound, 1e-6, 3) == (1 if serial else 3)
    assert cpu.workers_for(bound, 1.0, 1) == 1


def test_starting_threads_is_measured():
    assert 0 < threads.launch_seconds(cpu._launch_nothing) < 1.0
    assert threads.thread_limit(5) == 5
    assert threads.thread_limit(None) >= 1


def test_serial_after_a_fork_with_threads(monkeypatch):
    monkeypatch.setattr(threads, "_forked_with_threads", True)
    assert threads.thread_limit(8) == 1


def test_exception_of_an_untouched_argument():
    bound = bind(raises_at, np.zeros((1, 2)), (0, -1.0), (None, None), (1,))
    with pytest.raises(ValueError, match="too far"):
        bound.evaluate(np.zeros(2), 0)


def test_evaluator_displaces_and_moves():
    points = np.array([[1.0, 2.0], [3.0, 5.0]])
    launched = []

    def launch(probes, skip=0):
        launched.append(probes)
        return np.array([probe_point(probes, k) @ [10.0, 1.0] for k in range(probes.point.size)])

    evaluator = Evaluator(points, launch)
    assert evaluator.at_points().tolist() == evaluator.at_points().tolist() == [12.0, 35.0]
    assert evaluator.displaced(np.array([0, 3, 3]), np.array([0.0, 6.0, 7.0])).tolist() == [2.0, 36.0, 37.0]
    assert evaluator.moved(np.array([[1.0, 1.0]]), np.array([0, 0]), np.array([0.5, -1.0]), 1).tolist() == [40.5, 24.0]
    assert evaluator.evaluations == 7
    assert len(launched) == 3
