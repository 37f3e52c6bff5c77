"""``cvt``: between integers, from and to floating point, with a rounding that is always written."""

from __future__ import annotations

from cuda_tools.ptx_machine.emitter import Emitter
from cuda_tools.ptx_machine.opcodes import ROUNDINGS
from cuda_tools.ptx_machine.parse import Instruction
from cuda_tools.ptx_machine.scalars import C_TYPES, bits, kind

TO_INTEGRAL = {"rni": "rint", "rzi": "trunc", "rmi": "floor", "rpi": "ceil"}


def convert(emit: Emitter, at: Instruction) -> str:
    """Emit one conversion; returns the class it counts as."""
    *modifiers, to, of = at.modifiers
    if to not in C_TYPES or of not in C_TYPES:
        raise at.refuse("this type is not covered")
    if unknown := set(modifiers) - {"rn", "ftz", "sat", *ROUNDINGS, *TO_INTEGRAL}:
        raise at.refuse(f"the modifiers {sorted(unknown)} are not covered")
    integral = next((TO_INTEGRAL[one] for one in modifiers if one in TO_INTEGRAL), None)
    mode = next((ROUNDINGS[one] for one in modifiers if one in ROUNDINGS), None)
    value = emit.read(at.operands[1], of, at)
    if "ftz" in modifiers and of == "f32":
        value = f"ftz_f32({value})"
    if kind(to) == "i" and kind(of) == "i":
        if "sat" in modifiers:
            raise at.refuse("saturation between integers is not covered")
        emit.write(at.operands[0], value, to, at)
        return "integer"
    if kind(to) == "i":
        if integral is None:
            raise at.refuse("a conversion to an integer has to say its rounding")
        # NaN: zero between types of at most 32 bits, the highest bit alone where one has 64.
        nan = "0" if of == "f32" and bits(to) < 64 else f"1ull << {bits(to) - 1}"
        value = f"to_{to.replace('b', 'u')}({integral}((double){value}), {nan})"
    elif integral:
        value = f"({C_TYPES[to]}){integral}((double){value})"
    elif mode and (kind(of) == "i" or bits(to) < bits(of)):
        wide = of if of == "f64" else f"{of[0].replace('b', 'u')}64"
        value = f"convert_{to}_{wide}({mode}, {value})"
    else:
        value = f"({C_TYPES[to]}){value}"
    if kind(to) == "f":
        value = f"sat_{to}({value})" if "sat" in modifiers else value
        value = f"ftz_f32({value})" if "ftz" in modifiers and to == "f32" else value
    emit.write(at.operands[0], value, to, at)
    return "special"
