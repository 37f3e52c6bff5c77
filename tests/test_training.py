"""Surrogate training: samples, fits, trust, checkpoints; each against what is known in closed form, or bit for bit."""

from __future__ import annotations

import math
import re
import sys
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import training_functions as functions
from numba import njit

import jitgrad as jg

torch = pytest.importorskip("torch", reason="PyTorch is there in .ci/frameworks, which fails without it")
from jitgrad.training import Fitting, History, Sampling, SurrogateTrainer, Trust  # noqa: E402
from jitgrad.training.evaluate import Function  # noqa: E402
from jitgrad.training.replay import no_samples  # noqa: E402
from jitgrad.training.trust import At, Check, compare  # noqa: E402

pytestmark = pytest.mark.frameworks

X = np.linspace(-1.0, 1.0, 12)[:, None]
Y = np.full((12, 1), 0.5)


def lbfgs(parameters):
    return torch.optim.LBFGS(parameters, max_iter=100, tolerance_grad=1e-14, tolerance_change=1e-16)


def network(inputs, outputs, *, dropout=0.0, seed=0):
    torch.manual_seed(seed)
    return torch.nn.Sequential(
        torch.nn.Linear(inputs, 16), torch.nn.Tanh(), torch.nn.Dropout(dropout), torch.nn.Linear(16, outputs)
    ).double()


def trainer_of(function=functions.cubic, *, policy=None, surrogate=None, **options):
    torch.manual_seed(0)
    return SurrogateTrainer(
        function,
        torch.nn.Linear(1, 1).double() if policy is None else policy,
        network(2, 1) if surrogate is None else surrogate,
        **{"rng": 1, "fitting": Fitting(surrogate_steps=20, policy_steps=5)} | options,
    )


def state_of(trainer):
    """Everything that training changes."""
    return {
        **{f"policy.{name}": value.clone() for name, value in trainer.policy.state_dict().items()},
        **{f"surrogate.{name}": value.clone() for name, value in trainer.surrogate.state_dict().items()},
        "replay": torch.cat([trainer._state.replay.inputs, trainer._state.replay.outputs], dim=1),
        "randomness": trainer._state.randomness.clone(),
        "radius": torch.tensor(trainer._state.radius),
    }


def assert_same(one, other):
    assert one.keys() == other.keys()
    assert [name for name, value in one.items() if not torch.equal(value, other[name])] == []


# What it finds


def test_the_surrogate_of_a_linear_function_is_that_function():
    A, B, c = np.array([[1.0, -2.0], [0.5, 3.0]]), np.array([[2.0], [-1.0]]), np.array([0.3, 0.7])
    trainer = SurrogateTrainer(
        lambda u, x: A @ u + B @ x + c,
        torch.nn.Linear(1, 2).double(),
        torch.nn.Linear(3, 2).double(),
        surrogate_optimizer=lbfgs,
        fitting=Fitting(surrogate_steps=3, batch=10**6),
        rng=0,
    )
    trainer.run(X, np.zeros((12, 2)))
    # x comes first. The tolerance is that of the optimiser's gradient, over curvatures of 0.01: explore squared.
    np.testing.assert_allclose(trainer.surrogate.weight.detach(), np.hstack([B, A]), atol=1e-8)
    np.testing.assert_allclose(trainer.surrogate.bias.detach(), c, atol=1e-8)


def test_a_linear_surrogate_is_the_least_squares_fit_of_its_samples():
    trainer = trainer_of(
        surrogate=torch.nn.Linear(2, 1).double(),
        surrogate_optimizer=lbfgs,
        fitting=Fitting(surrogate_steps=3, policy_steps=1, batch=10**6),
    )
    fitted_to = []
    trainer._setup.networks.surrogate.register_forward_hook(
        lambda module, inputs, _: fitted_to.append(inputs[0].detach().clone()) if module.training else None
    )
    trainer.run(X, Y)
    inputs = fitted_to[0].numpy()
    outputs = functions.cubic(inputs[:, 1:], inputs[:, :1])
    design = np.hstack([inputs, np.ones((len(inputs), 1))])
    exact = np.linalg.lstsq(design, outputs, rcond=None)[0].ravel()
    found = np.append(trainer.surrogate.weight.detach().numpy(), trainer.surrogate.bias.detach().numpy())
    np.testing.assert_allclose(found, exact, atol=1e-7)


