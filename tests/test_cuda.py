"""The CUDA verbs, through whatever can be had: numba's simulator, compiled PTX executed on the CPU, or a GPU.

Each is a marker, `simulator`, `ptx` and `cuda`, and runs in a process of its own (`.ci/cuda`).
"""

from __future__ import annotations

import math
import os

import numpy as np
import pytest
from numba import njit

import jitgrad as jg
from jitgrad.testing import scenario, scenarios

pytestmark = [pytest.mark.simulator, pytest.mark.ptx, pytest.mark.cuda]

SIMULATED = os.environ.get("NUMBA_ENABLE_CUDASIM") == "1"
# Sums, products, quotients and roots only: the same bits on all machines that keep products and sums apart.
EXACT = {"rosenbrock", "quadratic_form", "lennard_jones", "spring_chain", "polynomial", "on_the_sphere", "kinks"}
EPS = np.finfo(np.float64).eps

names = pytest.mark.parametrize("name", [s.name for s in scenarios()])


@pytest.fixture(autouse=True)
def device(request, monkeypatch):
    """Put the executed PTX behind the verbs, unless the simulator or a GPU is asked for."""
    if SIMULATED or request.config.option.markexpr == "cuda":
        return
    from cuda_tools.device import PtxDevice

    monkeypatch.setattr("jitgrad.prepared.cuda.gradient.Device", PtxDevice)
    monkeypatch.setattr("jitgrad.gradient_cuda.require_cuda", lambda: None)


def exact_here(request, name):
    """Whether a scenario must agree to the last bit."""
    return SIMULATED or (name in EXACT and request.config.option.markexpr != "cuda")


def rounding(s, step):
    """Bound on what a value off by some units in the last place can do to a derivative with steps of this size."""
    size = max(1.0, abs(s.loss(s.point.copy(), *s.args)))
    return 100.0 * EPS * size / (step * np.maximum(np.abs(s.point), 1e-3))


@names
@pytest.mark.parametrize("method", ["central", "forward"])
def test_gradients_agree_with_the_cpu(name, method, request):
    s = scenario(name)
    step = jg.Relative(1e-5)
    here = jg.grad_cpu(s.loss, s.point, args=s.args, step=step, method=method, vectorize="off")
    there = jg.grad_cuda(s.loss, s.point, args=s.args, step=step, method=method)
    if exact_here(request, name):
        np.testing.assert_array_equal(there, here)
    else:
        assert (np.abs(there - here) <= rounding(s, 1e-5)).all()
    assert there.dtype == np.float64


@names
def test_values_agree_with_the_cpu(name, request):
    s = scenario(name)
    value, gradient = jg.value_and_grad_cuda(s.loss, s.point, args=s.args, step=1e-4)
    here = s.loss(s.point.copy(), *s.args)
    assert value == here if exact_here(request, name) else math.isclose(value, here, rel_tol=1e-13)
    np.testing.assert_array_equal(gradient, jg.grad_cuda(s.loss, s.point, args=s.args, step=1e-4))


@names
def test_the_default_finds_what_it_finds_on_the_cpu(name, request):
    s = scenario(name)
    gradient = jg.grad_cuda(s.loss, s.point, args=s.args)
    here = jg.grad_cpu(s.loss, s.point, args=s.args, vectorize="off")
    if exact_here(request, name):
        np.testing.assert_array_equal(gradient, here)
    else:  # Auto promises 1 %; its steps are 2e-5 |x| or, where that is doubtful, longer
        exact = s.gradient(s.point, *s.args)
        assert (np.abs(gradient - exact) <= np.abs(here - exact) + rounding(s, 1e-5)).all()


@names
def test_single_precision(name):
    s = scenario(name)
    x = s.point.astype(np.float32)
    step = jg.Relative(1e-2)
    there = jg.grad_cuda(s.loss, x, args=s.args, step=step)
    here = jg.grad_cpu(s.loss, x, args=s.args, step=step, vectorize="off")
    assert there.dtype == np.float32
    if SIMULATED:
        np.testing.assert_array_equal(there, here)
    else:  # some losses compute in float32 throughout
        size = max(1.0, abs(s.loss(x.astype(np.float64), *s.args)))
        allowed = 100.0 * np.finfo(np.float32).eps * size / (1e-2 * np.maximum(np.abs(x), 1e-3))
        assert (np.abs(there - here) <= allowed).all()


