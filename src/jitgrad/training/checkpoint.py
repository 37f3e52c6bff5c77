"""Checkpoints: a training in a file, from which another process goes on as if nothing had happened."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from jitgrad.training.networks import Networks
from jitgrad.training.options import Fitting, Sampling, Trust
from jitgrad.training.state import State, restored, saved

VERSION = 1


def write(path: Any, state: State, networks: Networks, options: tuple[Sampling, Fitting, Trust]) -> None:
    """Write a checkpoint; a file that is there already stays whole until the new one is."""
    path = Path(path)
    sampling, fitting, trust = (asdict(option) for option in options)
    content = saved(state, networks, {"sampling": sampling, "fitting": fitting, "trust": trust})
    beside = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        torch.save({"jitgrad": VERSION, **content}, beside)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def read(path: Any) -> dict[str, Any]:
    """Read a checkpoint; nothing in it is executed.

    Raises
    ------
    ValueError
        If it is none, or one of another version.
    """
    found = torch.load(Path(path), weights_only=True, map_location="cpu")
    if not isinstance(found, dict) or found.get("jitgrad") != VERSION:
        version = found.get("jitgrad") if isinstance(found, dict) else None
        raise ValueError(
            f"{path} must be a checkpoint of version {VERSION} of SurrogateTrainer.save, got "
            f"{'another file' if version is None else f'version {version}'}. Train anew, or read it with the release "
            "of jitgrad that wrote it."
        )
    options = found["options"]
    sampling, fitting, trust = Sampling(**options["sampling"]), Fitting(**options["fitting"]), Trust(**options["trust"])
    return {
        "options": {"sampling": sampling, "fitting": fitting, "trust": trust},
        "networks": found["networks"],
        "state": restored(found["state"]),
    }
