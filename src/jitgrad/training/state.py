"""Everything that changes in the course of a training, in one object that can be copied, put back and saved."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, fields
from typing import Any

import torch

from jitgrad.training.history import Round
from jitgrad.training.networks import Networks
from jitgrad.training.replay import Replay, no_samples


@dataclass
class State:
    """The state of a training between two rounds.

    Attributes
    ----------
    randomness : tensor
        State of the random generator of PyTorch's CPU side, from which batches, rows and exploration come, and what
        modules like ``Dropout`` draw.
    radius : float
    more : int
        By which factor more samples than usual are drawn next.
    lambda_ : float or None
        None before it is chosen by cross-validation.
    replay : Replay
    data : str
        Which ``X`` and ``Y`` the next attribute is about.
    known : tuple
        Rows at which the function's outputs for the present policy are known, of shape (j,), and these outputs; empty
        if there are none.
    spent : int
        Evaluations of the function in all finished rounds.
    rounds : tuple of Round
    """

    randomness: Any
    radius: float
    more: int = 1
    lambda_: float | None = None
    replay: Replay = field(default_factory=no_samples)
    data: str = ""
    known: tuple[Any, ...] = ()
    spent: int = 0
    rounds: tuple[Round, ...] = ()

    def snapshot(self) -> dict[str, Any]:
        """Return the attributes: nothing that they hold is ever changed in place."""
        return {entry.name: getattr(self, entry.name) for entry in fields(self)}

    def put_back(self, snapshot: dict[str, Any]) -> None:
        """Set the attributes to what they were."""
        for name, value in snapshot.items():
            setattr(self, name, value)


def digest(*tensors: Any) -> str:
    """Return a name for the contents of tensors."""
    found = hashlib.sha256()
    for tensor in tensors:
        array = tensor.detach().cpu().contiguous().numpy()
        found.update(f"{array.shape} {array.dtype}".encode())
        found.update(array.tobytes())
    return found.hexdigest()


def seeded(seed: int) -> Any:
    """Return the state of a generator that starts from a number."""
    return torch.Generator().manual_seed(seed).get_state()


def saved(state: State, networks: Networks, options: dict[str, Any]) -> dict[str, Any]:
    """Return what a checkpoint holds: tensors, numbers, strings and containers of them, which are safe to read."""
    plain = state.snapshot() | {"replay": tuple(state.replay), "rounds": [tuple(entry) for entry in state.rounds]}
    return {"state": plain, "networks": networks.snapshot(), "options": options}


def restored(found: dict[str, Any]) -> dict[str, Any]:
    """Return the snapshot of a state from what a checkpoint holds."""
    rounds = tuple(Round(*entry) for entry in found["rounds"])
    return found | {"replay": Replay(*found["replay"]), "rounds": rounds, "known": tuple(found["known"])}
