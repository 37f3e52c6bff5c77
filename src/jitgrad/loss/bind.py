"""A loss together with the arguments of one call, laid out for the drivers."""

from __future__ import annotations

import weakref
from typing import Any, NamedTuple

import numba
import numpy as np
from numba import config
from numba.core import types

from jitgrad._types import Array, IntArray
from jitgrad.loss.accept import collects_rest, loss_name
from jitgrad.loss.arguments import BatchedArguments, batched_arguments, call_from_python
from jitgrad.loss.compiled import CompiledLoss, compile_loss
from jitgrad.loss.interpreted import interpreted_loss
from jitgrad.loss.lane_use import LaneUse
from jitgrad.loss.native import native_form
from jitgrad.loss.pack import HEAD, WORD, arrays, words
from jitgrad.loss.trial import bytes_at, changed_arrays, evaluation_seconds

CACHE_LINE = 64
_MUTABLE = (types.ListType, types.DictType, types.ClassInstanceType, types.List, types.Set)


class BoundLoss(NamedTuple):
    """What a driver needs to evaluate a loss, and what keeps it valid.

    Attributes
    ----------
    entry : ndarray of int64, shape (6,)
        Address of the shim; address of that for lanes, and how many it evaluates at once (1: it is not used); bytes
        from one point's block to the next (0 if all points share one); whether the loss may write to ``x``, so
        that every evaluation needs a fresh copy; and whether lanes share products (`jitgrad.loss.sharing`).
    blocks : ndarray of int64, shape (points or 1, words)
        Arguments of each point, or of all.
    private : ndarray of int64, shape (arrays, 4)
        Arrays the loss writes to, of which every evaluation gets a fresh copy: word of the data pointer,
        bytes from the lowest address to it, size in bytes, and size with padding.
    serial : bool
        Whether evaluations must not run at the same time.
    threaded : bool
        Whether the loss starts threads itself.
    lanes : LaneUse
        Whether lanes are used, and why not.
    compiled : CompiledLoss or None
        The scalar version; None where the loss is interpreted.
    loss, values : the Python function and, for each point, its arguments
    owners : list
        Objects that must live as long as the addresses.
    """

    entry: IntArray
    blocks: IntArray
    private: IntArray
    serial: bool
    threaded: bool
    lanes: LaneUse
    compiled: CompiledLoss | None
    loss: Any
    values: BatchedArguments
    owners: list[Any]

    def seconds(self, points: Array) -> float:
        """Time one evaluation; the arrays the loss writes to are not the caller's."""
        block = self.blocks[0].copy()
        copies = []
        for word, shift, size, _ in self.private:
            copies.append(bytes_at(int(block[word] - shift), int(size)).copy())
            block[word] = copies[-1].ctypes.data + shift
        return evaluation_seconds(int(self.entry[0]), points[0], block)

    def evaluate(self, x: Array, point: int) -> Any:
        """Call the loss itself, from Python, at one point; the caller's arguments are not handed out."""
        return call_from_python(self.loss, x, self.values.at(point))


def bind(
    loss: Any, points: Array, args: tuple[Any, ...], axes: tuple[int | None, ...], batch: tuple[int, ...]
) -> BoundLoss:
    """Compile a loss for its arguments and lay them out.

    Parameters
    ----------
    loss : numba dispatcher
    points : ndarray of shape (m, n)
        Points of the batch, at least one; float64 or float32.
    args : tuple
        What follows ``x``.
    axes : tuple
        For each argument the axis that runs along the batch, or None.
    batch : tuple of int
        Shape of the batch; its product is m.

    Raises
    ------
    LossCompileError
        If the loss does not compile for these types.
    TypeError
        If numba knows no type for an argument.
    """
    values = batched_arguments(loss, args, axes, batch)
    if config.DISABLE_JIT:
        return _bind_interpreted(loss, points, values)
    kinds = _types_of(loss, values.at(0))
    compiled = compile_loss(loss, numba.typeof(points).dtype, kinds)
    layout = _pack if compiled.packed else _store
    blocks, owners = layout(compiled, values, kinds)
    private = _private_arrays(compiled, points, values, kinds, blocks)
    if len(private) and not compiled.packed:
        raise ValueError(
            f"loss {loss_name(loss)!r} must not write to an array in args while another argument is a string, "
            "list, dict or object. Copy the array inside the loss."
        )
    return BoundLoss(
        entry=np.array([compiled.shim, 0, 1, blocks.strides[0] * values.vary, not compiled.effects.x_read_only, 0]),
        blocks=blocks,
        private=private,
        threaded=compiled.threaded,
        lanes=LaneUse(),
        compiled=compiled,
        serial=compiled.threaded or any(map(_is_mutable, kinds)),
        loss=loss,
        values=values,
        owners=[compiled, *owners],
    )


def rebind(bound: BoundLoss, points: Array, args: tuple[Any, ...]) -> BoundLoss | None:
    """Lay out other arguments for a loss that is compiled and measured already; None if that will not do.

    Arrays may differ in what they hold, and numbers of type float. Whatever else is different may cost another time or
    have another type.

    Parameters
    ----------
    bound : BoundLoss
        From a call with the same axes, and points of the same shape and type.
    points : ndarray of shape (m, n)
    args : tuple
    """
    before = bound.values.shared[: len(args)]
    if bound.compiled is None or not bound.compiled.packed or collects_rest(bound.loss):
        return None
    if not all(map(_are_alike, before, args)):
        return None
    values = bound.values._replace(shared=(*args, *bound.values.shared[len(args) :]))
    kinds = bound.compiled.given[1:]
    blocks, owners = _pack(bound.compiled, values, kinds)
    blocks[:, 1] = bound.blocks[0, 1]
    private = _private_arrays(bound.compiled, points, values, kinds, blocks)
    if not np.array_equal(private, bound.private):
        return None
    code = [owner for owner in bound.owners if not isinstance(owner, BatchedArguments)]
    # The entry is copied: it says how many lanes are used now.
    return bound._replace(
        entry=bound.entry.copy(), blocks=blocks, private=private, values=values, owners=[*code, *owners]
    )