def test_a_policy_finds_the_exact_inverse_of_a_linear_function():
    # 2 u - x = y has the solution u = (x + y) / 2, which is a linear policy.
    trainer = trainer_of(
        lambda u, x: 2.0 * u - x,
        surrogate=torch.nn.Linear(2, 1).double(),
        surrogate_optimizer=lbfgs,
        policy_optimizer=lbfgs,
        fitting=Fitting(surrogate_steps=3, policy_steps=3, batch=10**6),
        trust=Trust(radius=1e3),
    )
    history = trainer.run(X, Y, rounds=3)
    np.testing.assert_allclose(trainer.policy.weight.item(), 0.5, atol=1e-6)
    np.testing.assert_allclose(trainer.policy.bias.item(), 0.25, atol=1e-6)
    assert history[-1].loss < 1e-12


@pytest.mark.parametrize("lambda_", [math.inf, 10.0])
def test_a_policy_is_trained_through_a_function_of_steps(lambda_):
    trainer = trainer_of(fitting=Fitting(lambda_=lambda_), policy=network(1, 1))
    history = trainer.run(X, Y, rounds=12)
    assert history[-1].loss < 0.02 * history[0].before
    # The history's word for it is that of the function.
    u = trainer.policy(torch.as_tensor(X)).detach().numpy()
    assert history[-1].loss == pytest.approx(np.mean((functions.cubic(u, X) - Y) ** 2), rel=1e-12)


def test_a_weight_is_chosen_by_cross_validation():
    # Whatever the weight, the surrogate's first steps towards what the objective wants are honest with inf only.
    candidates = (1e-6, math.inf)
    trainer = trainer_of(fitting=Fitting(lambda_="cv", candidates=candidates, folds=3, policy_steps=200))
    history = trainer.run(X, Y, rounds=2)
    assert {entry.lambda_ for entry in history} == {math.inf}
    assert history[0].evaluations == len(X) + 64 + len(candidates) * len(X) + len(X) * (
        1 + {"trusted": 0, "shortened": 1}.get(history[0].verdict, 2)
    )


# What it evaluates


def counted(count, *, vectorized=False):
    def function(u, x):
        count.append(len(u) if vectorized else 1)
        return functions.cubic(u, x)

    return function


@pytest.mark.parametrize("vectorized", [False, True])
def test_evaluations_are_counted(vectorized):
    count = []
    trainer = trainer_of(
        counted(count, vectorized=vectorized), vectorized=vectorized, trust=Trust(accept=-math.inf, most=1)
    )
    history = trainer.run(X, Y, rounds=3)
    # 64 samples and 12 checks a round, and once what the first policy gives.
    assert sum(count) == trainer.evaluations == 3 * (64 + 12) + 12
    assert history.table()["evaluations"].tolist() == [88, 164, 240]
    # Other data: what the policy gives there is not known.
    trainer.run(X + 0.1, Y)
    assert sum(count) == trainer.evaluations == 240 + 88


def test_where_there_are_many_rows_some_are_checked():
    many = np.linspace(-1.0, 1.0, 100)[:, None]
    trainer = trainer_of(sampling=Sampling(samples=10), trust=Trust(points=7, accept=-math.inf, most=1))
    trainer.run(many, np.zeros(100), rounds=2)
    assert trainer.evaluations == 2 * (7 + 10 + 7)


@njit
def jitted(u, x):
    return u[0] * x[0], u[1] + x[1]


@njit
def jitted_number(u, x):
    return u[0] * x[0]


def both(u, x):
    return np.array([u[0] * x[0], u[1] + x[1]])


def both_together(u, x):
    return np.stack([u[:, 0] * x[:, 0], u[:, 1] + x[:, 1]], axis=1)


PAIRS = np.random.default_rng(0).normal(size=(2, 50, 2))


@pytest.mark.parametrize(
    ("function", "vectorized"), [(jitted, False), (both, False), (both_together, True)], ids=["jit", "turn", "together"]
)
def test_a_function_is_evaluated_at_every_sample(function, vectorized):
    evaluator = Function(function, None, vectorized)
    np.testing.assert_array_equal(evaluator.evaluate(*PAIRS), both_together(*PAIRS))
    assert evaluator.evaluations == 50


