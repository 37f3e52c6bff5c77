"""Products of ``x`` with a matrix that is not the loss's own: computed once at the point, and displaced after that.

The record (`jitgrad.loss.sharing`) comes with ``x``, in the field that numba calls the parent of an array. Views of
``x`` inherit it, so the code looks whether it is given all of ``x``. A matrix with memory of the loss's own is left
out: when the loss is called again, that memory may hold something else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any, NamedTuple

from llvmlite import ir
from numba.core import cgutils, types

from jitgrad.loss import sharing
from jitgrad.loss.lanes.arrays.loops import counted
from jitgrad.loss.lanes.number import Lanes, vector_type
from jitgrad.loss.lanes.vectors import multiply_add, splat

_I1, _I32, _I64 = ir.IntType(1), ir.IntType(32), ir.IntType(64)
_WORDS = _I64.as_pointer()

SIDE_BY_SIDE = (1, 2)
"""Lanes to a coordinate of forward and of central differences. Then the elements of all lanes lie in a row, and are
loaded at once; one by one they take three times as long."""

# The order of additions is free here, as it is in BLAS: LLVM computes several sums at the same time.
_ANY_ORDER = ("reassoc", "contract")


class Operand(NamedTuple):
    """A matrix in memory.

    Attributes
    ----------
    array : numba array struct
    dtype : numba type
        Of its elements.
    shape, strides : two llvmlite values each
        In bytes; of the matrix as it is multiplied, so those of ``x @ A`` are swapped.
    """

    array: Any
    dtype: Any
    shape: tuple[ir.Value, ir.Value]
    strides: tuple[ir.Value, ir.Value]


Put = Callable[[ir.Value, ir.Value], None]
"""``put(i, value)`` emits the store of an element of the result."""


def may_share(matrix: Any, vector: Any) -> bool:
    """Whether a product of such types may be one of ``x`` with a matrix that is known."""
    known = matrix.aligned and matrix.dtype in (types.float64, types.float32)
    return known and vector.ndim == 1 and isinstance(vector.dtype, Lanes)


def emit_product(
    context: Any,
    builder: ir.IRBuilder,
    matrix: Operand,
    x: Any,
    x_kind: Any,
    lanes: Lanes,
    put: Put,
    plain: Callable[[], None],
) -> None:
    """Emit the product of a matrix and what may be ``x``.

    Parameters
    ----------
    context : numba target context
    builder : llvmlite IRBuilder
    matrix : Operand
    x : numba array struct
    x_kind : numba type
    lanes : Lanes
        Type of the elements of the result.
    put : callable
    plain : callable
        Emits the product from scratch, for where nothing is shared.
    """
    values = _emit_values(context, builder, matrix, x, x_kind, lanes)
    with builder.if_else(cgutils.is_not_null(builder, values)) as (shared, otherwise):
        with shared:
            _emit_displaced(context, builder, matrix, builder.bitcast(x.parent, _WORDS), values, lanes, put)
        with otherwise:
            plain()


def _word(builder: ir.IRBuilder, record: ir.Value, index: int, ty: ir.Type = _I64) -> ir.Value:
    place = builder.gep(record, [_I64(index)])
    return builder.load(builder.bitcast(place, ty.as_pointer()))


def _emit_values(context: Any, builder: ir.IRBuilder, matrix: Operand, x: Any, x_kind: Any, lanes: Lanes) -> ir.Value:
    """Emit the address of the product at the point; null where it must not be used."""
    element = vector_type(lanes).element
    found = cgutils.alloca_once_value(builder, ir.Constant(element.as_pointer(), None))
    borrowed = cgutils.is_null(builder, matrix.array.meminfo)
    known = builder.and_(cgutils.is_not_null(builder, x.parent), borrowed)
    with builder.if_then(known):
        record = builder.bitcast(x.parent, _WORDS)
        stride = cgutils.unpack_tuple(builder, x.strides, 1)[0]
        conditions = (
            builder.icmp_signed("!=", _word(builder, record, sharing.VALID), _I64(0)),
            # As pointers: of an address that becomes a number LLVM no longer knows that it is only read from.
            builder.icmp_unsigned("==", _word(builder, record, sharing.SCRATCH, x.data.type), x.data),
            builder.icmp_signed("==", _word(builder, record, sharing.SIZE), x.nitems),
            builder.icmp_signed("==", stride, x.itemsize),
        )
        is_x = conditions[0]
        for condition in conditions[1:]:
            is_x = builder.and_(is_x, condition)
        with builder.if_then(is_x):
            function = _product_function(context, builder.module, matrix, x_kind.dtype.element, lanes.element)
            data = builder.bitcast(matrix.array.data, cgutils.voidptr_t)
            builder.store(builder.call(function, [record, data, matrix.shape[0], *matrix.strides]), found)
    return builder.load(found)


def _emit_displaced(
    context: Any, builder: ir.IRBuilder, matrix: Operand, record: ir.Value, values: ir.Value, lanes: Lanes, put: Put
) -> None:
    """Emit ``values[i] + matrix[i, coordinate] * displacement`` for every row i and every lane."""
    ty, count = vector_type(lanes), lanes.count
    places = ir.VectorType(_I64, count)
    coordinates = builder.load(_word(builder, record, sharing.COORDINATES, places.as_pointer()), align=8)
    doubles = ir.VectorType(ir.DoubleType(), count)
    displacements = builder.load(_word(builder, record, sharing.DISPLACEMENTS, doubles.as_pointer()), align=8)
    if ty != doubles:
        displacements = builder.fptrunc(displacements, ty)
    stored = context.get_data_type(matrix.dtype)
    row_stride, column_stride = matrix.strides
    first = builder.extract_element(coordinates, _I32(0))
    beginning = cgutils.pointer_add(builder, matrix.array.data, builder.mul(first, column_stride), cgutils.voidptr_t)

    def rows(elements: Callable[[ir.Value], ir.Value]) -> None:
        with counted(builder, _I64(0), matrix.shape[0]) as i:
            row = builder.mul(i, row_stride)
            factors = elements(row)
            if factors.type != ty:
                factors = builder.fpext(factors, ty)
            base = splat(builder, builder.load(builder.gep(values, [i])), count)
            put(i, multiply_add(builder, factors, displacements, base))

    def in_a_row(each: int) -> Callable[[ir.Value], ir.Value]:
        """Elements of lanes of which `each` neighbours displace one coordinate, and the next ones the next."""
        part = ir.VectorType(stored, count // each)

        def elements(row: ir.Value) -> ir.Value:
            start = builder.gep(beginning, [row])
            loaded = builder.load(builder.bitcast(start, part.as_pointer()), align=1)
            order = ir.Constant(ir.VectorType(_I32, count), [k // each for k in range(count)])
            return builder.shuffle_vector(loaded, ir.Constant(part, ir.Undefined), order)

        return elements

    def one_by_one() -> Callable[[ir.Value], ir.Value]:
        offsets = [builder.mul(builder.extract_element(coordinates, _I32(k)), column_stride) for k in range(count)]

        def elements(row: ir.Value) -> ir.Value:
            loaded = ir.Constant(ir.VectorType(stored, count), ir.Undefined)
            for k, offset in enumerate(offsets):
                place = cgutils.pointer_add(builder, matrix.array.data, builder.add(row, offset), stored.as_pointer())
                loaded = builder.insert_element(loaded, builder.load(place), _I32(k))
            return loaded

        return elements

    adjacent = builder.icmp_signed("==", column_stride, _I64(context.get_abi_sizeof(stored)))
    ahead = builder.sub(coordinates, splat(builder, first, count))
    after = builder.append_basic_block("shared.end")
    for each in SIDE_BY_SIDE:
        expected = ir.Constant(places, [k // each for k in range(count)])
        unlike = builder.icmp_unsigned("!=", ahead, expected)
        bits = ir.IntType(count)
        fits = builder.and_(adjacent, builder.icmp_unsigned("==", builder.bitcast(unlike, bits), bits(0)))
        with builder.if_then(fits):
            rows(in_a_row(each))
            builder.branch(after)
    rows(one_by_one())
    builder.branch(after)
    builder.position_at_end(after)


def _product_function(context: Any, module: ir.Module, matrix: Operand, point: Any, element: Any) -> ir.Function:
    """Return the function that finds a product in the record, or computes it and puts it there.

    It is told to LLVM that nothing is done with the matrix but reading: to find it again its address is kept, which
    LLVM could not tell from an address kept to write there.
    """
    fixed = [int(s.constant) if isinstance(s, ir.Constant) else None for s in matrix.strides]
    name = f"{sharing.FUNCTION_PREFIX}_{matrix.dtype}_{point}_{element}_{fixed[0]}_{fixed[1]}"
    if name in module.globals:
        return module.globals[name]
    result = context.get_data_type(element).as_pointer()
    function = ir.Function(module, ir.FunctionType(result, [_WORDS, cgutils.voidptr_t, _I64, _I64, _I64]), name)
    function.linkage = "linkonce_odr"
    function.attributes.add("noinline")
    _promise_to_read_only(function.args[1])
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    strides = [_I64(s) if s is not None else given for s, given in zip(fixed, function.args[3:], strict=True)]
    kind = int(hashlib.sha256(name.encode()).hexdigest()[:15], 16)
    _emit_search(context, builder, kind, strides, (matrix.dtype, point, element))
    return function


def _promise_to_read_only(argument: ir.Argument) -> None:
    known = "captures(none)" if "captures(none)" in argument.attributes._known else "nocapture"
    for attribute in (known, "readonly"):  # llvmlite has no list of all of them
        set.add(argument.attributes, attribute)


def _emit_search(
    context: Any, builder: ir.IRBuilder, kind: int, strides: list[ir.Value], dtypes: tuple[Any, Any, Any]
) -> None:
    record, data, m, *_ = builder.function.args
    result = builder.function.type.pointee.return_type
    nothing = ir.Constant(result, None)
    key = {
        sharing.DATA: builder.ptrtoint(data, _I64),
        sharing.ROWS: m,
        sharing.ROW_STRIDE: strides[0],
        sharing.COLUMN_STRIDE: strides[1],
        sharing.KIND: _I64(kind),
    }
    kept = _word(builder, record, sharing.KEPT)

    def place(row: ir.Value, word: int) -> ir.Value:
        return builder.gep(record, [builder.add(builder.mul(row, _I64(sharing.WIDTH)), _I64(sharing.HEAD + word))])

    with counted(builder, _I64(0), kept) as row:
        same: ir.Value = _I1(1)
        for word, wanted in key.items():
            same = builder.and_(same, builder.icmp_signed("==", builder.load(place(row, word)), wanted))
        with builder.if_then(same):
            builder.ret(builder.inttoptr(builder.load(place(row, sharing.VALUES)), result))
    with builder.if_then(builder.icmp_signed(">=", kept, _I64(sharing.MOST_KEPT))):
        builder.ret(nothing)
    size = builder.mul(m, _I64(context.get_abi_sizeof(result.pointee)))
    values = builder.bitcast(context.nrt.allocate_unchecked(builder, builder.add(size, _I64(sharing.WIDTH))), result)
    with builder.if_then(cgutils.is_null(builder, values)):
        builder.ret(nothing)
    usable = _emit_at_point(context, builder, values, strides, dtypes)
    unusable = builder.not_(usable)
    with builder.if_then(unusable, likely=False):
        context.nrt.free(builder, builder.bitcast(values, cgutils.voidptr_t))
    values = builder.select(usable, values, nothing)
    for word, wanted in {**key, sharing.VALUES: builder.ptrtoint(values, _I64)}.items():
        builder.store(wanted, place(kept, word))
    builder.store(builder.add(kept, _I64(1)), builder.gep(record, [_I64(sharing.KEPT)]))
    builder.ret(values)


def _emit_at_point(
    context: Any, builder: ir.IRBuilder, values: ir.Value, strides: list[ir.Value], dtypes: tuple[Any, Any, Any]
) -> ir.Value:
    """Emit the product at the point and return whether it may be used.

    It may if it is finite, for then the matrix is too: what is infinite shows up in the product or makes it NaN.
    """
    dtype, point_type, element = dtypes
    record, data, m, *_ = builder.function.args
    n = _word(builder, record, sharing.SIZE)
    point = _word(builder, record, sharing.POINT, context.get_data_type(point_type).as_pointer())
    zero = ir.Constant(values.type.pointee, 0.0)

    def factor(i: ir.Value, j: ir.Value) -> ir.Value:
        offset = builder.add(builder.mul(i, strides[0]), builder.mul(j, strides[1]))
        loaded = builder.load(cgutils.pointer_add(builder, data, offset, context.get_data_type(dtype).as_pointer()))
        return context.cast(builder, loaded, dtype, element)

    def coordinate(j: ir.Value) -> ir.Value:
        return context.cast(builder, builder.load(builder.gep(point, [j])), point_type, element)

    def plus_product(total: ir.Value, a: ir.Value, b: ir.Value) -> ir.Value:
        return builder.fadd(total, builder.fmul(a, b, flags=_ANY_ORDER), flags=_ANY_ORDER)

    # The inner loop runs along what lies in a row.
    if isinstance(strides[0], ir.Constant):
        with counted(builder, _I64(0), m) as i:
            builder.store(zero, builder.gep(values, [i]))
        with counted(builder, _I64(0), n) as j:
            xj = coordinate(j)
            with counted(builder, _I64(0), m) as i:
                place = builder.gep(values, [i])
                builder.store(plus_product(builder.load(place), factor(i, j), xj), place)
    else:
        with counted(builder, _I64(0), m) as i:
            total = cgutils.alloca_once_value(builder, zero)
            with counted(builder, _I64(0), n) as j:
                builder.store(plus_product(builder.load(total), factor(i, j), coordinate(j)), total)
            builder.store(builder.load(total), builder.gep(values, [i]))
    check = cgutils.alloca_once_value(builder, zero)
    with counted(builder, _I64(0), m) as i:
        nought = builder.fmul(builder.load(builder.gep(values, [i])), zero)
        builder.store(builder.fadd(builder.load(check), nought), check)
    return builder.fcmp_ordered("==", builder.load(check), zero)
