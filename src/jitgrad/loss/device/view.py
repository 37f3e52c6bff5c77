"""The perturbed view: reads like the array ``x``, except that ``x[i]`` reads ``v``. Nothing is copied.

It is one numba type for CPU and CUDA, {pointer, length, stride, i, v}, and owns nothing. The displaced value is stored
and not the displacement, so that an access is a load, a comparison and a selection without arithmetic, and all
other elements stay as they are (``x + 0.0`` would turn -0.0 into 0.0). It cannot be written to.
"""

from __future__ import annotations

import operator
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.imputils import RefType, iternext_impl, lower_builtin
from numba.extending import intrinsic, models, overload, overload_attribute, register_model
from numba.np.numpy_support import as_dtype

NOWHERE = -1

MOST_VIEWED = 2**31 - 1
"""Elements that a view may have: positions are computed in 32 bits.

A GPU adds 64 bits in two steps and keeps them in two registers; with 64 bits the kernel of a sum over pairs of atoms
takes 46 registers, with 32 it takes 40.
"""

_COMPARED = ir.IntType(32)


class View(types.IterableType):  # type: ignore[misc]  # numba is untyped
    """Type of a perturbed view.

    Parameters
    ----------
    dtype : numba type
        Type of the elements.
    contiguous : bool
        Whether elements follow each other in memory.
    """

    mutable = False
    ndim = 1

    def __init__(self, dtype: Any, contiguous: bool) -> None:
        self.dtype = dtype
        self.contiguous = contiguous
        super().__init__(name=f"View({dtype}, {'C' if contiguous else 'A'})")

    @property
    def iterator_type(self) -> Any:
        """Type of what ``iter`` gives."""
        return ViewIterator(self)


class ViewIterator(types.SimpleIteratorType):  # type: ignore[misc]
    """Type of an iterator over a perturbed view."""

    def __init__(self, parent: View) -> None:
        self.parent = parent
        super().__init__(name=f"iter({parent.name})", yield_type=parent.dtype)


@register_model(View)
class _ViewModel(models.StructModel):  # type: ignore[misc]
    def __init__(self, manager: Any, view: View) -> None:
        members = [
            ("data", types.CPointer(view.dtype)),
            ("size", types.intp),
            ("stride", types.intp),
            ("i", types.intp),
            ("v", view.dtype),
        ]
        super().__init__(manager, view, members)


@register_model(ViewIterator)
class _IteratorModel(models.StructModel):  # type: ignore[misc]
    def __init__(self, manager: Any, iterator: ViewIterator) -> None:
        members = [("position", types.EphemeralPointer(types.intp)), ("view", iterator.parent)]
        super().__init__(manager, iterator, members)


def _fields(context: Any, builder: ir.IRBuilder, view: View, value: ir.Value | None = None) -> Any:
    return cgutils.create_struct_proxy(view)(context, builder, value=value)


def _element(builder: ir.IRBuilder, view: View, fields: Any, j: ir.Value) -> ir.Value:
    """Emit ``v if j == i else data[j]``; j counts from the start."""
    if view.contiguous:
        address = builder.gep(fields.data, [j])
    else:
        address = cgutils.pointer_add(builder, fields.data, builder.mul(j, fields.stride), fields.data.type)
    displaced = builder.icmp_signed("==", builder.trunc(j, _COMPARED), builder.trunc(fields.i, _COMPARED))
    return builder.select(displaced, fields.v, builder.load(address))


def emit_view(context: Any, builder: ir.IRBuilder, view: View, array: Any, i: ir.Value, v: ir.Value) -> ir.Value:
    """Emit a view of a one-dimensional array, given as numba's array structure."""
    fields = _fields(context, builder, view)
    fields.data = array.data
    fields.size = builder.extract_value(array.shape, 0)
    fields.stride = builder.extract_value(array.strides, 0)
    fields.i = i
    fields.v = v
    return fields._getvalue()


def view_type(array: Any) -> View:
    """Return the type of a view of arrays of this numba type."""
    return View(array.dtype, array.layout in "CF")


