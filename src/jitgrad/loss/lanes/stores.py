"""Where a loss writes to x: the line for the message. Whether it does is read off the machine code."""

from __future__ import annotations

from typing import Any

from numba.core import ir

from jitgrad.loss.machine import place


def line_that_stores(function: Any) -> str:
    """Return the first line that stores into the first parameter or into a view of it, if there is one."""
    views = {
        statement.target.name
        for block in function.blocks.values()
        for statement in block.body
        if isinstance(statement, ir.Assign) and isinstance(statement.value, ir.Arg) and statement.value.index == 0
    }
    stores = (ir.SetItem, ir.StaticSetItem)
    # Blocks come in the order of the source.
    for label in sorted(function.blocks):
        for statement in function.blocks[label].body:
            value = getattr(statement, "value", None)
            if isinstance(statement, stores) and statement.target.name in views:
                return place(function.loc.filename, statement.loc.line)
            if not isinstance(statement, ir.Assign):
                continue
            if isinstance(value, ir.Expr) and value.op == "inplace_binop" and value.lhs.name in views:
                return place(function.loc.filename, statement.loc.line)
            source = value if isinstance(value, ir.Var) else getattr(value, "_kws", {}).get("value")
            if isinstance(source, ir.Var) and source.name in views:
                views.add(statement.target.name)
    return ""