@pytest.mark.parametrize("name", ["rosenbrock", "perceptron", "array_expressions", "on_the_sphere"])
def test_estimates_agree_with_the_cpu(name, request):
    s = scenario(name)
    there = jg.estimate_cuda(s.loss, s.point, args=s.args)
    here = jg.estimate_cpu(s.loss, s.point, args=s.args, vectorize="off")
    if exact_here(request, name):
        np.testing.assert_array_equal(there.derivative, here.derivative)
        np.testing.assert_array_equal(there.status, here.status)
    exact = s.gradient(s.point, *s.args)
    assert (np.abs(there.derivative - exact) <= 4.0 * there.error + 1e-14 * np.abs(exact).max()).all()


@njit
def weighted(x, weights, offset):
    total = offset
    for i in range(x.size):
        total += weights[i] * x[i] * x[i]
    return total


def test_a_batch_with_arguments_that_vary():
    rng = np.random.default_rng(2)
    x, weights, offsets = rng.normal(size=(3, 2, 4)), rng.normal(size=(3, 2, 4)), rng.normal(size=(3, 2))
    options = {"args": (weights, offsets), "args_axes": (0, 0), "step": 1e-3}
    value, gradient = jg.value_and_grad_cuda(weighted, x, **options)
    np.testing.assert_array_equal(gradient, jg.grad_cpu(weighted, x, vectorize="off", **options))
    np.testing.assert_allclose(gradient, 2.0 * weights * x, atol=1e-9)
    np.testing.assert_allclose(value, offsets + (weights * x * x).sum(axis=-1), rtol=1e-14)


def test_the_axis_of_the_batch_may_be_any():
    rng = np.random.default_rng(3)
    x, weights = rng.normal(size=(5, 4)), rng.normal(size=(4, 5))
    gradient = jg.grad_cuda(weighted, x, args=(weights, 0.0), args_axes=(1, None), step=1e-3)
    np.testing.assert_allclose(gradient, 2.0 * weights.T * x, atol=1e-9)


def test_bounds_coordinates_and_out():
    x, weights = np.array([1.0, 2.0, 3.0, 4.0]), np.ones(4)
    out = np.empty(2)
    options = {"args": (weights, 0.0), "bounds": (1.0, 4.0), "coords": [0, 3], "step": 1e-2}
    assert jg.grad_cuda(weighted, x, out=out, **options) is out
    np.testing.assert_array_equal(out, jg.grad_cpu(weighted, x, vectorize="off", **options))
    np.testing.assert_allclose(out, [2.0, 8.0], atol=1e-9)


@njit
def reads_in_every_way(x):
    total = x[-1] * x[0] + x[np.uint8(1)] * x[-x.size] * 0.5
    for part in (x[2:], x[-3:-1]):
        total += part[-1] * part[0] + part.sum()
    for part in (x[::2], x[::-3]):
        for k, v in enumerate(part):
            total += (k + 1.0) * v * part[-1]
    return total


def test_every_way_of_reading_x():
    x = np.array([1.0, -2.0, 3.0, 0.5, -0.0, 4.0, 2.5])
    there = jg.grad_cuda(reads_in_every_way, x, step=0.25)
    np.testing.assert_array_equal(there, jg.grad_cpu(reads_in_every_way, x, step=0.25, vectorize="off"))


@njit
def signed_and_unsigned(x):
    return x[-1] + x[np.uint8(1)]


@njit
def from_the_end(x):
    return x[1:].sum() + x[::2].sum() * x[::-1].sum() + x[-2]


