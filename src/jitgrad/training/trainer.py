"""Training a policy through a function without derivatives, by way of a surrogate."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, nullcontext
from typing import Any

import numpy as np
import torch

from jitgrad import _check
from jitgrad.launch.workers.extras import extra
from jitgrad.training import checkpoint
from jitgrad.training.evaluate import Function
from jitgrad.training.history import History
from jitgrad.training.networks import Networks, Optimizer
from jitgrad.training.objective import Objective, squared_error
from jitgrad.training.options import Fitting, Sampling, Trust, check_count
from jitgrad.training.rounds import run_round
from jitgrad.training.setup import Data, Setup
from jitgrad.training.state import State, digest, seeded


def adam(parameters: Any) -> Any:
    """Return the optimiser that both networks have unless the caller says otherwise: Adam with steps of 0.01."""
    return torch.optim.Adam(parameters, lr=1e-2)


class SurrogateTrainer:
    """Train a policy through a function that has no derivative, by way of a second network that learns the function.

    The policy puts out ``u = policy(x)``, the function gives ``y = function(u, x)``, and ``objective(y, target)`` shall
    become small. In every round the function is evaluated around what the policy puts out, the surrogate is fitted to
    all samples so far, and the policy is trained through it. Then the function is asked: steps that do not improve the
    true objective as the surrogate promised are shortened or taken back, and the next round draws more samples.

    Parameters
    ----------
    function : callable
        ``function(u, x)`` returns a number or a one-dimensional array of p numbers, for ``u`` of shape (k,) and ``x``
        of shape (n,), float64 arrays of its own; the same order as for `jitgrad.bridges.torch.torch_layer`. If it is
        jitted and returns several numbers, all cores evaluate it. Where it is not finite the sample is left out.
    policy : torch.nn.Module
        From rows of ``X``, of shape (m, n), to ``u``, of shape (m, k).
    surrogate : torch.nn.Module
        From ``x`` followed by ``u``, of shape (m, n + k), to ``y``, of shape (m, p).
    objective : callable, optional
        ``objective(y, target)``, of tensors with one row per sample, in functions of torch; its mean is taken.
        Default: the mean squared error.
    policy_optimizer, surrogate_optimizer : callable, optional
        Each makes an optimiser of torch from parameters. Default: Adam with steps of 0.01.
    sampling : Sampling, optional
    fitting : Fitting, optional
    trust : Trust, optional
    rng : int, numpy.random.Generator, SeedSequence or None
        Where the seed comes from, as `numpy.random.default_rng` reads it. The random numbers of torch that the caller
        sees go on as if nothing was trained.
    workers : int, Executor or map-like callable, optional
        Who evaluates the function, as in `jitgrad.grad_blackbox`. Default: this process.
    vectorized : bool, default False
        Whether the function takes all samples at once: ``u`` of shape (m, k) and ``x`` of shape (m, n), for ``y`` of
        shape (m, p).

    Attributes
    ----------
    policy, surrogate : torch.nn.Module
        The modules that were passed, which are trained in place.
    history : History
        All rounds so far.
    evaluations : int
        How many samples the function was evaluated at through this object, in interrupted rounds too.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described.

    Examples
    --------
    >>> import numpy as np
    >>> import torch
    >>> from jitgrad.training import Fitting, SurrogateTrainer
    >>> def function(u, x):
    ...     return np.round(100 * (u + x) ** 3) / 100  # no derivative
    >>> _ = torch.manual_seed(0)
    >>> policy = torch.nn.Linear(1, 1)
    >>> surrogate = torch.nn.Sequential(torch.nn.Linear(2, 16), torch.nn.Tanh(), torch.nn.Linear(16, 1))
    >>> trainer = SurrogateTrainer(function, policy, surrogate, rng=0)
    >>> X = np.linspace(-1.0, 1.0, 20)[:, None]
    >>> history = trainer.run(X, np.ones((20, 1)), rounds=15)
    >>> history[-1].loss < 0.05 * history[0].before
    True
    >>> trainer.evaluations == history[-1].evaluations
    True
    """

    def __init__(
        self,
        function: Callable[..., Any],
        policy: torch.nn.Module,
        surrogate: torch.nn.Module,
        *,
        objective: Objective | None = None,
        policy_optimizer: Optimizer = adam,
        surrogate_optimizer: Optimizer = adam,
        sampling: Sampling | None = None,
        fitting: Fitting | None = None,
        trust: Trust | None = None,
        rng: Any = None,
        workers: Any = None,
        vectorized: bool = False,
    ) -> None:
        options: dict[str, Any] = {}
        for name, kind, given in (
            ("sampling", Sampling, sampling),
            ("fitting", Fitting, fitting),
            ("trust", Trust, trust),
        ):
            if not isinstance(given, kind | None):
                raise TypeError(f"{name} must be {kind.__name__}(...), got {given!r}.")
            options[name] = kind() if given is None else given
        self._setup = Setup(
            function=Function(function, workers, vectorized),
            networks=Networks.of(policy, surrogate, policy_optimizer, surrogate_optimizer),
            objective=squared_error if objective is None else objective,
            make=(policy_optimizer, surrogate_optimizer),
            **options,
        )
        lambda_ = self._setup.fitting.lambda_
        self._state = State(
            randomness=seeded(int(np.random.default_rng(rng).integers(2**63))),
            radius=self._setup.trust.radius,
            lambda_=None if lambda_ == "cv" else float(lambda_),
        )

    @property
    def policy(self) -> torch.nn.Module:
        """The policy."""
        return self._setup.networks.policy

    @property
    def surrogate(self) -> torch.nn.Module:
        """The surrogate."""
        return self._setup.networks.surrogate

    @property
    def history(self) -> History:
        """All rounds so far."""
        return History(self._state.rounds)

    @property
    def evaluations(self) -> int:
        """How many samples the function was evaluated at through this object."""
        return self._setup.function.evaluations

    def run(self, X: Any, Y: Any, *, rounds: int = 1, progress: bool = False) -> History:  # noqa: N803 - as in issue
        """Train for some rounds more.

        A round that is interrupted, by Ctrl-C or by an exception of the function, leaves everything as it was before.

        Parameters
        ----------
        X : array_like of shape (m, n)
        Y : array_like of shape (m, ...)
            Targets, one row per row of ``X``.
        rounds : int, default 1
        progress : bool, default False
            Whether a bar shows the rounds, by tqdm.

        Returns
        -------
        History
            All rounds so far, those of earlier calls included.

        Raises
        ------
        TypeError, ValueError
            If an argument, or what a function or network returns, is not as described.
        WorkerLostError
            As in `jitgrad.grad_blackbox`.
        Exception
            Whatever the function raises, with a note that shows the sample.
        """
        check_count("rounds", rounds, 0)
        shown = _check.checked_flag("progress", progress)
        data = self._data(X, Y)
        name = digest(data.x, data.target)
        if name != self._state.data:
            self._state.data, self._state.known = name, ()
        tqdm = extra("tqdm", "progress=True") if shown else None
        with (
            self._setup.function.call(),
            nullcontext() if tqdm is None else closing(tqdm.tqdm(total=rounds, unit=" rounds")) as bar,
        ):
            for _ in range(rounds):
                with self._whole():
                    run_round(self._setup, self._state, data)
                if bar is not None:
                    last = self._state.rounds[-1]
                    bar.set_postfix_str(f"objective {last.loss:.3g}, {last.verdict}", refresh=False)
                    bar.update()
        return self.history

    def save(self, path: Any) -> None:
        """Write a checkpoint: networks, optimisers, samples, random numbers, history and options, but no function.

        Parameters
        ----------
        path : str or path
            A file that is there already stays whole until the new one is.
        """
        setup = self._setup
        checkpoint.write(path, self._state, setup.networks, (setup.sampling, setup.fitting, setup.trust))

    @classmethod
    def load(
        cls, path: Any, function: Callable[..., Any], policy: torch.nn.Module, surrogate: torch.nn.Module, **others: Any
    ) -> SurrogateTrainer:
        """Read a checkpoint; training goes on from it bit for bit as it would have without.

        Parameters
        ----------
        path : str or path
        function : callable
        policy, surrogate : torch.nn.Module
            Of the same make as those that were saved; their parameters are overwritten.
        **others
            ``objective``, ``policy_optimizer``, ``surrogate_optimizer``, ``workers`` and ``vectorized``, as they were
            for the trainer that was saved. All other options are in the file.

        Returns
        -------
        SurrogateTrainer

        Raises
        ------
        TypeError
            If an option is given that is in the file.
        ValueError
            If the file is no checkpoint.
        RuntimeError
            If the modules do not fit what was saved.
        """
        inside = sorted({"fitting", "rng", "sampling", "trust"} & others.keys())
        if inside:
            raise TypeError(f"{inside[0]} must be left out, because the checkpoint has it. Train anew to change it.")
        found = checkpoint.read(path)
        trainer = cls(function, policy, surrogate, **others, **found["options"])
        trainer._setup.networks.put_back(found["networks"])
        trainer._state.put_back(found["state"])
        return trainer

    @contextmanager
    def _whole(self) -> Iterator[None]:
        """Do all of a round or nothing, with random numbers of its own."""
        state, networks = self._state.snapshot(), self._setup.networks.snapshot()
        with torch.random.fork_rng(devices=[]):
            torch.set_rng_state(self._state.randomness)
            try:
                yield
            except BaseException:
                self._state.put_back(state)
                self._setup.networks.put_back(networks)
                raise
            self._state.randomness = torch.get_rng_state()

    def _data(self, X: Any, Y: Any) -> Data:  # noqa: N803
        parameter = next(self.policy.parameters())
        x, target = (torch.as_tensor(part).to(parameter).detach() for part in (X, Y))
        if x.ndim != 2 or not len(x):
            raise ValueError(f"X must be of shape (m, n), one row per sample, got shape {tuple(x.shape)}.")
        if target.ndim == 0 or len(target) != len(x):
            raise ValueError(f"Y must have {len(x)} rows, one per row of X, got shape {tuple(target.shape)}.")
        if not (torch.isfinite(x).all() and torch.isfinite(target).all()):
            raise ValueError("X and Y must be finite, got nan or inf. Leave those rows out.")
        target = target[:, None] if target.ndim == 1 else target
        return Data(x, target, torch.as_tensor(self._setup.sampling.explore).to(parameter))
