"""One round: draw samples, fit the surrogate, train the policy through it, ask the function."""

from __future__ import annotations

from typing import Any

import torch

from jitgrad.training.crossvalidation import choose_lambda
from jitgrad.training.fitting import distance, fit_surrogate, improve_policy
from jitgrad.training.history import Round
from jitgrad.training.networks import Networks, controls, evaluating, interpolate
from jitgrad.training.setup import Data, Setup, measured
from jitgrad.training.state import State
from jitgrad.training.trust import At, compare, next_more, next_radius


def collect(setup: Setup, state: State, data: Data) -> tuple[Any, Any, int, int]:
    """Draw the samples of a round, and have the function evaluated where it is not known.

    Returns
    -------
    rows : tensor of int64
        Rows that are checked in this round.
    y : tensor of shape (rows, p)
        What the function gives for the present policy there.
    samples, lost : int
        See `Round`.
    """
    x, m = data.x, len(data.x)
    rows = torch.arange(m) if m <= setup.trust.points else torch.randperm(m)[: setup.trust.points]
    samples = setup.sampling.samples * state.more
    # Each row comes as often as any other, or once more.
    explored = torch.cat([torch.randperm(m) for _ in range(-(-samples // m))])[:samples]
    known = bool(state.known) and torch.equal(state.known[0], rows)
    asked = explored if known else torch.cat([rows, explored])
    u = _controls(setup.networks, x[asked])
    noise = torch.randn((samples, u.shape[1]), dtype=u.dtype).to(u.device)
    u[-samples:] = _clipped(u[-samples:] + data.explore * noise, setup.sampling.bounds)
    y = measured(setup.function, u, x[asked])
    state.replay = state.replay.grown(asked, torch.cat([x[asked], u], dim=1), y, setup.sampling.keep)
    on_policy = state.known[1] if known else y[: len(rows)]
    if not torch.isfinite(on_policy).all(dim=1).any():
        raise ValueError(
            "function must be finite for what the policy puts out for at least one row of X, got nan or inf for all "
            f"{len(rows)}. Start from a policy that works somewhere: set its last bias, for instance."
        )
    return rows, on_policy, samples, int((~torch.isfinite(y).all(dim=1)).sum())


def run_round(setup: Setup, state: State, data: Data) -> None:
    """Bring state and networks to where the next round begins."""
    networks, trust, keep = setup.networks, setup.trust, setup.sampling.keep
    evaluations = setup.function.evaluations
    rows, known, samples, lost = collect(setup, state, data)
    if state.lambda_ is None:
        state.lambda_ = choose_lambda(setup, state, data)
    fit = fit_surrogate(networks, state.replay, setup.fitting)
    x, target, radius = data.x[rows], data.target[rows], state.radius
    held, spread = networks.snapshot(), state.replay.spread()
    start = _controls(networks, data.x)
    before = At(start[rows], known)
    moved = improve_policy(networks, state.replay, data, setup.objective, setup.fitting, state.lambda_, radius)
    checks, verdict = [], "refused"
    for halvings in range(trust.halvings + 1):
        if halvings:
            interpolate(networks.policy, held["policy"], 0.5)
            moved = distance(networks.policy, data, start)
        u = _controls(networks, x)
        after = At(u, measured(setup.function, u, x))
        check = compare(networks.surrogate, setup.objective, x, target, before, after, spread)
        state.replay = state.replay.grown(rows, torch.cat([x, u], dim=1), after.y, keep)
        lost += int((~torch.isfinite(after.y).all(dim=1)).sum())
        checks.append(check)
        if check.kept(trust.accept):
            verdict = "shortened" if halvings else "trusted"
            break
    if verdict == "refused":
        networks.put_back({name: held[name] for name in ("policy", "policy_optimizer")})
        moved, after = 0.0, before
    right = checks[0].error <= trust.error
    state.known = (rows, after.y)
    state.radius = next_radius(radius, check, verdict, moved, right)
    state.more = next_more(state.more, trust.most, verdict, right)
    state.spent += setup.function.evaluations - evaluations
    state.rounds += (
        Round(
            round=len(state.rounds) + 1,
            evaluations=state.spent,
            loss=check.before if verdict == "refused" else check.after,
            before=check.before,
            promised=checks[0].promised,
            error=checks[0].error,
            fit=fit,
            move=moved,
            radius=radius,
            samples=samples,
            lost=lost,
            lambda_=state.lambda_,
            verdict=verdict,
        ),
    )


def _controls(networks: Networks, x: Any) -> Any:
    with evaluating(networks.policy):
        return controls(networks.policy, x)


def _clipped(u: Any, bounds: Any) -> Any:
    if bounds is None:
        return u
    lower, upper = (torch.as_tensor(bound, dtype=u.dtype, device=u.device) for bound in bounds)
    return torch.minimum(torch.maximum(u, lower), upper)
