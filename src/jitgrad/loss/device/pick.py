"""The arguments of one point of a batch, chosen on the device: an array of arguments becomes its row."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from jitgrad.loss.device.form import for_kernels
from jitgrad.loss.device.target import SIMULATED


def picker(vary: tuple[bool, ...]) -> Any:
    """Return a device function ``pick(args, point)``.

    Parameters
    ----------
    vary : tuple of bool
        For each argument whether it is an array whose first axis runs along the points.

    Returns
    -------
    callable
        Its result is `args` with ``args[k][point]`` in place of every ``args[k]`` that varies.
    """
    if not any(vary):
        return for_kernels(lambda args, point: args)
    if SIMULATED:
        return lambda args, point: tuple(a[point] if v else a for a, v in zip(args, vary, strict=True))

    @intrinsic(target="generic")  # type: ignore[untyped-decorator]  # numba is untyped
    def pick(typing: Any, args: Any, point: Any) -> Any:
        kinds = types.BaseTuple.from_types(picked(tuple(args), vary))

        def emit(context: Any, builder: ir.IRBuilder, signature: Any, values: Any) -> Any:
            tuple_type, (whole, position) = signature.args[0], values
            members = cgutils.unpack_tuple(builder, whole, len(tuple_type))
            rows = [
                _emit_row(context, builder, ty, member, position) if v else member
                for ty, member, v in zip(tuple_type, members, vary, strict=True)
            ]
            return context.make_tuple(builder, signature.return_type, rows)

        return kinds(args, types.intp), emit

    return pick


def picked(kinds: tuple[Any, ...], vary: tuple[bool, ...]) -> tuple[Any, ...]:
    """Return the types of the arguments of one point."""
    return tuple(_row(ty) if v else ty for ty, v in zip(kinds, vary, strict=True))


def _row(ty: Any) -> Any:
    return ty.dtype if ty.ndim == 1 else ty.copy(ndim=ty.ndim - 1)


def _emit_row(context: Any, builder: ir.IRBuilder, ty: Any, value: Any, position: Any) -> Any:
    """Emit ``value[position]`` for an array in C order."""
    array = context.make_array(ty)(context, builder, value)
    shape, strides = (cgutils.unpack_tuple(builder, part, ty.ndim) for part in (array.shape, array.strides))
    data = cgutils.pointer_add(builder, array.data, builder.mul(position, strides[0]), array.data.type)
    if ty.ndim == 1:
        return context.unpack_value(builder, ty.dtype, data)
    row = context.make_array(_row(ty))(context, builder)
    row.data, row.itemsize = data, array.itemsize
    row.shape, row.strides = cgutils.pack_array(builder, shape[1:]), cgutils.pack_array(builder, strides[1:])
    row.nitems = builder.sdiv(array.nitems, shape[0])
    row.meminfo, row.parent = (cgutils.get_null_value(member.type) for member in (array.meminfo, array.parent))
    return row._getvalue()
