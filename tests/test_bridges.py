"""The same losses through every bridge: values, gradients and second derivatives against exact ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from exact import Exact
from frameworks import framework
from numba import njit, objmode

import jitgrad as jg
from jitgrad.bridges import _host
from jitgrad.bridges._call import Laid
from jitgrad.bridges._host import LayerHost
from jitgrad.testing import scenario, scenarios

ROOT = Path(__file__).parent.parent
FRAMEWORKS = ("pytorch", "tensorflow", "jax")
pytestmark = [
    pytest.mark.frameworks,
    # Of PyTorch 2.14 at its own first use of forward mode.
    pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:FutureWarning"),
    # Of Keras' and TensorFlow's own modules with NumPy 2.4.
    pytest.mark.filterwarnings("ignore:.*__array__.*copy:DeprecationWarning"),
]


@njit
def cubic(x, a):
    s = x[0] * x[1]
    for i in range(x.size):
        s += a[i] * x[i] ** 3
    return s


def cubic_value(x, a):
    return (a * x**3).sum(-1) + x[..., 0] * x[..., 1]


def cubic_gradient(x, a):
    g = 3 * a * x**2
    g[..., 0] += x[..., 1]
    g[..., 1] += x[..., 0]
    return g


def cubic_hessian(x, a):
    h = np.zeros((*x.shape, x.shape[-1]))
    np.einsum("...ii->...i", h)[...] = 6 * a * x
    h[..., 0, 1] += 1
    h[..., 1, 0] += 1
    return h


EXACT = {
    "value": cubic_value,
    "gradient": cubic_gradient,
    "slope": lambda x, a: cubic_gradient(x, a).sum(-1),
    "hessian": cubic_hessian,
    "product": lambda x, a: cubic_hessian(x, a).sum(-1),
}
# The central difference of a cubic is off by a h^2, h = 4e-5 x; the second difference of one along a line by its
# rounding only, 1e-8 of the loss for coordinates near 1.
TOLERANCE = {"value": 1e-14, "gradient": 1e-8, "slope": 1e-8, "hessian": 1e-6, "product": 1e-6}

_rng = np.random.default_rng(3)
POINT, WEIGHTS = 0.5 + _rng.random(3), 0.5 + _rng.random(3)
POINTS, MANY_WEIGHTS = 0.5 + _rng.random((4, 3)), 0.5 + _rng.random((4, 3))


@pytest.fixture(params=FRAMEWORKS)
def fw(request):
    return framework(request.param)


def numpy(array):
    return np.asarray(array.detach() if hasattr(array, "detach") else array)


def error(found, wanted, scale=1.0):
    """Largest error over the largest of the wanted numbers; infinite for another shape."""
    found = numpy(found)
    if found.shape != wanted.shape:
        return np.inf
    return float(np.abs(found - wanted).max() / (np.abs(wanted).max() * scale))


def measured(fw, f, name, way):
    """Error of a way to a derivative, over its tolerance."""
    kind, x, a = name.split()[0], POINT, WEIGHTS
    if kind in {"batch", "each"}:
        a = MANY_WEIGHTS if kind == "each" else a
        kind, x = name.split()[1], POINTS
    found = way(f)(fw.array(x), fw.array(a))
    return error(found, np.asarray(EXACT[kind](x, a)), TOLERANCE[kind])


def test_every_way_to_a_derivative(fw):
    f = fw.loss(cubic)
    errors = {name: measured(fw, f, name, way) for name, way in fw.ways.items()}
    assert {name: ratio for name, ratio in errors.items() if not ratio <= 1} == {}


def test_what_cannot_be_right_is_refused(fw):
    f, x, a = fw.loss(cubic), fw.array(POINT), fw.array(WEIGHTS)
    for name, (way, words) in fw.refused.items():
        with pytest.raises(Exception, match=words):
            pytest.fail(f"{name} gave {numpy(way(f)(x, a))}")


def test_the_page_names_every_way_and_what_is_refused(fw):
    page = (ROOT / "docs" / "bridges.md").read_text()
    bare = {name.removesuffix(" in tf.function").removesuffix(" in jit") for name in (*fw.ways, *fw.refused)}
    assert {name for name in bare if name not in page} == set()


# --- scenarios


@pytest.mark.filterwarnings("ignore::jitgrad.PrecisionWarning")  # of noisy ones: `Auto` says so
def test_gradients_of_all_scenarios(fw):
    misses = {}
    for s in scenarios():
        f, x = fw.loss(s.loss), fw.array(s.point)
        wanted = s.gradient(s.point, *s.args)
        # What `Auto` promises without a warning is 1 %; these are smooth, where it finds five digits and more.
        limit = 1e-2 if s.noise else 1e-5
        off = error(fw.gradient(f)(x, *s.args), wanted, limit)
        if not off <= 1 or numpy(f(x, *s.args)) != s.loss(s.point.copy(), *s.args):
            misses[s.name] = off
    assert misses == {}


@pytest.mark.parametrize("name", ["rosenbrock", "ackley", "sine_bumps"])
def test_second_derivatives_of_scenarios(fw, name):
    s = scenario(name)
    exact = Exact(s)
    h = exact.real(10) ** -20
    columns = []
    for j in range(s.n):
        at = [exact.real(float(v)) for v in s.point]

        def moved(i, d, k, e, at=at):
            point = list(at)
            point[i] += d
            point[k] += e
            return exact(point)

        columns.append(
            [float((moved(i, h, j, h) - moved(i, h, j, -h) - moved(i, -h, j, h) + moved(i, -h, j, -h)) / (4 * h * h))
             for i in range(s.n)]
        )  # fmt: skip
    wanted = np.array(columns).sum(1)
    found = fw.product(fw.loss(s.loss))(fw.array(s.point), *s.args)
    # Rounding of a second difference: 1e-8 of the loss over the square of the length on which it changes.
    assert error(found, wanted) < 1e-4


# --- arrays and arguments


@pytest.mark.parametrize("dtype", [np.float32, np.float64, "bfloat16"])
def test_the_type_is_kept_and_float64_computed_in(fw, dtype):
    @njit
    def seen(x, a):
        return a.sum() * x.sum() + x.itemsize + a.itemsize

    x, a = fw.of_type(POINT, dtype), fw.of_type(WEIGHTS, dtype)
    f = fw.loss(seen)
    value, gradient = f(x, a), fw.gradient(f)(x, a)
    assert value.dtype == gradient.dtype == x.dtype
    wide = lambda array: numpy(fw.of_type(array, np.float64))  # noqa: E731
    assert float(value) == float(fw.of_type(np.array(wide(a).sum() * wide(x).sum() + 16), dtype))
    epsilon = {np.float32: 2e-7, np.float64: 1e-9, "bfloat16": 1e-2}[dtype]
    assert error(fw.of_type(gradient, np.float64), np.full(3, wide(a).sum())) < epsilon


def test_other_arguments_reach_the_loss_as_they_are(fw):
    @njit
    def loss(x, k, table, pair):
        return x[0] * table[k] * pair[0] + x[1] * pair[1]

    f = fw.loss(loss)
    args = (fw.array(np.array(2)), np.arange(4, dtype=np.int32), (3.0, fw.array(np.array(0.5))))
    with pytest.raises(Exception, match="numba refuses it"):  # JAX has an exception of its own, which quotes it
        f(fw.array(POINT), *args[:2], (3.0, "text"))
    found = fw.gradient(f)(fw.array(POINT), *args[:2], (3.0, 0.5))
    assert error(found, np.array([6.0, 0.5, 0.0])) < 1e-9


def test_batches_with_arguments_of_their_own(fw):
    f = fw.loss(cubic, args_axes=(0,))
    x, a = fw.array(POINTS), fw.array(MANY_WEIGHTS)
    assert error(f(x, a), cubic_value(POINTS, MANY_WEIGHTS)) < TOLERANCE["value"]
    assert error(fw.gradient(f)(x, a), cubic_gradient(POINTS, MANY_WEIGHTS)) < TOLERANCE["gradient"]
    assert error(fw.product(f)(x, a), cubic_hessian(POINTS, MANY_WEIGHTS).sum(-1)) < TOLERANCE["product"]
    with pytest.raises(ValueError, match="args_axes must have one entry per argument, 2, got 1"):
        f(x, a, a)


def test_options_pass_through(fw):
    x, a = fw.array(POINT), fw.array(WEIGHTS)
    forward = fw.gradient(fw.loss(cubic, method="forward", step=0.25))(x, a)
    # A forward difference of a x^3 is off by a (3 x h + h^2).
    assert error(forward, cubic_gradient(POINT, WEIGHTS) + WEIGHTS * (0.75 * POINT + 0.0625)) < 1e-12
    chosen = fw.loss(cubic, coords=[2, 0])
    wanted = cubic_gradient(POINT, WEIGHTS) * [1, 0, 1]
    assert error(fw.gradient(chosen)(x, a), wanted) < TOLERANCE["gradient"]
    square = cubic_hessian(POINT, WEIGHTS) * np.outer([1, 0, 1], [1, 0, 1])
    assert error(fw.product(chosen)(x, a), square.sum(-1)) < TOLERANCE["product"]
    with pytest.raises(ValueError, match="order"):
        fw.loss(cubic, order=3)
    with pytest.raises(TypeError, match="njit"):
        fw.loss(cubic_value)


def test_second_derivatives_of_a_black_box(fw):
    x, a = fw.array(POINT), fw.array(WEIGHTS)
    f = fw.loss(cubic.py_func, device="blackbox", workers=map)
    assert error(fw.gradient(f)(x, a), cubic_gradient(POINT, WEIGHTS)) < TOLERANCE["gradient"]
    assert error(fw.product(f)(x, a), cubic_hessian(POINT, WEIGHTS).sum(-1)) < TOLERANCE["product"]


def test_options_reach_all_that_is_prepared(monkeypatch):
    options = {"threads": 1, "vectorize": "off", "bounds": (0.0, None), "step": 1e-3, "order": 4, "method": "central"}
    slope, curvature = {}, {}
    monkeypatch.setattr(_host, "jvp_of", lambda _, **given: slope.update(given) or (lambda *_: np.zeros(4)))
    monkeypatch.setattr(_host, "hvp_of", lambda _, **given: curvature.update(given))
    host = LayerHost(layer, options)
    host.pushed(Laid(POINT, (POINT,), (WEIGHTS,), (None,)))
    host.second(layer, (None,))
    assert slope == {name: options[name] for name in options if name != "vectorize"} | {"args_axes": (None,)}
    assert curvature == {name: options[name] for name in ("threads", "vectorize", "bounds")} | {"args_axes": (None,)}


def test_what_the_loss_raises_is_said(fw):
    @njit
    def picky(x):
        if x[0] > 0:
            raise ValueError("no such point")
        return x[0]

    with pytest.raises(Exception, match="no such point"):
        numpy(fw.gradient(fw.loss(picky))(fw.array(POINT)))


calls: list[int] = []


def count():
    calls.append(1)


def test_evaluations(fw):
    """A value costs one evaluation, and its gradient as many as the formula has and one for the value."""

    @njit
    def counted(x):
        with objmode():
            count()
        return x.sum()

    f, x = fw.loss(counted, step=1e-3, threads=1, vectorize="off"), fw.array(POINT)
    spent = []
    for way in (lambda: f(x), lambda: fw.gradient(f)(x)):
        way()
        calls.clear()
        way()
        spent.append(len(calls))
    assert spent == [1, 7]


# --- layers


@njit
def layer(u, a):
    return np.array([a[0] * u[0] * u[1], u[2] ** 2, a[1] * u.sum(), u[0] ** 3])


def layer_exact(u, a):
    one, zero = np.ones_like(u[..., 0]), np.zeros_like(u[..., 0])
    y = np.stack([a[..., 0] * u[..., 0] * u[..., 1], u[..., 2] ** 2, a[..., 1] * u.sum(-1), u[..., 0] ** 3], -1)
    rows = [
        [a[..., 0] * u[..., 1], a[..., 0] * u[..., 0], zero],
        [zero, zero, 2 * u[..., 2]],
        [a[..., 1] * one] * 3,
        [3 * u[..., 0] ** 2, zero, zero],
    ]
    return y, np.stack([np.stack(row, -1) for row in rows], -2)


@pytest.mark.parametrize("device", ["cpu", "blackbox"])
def test_layers(fw, device):
    f = fw.layer(layer if device == "cpu" else layer.py_func, 4, device=device)
    y, jacobian = layer_exact(POINT, WEIGHTS)
    u, a = fw.array(POINT), fw.array(WEIGHTS)
    assert error(f(u, a), y) < 1e-14
    assert error(fw.gradient(f)(u, a), jacobian.sum(0)) < 1e-8
    second = np.zeros(3)
    second[:2] = WEIGHTS[0]  # of the product, times ones
    second += [6 * POINT[0], 0, 2]
    assert error(fw.product(f)(u, a), second) < TOLERANCE["product"]
    for name, way in fw.layer_ways.items():
        assert error(way(f)(u, a), jacobian) < 1e-8, name


def test_layers_of_batches(fw):
    f = fw.layer(layer, 4, args_axes=(0,))
    y, jacobian = layer_exact(POINTS, MANY_WEIGHTS)
    u, a = fw.array(POINTS), fw.array(MANY_WEIGHTS)
    assert error(f(u, a), y) < 1e-14
    assert error(fw.gradient(f)(u, a), jacobian.sum(-2)) < 1e-8


# --- what is special to one


def test_pytorch_checks_itself():
    torch, f = pytest.importorskip("torch"), framework("pytorch").loss(cubic)
    x, a = torch.tensor(POINT, requires_grad=True), torch.tensor(WEIGHTS)
    # The second check differences a gradient that is itself good to 1e-11: 1e-7 with a step of 1e-4.
    assert torch.autograd.gradcheck(f, (x, a), check_forward_ad=True)
    assert torch.autograd.gradgradcheck(lambda x: f(x, a), (x,), eps=1e-4)
    u = framework("pytorch").layer(layer, 4)
    assert torch.autograd.gradcheck(u, (x, a), check_forward_ad=True)
    assert torch.autograd.gradgradcheck(lambda x: u(x, a), (x,), eps=1e-4)


def test_pytorch_tensors_in_awkward_memory():
    import torch

    f = framework("pytorch").loss(cubic)
    x = torch.tensor(np.stack([POINT, POINT], 1), requires_grad=True)
    assert not x[:, 0].is_contiguous()
    (g,) = torch.autograd.grad(f(x[:, 0], torch.tensor(WEIGHTS)), x)
    assert error(g, np.stack([cubic_gradient(POINT, WEIGHTS), np.zeros(3)], 1)) < TOLERANCE["gradient"]
    assert error(f(torch.tensor(POINTS).T.contiguous().T, torch.tensor(WEIGHTS)), cubic_value(POINTS, WEIGHTS)) < 1e-14


# Of `opcheck`, about tensors of its own.
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf:UserWarning")
def test_pytorch_compiles_an_operator():
    framework("pytorch")
    import torch

    f = jg.torch_custom_op(cubic, "cubic")
    x, a = torch.tensor(POINT, requires_grad=True), torch.tensor(WEIGHTS)
    whole = torch.compile(lambda x: 2.0 * f(x + 0.0, a), fullgraph=True, backend="aot_eager")
    (g,) = torch.autograd.grad(whole(x), x)
    assert error(g, 2 * cubic_gradient(POINT, WEIGHTS)) < 1e-8
    (g,) = torch.autograd.grad(f(x, a), x, create_graph=True)
    assert error(torch.autograd.grad(g.sum(), x)[0], cubic_hessian(POINT, WEIGHTS).sum(0)) < TOLERANCE["product"]
    checks = torch.library.opcheck(torch.ops.jitgrad.cubic.default, (x, [], [a]))
    assert set(checks.values()) == {"SUCCESS"}


@njit
def pinball(x, y):
    """Of quantile 0.7; its minimum over constants is that quantile of y."""
    s = 0.0
    for i in range(x.size):
        d = y[i] - x[i]
        s += max(0.7 * d, -0.3 * d)
    return s / x.size


@pytest.mark.filterwarnings("ignore::jitgrad.PrecisionWarning")  # where a prediction lies on the kink
def test_keras_trains():
    framework("tensorflow")
    import keras
    import tensorflow as tf

    keras.utils.set_random_seed(1)
    f = jg.tf_loss(pinball, step=1e-4)
    x, y = _rng.normal(size=(400, 1)).astype("float32"), _rng.normal(size=(400, 1)).astype("float32")
    y += 2.0 * x
    model = keras.Sequential([keras.layers.Input((1,)), keras.layers.Dense(1)])
    flat = lambda tensor: tf.reshape(tensor, [-1])  # noqa: E731
    model.compile(
        keras.optimizers.SGD(0.5), loss=lambda y_true, y_pred: f(flat(y_pred), flat(y_true)), jit_compile=False
    )
    history = model.fit(x, y, epochs=15, batch_size=60, verbose=0).history["loss"]
    # 70 % of the data lie below a fitted line; batches of 60 and this rate leave some per cent.
    assert abs(float((y < model.predict(x, verbose=0)).mean()) - 0.7) < 0.05
    assert history[-1] < 0.5 * history[0]


def test_iminuit_takes_gradients():
    from iminuit import Minuit

    @njit
    def bowl(x, a):
        return (a * (x - a) ** 2).sum() + 1.0

    g = jg.gradient_of(bowl)
    m = Minuit(lambda x: bowl(x, WEIGHTS), POINT, grad=lambda x: g(x, WEIGHTS))
    m.migrad()
    assert m.valid
    np.testing.assert_allclose(m.values, WEIGHTS, rtol=1e-6)