def test_a_jitted_function_may_return_a_number():
    values = Function(jitted_number, None, False).evaluate(*PAIRS)
    np.testing.assert_array_equal(values, both_together(*PAIRS)[:, :1])


def test_workers_evaluate_it():
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        evaluator = Function(functions.product_and_sum, pool, False)
        with evaluator.call():
            np.testing.assert_array_equal(evaluator.evaluate(*PAIRS), both_together(*PAIRS))
            np.testing.assert_array_equal(evaluator.evaluate(*PAIRS[:, :3]), both_together(*PAIRS[:, :3]))
        failing = Function(functions.failing, pool, False)
        with pytest.raises(functions.Failed) as failure, failing.call():
            failing.evaluate(*PAIRS)
    assert f"u = {PAIRS[0, 20]}, x = {PAIRS[1, 20]}" in str(failure.value.__notes__)


def test_training_is_the_same_with_workers():
    alone = trainer_of().run(X, Y, rounds=3)
    with ThreadPoolExecutor(3) as threads:
        assert trainer_of(workers=threads).run(X, Y, rounds=3) == alone


def test_a_function_whose_outputs_change_in_number_is_refused():
    with ThreadPoolExecutor(2) as threads, pytest.raises(ValueError, match="same shape everywhere, but"):
        Function(lambda u, x: u if u[0] > 0 else u[:1], threads, False).evaluate(*PAIRS)
    with pytest.raises(ValueError, match="as many numbers at every sample, got"):
        Function(lambda u, x: u if u[0] > 0 else u[:1], None, False).evaluate(*PAIRS)


# Trust


class Lying(torch.nn.Module):
    """A surrogate that says the opposite of the function, whatever it is shown."""

    def __init__(self):
        super().__init__()
        self.useless = torch.nn.Parameter(torch.zeros((), dtype=torch.float64))

    def forward(self, inputs):
        return -inputs[:, 1:] + 0.0 * self.useless


def test_a_surrogate_that_is_wrong_is_caught():
    trainer = trainer_of(lambda u, x: u, surrogate=Lying(), sampling=Sampling(samples=20))
    before = trainer.policy.state_dict()["weight"].clone()
    history = trainer.run(X, np.ones((12, 1)), rounds=4)
    assert [entry.verdict for entry in history] == ["refused"] * 4
    assert all(entry.loss == entry.before for entry in history)
    assert all(entry.error > 0.5 for entry in history)
    assert torch.equal(trainer.policy.weight, before)
    # Half of the radius and twice the samples each time, to four times as many.
    assert history.table()["radius"].tolist() == [3.0, 1.5, 0.75, 0.375]
    assert history.table()["samples"].tolist() == [20, 40, 80, 80]


def test_without_trust_the_same_surrogate_does_harm_and_says_so():
    trainer = trainer_of(lambda u, x: u, surrogate=Lying(), trust=Trust(accept=-math.inf))
    history = trainer.run(X, np.ones((12, 1)), rounds=4)
    assert (np.diff(history.table()["loss"]) > 0).all()
    assert (np.diff(history.table()["promised"]) < 0).all()
    assert (history.table()["error"] > 0.5).all()


def test_the_policy_moves_by_no_more_than_the_radius():
    trainer = trainer_of(
        trust=Trust(radius=0.25), policy_optimizer=lambda parameters: torch.optim.SGD(parameters, lr=10.0)
    )
    before = trainer.policy(torch.as_tensor(X)).detach()
    entry = trainer.run(X, Y)[0]
    after = trainer.policy(torch.as_tensor(X)).detach()
    # In units of explore = 0.1. A linear policy moves with its parameters.
    assert entry.move == pytest.approx(float((after - before).square().mean().sqrt()) / 0.1)
    assert 0 < entry.move <= 0.25 * (1 + 1e-12)


