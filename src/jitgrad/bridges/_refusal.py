"""What the bridges say when they refuse."""

from __future__ import annotations

from typing import Any

THIRD = (
    "the order of a derivative must be 1 or 2 across a bridge of jitgrad, and 3 was asked for. Detach a second "
    "derivative from the graph, or write the loss in the framework itself."
)

FORWARD_IN_FORWARD = (
    "forward mode must not be nested in forward mode: PyTorch loses the outer tangent of every custom function and "
    "says nothing (pytorch issue 197867). Replace one of them: torch.func.hessian(f) or jacfwd(jacrev(f))."
)

FORWARD_IN_GRAPH = (
    "forward mode must be outside of tf.function, and a ForwardAccumulator inside of one was found: TensorFlow loses "
    "the tangents of custom functions there. Run it eagerly, or go backward with GradientTape."
)

LOST = (
    "a derivative must not go through what tape.jacobian or tf.vectorized_map made of a bridge: TensorFlow loses there "
    "how to go back. Take the derivative inside of vectorized_map, use tf.map_fn, or tape.jacobian(..., "
    "experimental_use_pfor=False) with a persistent tape."
)

FORWARD_TWICE = (
    "a derivative of a layer must go backward at least once, and forward over forward was asked for. Replace one of "
    "them: jacfwd(jacrev(f)), for instance."
)


def by_argument(place: int) -> str:
    """Say that a derivative by an argument was asked for."""
    return (
        f"derivatives must be by the first argument, and one by args[{place}] was asked for: what follows x is "
        "constant. Join it to x, or cut it off from what the derivative is by (detach, stop_gradient)."
    )


def not_real(what: str, given: Any, way: str) -> str:
    """Say that `x` is not of a floating type."""
    kind = getattr(given, "dtype", type(given).__name__)
    return f"x must be {what} with floating-point numbers, got {kind}. Convert it: {way}."


def not_installed(package: str, extra: str) -> str:
    """Say how to install a framework."""
    return f"jitgrad.bridges.{extra} needs {package}, which is not installed. Run: pip install 'jitgrad[{extra}]'"
