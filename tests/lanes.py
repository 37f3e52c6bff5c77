"""Losses evaluated in lanes directly, without a driver: what tests of lanes compare with the scalar loss."""

import numpy as np

from jitgrad.loss.bind import bind
from jitgrad.loss.compiled import lanes_version
from jitgrad.loss.lanes.compiled import Refused
from jitgrad.loss.trial import ENTRY


def in_lanes(loss, columns, args=()):
    """Evaluate a loss at every column of an array of shape (n, lanes), at once; return the values and the status."""
    columns = np.ascontiguousarray(columns)
    n, count = columns.shape
    bound = bind(loss, np.ascontiguousarray(columns[:, 0]).reshape(1, n), args, (None,) * len(args), (1,))
    version = lanes_version(loss, bound.compiled, count)
    assert not isinstance(version, Refused), version.reason
    block = bound.blocks[0].copy()
    block[1] = version.loss
    values, scratch = np.empty(count), columns.copy()
    status = ENTRY(version.shim)(scratch.ctypes.data, n, values.ctypes.data, block.ctypes.data, 0)
    np.testing.assert_array_equal(scratch, columns)
    return values, status


def refusal(loss, x, args=(), count=8):
    """Return why a loss cannot take lanes."""
    bound = bind(loss, np.asarray(x).reshape(1, -1), args, (None,) * len(args), (1,))
    version = lanes_version(loss, bound.compiled, count)
    assert isinstance(version, Refused)
    return version.reason


def one_by_one(loss, columns, args=()):
    """Evaluate a loss at every column, one after the other."""
    return np.array([float(loss(np.ascontiguousarray(column), *args)) for column in columns.T])
