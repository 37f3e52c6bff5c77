"""What a compiled loss may write to, as LLVM proved it.

LLVM infers for every pointer parameter whether anything is stored through it, helpers included. Where the
proof succeeds, ``x`` and the arrays in ``args`` are shared by all evaluations; where it fails (a loss that
writes, or one that passes the pointer to a library such as BLAS), evaluations are kept apart. The attribute
costs nothing; typing the loss a second time with read-only arrays would prove the same for 100 ms or more.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from numba.core import types

# Parameters of a compiled function before those of the user: result slot, exception slot.
_HIDDEN_PARAMETERS = 2
# An array travels as (meminfo, parent, nitems, itemsize, data, shape..., strides...).
_DATA_POINTER = 4


class Effects(NamedTuple):
    """Which arrays are proved to be read only.

    Attributes
    ----------
    x_read_only : bool
        The loss never stores into ``x``.
    arrays_read_only : tuple of bool
        The same for every array in ``args``, tuples searched depth first.
    """

    x_read_only: bool
    arrays_read_only: tuple[bool, ...]


def effects_of(result: Any) -> Effects:
    """Read the effects off a numba CompileResult."""
    module = result.library._get_module_for_linking()
    parameters = list(module.get_function(result.fndesc.llvm_func_name).arguments)
    position = _HIDDEN_PARAMETERS
    proofs: list[bool] = []
    for ty in result.signature.args:
        leaves = len(result.target_context.get_arg_packer([ty]).argument_types)
        proofs += [_read_only(parameters[position + leaf]) for leaf in _data_pointers(result, ty)]
        position += leaves
    return Effects(proofs[0], tuple(proofs[1:]))


def _data_pointers(result: Any, ty: Any) -> list[int]:
    """Positions of the data pointers of all arrays in `ty` among its flattened parameters."""
    if isinstance(ty, types.Array):
        return [_DATA_POINTER]
    found: list[int] = []
    if isinstance(ty, types.BaseTuple):
        position = 0
        for member in ty:
            found += [position + leaf for leaf in _data_pointers(result, member)]
            position += len(result.target_context.get_arg_packer([member]).argument_types)
    return found


def _read_only(parameter: Any) -> bool:
    return any(bytes(attribute) in (b"readonly", b"readnone") for attribute in parameter.attributes)
