"""The two networks with their optimisers: called, copied, put back."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch

Optimizer = Callable[[Any], Any]
"""Makes an optimiser from parameters."""


class Networks(NamedTuple):
    """Policy, surrogate, and the optimiser of each.

    Attributes
    ----------
    policy, surrogate : torch.nn.Module
    policy_optimizer, surrogate_optimizer : torch.optim.Optimizer
    """

    policy: Any
    surrogate: Any
    policy_optimizer: Any
    surrogate_optimizer: Any

    @classmethod
    def of(cls, policy: Any, surrogate: Any, make_policy: Optimizer, make_surrogate: Optimizer) -> Networks:
        """Make optimisers for two modules.

        Raises
        ------
        TypeError
            If one is no module, or has no parameters to train.
        """
        for name, module in (("policy", policy), ("surrogate", surrogate)):
            if not isinstance(module, torch.nn.Module):
                raise TypeError(f"{name} must be a torch.nn.Module, got {module!r}.")
            if not any(parameter.requires_grad for parameter in module.parameters()):
                raise TypeError(f"{name} must have parameters that require gradients, got {module!r} without any.")
        optimizers = []
        for name, make, module in (
            ("policy_optimizer", make_policy, policy),
            ("surrogate_optimizer", make_surrogate, surrogate),
        ):
            made = make(module.parameters())
            if not isinstance(made, torch.optim.Optimizer):
                raise TypeError(
                    f"{name} must make an optimiser from parameters, got {made!r} from it. Pass something like "
                    "lambda parameters: torch.optim.Adam(parameters, lr=1e-2)."
                )
            optimizers.append(made)
        return cls(policy, surrogate, *optimizers)

    def copied(self, make_policy: Optimizer, make_surrogate: Optimizer) -> Networks:
        """Return copies that can be trained on their own."""
        # Of `deepcopy` the gradients are copied too, and are then cleared like any others.
        copies = Networks.of(copy.deepcopy(self.policy), copy.deepcopy(self.surrogate), make_policy, make_surrogate)
        copies.put_back(self.snapshot())
        return copies

    def snapshot(self) -> dict[str, Any]:
        """Return a copy of all parameters, buffers and optimisers."""
        return {name: copy.deepcopy(part.state_dict()) for name, part in self._asdict().items()}

    def put_back(self, snapshot: dict[str, Any]) -> None:
        """Set parameters, buffers and optimisers to what they were; those that the snapshot has."""
        for name, state in snapshot.items():
            # An optimiser keeps the tensors it is given, and would change the snapshot.
            getattr(self, name).load_state_dict(copy.deepcopy(state))


def controls(policy: Any, x: Any) -> Any:
    """Return what the policy puts out for rows of ``X``: a tensor of shape (m, k).

    Raises
    ------
    TypeError, ValueError
        If it is of another shape.
    """
    u = policy(x)
    if not isinstance(u, torch.Tensor) or u.ndim != 2 or len(u) != len(x):
        shape = tuple(u.shape) if isinstance(u, torch.Tensor) else type(u).__name__
        raise ValueError(f"policy must return a tensor of shape ({len(x)}, k) for {len(x)} rows, got {shape}.")
    return u


def predictions(surrogate: Any, inputs: Any, width: int) -> Any:
    """Return what the surrogate says for rows of ``x`` followed by ``u``: a tensor of shape (m, p).

    Raises
    ------
    ValueError
        If it is of another shape.
    """
    y = surrogate(inputs)
    if not isinstance(y, torch.Tensor) or y.shape != (len(inputs), width):
        shape = tuple(y.shape) if isinstance(y, torch.Tensor) else type(y).__name__
        raise ValueError(
            f"surrogate must return a tensor of shape ({len(inputs)}, {width}), one column per output of the function, "
            f"for {len(inputs)} rows of x and u side by side, got {shape}."
        )
    return y


@contextmanager
def evaluating(*modules: Any) -> Iterator[None]:
    """Switch modules to evaluation, without gradients, and back to what they were."""
    before = [(part, part.training) for module in modules for part in module.modules()]
    try:
        for module in modules:
            module.eval()
        with torch.no_grad():
            yield
    finally:
        for part, training in before:
            part.training = training


def interpolate(policy: Any, before: dict[str, Any], share: float) -> None:
    """Take back all but a share of what the parameters moved since `before`, a state of the same module."""
    with torch.no_grad():
        for name, parameter in policy.named_parameters():
            parameter.copy_(torch.lerp(before[name], parameter, share))
