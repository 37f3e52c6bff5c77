"""Which arguments of a loss reach a kernel."""

from __future__ import annotations

from typing import Any

from numba.core import types

from jitgrad._errors import LossCompileError
from jitgrad.loss.accept import loss_name


def require_passable(loss: Any, kinds: tuple[Any, ...]) -> None:
    """Raise `LossCompileError` if an argument after ``x`` cannot be passed to a kernel.

    Parameters
    ----------
    loss : function
    kinds : tuple of numba types
        Of the arguments.
    """
    for k, kind in enumerate(kinds):
        if not _is_passable(kind):
            raise LossCompileError(
                f"args[{k}] of loss {loss_name(loss)!r} must be a number, an array, None or a tuple of these to reach "
                f"a GPU, got {kind}. Pass an array, or make it a global of the loss."
            )


def _is_passable(kind: Any) -> bool:
    if isinstance(kind, types.BaseTuple):
        return all(map(_is_passable, kind))
    return isinstance(kind, types.Array | types.Number | types.Boolean | types.NoneType | types.Record)


class PassNone:
    """An extension for ``cuda.jit(extensions=[PassNone()])``: numba-cuda compiles for None, and cannot pass it."""

    def prepare_args(self, kind: Any, value: Any, stream: Any, retr: Any) -> tuple[Any, Any]:
        """Return what to pass: in compiled code None is a pointer nobody looks at."""
        return (types.uint64, 0) if isinstance(kind, types.NoneType) else (kind, value)
