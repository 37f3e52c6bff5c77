"""The jury of `benchmarks.trust` itself: estimators that know the truth and pass on what they please."""

import numpy as np
import pytest
from losses import quadratic

import jitgrad as jg
from benchmarks.jury.contestants import Answer, Gradient, central, contestant, counted
from benchmarks.jury.estimates import trial
from benchmarks.jury.gradients import judge as judge_gradient
from benchmarks.jury.judge import judge, knows_noise
from benchmarks.jury.oracle import _median_of_folded, best_central, best_fixed
from benchmarks.jury.tables import accuracy_row, coverage, found_noise, mean_of_means, median_of_medians, worst
from benchmarks.trust import report
from jitgrad.prepared.session import Session
from jitgrad.testing.problems import Noise, course, problem, vector_losses

DOUBLE = np.dtype(np.float64)
CLEAN = Noise()


def knower(p, *, off=0.0, bar=1e-3, trusted=True, noise=1.0, pairs=1):
    """An estimator that knows the derivative, is `off` it by a relative error, and claims what it is told to."""

    def estimator(evaluator, lower, upper, dtype, noise_hint):
        evaluator.at_points()
        m = len(evaluator.points)
        for _ in range(2 * pairs):
            evaluator.displaced(np.arange(m), evaluator.points[:, 0])
        d = p.derivative(evaluator.points[:, 0]) * (1 + off)
        return Answer(
            d, np.abs(d) * bar, np.full(m, noise), np.full(m, 2 * pairs), np.full(m, trusted), np.zeros(m, int)
        )

    return estimator


def test_the_truth_passes():
    p = problem("quintic")
    sheet = judge(knower(p), p, DOUBLE, CLEAN)
    assert sheet.covered.all()
    assert sheet.trusted.all()
    assert not sheet.silent.any()
    assert not sheet.failed.any()
    assert np.array_equal(sheet.error, np.zeros(100))
    assert np.isinf(sheet.width).all()
    assert np.array_equal(sheet.evaluations, np.full(100, 3))
    assert sheet.miscounted == 0


@pytest.mark.parametrize(("off", "trusted", "silent"), [(0.02, True, 100), (0.02, False, 0), (0.005, True, 0)])
def test_what_is_wrong_by_more_than_one_per_cent_and_trusted_is_silently_wrong(off, trusted, silent):
    p = problem("quintic")
    sheet = judge(knower(p, off=off, trusted=trusted), p, DOUBLE, CLEAN)
    assert np.count_nonzero(sheet.silent) == silent
    assert np.allclose(sheet.error, off, rtol=1e-10, atol=0)
    assert not sheet.covered.any()
    assert np.allclose(sheet.width, 1e-3 * (1 + off) / off, rtol=1e-10, atol=0)


def test_failures_are_no_silent_errors_and_no_successes():
    p = problem("quintic")
    sheet = judge(knower(p, off=np.nan), p, DOUBLE, CLEAN)
    assert sheet.failed.all()
    assert not sheet.silent.any()
    assert not sheet.covered.any()
    assert not sheet.trusted.any()
    assert median_of_medians([sheet]) == np.inf


def test_evaluations_are_counted_by_the_jury():
    p = problem("quintic")

    def cheat(*arguments):
        return knower(p, pairs=3)(*arguments)._replace(evaluations=np.full(100, 2))

    sheet = judge(cheat, p, DOUBLE, CLEAN)
    assert np.array_equal(sheet.evaluations, np.full(100, 7))
    assert sheet.miscounted == 100


def test_optima_are_judged_against_a_typical_slope():
    p = problem("bowl")

    def constant(evaluator, lower, upper, dtype, noise_hint):
        m = len(evaluator.points)
        return Answer(*(np.full(m, value) for value in (0.015, 0.5, 0.0, 0, True, 0)))

    sheet = judge(constant, p, DOUBLE, CLEAN)
    at_zero = np.flatnonzero(sheet.course.derivative == 0.0)
    assert at_zero.size == 1
    assert sheet.error[at_zero[0]] == pytest.approx(0.015 / 2.0)
    assert not sheet.silent[at_zero[0]]


def test_the_noise_level_counts_where_it_is_known():
    p = problem("quintic")
    for factor, found in ((1.0, 1.0), (3.9, 1.0), (4.1, 0.0), (1 / 3.9, 1.0), (1 / 4.1, 0.0)):
        c = course(p, noise=Noise(1e-4))

        def estimator(*arguments, sigma=factor * c.sigma):
            return knower(p)(*arguments)._replace(noise=sigma)

        assert found_noise([judge(estimator, p, DOUBLE, Noise(1e-4))]) == found
    assert np.isnan(found_noise([judge(knower(p), p, DOUBLE, CLEAN)]))
    # sin(1e9 x) rounds its phase by 1e-7, which is more than the noise.
    fast = problem("sine_1e9")
    assert np.mean(knows_noise(fast, course(fast, noise=Noise(1e-12)), DOUBLE)) < 0.1


