"""From a loss and the types of its arguments to machine code that drivers can call."""

from __future__ import annotations

from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from numba.core import types
from numba.core.compiler_lock import global_compiler_lock
from numba.core.registry import cpu_target

from jitgrad.loss import cache
from jitgrad.loss.effects import Effects, effects_of
from jitgrad.loss.fingerprint import FingerprintError, fingerprint, functions_used
from jitgrad.loss.lanes.compiled import Refused, compile_lanes, prepare_loading, shares_products
from jitgrad.loss.machine import compile_for
from jitgrad.loss.pack import is_packable
from jitgrad.loss.shim import Call, shim_address, shim_object_code


class CompiledLoss(NamedTuple):
    """A loss compiled for one set of argument types.

    Attributes
    ----------
    shim : int
        Address of the C entry.
    loss : int
        Address of the loss, for the first word of every block.
    packed : bool
        Whether arguments are passed as words or in numba's own form.
    effects : Effects
        Which arrays are proved to be read only.
    threaded : bool
        Whether the loss starts threads itself, so that it must not be called from several at once.
    given : tuple of numba types
        Types of ``x`` and of the arguments.
    key : str or None
        Its name on disk; None if it is compiled in memory only.
    owner : object
        Keeps the machine code alive.
    """

    shim: int
    loss: int
    packed: bool
    effects: Effects
    threaded: bool
    given: tuple[Any, ...]
    key: str | None
    owner: Any


_memory: WeakKeyDictionary[Any, dict[tuple[Any, ...], CompiledLoss]] = WeakKeyDictionary()


def compile_loss(loss: Any, x_type: Any, argument_types: tuple[Any, ...]) -> CompiledLoss:
    """Return the machine code of `loss`, from memory, from disk or compiled now.

    Parameters
    ----------
    loss : numba dispatcher
    x_type : numba type
        Element type of ``x``.
    argument_types : tuple of numba types
        Types of the arguments after ``x``.

    Raises
    ------
    LossCompileError
        If the loss does not compile for these types or does not return a real number.
    """
    given = (types.Array(x_type, 1, "C"), *argument_types)
    with global_compiler_lock:
        versions = _memory.setdefault(loss, {})
        if given not in versions:
            versions[given] = _assemble(loss, given)
        return versions[given]


def _assemble(loss: Any, given: tuple[Any, ...]) -> CompiledLoss:
    cpu_target.target_context.refresh()
    key = _disk_key(loss, given)
    kept = cache.load(key) if key is not None else None
    result = kept.result if kept else compile_for(loss, given)
    packed = all(map(is_packable, given[1:]))
    call = Call(given, tuple(result.signature.args), result.signature.return_type, packed)
    shim = shim_address(call, kept.shim if kept else None)
    effects = kept.effects if kept and kept.effects else effects_of(result)
    if key is not None and kept is None:
        cache.save(key, cache.Kept(result, effects, shim_object_code(call)))
    return CompiledLoss(
        shim=shim,
        loss=result.library.get_pointer_to_function(result.fndesc.llvm_func_name),
        packed=packed,
        effects=effects,
        threaded=any(function.targetoptions.get("parallel") for function in functions_used(loss)),
        given=given,
        key=key,
        owner=result,
    )


class LanesVersion(NamedTuple):
    """A loss compiled for lanes.

    Attributes
    ----------
    shim, loss : int
        Addresses of the C entry and of the loss, for the second word of every block.
    shares : bool
        Whether it has products that may be shared, and is proved to write to none of its arguments.
    owner : object
        Keeps the machine code alive.
    """

    shim: int
    loss: int
    shares: bool
    owner: Any


_versions: WeakKeyDictionary[Any, dict[tuple[Any, ...], LanesVersion | Refused]] = WeakKeyDictionary()


def lanes_version(loss: Any, compiled: CompiledLoss, count: int) -> LanesVersion | Refused:
    """Return the version of a loss for `count` lanes, from memory, from disk or compiled now.

    Parameters
    ----------
    loss : numba dispatcher
    compiled : CompiledLoss
        Its scalar version.
    count : int

    Returns
    -------
    LanesVersion, or Refused if the loss cannot take lanes
    """
    with global_compiler_lock:
        versions = _versions.setdefault(loss, {})
        which = (compiled.given, count)
        if which not in versions:
            versions[which] = _assemble_lanes(loss, compiled, count)
        return versions[which]


def _assemble_lanes(loss: Any, compiled: CompiledLoss, count: int) -> LanesVersion | Refused:
    prepare_loading()
    key = None if compiled.key is None else f"{compiled.key} in {count} lanes"
    kept = cache.load(key) if key is not None else None
    # Where the loss has a signature of its own, numbers are converted to its types, as in scalar.
    named = (*compiled.given[:1], *map(_number_named, compiled.given[1:], compiled.owner.signature.args[1:]))
    result = kept.result if kept else compile_lanes(loss, named, count, compiled.owner.signature)
    if isinstance(result, Refused):
        if key is not None and kept is None:
            cache.save(key, cache.Kept(result, None, None))
        return result
    types_taken = tuple(result.signature.args)
    types_given = (*types_taken[:1], *map(_number_named, types_taken[1:], compiled.given[1:]))
    call = Call(types_given, types_taken, result.signature.return_type, compiled.packed)
    shim = shim_address(call, kept.shim if kept else None)
    shares = kept.shares if kept else shares_products(result)
    if key is not None and kept is None:
        cache.save(key, cache.Kept(result, None, shim_object_code(call), shares))
    loss_address = result.library.get_pointer_to_function(result.fndesc.llvm_func_name)
    return LanesVersion(shim, loss_address, shares, result)


def _number_named(kind: Any, number: Any) -> Any:
    """Return the type `number` if it is one of numbers, and `kind` otherwise."""
    return number if isinstance(number, types.Float | types.Integer | types.Boolean) else kind


def _disk_key(loss: Any, given: tuple[Any, ...]) -> str | None:
    """Return the name of the loss on disk, or None where it must be compiled in memory.

    A function that was compiled before now may hold values of globals that have changed since; its
    fingerprint, taken now, would not tell.
    """
    try:
        if any(function.overloads for function in functions_used(loss)):
            return None
        return fingerprint(loss, given)
    except FingerprintError:
        return None
