"""Where values go that a callable returns: one number per probe, or one row of outputs."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from jitgrad._types import FloatArray
from jitgrad.loss.returned import real_number, real_numbers, real_outputs, refuse_other_outputs, rows_of_outputs


class Returns(Protocol):
    """What a list of probes returned; NaN where nothing has been put.

    Parameters
    ----------
    fun : callable
        For messages.
    count : int
        Length of the list.
    """

    def __init__(self, fun: Any, count: int) -> None: ...

    @property
    def values(self) -> FloatArray:
        """One entry or row per probe."""
        ...

    def put(self, k: int, value: Any) -> None:
        """Take what was returned for probe `k`, or raise if it is no such value."""
        ...

    def put_many(self, start: int, count: int, value: Any) -> None:
        """Take what was returned for `count` probes at once."""
        ...

    def forget(self, start: int) -> None:
        """Forget what was returned from `start` on."""
        ...


class Numbers:
    """One real number per probe."""

    def __init__(self, fun: Any, count: int) -> None:
        self._fun = fun
        self.values = np.full(count, np.nan)

    def put(self, k: int, value: Any) -> None:
        """See `Returns`."""
        # A float, of NumPy too, is what most give: looking closer would cost as much as the call.
        self.values[k] = value if isinstance(value, float) else real_number(self._fun, value)

    def put_many(self, start: int, count: int, value: Any) -> None:
        """See `Returns`."""
        self.values[start : start + count] = real_numbers(self._fun, value, count)

    def forget(self, start: int) -> None:
        """See `Returns`."""
        self.values[start:] = np.nan


class Rows:
    """Several outputs per probe, as many everywhere as at the first."""

    number = False
    """Whether one number per probe is welcome too."""

    def __init__(self, fun: Any, count: int) -> None:
        self._fun, self._count = fun, count
        self._rows: FloatArray | None = None

    @property
    def values(self) -> FloatArray:
        """See `Returns`."""
        return np.full(self._count, np.nan) if self._rows is None else self._rows

    def put(self, k: int, value: Any) -> None:
        """See `Returns`."""
        outputs = real_outputs(self._fun, value, number=self.number)
        self._for(outputs.shape)[k] = outputs

    def put_many(self, start: int, count: int, value: Any) -> None:
        """See `Returns`."""
        outputs = rows_of_outputs(self._fun, value, count, number=self.number)
        self._for(outputs.shape[1:])[start : start + count] = outputs

    def forget(self, start: int) -> None:
        """See `Returns`."""
        if self._rows is not None:
            self._rows[start:] = np.nan

    def _for(self, shape: tuple[int, ...]) -> FloatArray:
        if self._rows is None:
            self._rows = np.full((self._count, *shape), np.nan)
        refuse_other_outputs(self._fun, self._rows.shape[1:], shape)
        return self._rows


class NumbersOrRows(Rows):
    """Whichever the callable gives at the first probe, and then everywhere."""

    number = True
