"""Why a loss cannot take lanes, in one sentence, read off what numba says."""

from __future__ import annotations

import re

_NEWLINES_AND_BLANKS = re.compile(r"\s+")
_CALL = re.compile(
    r"No implementation of function (?:Function\((\w+)\)|.*?) found for signature: "
    r">>> (\w+|<unknown function>)\((.*?)\) (?:There are|\Z)"
)
_METHOD = re.compile(r"BoundFunction\((?:\w+)\.(\w+) for (.*?)\)(?: with|\s+(?:During|File)|\Z| \()")
_ATTRIBUTE = re.compile(r"Unknown attribute '(\w+)' of type (.*?)(?: During| File|\Z)")
_NOISE = re.compile(r"Failed in \S+ mode pipeline \(step: [^)]*\)|<[^<>]*\bat 0x[0-9a-f]+>")
_SENTENCE_LENGTH = 120

_OPERATORS = {
    "add": "+", "sub": "-", "mul": "*", "truediv": "/", "floordiv": "//", "mod": "%", "pow": "**", "matmul": "@",
    "iadd": "+=", "isub": "-=", "imul": "*=", "itruediv": "/=", "ifloordiv": "//=", "imod": "%=", "ipow": "**=",
    "imatmul": "@=", "eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">=", "is_": "is",
    "and_": "&", "or_": "|", "xor": "^",
}  # fmt: skip


def reason_of(error: Exception) -> str:
    """Say which operation numba does not know for lanes.

    Parameters
    ----------
    error : Exception
        What numba raised when it compiled the loss for lanes.
    """
    text = _NEWLINES_AND_BLANKS.sub(" ", str(error)).strip()
    if call := _CALL.search(text):
        return _call_reason(call[1] or call[2], _without_lanes(call[3]))
    if method := _METHOD.search(text):
        return f"method {method[1]!r} of {_without_lanes(method[2])} is not known for lanes"
    if attribute := _ATTRIBUTE.search(text):
        return f"attribute {attribute[1]!r} of {_without_lanes(attribute[2])} is not known"
    words = _without_lanes(_NOISE.sub("", text)).strip()
    return f"numba cannot compile it for lanes ({words[:_SENTENCE_LENGTH].strip() or type(error).__name__})"


def _call_reason(name: str, operands: str) -> str:
    kinds = _split(operands)
    if name == "setitem" and len(kinds) == 3 and "lanes" in kinds[2] and "lanes" not in kinds[0]:
        return f"a value that depends on x is stored in {kinds[0]}, which holds one number at a time"
    if name == "getitem" and len(kinds) == 2:
        return f"{kinds[0]} indexed with {kinds[1]} is not known for lanes"
    if name in _OPERATORS and len(kinds) == 2:
        return f"{kinds[0]} {_OPERATORS[name]} {kinds[1]} is not known"
    return f"{name}({', '.join(kinds)}) is not known for lanes"


def _split(operands: str) -> list[str]:
    """Split a list of types at the commas outside brackets."""
    parts, depth = [""], 0
    for letter in operands:
        depth += (letter in "([{<") - (letter in ")]}>")
        if letter == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip() for part in parts if part.strip()]


def _without_lanes(text: str) -> str:
    """Name types as the user knows them: how many lanes there are says nothing about the loss."""
    text = re.sub(r"Lanes\(\d+ x float32\)", "lanes of float32", text)
    text = re.sub(r"Lanes\(\d+ x \w+\)", "lanes", text)
    text = re.sub(r"LanesBool\(\d+\)", "truth values of lanes", text)
    text = re.sub(r"<iv=[^>]*>", "", text.replace("unaligned array(", "array("))
    return re.sub(r"Literal\[int\]\(-?\d+\)", "int64", text)