def test_numbers_of_a_check_are_those_of_their_definitions():
    x, target = torch.zeros(3, 1), torch.zeros(3, 1)
    before, after = At(torch.tensor([[1.0], [2.0], [3.0]]), None), At(torch.tensor([[0.0], [1.0], [2.0]]), None)
    before, after = before._replace(y=2 * before.u), after._replace(y=2 * after.u)
    check = compare(
        lambda_module(lambda inputs: inputs[:, 1:]), torch.nn.functional.mse_loss, x, target, before, after,
        torch.tensor([4.0]),
    )  # fmt: skip
    assert (check.before, check.after) == pytest.approx((4 * 14 / 3, 4 * 5 / 3))
    assert (check.promised_before, check.promised) == pytest.approx((14 / 3, 5 / 3))
    assert check.error == pytest.approx(math.sqrt(5 / 3) / 4)
    assert check.kept(0.9)


def lambda_module(function):
    module = torch.nn.Module()
    module.forward = function
    return module


@pytest.mark.parametrize(
    ("check", "share", "kept"),
    [
        (Check(1.0, 0.95, 1.0, 0.0, 0.1), 0.1, False),
        (Check(1.0, 0.85, 1.0, 0.0, 0.1), 0.1, True),
        (Check(1.0, 1.1, 1.0, 1.2, 0.1), 0.1, False),  # the surrogate knew
        (Check(1.0, math.nan, 1.0, 0.0, 0.1), -100.0, False),
        (Check(1.0, math.nan, 1.0, 0.0, 0.1), -math.inf, True),
        (Check(1.0, 1.0, 1.0, 1.0, 0.1), 0.1, True),
    ],
)
def test_promises(check, share, kept):
    assert check.kept(share) is kept


def test_samples_without_a_value_are_left_out_and_counted():
    def sometimes(u, x):
        return np.where(u > 0.3, np.nan, 2.0 * u)

    # All the same for every x, at 0.25, from where u = 0.5 is wanted, which cannot be had.
    policy = torch.nn.Linear(1, 1).double()
    torch.nn.init.zeros_(policy.weight)
    torch.nn.init.constant_(policy.bias, 0.25)
    trainer = trainer_of(sometimes, policy=policy, trust=Trust(radius=20.0), fitting=Fitting(surrogate_steps=50))
    history = trainer.run(X, np.ones((12, 1)), rounds=4)
    assert all(math.isfinite(entry.loss) and entry.loss <= entry.before for entry in history)
    assert history[0].lost > 0
    assert torch.isfinite(trainer._state.replay.outputs).all()
    assert policy(torch.as_tensor(X)).detach().max() <= 0.3
    total = sum(entry.lost for entry in history) + len(trainer._state.replay.row)
    assert total == trainer.evaluations


def test_a_policy_that_works_nowhere_is_refused():
    with pytest.raises(ValueError, match=r"finite for what the policy puts out for at least one row .* all 12\. Start"):
        trainer_of(lambda u, x: np.nan).run(X, Y)


def test_explored_samples_keep_to_their_bounds():
    seen = []

    def function(u, x):
        seen.append(u.copy())
        return u

    trainer = trainer_of(
        function,
        policy=torch.nn.Sequential(torch.nn.Linear(1, 2), torch.nn.Sigmoid()).double(),
        surrogate=network(3, 2),
        sampling=Sampling(explore=(0.5, 1e-9), bounds=((0.0, -np.inf), 1.0)),
    )
    trainer.run(X, np.zeros((12, 2)))
    seen = np.array(seen)
    assert seen[:, 0].min() == 0.0
    assert seen[:, 0].max() == 1.0
    assert np.unique(seen[:, 1].round(6)).size <= 24  # what the policy puts out for 12 rows, twice


def test_the_replay_set_grows_or_is_kept_short():
    trainer = trainer_of(sampling=Sampling(samples=10, keep=25), trust=Trust(accept=-math.inf))
    trainer.run(X, Y, rounds=3)
    assert len(trainer._state.replay.row) == 25
    replay = no_samples()
    for k in range(3):
        row = torch.tensor([k, k])
        replay = replay.grown(row, torch.full((2, 1), float(k)), torch.tensor([[1.0 * k], [math.inf]]), 2)
    assert replay.row.tolist() == [1, 2]
    assert replay.without(torch.tensor([2])).outputs.tolist() == [[1.0]]


# The same again


