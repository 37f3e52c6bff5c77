"""Iteration over a range, so that the compiler knows the loop for one that counts."""

from __future__ import annotations

from typing import Any

from numba.core.imputils import RefType, iternext_impl

from jitgrad.loss.device.target import cgutils


def _advance(context: Any, builder: Any, signature: Any, arguments: Any, result: Any) -> None:
    """Emit the next number.

    numba counts on only if there is one, which becomes a selection on a GPU: the compiler then does not see that an
    index is not below 0, and checks every access. Here the numbers are counted on in any case.
    """
    iterator = cgutils.create_struct_proxy(signature.args[0])(context, builder, value=arguments[0])
    count, number = builder.load(iterator.count), builder.load(iterator.iter)
    result.set_valid(builder.icmp_signed(">", count, count.type(0)))
    result.yield_(number)
    builder.store(builder.sub(count, count.type(1), flags=["nsw"]), iterator.count)
    builder.store(builder.add(number, iterator.step, flags=["nsw"]), iterator.iter)


next_of_range = iternext_impl(RefType.UNTRACKED)(_advance)
