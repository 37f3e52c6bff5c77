"""The two number types: `Lanes`, several floats that are computed at once, and `LanesBool`, what comparing them gives.

A value is an LLVM vector. In memory it is an array of its elements, aligned like one of them: numba's lists and heap
buffers are not aligned for vectors, and a vector load from them would crash. LLVM joins the loads and stores of the
elements into one of the vector.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import types
from numba.core.typeconv import Conversion
from numba.extending import models, register_model

_I8 = ir.IntType(8)
_I32 = ir.IntType(32)

_EXACT_IN_FLOAT32 = (types.boolean, types.int8, types.uint8, types.int16, types.uint16, types.float32)
"""Types that numba unifies with float32 to float32; all others go with float64."""


def is_scalar(ty: Any) -> bool:
    """Whether values of this type turn into lanes that are all the same."""
    return isinstance(ty, types.Float | types.Integer | types.Boolean)


def is_lanes_array(ty: Any) -> bool:
    """Whether this is an array whose elements are lanes or what comparing lanes gives."""
    return isinstance(ty, types.Array) and isinstance(ty.dtype, Lanes | LanesBool)


class Lanes(types.Type):  # type: ignore[misc]  # numba is untyped
    """Several floats that are computed at once.

    Scalars convert to lanes and lanes never to a scalar: code that needs one number does not type, instead of being
    given one of several.

    Parameters
    ----------
    count : int
        How many, a power of 2.
    element : numba type
        ``float64`` or ``float32``.
    """

    def __init__(self, count: int, element: Any = types.float64) -> None:
        self.count = count
        self.element = element
        super().__init__(name=f"Lanes({count} x {element})")

    def with_other(self, other: Any) -> Any:
        """Return the lanes that hold results of these and `other`, as numba would for single numbers; or None."""
        if isinstance(other, Lanes):
            return self if self.element in {other.element, types.float64} else other
        if isinstance(other, LanesBool) or (is_scalar(other) and _literal_type(other) in _EXACT_IN_FLOAT32):
            return self
        return Lanes(self.count) if is_scalar(other) else None

    def unify(self, typing_context: Any, other: Any) -> Any:
        """Numba's hook: the type of a variable that holds these lanes here and `other` there."""
        return self.with_other(other)

    def can_convert_from(self, typing_context: Any, other: Any) -> Any:
        """Numba's hook: whether `other` turns into these lanes, and how well."""
        wider = self.with_other(other)
        if wider is None:
            return None
        return Conversion.safe if wider == self else Conversion.unsafe


class LanesBool(types.Type):  # type: ignore[misc]
    """Truth values of several lanes.

    Parameters
    ----------
    count : int
    """

    def __init__(self, count: int) -> None:
        self.count = count
        super().__init__(name=f"LanesBool({count})")

    def unify(self, typing_context: Any, other: Any) -> Any:
        """Numba's hook: as for `Lanes`."""
        return self if isinstance(other, types.Boolean) else None

    def can_convert_from(self, typing_context: Any, other: Any) -> Any:
        """Numba's hook: as for `Lanes`."""
        return Conversion.safe if isinstance(other, types.Boolean) else None

    def can_convert_to(self, typing_context: Any, other: Any) -> Any:
        """Numba's hook: a branch asks for one truth value; where lanes differ, that is noticed."""
        return Conversion.unsafe if isinstance(other, types.Boolean) else None


def _literal_type(ty: Any) -> Any:
    return ty.literal_type if isinstance(ty, types.Literal) else ty


def vector_type(ty: Lanes | LanesBool) -> ir.VectorType:
    """Return the LLVM type of a value."""
    if isinstance(ty, LanesBool):
        return ir.VectorType(ir.IntType(1), ty.count)
    return ir.VectorType(ir.FloatType() if ty.element == types.float32 else ir.DoubleType(), ty.count)


class _StoredByElement(models.PrimitiveModel):  # type: ignore[misc]
    """A vector that lies in memory as an array of `stored` elements."""

    def __init__(self, manager: Any, ty: Any, stored: ir.Type, align: int) -> None:
        super().__init__(manager, ty, vector_type(ty))
        self._align = align
        self._stored = ir.VectorType(stored, ty.count)
        self._data = ir.ArrayType(stored, ty.count)

    def get_data_type(self) -> ir.Type:
        return self._data

    def as_data(self, builder: ir.IRBuilder, value: ir.Value) -> ir.Value:
        if value.type != self._stored:
            value = builder.zext(value, self._stored)
        data = ir.Constant(self._data, ir.Undefined)
        for k in range(self._data.count):
            data = builder.insert_value(data, builder.extract_element(value, _I32(k)), k)
        return data

    def from_data(self, builder: ir.IRBuilder, value: ir.Value) -> ir.Value:
        vector = ir.Constant(self._stored, ir.Undefined)
        for k in range(self._data.count):
            vector = builder.insert_element(vector, builder.extract_value(value, k), _I32(k))
        return self._narrow(builder, vector)

    def load_from_data_pointer(self, builder: ir.IRBuilder, pointer: ir.Value, align: int | None = None) -> ir.Value:
        vector = builder.bitcast(pointer, self._stored.as_pointer())
        return self._narrow(builder, builder.load(vector, align=self._align))

    def _narrow(self, builder: ir.IRBuilder, vector: ir.Value) -> ir.Value:
        return vector if vector.type == self.be_type else builder.trunc(vector, self.be_type)


@register_model(Lanes)
class _LanesModel(_StoredByElement):
    def __init__(self, manager: Any, ty: Lanes) -> None:
        super().__init__(manager, ty, vector_type(ty).element, ty.element.bitwidth // 8)


@register_model(LanesBool)
class _LanesBoolModel(_StoredByElement):
    def __init__(self, manager: Any, ty: LanesBool) -> None:
        super().__init__(manager, ty, _I8, 1)