@pytest.mark.parametrize("lambda_", [math.inf, 5.0, "cv"])
def test_a_checkpoint_goes_on_bit_for_bit(tmp_path, lambda_):
    def make(**options):
        return trainer_of(
            policy=network(1, 1, dropout=0.1),
            surrogate=network(2, 1, dropout=0.1),
            fitting=Fitting(surrogate_steps=20, policy_steps=5, batch=16, lambda_=lambda_),
            **options,
        )

    whole = make()
    whole.run(X, Y, rounds=10)
    half = make()
    half.run(X, Y, rounds=5)
    half.save(tmp_path / "checkpoint")
    resumed = SurrogateTrainer.load(
        tmp_path / "checkpoint", functions.cubic, network(1, 1, dropout=0.1, seed=8), network(2, 1, dropout=0.1, seed=9)
    )
    assert_same(state_of(resumed), state_of(half))
    for trainer in (half, resumed):
        trainer.run(X, Y, rounds=5)
        assert_same(state_of(trainer), state_of(whole))
        assert trainer.history == whole.history
    assert list(tmp_path.iterdir()) == [tmp_path / "checkpoint"]


def test_random_numbers_of_the_caller_are_left_alone():
    trainer = trainer_of()
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    trainer.run(X, Y)
    assert torch.equal(torch.rand(3), expected)


def test_other_seeds_give_other_samples():
    first, second = (trainer_of(rng=seed).run(X, Y) for seed in (1, 2))
    assert first != second
    assert first == trainer_of(rng=np.random.default_rng(1)).run(X, Y)


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, functions.Failed])
@pytest.mark.parametrize("place", [0, 70])  # among the 64 samples of a round, and in its check
def test_an_interrupted_round_leaves_nothing_behind(interrupt, place):
    whole = trainer_of(trust=Trust(most=1))
    whole.run(X, Y, rounds=4)
    left = [10**9]

    def function(u, x):
        left[0] -= 1
        if left[0] < 0:
            raise interrupt
        return functions.cubic(u, x)

    trainer = trainer_of(function, trust=Trust(most=1))
    trainer.run(X, Y, rounds=2)
    before = state_of(trainer)
    left[0] = place
    with pytest.raises(interrupt):
        trainer.run(X, Y)
    assert_same(state_of(trainer), before)
    left[0] = 10**9
    assert trainer.run(X, Y, rounds=2) == whole.history
    assert_same(state_of(trainer), state_of(whole))


# Beside training


def test_a_history_is_a_table_and_a_picture():
    history = trainer_of().run(X, Y, rounds=3)
    table = history.table()
    assert {column.shape for column in table.values()} == {(3,)}
    assert table["round"].tolist() == [1, 2, 3]
    assert len(str(history).splitlines()) == 4
    assert isinstance(history[:2], History)
    assert len(history[:2]) == 2
    above, below = history.plot().axes
    np.testing.assert_array_equal(above.lines[0].get_xydata(), np.c_[table["evaluations"], table["loss"]])
    np.testing.assert_array_equal(below.lines[0].get_ydata(), table["error"])


def test_a_bar_counts_rounds(monkeypatch):
    bars = []

    class Bar(SimpleNamespace):
        def __init__(self, total, unit):
            super().__init__(total=total, unit=unit, done=0, said=[], closed=False)
            bars.append(self)

        def update(self):
            self.done += 1

        def set_postfix_str(self, text, *, refresh):
            assert not refresh
            self.said.append(text)

        def close(self):
            self.closed = True

    monkeypatch.setitem(sys.modules, "tqdm", SimpleNamespace(tqdm=Bar))
    history = trainer_of().run(X, Y, rounds=2, progress=True)
    (bar,) = bars
    assert (bar.total, bar.done, bar.closed) == (2, 2, True)
    assert bar.said[-1] == f"objective {history[-1].loss:.3g}, {history[-1].verdict}"


def test_it_is_found_from_the_package():
    assert jg.training.SurrogateTrainer is SurrogateTrainer
    assert "training" in dir(jg)