def test_kinds_of_index_are_not_taken_for_each_other():
    # numba keeps what an intrinsic emits by the types that arguments are converted to: x[-2] read before the array,
    # once a loss with both kinds of index had been compiled.
    x = np.array([1.0, -2.0, 3.0, 0.5])
    for loss in (signed_and_unsigned, from_the_end):
        there = jg.grad_cuda(loss, x, step=0.25)
        np.testing.assert_array_equal(there, jg.grad_cpu(loss, x, step=0.25, vectorize="off"))


@njit
def refuses_large(x, limit):
    if x[0] > limit:
        raise ValueError("too large")
    return x[0] * x[0] + x[1]


def test_the_exception_of_a_loss_is_seen():
    with pytest.raises(ValueError, match="too large") as found:
        jg.grad_cuda(refuses_large, np.array([1.0, 2.0]), args=(1.0,), step=1e-3)
    assert "x[0] displaced from 1.0" in found.value.__notes__[0]


@njit
def inverse(x):
    return 1.0 / (x[0] - 1.0)


def test_division_by_zero_is_the_error_it_is_on_the_cpu():
    with pytest.raises(ZeroDivisionError):
        jg.value_and_grad_cuda(inverse, np.array([1.0]), step=1e-3)


@njit
def edge(x):
    return math.sqrt(x[0]) if x[0] >= 0.0 else math.nan


def test_the_other_side_is_used_where_one_is_not_finite():
    gradient = jg.grad_cuda(edge, np.array([1e-3]), step=1e-2)
    np.testing.assert_array_equal(gradient, jg.grad_cpu(edge, np.array([1e-3]), step=1e-2, vectorize="off"))
    assert np.isfinite(gradient).all()


@njit
def reading(x, table, k, flag, pair):
    first, second = pair
    return table[k, 0] * x[0] + (x[1] if flag else 0.0) + first * second[1] * x[2]


def test_arguments_of_all_kinds():
    table = np.array([[1.0, 2.0], [3.0, 4.0]])
    args = (table.T, np.int32(1), True, (2.0, np.array([5, 7])))
    gradient = jg.grad_cuda(reading, np.array([1.0, 2.0, 3.0]), args=args, step=0.25)
    np.testing.assert_array_equal(gradient, [2.0, 1.0, 14.0])


@pytest.mark.parametrize("value", ["text", (1.0, "text"), math.sin, [1.0]], ids=str)
def test_arguments_that_cannot_reach_a_device(value):
    with pytest.raises(jg.LossCompileError, match=r"args\[0\] of loss 'weighted' must be a number, an array, None or"):
        jg.grad_cuda(weighted, np.ones(2), args=(value, 0.0))


@njit
def in_one_piece(x, nothing):
    square = x.reshape(2, 2)
    if nothing is None:
        return square[0, 1] * x[2] + square[1, 1]
    return 0.0


def test_a_loss_that_wants_x_in_one_piece_and_an_argument_that_is_none():
    gradient = jg.grad_cuda(in_one_piece, np.arange(4.0), args=(None,), step=0.5)
    np.testing.assert_array_equal(gradient, [0.0, 2.0, 1.0, 1.0])


@njit
def grows(x, rows):
    total = 0.0
    for i in range(rows):
        part = np.empty(int(x[0]) + i)
        part[:] = x[1]
        total += part.sum()
    return total


def test_memory_that_depends_on_the_point():
    # The first probe asks for less than the displaced ones do.
    x = np.array([3.0, 2.0])
    gradient = jg.grad_cuda(grows, x, args=(4,), step=1.0)
    np.testing.assert_array_equal(gradient, jg.grad_cpu(grows, x, args=(4,), step=1.0, vectorize="off"))


@njit
def writes_argument(x, table):
    table[0] = x[0]
    return table[0] * table[0]


@pytest.mark.skipif(SIMULATED, reason="the simulator compiles nothing that could be refused")
def test_a_loss_that_writes_to_an_argument_is_refused():
    with pytest.raises(jg.LossCompileError, match="writes_argument"):
        jg.grad_cuda(writes_argument, np.ones(2), args=(np.zeros(1),))


