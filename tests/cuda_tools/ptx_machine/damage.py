"""Faults put into a parsed kernel on purpose, to see that a test notices them."""

from __future__ import annotations

from collections.abc import Callable

from cuda_tools.ptx_machine.parse import Instruction, Module, Statement, parse

Damage = Callable[[Module], None]


def is_barrier(one: Instruction) -> bool:
    return one.name in ("bar", "barrier")


def occurrences(ptx: str, name: str) -> int:
    """How many instructions of a name, ``selp`` or ``bar``, a file holds."""
    found = (one for function in parse(ptx).functions for one in function.body)
    return sum(isinstance(one, Instruction) and one.name == name for one in found)


def swap_select(k: int) -> Damage:
    """Swap what the `k`-th ``selp`` of the file chooses between, counted from 0."""

    def swapped(one: Instruction) -> Instruction:
        target, first, second, predicate = one.operands
        return one._replace(operands=(target, second, first, predicate))

    return changing(lambda one: one.name == "selp", swapped, k)


def negate_comparison(k: int) -> Damage:
    """Turn the `k`-th ``setp`` with ``eq`` or ``ne`` into the other."""
    other = {"eq": "ne", "ne": "eq"}

    def negated(one: Instruction) -> Instruction:
        name, comparison, *rest = one.opcode.split(".")
        return one._replace(opcode=".".join([name, other[comparison], *rest]))

    return changing(lambda one: one.name == "setp" and one.modifiers[0] in other, negated, k)


def remove_barrier(k: int | None = None) -> Damage:
    """Remove the `k`-th barrier, or all."""
    return changing(is_barrier, lambda _: None, k)


def swap_operands(name: str, k: int) -> Damage:
    """Swap the two sources of the `k`-th instruction of a name, such as ``sub``."""

    def swapped(one: Instruction) -> Instruction:
        target, first, second, *rest = one.operands
        return one._replace(operands=(target, second, first, *rest))

    return changing(lambda one: one.name == name, swapped, k)


def changing(
    suits: Callable[[Instruction], bool], change: Callable[[Instruction], Instruction | None], k: int | None
) -> Damage:
    """Change the `k`-th instruction that suits, or all; refuses where there is none."""

    def damage(module: Module) -> None:
        seen = 0
        for number, function in enumerate(module.functions):
            body: list[Statement] = []
            for one in function.body:
                kept: Statement | None = one
                if isinstance(one, Instruction) and suits(one):
                    if k is None or seen == k:
                        kept = change(one)
                    seen += 1
                if kept is not None:
                    body.append(kept)
            module.functions[number] = function._replace(body=tuple(body))
        if seen <= (k or 0):
            raise ValueError(f"the kernel holds {seen} of the instructions to damage, asked for number {k or 0}")

    return damage
