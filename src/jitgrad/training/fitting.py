"""Steps of the optimisers: the surrogate on samples of the function, the policy through the surrogate."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import torch

from jitgrad.training.networks import Networks, controls, evaluating, interpolate, predictions
from jitgrad.training.objective import Objective, mean_objective
from jitgrad.training.options import Fitting
from jitgrad.training.replay import Replay
from jitgrad.training.setup import Data


def fit_surrogate(networks: Networks, replay: Replay, fitting: Fitting) -> float:
    """Fit the surrogate to the replay set; return its mean squared error there.

    Raises
    ------
    ValueError
        If it is not finite.
    """
    optimizer = networks.surrogate_optimizer
    width = replay.outputs.shape[1]
    for _ in range(fitting.surrogate_steps):
        chosen = _batch(len(replay.row), fitting.batch)

        def closure(chosen: Any = chosen) -> Any:
            optimizer.zero_grad()
            loss = _misfit(networks.surrogate, replay, chosen, width)
            loss.backward()
            return loss

        optimizer.step(closure)
    with evaluating(networks.surrogate):
        error = float(_misfit(networks.surrogate, replay, slice(None), width))
    if not math.isfinite(error):
        raise ValueError(
            f"the surrogate's error must stay finite, got {error} after {fitting.surrogate_steps} steps. Give its "
            "optimiser a smaller learning rate, or rescale what the function returns to numbers near 1."
        )
    return error


def improve_policy(
    networks: Networks,
    replay: Replay,
    data: Data,
    objective: Objective,
    fitting: Fitting,
    lambda_: float,
    radius: float,
) -> float:
    """Train the policy through the surrogate until its outputs have moved by `radius`.

    Parameters
    ----------
    networks : Networks
    replay : Replay
    data : Data
    objective : callable
    fitting : Fitting
    lambda_ : float
        Weight of the surrogate's error on the replay set; with ``inf`` the surrogate stands still.
    radius : float

    Returns
    -------
    float
        How far they moved.

    Raises
    ------
    ValueError
        If they are not finite any more.
    """
    policy, surrogate = networks.policy, networks.surrogate
    x, target = data.x, data.target
    width = replay.outputs.shape[1]
    before = {name: parameter.detach().clone() for name, parameter in policy.named_parameters()}
    with evaluating(policy):
        start = controls(policy, x)
    moved = 0.0
    for step in range(fitting.policy_steps):
        rows, chosen = _batch(len(x), fitting.batch), _batch(len(replay.row), fitting.batch)

        def closure(weight: float, optimizer: Any, rows: Any = rows, chosen: Any = chosen) -> Any:
            optimizer.zero_grad()
            u = controls(policy, x[rows])
            y = predictions(surrogate, torch.cat([x[rows], u], dim=1), width)
            loss = mean_objective(objective, y, target[rows])
            if weight:  # which the policy has no part in
                loss = loss + weight * _misfit(surrogate, replay, chosen, width)
            loss.backward()
            return loss

        networks.policy_optimizer.step(partial(closure, 0.0, networks.policy_optimizer))
        if lambda_ < math.inf:
            networks.surrogate_optimizer.step(partial(closure, lambda_, networks.surrogate_optimizer))
        moved = distance(policy, data, start)
        if not math.isfinite(moved):
            raise ValueError(
                f"what the policy puts out must stay finite, got {moved} as the distance it moved in {step + 1} steps. "
                "Give its optimiser a smaller learning rate, and look at the objective."
            )
        if moved > radius:
            # Steps of an optimiser are not infinitesimal: without this the first could leave what was explored.
            interpolate(policy, before, radius / moved)
            return distance(policy, data, start)
    return moved


def distance(policy: Any, data: Data, start: Any) -> float:
    """Return how far the outputs of a policy moved from `start`: root of the mean square, in units of exploration."""
    with evaluating(policy):
        return float(((controls(policy, data.x) - start) / data.explore).square().mean().sqrt())


def _misfit(surrogate: Any, replay: Replay, chosen: Any, width: int) -> Any:
    return (predictions(surrogate, replay.inputs[chosen], width) - replay.outputs[chosen]).square().mean()


def _batch(count: int, size: int) -> Any:
    return torch.randperm(count)[:size] if count > size else slice(None)