@njit
def hungry(x, size):
    return np.zeros(size).sum() + x[0]


@pytest.mark.skipif(SIMULATED, reason="the simulator allocates as Python does")
def test_a_loss_that_allocates_too_much_is_refused():
    with pytest.raises(MemoryError, match=r"one evaluation of loss 'hungry' takes \d+ bytes"):
        jg.grad_cuda(hungry, np.ones(1), args=(2_000_000,))


@pytest.mark.parametrize("shape", [(0,), (0, 3), (2, 0)])
def test_no_points_or_no_coordinates(shape):
    value, gradient = jg.value_and_grad_cuda(weighted, np.empty(shape), args=(np.ones(3), 2.0), step=0.5)
    assert gradient.shape == shape
    np.testing.assert_array_equal(value, np.full(shape[:-1], 2.0))


@pytest.mark.skipif(SIMULATED, reason="the simulator has one device")
@pytest.mark.parametrize("step", [None, 0.25])
def test_devices_share_the_work(step, request):
    if request.config.option.markexpr == "cuda":
        from numba import cuda

        if len(cuda.gpus) < 2:
            pytest.skip("this machine has one GPU")
    x = np.arange(1.0, 8.0)
    two = jg.gradient_of(weighted, device="cuda", devices=[0, 1], step=step)
    one = jg.gradient_of(weighted, device="cuda", step=step)
    np.testing.assert_array_equal(two(x, np.ones(7), 0.0), one(x, np.ones(7), 0.0))
    assert all(device.launches for device in two.devices)


@pytest.mark.skipif(SIMULATED, reason="the simulator has one device")
def test_devices_share_the_targets_of_a_sum(regression):
    loss, x, args, _ = regression
    both = jg.grad_cuda(loss, x, args=args, step=1e-5, devices=[0, 1])
    np.testing.assert_array_equal(both, jg.grad_cuda(loss, x, args=args, step=1e-5))


@pytest.mark.skipif(not SIMULATED, reason="the executed PTX has as many devices as it is asked for")
def test_a_device_that_is_not_there():
    with pytest.raises(jg.CudaUnavailableError, match="it has 1, counted from 0"):
        jg.grad_cuda(weighted, np.ones(1), args=(np.ones(1), 0.0), devices=[7])


@pytest.mark.parametrize("devices", [[], [0, 0], [-1], "x"])
def test_devices_must_be_numbers(devices):
    with pytest.raises(ValueError, match="devices must"):
        jg.grad_cuda(weighted, np.ones(1), args=(np.ones(1), 0.0), devices=devices)


def test_options_of_the_other_device_are_refused():
    for options in ({"device": "cuda", "threads": 2}, {"device": "cpu", "devices": [0]}, {"device": "gpu"}):
        with pytest.raises(ValueError, match="Leave that out|device must be one of"):
            jg.gradient_of(weighted, **options)


@pytest.mark.skipif(not SIMULATED, reason="the executed PTX has no streams")
def test_streams_must_be_streams():
    with pytest.raises(TypeError, match="stream must be a stream of numba, CuPy or PyTorch"):
        jg.grad_cuda(weighted, np.ones(1), args=(np.ones(1), 0.0), stream="fast")


def test_prepared_gradients_notice_what_changed():
    weights = np.ones(3)
    g = jg.gradient_of(weighted, device="cuda", step=0.5)
    x = np.array([1.0, 2.0, 3.0])
    np.testing.assert_array_equal(g(x, weights, 0.0), 2.0 * x)
    weights[1] = 10.0
    np.testing.assert_array_equal(g(x, weights, 0.0), [2.0, 40.0, 6.0])
    before = g.devices[0].copied
    g(x, weights, 0.0)
    with_same = g.devices[0].copied - before
    weights[2] = 3.0
    g(x, weights, 0.0)
    assert g.devices[0].copied - before == 2 * with_same + weights.nbytes


def there(g, value):
    return g.devices[0].put(value)


