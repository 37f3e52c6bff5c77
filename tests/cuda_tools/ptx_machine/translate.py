"""A parsed PTX file to one file of C: functions, variables, control flow, and counters of basic blocks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from cuda_tools.ptx_machine.compute import compare, compute
from cuda_tools.ptx_machine.convert import convert
from cuda_tools.ptx_machine.emitter import FLOAT_LITERAL, INTEGER_LITERAL, Emitter, c_name
from cuda_tools.ptx_machine.memory import atomic, load, pack, size, store
from cuda_tools.ptx_machine.parse import (
    Brace,
    Function,
    Instruction,
    Label,
    Module,
    PtxError,
    Registers,
    Targets,
    Variable,
    split,
)
from cuda_tools.ptx_machine.scalars import C_TYPES, unsigned

RUNTIME = Path(__file__).with_name("runtime.h")
# A coroutine needs room for registers and calls besides the local memory of all functions.
STACK = 256 * 1024
ONE_ADDRESS = 8
# Barriers that all threads of a block take part in.
WHOLE_BLOCK = ("bar.sync", "bar.cta.sync", "barrier.sync", "barrier.sync.aligned", "barrier.cta.sync")


class Executed(NamedTuple):
    """One kind of instruction in one basic block."""

    block: int
    opcode: str
    counts_as: str


@dataclass
class Translation:
    """The C, and what a launch has to know of it."""

    code: str = ""
    entries: dict[str, tuple[Variable, ...]] = field(default_factory=dict)
    barriers: bool = False
    shared_bytes: int = 0
    grows_shared: bool = False
    stack_bytes: int = STACK
    n_blocks: int = 0
    executed: list[Executed] = field(default_factory=list)
    texts: dict[int, str] = field(default_factory=dict)


def bytes_of(variable: Variable) -> int:
    """Size of a variable."""
    return size(variable.type) * (1 if variable.count is None else variable.count)


def aligned(place: int, alignment: int) -> int:
    """The next multiple."""
    return -(-place // max(alignment, 1)) * max(alignment, 1)


class Translator:
    """Walks the functions of a module."""

    def __init__(self, module: Module, count: bool) -> None:
        self.module, self.count = module, count
        self.result = Translation()
        self.shared: dict[str, int] = {}
        self.symbols = {one.name for one in module.variables if one.space != "shared"}
        self.functions = {one.name for one in module.functions}
        self.block = 0

    def translate(self) -> Translation:
        self.place_shared()
        parts = [f'#include "{RUNTIME.name}"']
        parts += [self.variable(one) for one in self.module.variables if one.space != "shared"]
        parts += [signature(one) + ";" for one in self.module.functions]
        bodies = [self.function(one) for one in self.module.functions]
        self.result.n_blocks = self.block
        parts.append(f"uint64_t counts[{self.block + 1}];")
        self.result.code = "\n".join([*parts, *bodies, self.launcher(), self.ranges()])
        return self.result

    def place_shared(self) -> None:
        in_functions = (one for function in self.module.functions for one in function.body if isinstance(one, Variable))
        unsized = []
        for one in (*self.module.variables, *in_functions):
            if one.space != "shared":
                continue
            if one.count == 0:
                unsized.append(one.name)
                continue
            start = aligned(self.result.shared_bytes, one.alignment or size(one.type))
            self.shared[one.name] = start
            self.result.shared_bytes = start + bytes_of(one)
        # Memory whose size a launch says begins after the rest, for all who name it.
        self.result.grows_shared = bool(unsized)
        if unsized:
            self.result.shared_bytes = aligned(self.result.shared_bytes, 16)
        self.shared |= dict.fromkeys(unsized, self.result.shared_bytes)

    def variable(self, one: Variable) -> str:
        kind = C_TYPES[unsigned(one.type)]
        length = 1 if one.count is None else max(one.count, 1)
        values = []
        for value in one.values:
            if found := FLOAT_LITERAL.fullmatch(value):
                values.append(f"0x{found[1]}ULL")
            elif INTEGER_LITERAL.fullmatch(value):
                values.append(value + "ULL")
            else:
                raise PtxError("an initial value that is no number is not covered", 0, f"{one.name} = {value}")
        initial = f" = {{{', '.join(values)}}}" if values else ""
        return f"static {kind} {c_name(one.name)}[{length}] __attribute__((aligned({max(one.alignment, 8)}))){initial};"

    def function(self, function: Function) -> str:
        emit = Emitter(self.shared)
        emit.symbols = self.symbols | {one.name for one in (*function.returns, *function.parameters)}
        emit.lines += [signature(function), "{", "uint32_t carry = 0; (void)carry;"]
        if function.is_entry:
            self.result.entries[function.name] = function.parameters
        targets = {one.name: one.labels for one in function.body if isinstance(one, Targets)}
        self.begin_block(emit)
        for one in function.body:
            if isinstance(one, Instruction):
                self.instruction(emit, one, targets)
            elif isinstance(one, Label):
                emit.lines.append(f"{c_name(one.name)}: STEP({one.line});")
                self.result.texts[one.line] = one.name + ":"
                self.begin_block(emit)
            elif isinstance(one, Brace):
                emit.lines.append("{" if one.opens else "}")
                emit.scopes.append({}) if one.opens else emit.scopes.pop()
            elif isinstance(one, Registers):
                for name in one.names:
                    emit.scopes[-1][name] = one.type
                declared = ", ".join(f"{c_name(name)} = 0" for name in one.names)
                emit.lines.append(f"{C_TYPES[one.type]} {declared};")
            elif isinstance(one, Variable) and one.space != "shared":
                emit.symbols.add(one.name)
                length = max(bytes_of(one), ONE_ADDRESS)
                emit.lines.append(f"char {c_name(one.name)}[{length}] __attribute__((aligned(16)));")
                if one.space == "local":
                    self.result.stack_bytes += aligned(length, 4096)
                    # NaN, so that what was never written shows.
                    emit.lines.append(f"memset({c_name(one.name)}, 0xff, {length});")
        emit.lines.append("}")
        return "\n".join(emit.lines)

    def begin_block(self, emit: Emitter) -> None:
        if self.count:
            emit.lines.append(f"counts[{self.block}]++;")
        self.block += 1

    def instruction(self, emit: Emitter, at: Instruction, targets: dict[str, tuple[str, ...]]) -> None:
        if at.guard:
            emit.lines.append(f"if ({'!' if at.unless else ''}{emit.read(at.guard, 'pred', at)}) {{")
        self.result.texts[at.line] = at.text
        try:
            counts_as = self.emit(emit, at, targets)
        except (KeyError, IndexError, ValueError) as error:
            raise at.refuse("this instruction is not covered") from error
        if at.guard:
            emit.lines.append("}")
        self.result.executed.append(Executed(self.block - 1, at.opcode, counts_as))
        if at.guard and counts_as == "branch":
            self.begin_block(emit)

    def emit(self, emit: Emitter, at: Instruction, targets: dict[str, tuple[str, ...]]) -> str:
        """One instruction; returns the class it counts as."""
        match at.name:
            case "bra":
                emit.lines.append(f"goto {c_name(at.operands[0])};")
            case "brx":
                index = emit.read(at.operands[0], "u32", at)
                cases = (f"case {i}: goto {c_name(one)};" for i, one in enumerate(targets[at.operands[1]]))
                emit.lines.append(f"switch ({index}) {{ {' '.join(cases)} }}")
            case "ret":
                emit.lines.append("return;")
            case "exit":
                emit.lines.append("longjmp(self->leave, 1);")
            case "trap":
                emit.lines.append(f"stop(self, TRAP, {at.line});")
            case "call":
                self.call(emit, at)
            case "bar" | "barrier":
                return self.barrier(emit, at)
            case "membar" | "fence":
                return "special"
            case _:
                return SPECIAL.get(at.name, compute)(emit, at)
        return "branch"

    def barrier(self, emit: Emitter, at: Instruction) -> str:
        if at.opcode not in WHOLE_BLOCK or len(at.operands) != 1:
            raise at.refuse("this barrier is not covered")
        self.result.barriers = True
        emit.lines.append(f"barrier(self, {at.line});")
        return "special"

    def call(self, emit: Emitter, at: Instruction) -> None:
        operands = list(at.operands)
        returned = operands.pop(0).strip("() ") if operands[0].startswith("(") else "0"
        name, *arguments = operands
        if name not in self.functions:
            raise at.refuse(f"{name} is not in this file")
        passed = split(arguments[0].strip("() ")) if arguments else ()
        values = [c_name(returned) if returned != "0" else "0", *map(c_name, passed)]
        emit.lines.append(f"{c_name(name)}(self, {', '.join(values)});")

    def launcher(self) -> str:
        lines = []
        for number, (name, parameters) in enumerate(self.result.entries.items()):
            values = "".join(f", parameters[{i}]" for i in range(len(parameters)))
            lines.append(f"static void entry_{number}(Thread *self) {{ {c_name(name)}(self, 0{values}); }}")
        entries = ", ".join(f"entry_{number}" for number in range(len(self.result.entries)))
        lines += [
            f"static void (*entries[])(Thread *) = {{{entries}}};",
            "int launch(int number, const uint32_t *grid, const uint32_t *block, int backward, uint64_t limit,",
            "           char **values, Range *known, int n_known, uint64_t shared_bytes, Fault *report) {",
            "    memset(counts, 0, sizeof counts);",
            f"    dynamic_shared = shared_bytes - {self.result.shared_bytes};",
            f"    return launch_grid(entries[number], {int(self.result.barriers)}, grid, block, backward, limit,",
            f"                       values, known, n_known, shared_bytes, {self.result.stack_bytes}, report);",
            "}",
        ]
        return "\n".join(lines)

    def ranges(self) -> str:
        """Memory of the module, which a launch adds to that of the arguments."""
        own = [one for one in self.module.variables if one.space != "shared"]
        pairs = ", ".join(f"{{(uint64_t){c_name(one.name)}, {max(bytes_of(one), 1)}}}" for one in own)
        return (
            f"int n_own = {len(own)};\n"
            f"void own_ranges(Range *out) {{ Range all[] = {{{pairs or '{0, 0}'}}};\n"
            "    for (int i = 0; i < n_own; i++) out[i] = (Range){all[i].low, all[i].low + all[i].high}; }"
        )


def move(emit: Emitter, at: Instruction) -> str:
    """``mov``, or what packs and unpacks."""
    if any(one.startswith("{") for one in at.operands):
        return pack(emit, at)
    return compute(emit, at)


SPECIAL: dict[str, Callable[[Emitter, Instruction], str]] = {
    "setp": compare,
    "cvt": convert,
    "ld": load,
    "st": store,
    "atom": atomic,
    "red": atomic,
    "mov": move,
}


def signature(function: Function) -> str:
    """Parameters and the result are addresses, as PTX has them."""
    returned = c_name(function.returns[0].name) if function.returns else "s_nothing"
    parameters = "".join(f", char *{c_name(one.name)}" for one in function.parameters)
    return f"static void {c_name(function.name)}(Thread *self, char *{returned}{parameters})"


def translate(module: Module, *, count: bool = False) -> Translation:
    """Translate; raises `PtxError` with the line for what is not covered."""
    return Translator(module, count).translate()