def _are_alike(before: Any, now: Any) -> bool:
    """Whether compiled code takes one for the other without a difference that can be known in advance."""
    if type(now) is type(before) is np.ndarray:
        kind = (before.dtype, before.shape, before.strides, before.flags.writeable, before.flags.aligned)
        return kind == (now.dtype, now.shape, now.strides, now.flags.writeable, now.flags.aligned)
    return now is before or (type(now) is type(before) is float)


def _bind_interpreted(loss: Any, points: Array, values: BatchedArguments) -> BoundLoss:
    shim, owner = interpreted_loss(lambda x, point: call_from_python(loss, x, values.at(point)), points.dtype)
    return BoundLoss(
        entry=np.array([shim, 0, 1, WORD * values.vary, True, 0]),
        blocks=np.arange(values.points, dtype=np.int64).reshape(-1, 1),
        private=np.empty((0, 4), np.int64),
        threaded=False,
        lanes=LaneUse(),
        compiled=None,
        serial=True,
        loss=loss,
        values=values,
        owners=[owner],
    )


def _types_of(loss: Any, values: tuple[Any, ...]) -> tuple[Any, ...]:
    kinds = []
    for k, value in enumerate(values):
        try:
            kinds.append(numba.typeof(value))
        except ValueError as error:
            raise TypeError(
                f"args[{k}] of loss {loss_name(loss)!r} must be something numba can type, got {value!r} of type "
                f"{type(value).__name__}. Pass numbers, arrays, tuples, strings or numba's typed containers."
            ) from error
    if collects_rest(loss):
        kinds[-1] = types.StarArgTuple.from_types(tuple(numba.typeof(v) for v in values[-1]))
    return tuple(kinds)


def _is_mutable(ty: Any) -> bool:
    if isinstance(ty, types.BaseTuple):
        return any(map(_is_mutable, ty))
    return isinstance(ty, _MUTABLE)


def _pack(compiled: CompiledLoss, values: BatchedArguments, kinds: tuple[Any, ...]) -> tuple[IntArray, list[Any]]:
    """Lay the arguments of every point out in words."""
    columns = [np.tile(np.array([compiled.loss, 0]), (values.points, 1))]
    for first, value, axis, ty in zip(values.at(0), values.shared, values.axes, kinds, strict=True):
        column = np.tile(np.array(words(first, ty), np.int64), (values.points, 1))
        if axis is not None:
            _vary(column, value, axis, values.batch, ty)
        columns.append(column)
    return np.ascontiguousarray(np.hstack(columns)), [values]


def _vary(column: IntArray, value: Array, axis: int, batch: tuple[int, ...], ty: Any) -> None:
    """Make the words of an argument follow the batch, in place."""
    if isinstance(ty, types.Array):
        strides = value.strides[axis : axis + len(batch)]
        column[:, 0] += np.tensordot(strides, np.indices(batch), 1).reshape(-1)
        return
    wide = np.complex128 if isinstance(ty, types.Complex) else np.float64 if isinstance(ty, types.Float) else np.int64
    column[:] = np.ascontiguousarray(value.reshape(-1).astype(wide)).view(np.int64).reshape(column.shape)


def _store(compiled: CompiledLoss, values: BatchedArguments, kinds: tuple[Any, ...]) -> tuple[IntArray, list[Any]]:
    """Let numba unbox the arguments of every point into its own form."""
    size, store, release = native_form(types.BaseTuple.from_types(kinds))
    blocks = np.zeros((values.points, HEAD + -(-size // WORD)), np.int64)
    blocks[:, 0] = compiled.loss
    owners: list[Any] = [values]
    for block, point in zip(blocks, range(values.points), strict=True):
        store(block, values.at(point))
        owner = _Reference()
        weakref.finalize(owner, release, block)
        owners.append(owner)
    return blocks, owners


class _Reference:
    """Stands for the references that a stored tuple holds; they end with it."""


def _private_arrays(
    compiled: CompiledLoss, points: Array, values: BatchedArguments, kinds: tuple[Any, ...], blocks: IntArray
) -> IntArray:
    """Find the arrays in args of which every evaluation needs a copy of its own."""
    found = []
    position = HEAD
    for value, ty in zip(values.at(0), kinds, strict=True):
        found += [(position + word, array) for word, array in arrays(value, ty)]
        position += len(words(value, ty)) if compiled.packed else 0
    doubtful = [
        place
        for place, proved in zip(found, compiled.effects.arrays_read_only, strict=True)
        if not proved and place[1].size
    ]
    rows = []
    for word, low, size, data in changed_arrays(compiled, points[0], blocks[0], doubtful) if doubtful else ():
        rows.append((word, data - low, size, -(-size // CACHE_LINE) * CACHE_LINE))
    return np.array(rows, np.int64).reshape(-1, 4)