@names
def test_arrays_that_lie_on_the_device_are_not_copied(name, request):
    s = scenario(name)
    g = jg.gradient_of(s.loss, device="cuda", step=jg.Textbook())
    x, args = there(g, s.point), tuple(there(g, v) if isinstance(v, np.ndarray) else v for v in s.args)
    g(x, *args)
    before = g.devices[0].copied
    gradient = g(x, *args)
    value, again = g.value_and_grad(x, *args)
    assert g.devices[0].copied == before
    np.testing.assert_array_equal(gradient.copy_to_host(), again.copy_to_host())
    here = jg.grad_cuda(s.loss, s.point, args=s.args, step=jg.Textbook())
    np.testing.assert_array_equal(gradient.copy_to_host(), here)
    if exact_here(request, name):
        assert value.copy_to_host()[0] == s.loss(s.point.copy(), *s.args)


@pytest.mark.parametrize("method", ["central", "forward", "backward"])
@pytest.mark.parametrize("bounds", [None, (0.5, 3.0)])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_formulas_on_the_device_are_those_of_the_cpu(method, bounds, dtype):
    x = np.array([[0.5, 1.0, 3.0], [2.0, 0.75, 1.5]], dtype)
    g = jg.gradient_of(weighted, device="cuda", method=method, bounds=bounds, step=jg.Relative(1e-2))
    on_device = g(there(g, x), np.ones(3), 0.0).copy_to_host()
    here = jg.grad_cpu(
        weighted, x, args=(np.ones(3), 0.0), method=method, bounds=bounds, step=jg.Relative(1e-2), vectorize="off"
    )
    np.testing.assert_array_equal(on_device, here)


def test_on_the_device_what_cannot_be_computed_is_nan():
    g = jg.gradient_of(weighted, device="cuda", bounds=(0.0, 1.0), step=1e-3)
    x = np.array([0.5, 2.0, np.nan])
    gradient = g(there(g, x), np.ones(3), 0.0).copy_to_host()
    assert np.isnan(gradient).all()


def test_the_default_takes_arrays_on_the_device_too():
    g = jg.gradient_of(weighted, device="cuda")
    x = np.array([1.0, 2.0, 3.0])
    out = there(g, np.zeros(3))
    assert g(there(g, x), np.ones(3), 0.0, out=out) is out
    np.testing.assert_allclose(out.copy_to_host(), 2.0 * x, rtol=1e-9)


@njit
def logistic(k, x, features, labels):
    z = 0.0
    for j in range(x.size):
        z += features[k, j] * x[j]
    return math.log1p(math.exp(-labels[k] * z))


@njit
def n_rows(x, features, labels):
    return labels.size


def logistic_regression(rows):
    rng = np.random.default_rng(1)
    features, labels = rng.normal(size=(rows, 11)), np.sign(rng.normal(size=rows))
    x = 0.1 * rng.normal(size=11)
    exact = -(features * (labels / (1.0 + np.exp(labels * (features @ x))))[:, None]).sum(axis=0)
    return jg.Separable(logistic, n_rows), x, (features, labels), exact


@pytest.fixture
def regression():
    return logistic_regression(30 if SIMULATED else 300)  # Python calls every term there


def worst(gradient, exact):
    return (np.abs(gradient - exact) / np.abs(exact)).max()


def test_differences_of_terms_are_thirty_times_as_accurate():
    loss, x, args, exact = logistic_regression(300)
    by_term = worst(jg.grad_cuda(loss, x, args=args, step=6e-6), exact)
    by_sum = worst(jg.grad_cuda(loss.loss, x, args=args, step=6e-6), exact)
    assert by_term < by_sum / 30.0


def test_no_targets_of_a_sum(regression):
    loss, x, args, _ = regression
    g = jg.gradient_of(loss, device="cuda", step=1e-5, coords=[])
    assert g(x, *args).shape == (0,)
    assert g(there(g, x), *args).shape == (0,)


