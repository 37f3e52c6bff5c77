"""PTX written by hand, one kernel for each instruction under test: one thing at a time, and no toolkit is needed."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from cuda_tools.ptx_machine import PtxMachine
from cuda_tools.ptx_machine.arguments import Address

HEADER = ".version 9.0\n.target sm_90\n.address_size 64\n"


class Case(NamedTuple):
    """An instruction, and the types of what goes in and comes out."""

    name: str
    code: str
    """With ``%out`` and ``%a``, ``%b``, ... for the operands."""
    inputs: tuple[str, ...]
    output: str


def register_type(of: str) -> str:
    """Registers hold at least 16 bits, predicates one."""
    if of == "pred" or of[0] == "f":
        return of
    return f"b{max(int(of[1:]), 16)}"


def entry(case: Case) -> str:
    """A kernel that applies the instruction to slots of 8 bytes, one per thread."""
    lines = [f".visible .entry {case.name}(.param .u64 p_in, .param .u64 p_out, .param .u64 p_n)", "{"]
    lines += [".reg .b64 %base, %result, %slot, %n;", ".reg .b32 %t;", ".reg .pred %q;"]
    names = "abcd"[: len(case.inputs)]
    lines += [f".reg .{register_type(of)} %{name};" for name, of in zip(names, case.inputs, strict=True)]
    lines += [f".reg .{register_type(case.output)} %out;", ".reg .b32 %flag;"]
    lines += ["ld.param.u64 %base, [p_in];", "ld.param.u64 %result, [p_out];", "ld.param.u64 %n, [p_n];"]
    lines += ["mov.u32 %t, %tid.x;", "mul.wide.u32 %slot, %t, 8;", "shl.b64 %n, %n, 3;"]
    lines += ["add.s64 %base, %base, %slot;", "add.s64 %result, %result, %slot;"]
    for name, of in zip(names, case.inputs, strict=True):
        if of == "pred":
            lines += ["ld.global.u32 %t, [%base];", f"setp.ne.u32 %{name}, %t, 0;"]
        else:
            lines.append(f"ld.global.{of} %{name}, [%base];")
        lines.append("add.s64 %base, %base, %n;")
    lines.append(case.code)
    if case.output == "pred":
        lines += ["selp.b32 %flag, 1, 0, %out;", "st.global.u32 [%result], %flag;"]
    else:
        lines.append(f"st.global.{case.output} [%result], %out;")
    return "\n".join([*lines, "ret;", "}"])


def bits_of(values, of: str) -> np.ndarray:
    """Values in slots of 8 bytes."""
    if of[0] == "f":
        numbers = np.asarray(values, f"f{int(of[1:]) // 8}").view(f"u{int(of[1:]) // 8}")
        return numbers.astype(np.uint64)
    return np.array([int(value) % 2**64 for value in values], np.uint64)


def machine_of(cases) -> PtxMachine:
    """All cases in one file, compiled once."""
    return PtxMachine(HEADER + "\n".join(entry(case) for case in cases))


def apply(machine: PtxMachine, case: Case, operands) -> list[int]:
    """Bits of the results, one for each row of operands."""
    n = len(operands)
    slots = np.array([bits_of([row[i] for row in operands], of) for i, of in enumerate(case.inputs)])
    out = np.zeros(n, np.uint64)
    for start in range(0, n, 1024):
        chunk = np.ascontiguousarray(slots[:, start : start + 1024])
        result = np.zeros(chunk.shape[1], np.uint64)
        machine.launch(case.name, 1, chunk.shape[1], Address(chunk), Address(result), chunk.shape[1])
        out[start : start + 1024] = result
    return [int(one) for one in out]