def test_figures_of_several_problems():
    good, bad = (problem(name) for name in ("quintic", "gauss"))
    sheets = [judge(knower(good), good, DOUBLE, CLEAN), judge(knower(bad, off=0.5), bad, DOUBLE, CLEAN)]
    assert mean_of_means(sheets) == pytest.approx(0.25)
    assert median_of_medians(sheets) == pytest.approx(0.25)
    assert coverage(sheets) == 0.5
    assert worst(sheets).problem is bad
    line = accuracy_row("all", sheets)
    assert line[:8] == ["all", "2", "0.25", "0.25", "3.0", "3", "0", "100"]
    assert line[8:11] == ["0.0", "50.0", "gauss 0.0"]


@pytest.mark.parametrize(("ratio", "median"), [(0.0, 0.6744897501960817), (6.0, 6.0)])
def test_median_of_a_folded_normal_number(ratio, median):
    # The quartile of a normal number; and far from 0 the fold does not matter.
    assert _median_of_folded(ratio) == pytest.approx(median, abs=1e-9)


def test_the_oracle_reaches_what_theory_says_it_can():
    # sin where it is steepest: bias h^2 / 6, spread sigma / (sqrt(2) h), best step near (3 sigma)^(1/3). So the error
    # grows as sigma^(2/3): 100 times for 1000. A factor of 1.5 keeps that apart from powers of 0.6 and 0.75.
    p = problem("sine_at_roots")
    errors = [np.median(best_central(p, np.full(100, sigma))) for sigma in (1e-9, 1e-6)]
    assert 100 / 1.5 < errors[1] / errors[0] < 100 * 1.5
    h = (3e-6) ** (1 / 3)
    assert errors[1] < h**2 / 6 + 1e-6 / (np.sqrt(2) * h)


def test_the_best_fixed_step_is_better_than_that_of_the_textbook():
    p = problem("quintic")
    c = course(p, np.float32)
    x = c.evaluator.points[:, 0]
    best = best_fixed(p, x, c.derivative, np.ones(100, bool))
    textbook = central(c.evaluator, x, x, np.dtype(np.float32), None)
    assert np.median(best) <= np.median(np.abs(textbook.derivative - c.derivative))
    assert best.shape == (100,)


def test_a_trial_sets_the_oracle_beside_the_estimator_except_on_stairs():
    def twice_as_bad(evaluator, lower, upper, dtype, noise_hint):
        x = evaluator.points[:, 0]
        return central(evaluator, lower, upper, dtype, noise_hint)._replace(derivative=np.full(x.size, np.nan))

    t = trial(twice_as_bad, [problem("quintic"), problem("floor")], Noise(1e-4))
    assert np.isinf(t.against_oracle[0])
    assert np.isnan(t.against_oracle[1])


def test_a_trial_leaves_out_what_the_noise_hides():
    which = [problem("ripple_on_bowl"), problem("sine_1e4")]
    names = [[s.problem.name for s in trial(central, which, Noise(level)).sheets] for level in (1e-4, 1e-2)]
    assert names == [["ripple_on_bowl", "sine_1e4"], ["sine_1e4"]]


def test_gradients_are_judged_by_what_they_warn_of():
    (v,) = (v for v in vector_losses() if v.name == "kinks")
    wrong = v.gradient.copy()
    wrong[:3] = (np.nan, 2 * wrong[1], 2 * wrong[2])

    def gradient(loss, x, args):
        return Gradient(wrong, np.array([0, 1]), 250)

    result = judge_gradient(gradient, v)
    assert np.array_equal(np.flatnonzero(result.wrong), [0, 1, 2])
    assert np.array_equal(np.flatnonzero(result.wrong & ~result.flagged), [2])
    assert np.array_equal(np.flatnonzero(result.failed), [0])
    assert result.evaluations == 250


def test_evaluations_of_gradients_are_counted_while_they_are_watched():
    attempt, x = Session.attempt, np.array([0.5, 1.5, 2.5])
    for _ in range(3):  # a prepared gradient remembers that one compiled call will do
        jg.grad_cpu(quadratic, x, step=1e-3)
    with counted() as sizes:
        jg.grad_cpu(quadratic, x, step=1e-3)  # central: not at x itself
        jg.value_and_grad_cpu(quadratic, x, step=1e-3)
        jg.grad_cpu(quadratic, x, step=1e-3, method="forward", coords=[1])
    jg.grad_cpu(quadratic, x, step=1e-3)
    assert sizes == [6, 7, 2]
    assert Session.attempt is attempt


def test_contestants_are_found_here_and_elsewhere():
    assert contestant("central") is central
    assert contestant("benchmarks.jury.contestants:central") is central


def test_the_verdict_has_all_its_parts():
    text = report("estimate", "central", held_out=False, quick=True)
    for title in ("Figures", "Clean", "Noisy", "Single precision"):
        assert f"## {title}\n" in text
    assert "| points whose evaluations are counted wrongly | 0 | 0 |" in text
    assert "`python -m benchmarks.trust estimate --quick --by central`: development set, a sample" in text