@pytest.mark.parametrize("method", ["central", "forward"])
@pytest.mark.parametrize("bounds", [None, (-0.05, 0.05)])
def test_differences_of_terms_on_the_device(regression, method, bounds):
    loss, x, args, _ = regression
    x = x if bounds is None else np.clip(x, *bounds)
    options = {"step": 6e-6, "method": method, "bounds": bounds}
    g = jg.gradient_of(loss, device="cuda", **options)
    x_there, args_there = there(g, x), tuple(there(g, array) for array in args)
    g.value_and_grad(x_there, *args_there)
    before = g.devices[0].copied
    value, gradient = g.value_and_grad(x_there, *args_there)
    assert g.devices[0].copied == before
    assert math.isclose(value.copy_to_host()[0], loss(x, *args), rel_tol=1e-13)
    np.testing.assert_array_equal(gradient.copy_to_host(), jg.grad_cuda(loss, x, args=args, **options))


@pytest.mark.parametrize("step", [None, jg.Textbook(), 1e-4])
@pytest.mark.parametrize("method", ["central", "backward"])
def test_sums_of_terms_with_every_kind_of_step(regression, step, method):
    loss, x, args, exact = regression
    value, gradient = jg.value_and_grad_cuda(loss, x, args=args, step=step, method=method)
    assert math.isclose(value, loss(x, *args), rel_tol=1e-13)
    here = jg.grad_cpu(loss, x, args=args, step=step, method=method)
    # Both are off by the same terms of a series. They round differently, by eps**(2 / 3) times f over a derivative,
    # which is up to 1000 here, and some times that in one-sided formulas.
    assert worst(gradient, exact) <= worst(here, exact) + 1e-6
    estimate = jg.estimate_cuda(loss, x, args=args)
    assert (np.abs(estimate.derivative - exact) <= 4.0 * estimate.error).all()


def test_plain_functions_and_every_way_of_jitting():
    def plain(x, a):
        return a * x[0] + abs(x[1]) ** 2

    x = np.array([1.0, 2.0])
    for loss in (plain, njit("float64(float64[::1], float64)")(plain), njit(inline="always")(plain)):
        np.testing.assert_array_equal(jg.grad_cuda(loss, x, args=(3.0,), step=0.5), [3.0, 4.0])


@njit
def of_one_coordinate(k, x):
    return math.sin(k * x[0]) if k > 0 else x[0]


def counting(function, reserved):
    def count(*arguments):
        array = function(*arguments)
        reserved.append(array.size * array.dtype.itemsize)
        return array

    return count


@pytest.mark.parametrize("on_device", [True, False])
@pytest.mark.parametrize("loss", ["weighted", "sum of terms"])
def test_memory_on_the_device_grows_as_the_coordinates_do(monkeypatch, loss, on_device):
    def bytes_reserved(n):
        reserved = []
        chosen = weighted if loss == "weighted" else jg.Separable(of_one_coordinate, 64)
        args = (np.ones(n), 0.0) if loss == "weighted" else ()
        g = jg.gradient_of(chosen, device="cuda", step=0.25)
        device = g.devices[0]
        for name in ("put", "empty"):
            monkeypatch.setattr(device, name, counting(getattr(device, name), reserved))
        x = np.ones(n)
        g(there(g, x) if on_device else x, *args)
        return sum(reserved)

    # From there on partial sums of terms have reached their size. The simulator has fewer threads for them.
    n = 16 if SIMULATED else 128
    few, many = bytes_reserved(n), bytes_reserved(2 * n)
    assert many - few <= 250 * n
    assert few <= 250 * n + 2**21


@njit
def fussy(x):
    if x[0] > 1.0:
        raise ValueError("too large")
    return np.array([x[0], x[1]]).sum()


def test_a_point_at_which_the_loss_raises_does_not_spoil_the_next():
    g = jg.gradient_of(fussy, device="cuda", step=0.25)
    bad, good = there(g, np.array([2.0, 1.0])), there(g, np.array([0.5, 1.0]))
    assert np.isnan(g(bad).copy_to_host()).all()
    np.testing.assert_array_equal(g(good).copy_to_host(), [1.0, 1.0])