@intrinsic(target="generic")
def perturbed(typing_context, x, i, v):  # type: ignore[no-untyped-def]
    """View of the one-dimensional array `x` in which element `i` reads `v`; with i = -1 none does."""
    if not (isinstance(x, types.Array) and x.ndim == 1 and isinstance(i, types.Integer)):
        return None
    view = view_type(x)

    def emit(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        return emit_view(context, builder, signature.return_type, array, arguments[1], arguments[2])

    return view(x, types.intp, x.dtype), emit


def _element_at(from_end: bool) -> Any:
    """Make an intrinsic that reads element j.

    One for each kind of index: numba keeps what an intrinsic emits by the types that its arguments are converted to,
    and would take the one for the other.
    """

    @intrinsic(target="generic")
    def read(typing_context, view, j):  # type: ignore[no-untyped-def]
        def emit(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
            fields = _fields(context, builder, signature.args[0], arguments[0])
            position = arguments[1]
            if from_end:
                below = builder.icmp_signed("<", position, position.type(0))
                position = builder.select(below, builder.add(position, fields.size), position)
            return _element(builder, signature.args[0], fields, position)

        return view.dtype(view, types.intp), emit

    return read


_at_signed = _element_at(from_end=True)  # counted from the end if it is below 0
_at_unsigned = _element_at(from_end=False)


def _reads(name: str) -> Any:
    """Make an intrinsic that reads one field of a view."""

    @intrinsic(target="generic")
    def read(typing_context, view):  # type: ignore[no-untyped-def]
        def emit(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
            return getattr(_fields(context, builder, signature.args[0], arguments[0]), name)

        return types.intp(view), emit

    return read


size_of = _reads("size")
_place = _reads("i")


@intrinsic(target="generic")
def _part(typing_context, view, start, size, i):  # type: ignore[no-untyped-def]
    """`size` neighbours from `start` on; their element `i` is the displaced one."""

    def emit(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        value, start, size, i = arguments
        fields = _fields(context, builder, signature.args[0], value)
        shift = builder.mul(start, fields.stride)
        fields.data = cgutils.pointer_add(builder, fields.data, shift, fields.data.type)
        fields.size = size
        fields.i = i
        return fields._getvalue()

    return view(view, types.intp, types.intp, types.intp), emit


@intrinsic(target="generic")
def _strided(typing_context, view, step):  # type: ignore[no-untyped-def]
    """The same view with a stride `step` times as large."""
    strided = View(view.dtype, False)

    def emit(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        old = _fields(context, builder, signature.args[0], arguments[0])
        new = _fields(context, builder, signature.return_type)
        for name in ("data", "size", "i", "v"):
            setattr(new, name, getattr(old, name))
        new.stride = builder.mul(arguments[1], old.stride)
        return new._getvalue()

    return strided(view, types.intp), emit


@overload(operator.getitem, target="generic")
def _getitem(view, index):  # type: ignore[no-untyped-def]
    if not isinstance(view, View):
        return None
    if isinstance(index, types.Integer):
        at = _at_signed if index.signed else _at_unsigned
        return lambda view, index: at(view, index)  # numba compiles Python code only
    if not isinstance(index, types.SliceType):
        return None
    if not index.has_step:

        def neighbours(view, index):  # type: ignore[no-untyped-def]
            start, stop, _ = index.indices(size_of(view))
            size = max(0, stop - start)
            i = _place(view) - start
            # What was displaced before `start` must not show up at an index from the end.
            return _part(view, start, size, i if 0 <= i < size else NOWHERE)

        return neighbours

    def every_step(view, index):  # type: ignore[no-untyped-def]
        start, stop, step = index.indices(size_of(view))
        size = max(0, (stop - start + step - (1 if step > 0 else -1)) // step)
        distance = _place(view) - start
        i = distance // step
        if _place(view) < 0 or distance % step != 0 or i < 0 or i >= size:
            i = NOWHERE
        return _strided(_part(view, start, size, i), step)

    return every_step


@overload(len, target="generic")
def _len(view):  # type: ignore[no-untyped-def]
    return (lambda view: size_of(view)) if isinstance(view, View) else None


@overload_attribute(View, "size", target="generic")
def _size(view):  # type: ignore[no-untyped-def]
    return lambda view: size_of(view)


@overload_attribute(View, "shape", target="generic")
def _shape(view):  # type: ignore[no-untyped-def]
    return lambda view: (size_of(view),)


@overload_attribute(View, "ndim", target="generic")
def _ndim(view):  # type: ignore[no-untyped-def]
    return lambda view: 1


@overload_attribute(View, "dtype", target="generic")
def _dtype(view):  # type: ignore[no-untyped-def]
    dtype = as_dtype(view.dtype)
    return lambda view: dtype


@lower_builtin("getiter", View)
def _getiter(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
    iterator = context.make_helper(builder, signature.return_type)
    iterator.position = cgutils.alloca_once_value(builder, context.get_constant(types.intp, 0))
    iterator.view = arguments[0]
    return iterator._getvalue()


def _iternext(context, builder, signature, arguments, result):  # type: ignore[no-untyped-def]
    iterator = context.make_helper(builder, signature.args[0], value=arguments[0])
    view = signature.args[0].parent
    fields = _fields(context, builder, view, iterator.view)
    position = builder.load(iterator.position)
    more = builder.icmp_signed("<", position, fields.size)
    result.set_valid(more)
    with builder.if_then(more):
        result.yield_(_element(builder, view, fields, position))
        builder.store(cgutils.increment_index(builder, position), iterator.position)


_next = iternext_impl(RefType.BORROWED)(_iternext)
# numba-cuda takes over what others register with numba, but not what calls a module of numba its own.
_next.__module__ = __name__
lower_builtin("iternext", ViewIterator)(_next)
