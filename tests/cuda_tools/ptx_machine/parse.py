"""PTX text to functions, variables and instructions. Nothing is interpreted here; every statement keeps its line."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field
from typing import NamedTuple


class PtxError(Exception):
    """The PTX holds what this machine does not cover; the message ends with the line."""

    def __init__(self, what: str, line: int, text: str) -> None:
        super().__init__(f"{what}, at line {line} of the PTX: {text}")


class Instruction(NamedTuple):
    """``@!%p1 add.rn.f64 %fd1, %fd2, %fd3;`` taken apart."""

    opcode: str
    """As written, ``add.rn.f64``."""
    operands: tuple[str, ...]
    guard: str
    """The predicate, empty if there is none."""
    unless: bool
    """Whether the predicate is negated."""
    line: int
    text: str

    @property
    def name(self) -> str:
        return self.opcode.partition(".")[0]

    @property
    def modifiers(self) -> tuple[str, ...]:
        return tuple(filter(None, re.split(r"[.:]+", self.opcode)[1:]))

    def refuse(self, what: str) -> PtxError:
        return PtxError(what, self.line, self.text)


class Label(NamedTuple):
    name: str
    line: int


class Brace(NamedTuple):
    opens: bool


class Registers(NamedTuple):
    type: str
    names: tuple[str, ...]


class Variable(NamedTuple):
    """A parameter, or memory of any space."""

    space: str
    type: str
    name: str
    count: int | None
    """Elements; none where it is not an array, 0 where its size is unknown until launch."""
    alignment: int
    values: tuple[str, ...]


class Targets(NamedTuple):
    """The labels of ``brx.idx``."""

    name: str
    labels: tuple[str, ...]


Statement = Instruction | Label | Brace | Registers | Variable | Targets


class Function(NamedTuple):
    name: str
    is_entry: bool
    returns: tuple[Variable, ...]
    parameters: tuple[Variable, ...]
    body: tuple[Statement, ...]


@dataclass
class Module:
    """What one PTX file holds."""

    target: str = ""
    variables: list[Variable] = field(default_factory=list)
    functions: list[Function] = field(default_factory=list)


COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
LINKAGE = r"(?:\.(?:visible|extern|weak|common)\s+)*"
FUNCTION = re.compile(
    rf"{LINKAGE}\.(entry|func)\s*(?:\(([^()]*)\))?\s*([\w$]+)\s*(?:\(([^()]*)\))?\s*[^;{{]*([;{{])", re.DOTALL
)
VARIABLE = re.compile(
    rf"{LINKAGE}\.(global|const|shared|local|param)\s+(?:\.align\s+(\d+)\s+)?\.(\w+)\s+"
    r"(?:\.ptr\s+(?:\.[a-z]+\s+)?(?:\.align\s+\d+\s+)?)?([\w$%]+)\s*(?:\[(\d*)\])?\s*(?:=\s*\{?([^;}]*)\}?)?\s*;",
    re.DOTALL,
)
WHOLE_LINE = re.compile(r"\.(version|target|address_size|file|loc)\b([^\n]*)")
SECTION = re.compile(r"\.section\b[^{]*\{[^}]*\}")
LABEL = re.compile(r"([\w$]+)\s*:(?!:)")
INSTRUCTION = re.compile(r"(?:@(!?)([\w$%]+)\s+)?([a-z][\w.:]*)\s*(.*)", re.DOTALL)
FAMILY = re.compile(r"([\w$%]+)<(\d+)>$")


def split(text: str) -> tuple[str, ...]:
    """Parts between commas that no bracket encloses."""
    parts, depth, start = [], 0, 0
    for place, character in enumerate(text):
        depth += (character in "([{") - (character in ")]}")
        if character == "," and depth == 0:
            parts.append(text[start:place].strip())
            start = place + 1
    return tuple(part for part in (*parts, text[start:].strip()) if part)


class Reader:
    """A place in the text, and what is found from there."""

    def __init__(self, text: str) -> None:
        # Lines stay where they are, so that what is refused can be found.
        self.text = COMMENT.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), text).rstrip("\0")
        self.line_ends = [found.start() for found in re.finditer("\n", self.text)]
        self.place = 0

    def skip_space(self) -> bool:
        """Whether anything is left."""
        while self.place < len(self.text) and self.text[self.place].isspace():
            self.place += 1
        return self.place < len(self.text)

    def take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        found = pattern.match(self.text, self.place)
        if found:
            self.place = found.end()
        return found

    @property
    def line(self) -> int:
        return bisect_right(self.line_ends, self.place - 1) + 1

    def refuse(self, what: str) -> PtxError:
        return PtxError(what, self.line, self.text[self.place : self.place + 80].partition("\n")[0])


def variable(found: re.Match[str]) -> Variable:
    space, alignment, kind, name, count, values = found.groups()
    size = None if count is None else int(count or 0)
    return Variable(space, kind, name, size, int(alignment or 0), split(values or ""))


def parameter_list(text: str | None) -> tuple[Variable, ...]:
    found = [VARIABLE.match(part + ";") for part in split(text or "")]
    return tuple(variable(one) for one in found if one)


def registers(text: str) -> Registers:
    kind, names = text.split(None, 2)[1:]
    expanded: list[str] = []
    for name in split(names):
        family = FAMILY.match(name)
        expanded += [f"{family[1]}{i}" for i in range(int(family[2]))] if family else [name]
    return Registers(kind[1:], tuple(expanded))


def body(reader: Reader) -> tuple[Statement, ...]:
    """Statements up to the brace that closes the function."""
    statements: list[Statement] = []
    depth = 1
    while reader.skip_space():
        character = reader.text[reader.place]
        if character in "{}":
            reader.place += 1
            depth += 1 if character == "{" else -1
            if depth == 0:
                return tuple(statements)
            statements.append(Brace(character == "{"))
            continue
        line = reader.line
        if found := reader.take(LABEL):
            statements.append(Label(found[1], line))
            continue
        if reader.take(WHOLE_LINE):
            continue
        if found := reader.take(VARIABLE):
            statements.append(variable(found))
            continue
        end = reader.text.find(";", reader.place)
        if end < 0:
            break
        text = " ".join(reader.text[reader.place : end].split())
        reader.place = end + 1
        if text.startswith(".reg"):
            statements.append(registers(text))
        elif text.startswith(".branchtargets"):
            statements[-1] = Targets(statements[-1].name, split(text.partition(" ")[2]))
        elif text.startswith(".pragma") or not text:
            continue
        elif text.startswith("."):
            raise PtxError("this directive is not covered", line, text)
        elif found := INSTRUCTION.fullmatch(text):
            unless, guard, opcode, operands = found.groups()
            statements.append(Instruction(opcode, split(operands), guard or "", unless == "!", line, text + ";"))
        else:
            raise PtxError("this is no instruction", line, text)
    raise reader.refuse("a function ends without its closing brace")


def parse(text: str) -> Module:
    """Take the text of one PTX file apart; raises `PtxError` for what it does not know."""
    reader, module = Reader(text), Module()
    while reader.skip_space():
        if found := reader.take(WHOLE_LINE):
            if found[1] == "target":
                module.target = found[2].split(",")[0].strip()
        elif reader.take(SECTION):
            continue
        elif found := reader.take(VARIABLE):
            module.variables.append(variable(found))
        elif found := reader.take(FUNCTION):
            kind, returns, name, parameters, end = found.groups()
            if end == "{":
                found_body = body(reader)
                parts = (parameter_list(returns), parameter_list(parameters), found_body)
                module.functions.append(Function(name, kind == "entry", *parts))
        else:
            raise reader.refuse("this directive is not covered")
    return module
