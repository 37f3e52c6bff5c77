"""Which weight the surrogate's error gets beside the objective: the one whose policies do best on rows left out."""

from __future__ import annotations

import math
from typing import Any

import torch

from jitgrad.training.fitting import fit_surrogate, improve_policy
from jitgrad.training.networks import controls, evaluating
from jitgrad.training.objective import mean_objective
from jitgrad.training.setup import Data, Setup, measured
from jitgrad.training.state import State


def choose_lambda(setup: Setup, state: State, data: Data) -> float:
    """Try every candidate on every fold, on copies of the networks; what the function says decides.

    The surrogate's own errors on rows left out would not do: they are least for the greatest weight, whatever becomes
    of the policy.

    Parameters
    ----------
    setup : Setup
    state : State
        Its replay set gets the samples that the function was evaluated at.
    data : Data

    Raises
    ------
    ValueError
        If there are fewer rows than folds, or no candidate ended where the function is finite.
    """
    folds, m = setup.fitting.folds, len(data.x)
    if m < folds:
        raise ValueError(f"X must have at least as many rows as there are folds, {folds}, got {m}.")
    parts = torch.randperm(m).tensor_split(folds)
    randomness = torch.get_rng_state()
    losses = {}
    replay = state.replay
    for lambda_ in sorted(setup.fitting.candidates, reverse=True):  # of equal ones the first: the more cautious
        losses[lambda_] = 0.0
        for held in parts:
            torch.set_rng_state(randomness)  # the same batches for all
            loss, inputs, y = _held_out(setup, replay, data, lambda_, held, state.radius)
            losses[lambda_] += loss * len(held) / m
            state.replay = state.replay.grown(held, inputs, y, setup.sampling.keep)
    finite = {lambda_: loss for lambda_, loss in losses.items() if math.isfinite(loss)}
    if not finite:
        raise ValueError(
            f"the function must be finite for the policies of at least one candidate for lambda_, got {losses}. Make "
            "the radius of Trust smaller."
        )
    return min(finite, key=lambda candidate: finite[candidate])


def _held_out(setup: Setup, replay: Any, data: Data, lambda_: float, held: Any, radius: float) -> Any:
    """Train copies without some rows of ``X``; return the true objective there, and samples for the replay set."""
    copies = setup.networks.copied(*setup.make)
    replay = replay.without(held)
    others = torch.ones(len(data.x), dtype=torch.bool)
    others[held] = False
    fit_surrogate(copies, replay, setup.fitting)
    improve_policy(
        copies, replay, Data(data.x[others], data.target[others], data.explore), setup.objective, setup.fitting,
        lambda_, radius,
    )  # fmt: skip
    with evaluating(copies.policy):
        u = controls(copies.policy, data.x[held])
        y = measured(setup.function, u, data.x[held])
        finite = bool(torch.isfinite(y).all())
        loss = float(mean_objective(setup.objective, y, data.target[held])) if finite else math.nan
    return loss, torch.cat([data.x[held], u], dim=1), y
