"""The choice between lanes and scalar evaluations, and that it never shows in results."""

import math
import re
import threading

import numba
import numpy as np
import pytest
from losses import quadratic, smooth
from numba import njit
from test_cache import kept, run

import jitgrad as jg
from jitgrad.launch import widen
from jitgrad.launch.widen import LARGEST_SCRATCH, LEAST_FOR_TWO, MOST_SCRATCH, lanes_for
from jitgrad.loss import compiled
from jitgrad.loss.lane_use import RESTING_LAUNCHES, LaneUse

X = np.linspace(0.1, 0.9, 40)
MANY = 10_000


def gradient(loss, x=X, *, vectorize, **options):
    return jg.grad_cpu(loss, x, step=jg.Textbook(), vectorize=vectorize, **options)


def both(loss, x=X, **options):
    """The gradient in lanes and without."""
    return [gradient(loss, x, vectorize=how, **options) for how in ("require", "off")]


@pytest.mark.parametrize("bits", [128, 256, 512])
@pytest.mark.parametrize("itemsize", [4, 8])
def test_lanes_fill_registers(monkeypatch, bits, itemsize):
    monkeypatch.setattr(widen, "register_bits", lambda: bits)
    register = bits // (8 * itemsize)
    assert lanes_for(LEAST_FOR_TWO - 1, MANY, itemsize) == register
    assert lanes_for(LEAST_FOR_TWO, MANY, itemsize) == 2 * register
    largest = LARGEST_SCRATCH // (2 * register * itemsize)
    assert lanes_for(largest, MANY, itemsize) == 2 * register
    assert lanes_for(largest + 1, MANY, itemsize) == register
    most = MOST_SCRATCH // (register * itemsize)
    assert lanes_for(most, MANY, itemsize) == register
    assert lanes_for(most + 1, MANY, itemsize) == max(2, register // 2)
    # Never more lanes than twice the evaluations, and never fewer than two.
    for evaluations in range(1, 40):
        count = lanes_for(LEAST_FOR_TWO, evaluations, itemsize)
        assert count == 2 or count < 2 * evaluations
        assert count & (count - 1) == 0
        assert count == min(2 * register, max(2, 2 ** math.ceil(math.log2(evaluations))))


def test_lanes_rest_when_too_many_disagree():
    use = LaneUse(count=8, scalar_seconds=4.0, lanes_seconds=1.0)  # they pay while less than 3/4 are evaluated twice
    use.learn(alone=75, total=100)
    assert use.lanes_now() == 8
    use.learn(alone=76, total=100)
    assert [use.lanes_now() for _ in range(RESTING_LAUNCHES + 1)] == [1] * RESTING_LAUNCHES + [8]


@njit
def bent(x):
    s = 0.0
    for i in range(x.size):
        if x[i] > 0.0:
            s += 3.0 * x[i]
        else:
            s -= x[i] * x[i]
    return s


@pytest.mark.parametrize("n", [3, 40, 200])
@pytest.mark.parametrize("threads", [1, 2])
def test_a_kink_in_every_coordinate(n, threads):
    x = np.zeros(n)
    in_lanes, scalar = both(bent, x, threads=threads)
    np.testing.assert_array_equal(in_lanes, scalar)
    # Central differences see the mean of both slopes.
    h = jg.gradient_of(bent, step=1e-3, vectorize="require")(x)
    np.testing.assert_allclose(h, 1.5 + 0.5e-3, rtol=1e-12)


def test_lanes_rest_on_kinks_and_come_back():
    g = jg.gradient_of(bent, step=jg.Textbook(), vectorize="require", threads=1)
    away = np.linspace(1.0, 2.0, 40)
    g(away)
    use = g._session.lanes
    assert use.count > 1
    use.scalar_seconds, use.lanes_seconds = 4e-7, 1e-7  # whatever was measured here
    expected = gradient(bent, np.zeros(40), vectorize="off")
    np.testing.assert_array_equal(g(np.zeros(40)), expected)
    assert use.resting > 0
    before = use.resting
    np.testing.assert_array_equal(g(np.zeros(40)), expected)
    assert use.resting < before
    use.resting = 0  # as after a hundred launches
    np.testing.assert_array_equal(g(away), gradient(bent, away, vectorize="off"))
    assert use.resting == 0


def test_a_branch_in_one_coordinate_costs_one_group(monkeypatch):
    alone = []
    learn = LaneUse.learn
    monkeypatch.setattr(LaneUse, "learn", lambda self, k, total: (alone.append(k), learn(self, k, total)))
    x = np.full(64, 0.5)
    x[17] = 0.0
    g = jg.gradient_of(bent, step=jg.Textbook(), vectorize="require", threads=1)
    g(x)
    g(x)
    # Two evaluations of the coordinate, which stand in one group or in two.
    assert all(0 < k <= 2 * g._session.lanes.count for k in alone)


@njit
def raises_above(x, limit):
    s = 0.0
    for i in range(x.size):
        if x[i] > limit:
            raise ValueError("too far")
        s += x[i]
    return s


@njit
def raises_with_value(x, limit):
    for i in range(x.size):
        if x[i] > limit:
            raise KeyError("too far", x[i])
    return x[0]


@njit
def divides(x, limit):
    s = 0.0
    for i in range(x.size):
        s += x[i] / (1.0 if x[i] <= limit else 0.0)
    return s


@njit
def divides_by_lanes(x, limit):
    s = 0.0
    for i in range(x.size):
        s += 1.0 / max(limit - x[i], 0.0)
    return s


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("loss", [raises_above, raises_with_value, divides, divides_by_lanes], ids=lambda f: f.__name__)
def test_exceptions_are_those_of_the_scalar_loss(loss, threads):
    caught = []
    for vectorize in ("require", "off"):
        with pytest.raises((ValueError, KeyError, ZeroDivisionError)) as error:
            # x[39] is the limit itself, so that only its displacement upwards goes beyond.
            gradient(loss, vectorize=vectorize, args=(np.nextafter(X[39], 1.0),), threads=threads)
        caught.append((type(error.value), error.value.args, error.value.__notes__))
    assert caught[0] == caught[1]
    assert "x[39] displaced from 0.9" in caught[0][2][0]


@njit
def remembers(x, memory):
    s = 0.0
    for i in range(memory.size):
        s += memory[i]
        memory[i] += 1.0 + i
    return s + x[0] * memory[1] + x[1]


def test_every_evaluation_has_a_fresh_copy_of_what_the_loss_writes_to():
    memory = np.array([0.5, 0.25, 4.0])
    before = memory.copy()
    for threads in (1, 2):
        in_lanes, scalar = both(remembers, args=(memory,), threads=threads)
        np.testing.assert_array_equal(in_lanes, scalar)
        np.testing.assert_allclose(in_lanes[:2], [2.25, 1.0], rtol=1e-9)
        np.testing.assert_array_equal(memory, before)


@njit
def shifted(x, c, w):
    s = 0.0
    for i in range(x.size):
        s += w * (x[i] - c[i]) ** 2
    return s


def test_batches_whose_arguments_vary():
    rng = np.random.default_rng(3)
    x, c, w = rng.normal(size=(5, 30)), rng.normal(size=(30, 5)), rng.uniform(1.0, 2.0, 5)
    in_lanes, scalar = both(shifted, x, args=(c, w), args_axes=(1, 0))
    np.testing.assert_array_equal(in_lanes, scalar)
    # Central differences of a parabola are exact but for rounding: eps |f| / h, f < 500, h = eps**(1/3).
    np.testing.assert_allclose(in_lanes, 2.0 * w[:, None] * (x - c.T), atol=500 * 2.2e-16 / 6e-6)


def test_points_of_a_batch_share_lanes():
    x = np.random.default_rng(4).normal(size=(7, 3))
    in_lanes, scalar = both(quadratic, x)
    np.testing.assert_array_equal(in_lanes, scalar)


def test_single_precision():
    in_lanes, scalar = both(quadratic, X.astype(np.float32))
    assert in_lanes.dtype == np.float32
    np.testing.assert_array_equal(in_lanes, scalar)


def test_several_python_threads_at_once():
    g = jg.gradient_of(bent, step=jg.Textbook(), vectorize="require")
    points = [np.linspace(-1.0 - k, 1.0, 40) for k in range(4)] + [np.zeros(40)]
    expected = [gradient(bent, x, vectorize="off") for x in points]
    wrong = []

    def work(k):
        wrong.extend(k for _ in range(50) if not np.array_equal(g(points[k]), expected[k]))

    workers = [threading.Thread(target=work, args=(k,)) for k in range(len(points))]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert wrong == []


def test_lanes_are_not_tried_where_they_cannot_pay(monkeypatch):
    monkeypatch.setattr(widen, "lanes_version", lambda *_: pytest.fail("compiled for lanes"))
    monkeypatch.setattr(widen, "LEAST_WORK_SECONDS", 10.0)
    assert "takes less than" in jg.explain(quadratic, X).reason
    gradient(quadratic, vectorize="off")


def test_slower_lanes_are_dropped(monkeypatch):
    monkeypatch.setattr(widen, "LEAST_GAIN", 1e9)
    e = jg.explain(smooth, X, args=(1.0, 0.5))
    assert e.lanes == 1
    assert re.fullmatch(r"an evaluation takes \S+ us in lanes and \S+ us without", e.reason)
    # Who requires lanes gets them all the same.
    assert len(gradient(smooth, args=(1.0, 0.5), vectorize="require")) == X.size


@njit
def rounding_alone(x):
    s = 0.0
    for v in x:
        s += v
    return x.sum() - s  # numba sums in order too, and NumPy's sum on lanes has four accumulators


@njit
def in_steps(x, steps):
    total = 0.0
    for k in range(steps):
        total += math.sin(x[k % x.size])
    return total


def test_the_time_of_other_arguments_is_not_that_of_the_first():
    # Compiled work that is thought to be short is not cut into slices, between which Ctrl-C is heeded.
    g = jg.gradient_of(in_steps)
    g(X, 100)
    first = g._session.seconds
    session = g.start(g.plan(X), X, (300_000,))
    assert session.lanes.count > 1
    assert session.seconds > 100 * first


def test_values_that_disagree_are_noticed():
    with pytest.raises(jg.LanesUnavailableError, match=r"lanes give .* in place of 0\.0: rounding is magnified"):
        gradient(rounding_alone, vectorize="require")


def test_a_defect_of_the_compiler_leaves_the_scalar_path(monkeypatch):
    from jitgrad.loss.lanes import promote

    def fail(*_):
        raise RuntimeError("LLVM IR parsing error")

    @njit
    def loss(x):
        return 2.0 * x[0]

    monkeypatch.setattr(promote.Session, "clone", fail)
    e = jg.explain(loss, np.ones(500))
    assert e.lanes == 1
    assert "LLVM IR parsing error" in e.reason
    assert "def loss" not in e.line
    assert 'test_widen.py", line ' in e.line


def test_a_version_for_lanes_is_compiled_once(monkeypatch):
    compiled_for = []
    before = compiled.compile_lanes
    monkeypatch.setattr(compiled, "compile_lanes", lambda *given: (compiled_for.append(given[2]), before(*given))[1])

    @njit
    def loss(x):
        return x[0] * x[1]

    for _ in range(3):
        jg.gradient_of(loss, vectorize="require")(X)
    assert len(compiled_for) == 1


LANES_PROGRAM = """
import sys
import numpy as np
import jitgrad as jg
from jitgrad.loss import compiled
from jitgrad.loss import cache
from pathlib import Path
cache.cache_folder = lambda: Path(sys.argv[1])  # the drivers stay in the folder of the whole test run
from user_code import loss
def told(name):
    before = getattr(compiled, name)
    def compile(*args):
        print("compiled")
        return before(*args)
    setattr(compiled, name, compile)
told("compile_for")
told("compile_lanes")
from jitgrad.launch import widen
widen.LEAST_WORK_SECONDS = widen.LEAST_GAIN = 0.0  # lanes are tried, and used if they can be
x = np.array([1.0, 2.0])
e = jg.explain(loss, x)
assert e.kept_on_disk
print(*jg.grad_cpu(loss, x).round(5).tolist(), e.lanes > 1, e.reason[:6], sep=";")
"""


@pytest.fixture
def lanes_program(monkeypatch):
    monkeypatch.setattr("test_cache.PROGRAM", LANES_PROGRAM)
    monkeypatch.setattr("test_cache.eval", lambda text: text.split(";"), raising=False)


GOOD = ["2.0", "4.0", "True", ""]


def test_a_second_process_compiles_nothing(tmp_path, lanes_program):
    source = "@njit\ndef loss(x):\n    return {} * (x * x).sum()\n"
    assert run(tmp_path, source.format(1.0)) == (True, GOOD)
    assert len(kept(tmp_path)) == 2
    assert run(tmp_path, source.format(1.0)) == (False, GOOD)
    # Edited, it is another loss.
    assert run(tmp_path, source.format(3.0)) == (True, ["6.0", "12.0", "True", ""])
    assert len(kept(tmp_path)) == 4
    assert run(tmp_path, source.format(1.0)) == (False, GOOD)


def test_an_edited_helper_is_compiled_again(tmp_path, lanes_program):
    source = "@njit\ndef f(v):\n    return {} * v\n@njit\ndef loss(x):\n    return f(x[0] * x[0]) + f(x[1] * x[1])\n"
    assert run(tmp_path, source.format(1.0)) == (True, GOOD)
    assert run(tmp_path, source.format(3.0)) == (True, ["6.0", "12.0", "True", ""])
    assert run(tmp_path, source.format(3.0)) == (False, ["6.0", "12.0", "True", ""])


def test_a_refusal_is_remembered(tmp_path, lanes_program):
    source = "@njit\ndef loss(x):\n    return (x * x).sum() + 0.0 * np.random.rand()\n"
    refused = ["2.0", "4.0", "False", "random"]
    assert run(tmp_path, source) == (True, refused)
    assert run(tmp_path, source) == (False, refused)


@pytest.mark.interpreted
def test_interpreted_losses_have_no_lanes(monkeypatch):
    monkeypatch.setattr("numba.core.config.DISABLE_JIT", 1)
    with pytest.raises(jg.LanesUnavailableError, match="NUMBA_DISABLE_JIT"):
        gradient(lambda x: float(x[0]), np.ones(2), vectorize="require")
    np.testing.assert_allclose(gradient(lambda x: float(x[0]), np.ones(2), vectorize="auto"), [1.0, 0.0], atol=1e-9)
    assert numba.config.DISABLE_JIT
