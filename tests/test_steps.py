"""Step rules: the steps they give, and what they refuse."""

import numpy as np
import pytest

import jitgrad as jg
from jitgrad.steps import as_rule

DOUBLE, SINGLE = np.dtype(np.float64), np.dtype(np.float32)


def test_textbook_scales_with_type_and_order():
    for dtype in (DOUBLE, SINGLE):
        for order in (1, 2, 4, 8):
            scaling = jg.Textbook(typical=3.0).scaling(dtype, order)
            np.testing.assert_allclose(scaling.relative, float(np.finfo(dtype).eps) ** (1 / (order + 1)), rtol=1e-15)
            np.testing.assert_allclose(scaling.floor, 3.0 * scaling.relative, rtol=1e-15)


def test_number_and_array_are_absolute():
    assert as_rule(0.5).scaling(DOUBLE, 2).floor == 0.5
    np.testing.assert_array_equal(as_rule([0.5, 0.25]).scaling(DOUBLE, 2).floor, [0.5, 0.25])
    assert isinstance(as_rule(None), jg.Auto)
    rule = jg.Relative(1e-3)
    assert as_rule(rule) is rule


def test_an_array_of_steps_is_copied():
    h = np.array([1e-3, 1e-3])
    rule = jg.Absolute(h)
    h[:] = -1
    np.testing.assert_array_equal(rule.scaling(DOUBLE, 2).floor, [1e-3, 1e-3])


@pytest.mark.parametrize("bad", [0.0, -1e-6, np.nan, np.inf])
@pytest.mark.parametrize("rule", [jg.Absolute, jg.Relative, lambda v: jg.Textbook(typical=v)])
def test_steps_must_be_positive(rule, bad):
    with pytest.raises(ValueError, match="must be finite and above 0, got"):
        rule(bad)


def test_the_bad_coordinate_is_named():
    with pytest.raises(ValueError, match=r"got -1.0 at coordinate 2"):
        jg.Absolute([1e-6, 1e-6, -1.0])
    with pytest.raises(ValueError, match=r"at coordinate \(1, 0\)"):
        jg.Absolute([[1e-6], [0.0]])


def test_other_objects_are_refused():
    with pytest.raises(TypeError, match="step must be a number, an array of numbers or a step rule, got 'big'"):
        as_rule("big")
    with pytest.raises(ValueError, match="r must be one number"):
        jg.Relative([1e-3, 1e-3])