# What is refused


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Sampling(samples=0), ValueError, "samples must be at least 1, got 0"),
        (lambda: Sampling(samples=1.5), TypeError, r"samples must be an integer, got 1\.5"),
        (lambda: Sampling(explore=0.0), ValueError, r"explore must be finite and above 0, got 0\.0\. Give"),
        (lambda: Sampling(explore="much"), ValueError, "explore must be a number, or one for each output"),
        (lambda: Sampling(bounds=(1.0, 0.0)), ValueError, r"lower bounds must be below upper ones, got 1\.0 and 0\.0"),
        (lambda: Sampling(bounds=3.0), ValueError, r"bounds must be a pair \(lower, upper\), got 3\.0"),
        (lambda: Fitting(lambda_=0.0), ValueError, r"lambda_ must be above 0 or 'cv', got 0\.0"),
        (lambda: Fitting(lambda_="best"), ValueError, "lambda_ must be above 0 or 'cv', got 'best'"),
        (lambda: Fitting(candidates=()), ValueError, "candidates must hold at least one"),
        (lambda: Fitting(folds=1), ValueError, "folds must be at least 2, got 1"),
        (lambda: Trust(accept=1.0), ValueError, r"accept must be below 1, got 1\.0"),
        (lambda: Trust(radius=math.nan), ValueError, "radius must be above 0, got nan"),
        (lambda: trainer_of(3), TypeError, "function must be something that can be called, got 3"),
        (lambda: trainer_of(policy=abs), TypeError, "policy must be a torch.nn.Module"),
        (lambda: trainer_of(surrogate=torch.nn.ReLU()), TypeError, "surrogate must have parameters"),
        (lambda: trainer_of(policy_optimizer=list), TypeError, "policy_optimizer must make an optimiser"),
        (lambda: trainer_of(trust=0.1), TypeError, r"trust must be Trust\(\.\.\.\), got 0\.1"),
        (lambda: trainer_of().run(X[:, 0], Y), ValueError, r"X must be of shape \(m, n\).* got shape \(12,\)"),
        (lambda: trainer_of().run(X, Y[1:]), ValueError, r"Y must have 12 rows.* got shape \(11, 1\)"),
        (lambda: trainer_of().run(X * np.nan, Y), ValueError, "X and Y must be finite"),
        (lambda: trainer_of().run(X, Y, rounds=-1), ValueError, "rounds must be at least 0, got -1"),
        (lambda: trainer_of().run(X, np.zeros((12, 3))), ValueError, r"one column per output .*, 1, got rows of .*3"),
        (lambda: trainer_of(surrogate=network(2, 3)).run(X, Y), ValueError, r"surrogate must return .*\(64, 1\)"),
        (lambda: trainer_of(policy=Flat()).run(X, Y), ValueError, r"policy must return .*\(76, k\).* got \(76,\)"),
        (lambda: trainer_of(objective=lambda y, t: 1.0).run(X, Y), TypeError, "objective must return a tensor"),
        (lambda: trainer_of(lambda u, x: None).run(X, Y), TypeError, "must return real numbers, got NoneType"),
        (lambda: trainer_of(lambda u, x: u[:3], vectorized=True).run(X, Y), ValueError, r"shape \(76,\) or \(76, p\)"),
        (
            lambda: trainer_of(fitting=Fitting(lambda_="cv", folds=20)).run(X, Y),
            ValueError,
            "as many rows as there are folds, 20, got 12",
        ),
        (
            lambda: trainer_of(surrogate_optimizer=lambda p: torch.optim.SGD(p, lr=1e9)).run(X, Y),
            ValueError,
            "surrogate's error must stay finite",
        ),
        (lambda: SurrogateTrainer.load("x", abs, None, None, rng=1), TypeError, "rng must be left out"),
    ],
)
def test_refusals(make, error, message):
    with pytest.raises(error, match=message):
        make()


class Flat(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = torch.nn.Linear(1, 1).double()

    def forward(self, x):
        return self.inner(x)[:, 0]


def test_another_file_is_no_checkpoint(tmp_path):
    torch.save({"weights": 1.0}, tmp_path / "other")
    with pytest.raises(ValueError, match=r"must be a checkpoint of version 1 .*, got another file"):
        SurrogateTrainer.load(tmp_path / "other", abs, network(1, 1), network(2, 1))


def test_the_program_of_the_page_runs(tmp_path, monkeypatch):
    page = (Path(__file__).parent.parent / "docs" / "surrogates.md").read_text(encoding="utf-8")
    (program,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    found = {}
    exec(program, found)
    assert len(found["history"]) == 15
    assert {path.name for path in tmp_path.iterdir()} == {"training.pt", "training.png"}
