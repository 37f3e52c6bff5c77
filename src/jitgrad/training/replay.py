"""Samples of the function, from which the surrogate learns."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch


class Replay(NamedTuple):
    """Samples in order of their age; the tensors are never changed in place, so that earlier sets can be put back.

    Attributes
    ----------
    row : tensor of int64, shape (r,)
        Which row of ``X`` a sample was made with.
    inputs : tensor of shape (r, n + k)
        ``x`` followed by ``u``: what the surrogate is called with.
    outputs : tensor of shape (r, p)
        What the function returned.
    """

    row: Any
    inputs: Any
    outputs: Any

    def grown(self, row: Any, inputs: Any, outputs: Any, keep: int | None) -> Replay:
        """Return a set with further samples, those left out at which the function was not finite."""
        finite = torch.isfinite(outputs).all(dim=1)
        fresh = (row[finite], inputs[finite], outputs[finite])
        # The first samples show how many outputs there are.
        grown = fresh if not len(self.row) else (torch.cat(pair) for pair in zip(self, fresh, strict=True))
        return Replay(*(column if keep is None else column[-keep:] for column in grown))

    def without(self, rows: Any) -> Replay:
        """Return a set without the samples of some rows of ``X``."""
        kept = ~torch.isin(self.row, rows)
        return Replay(*(column[kept] for column in self))

    def spread(self) -> Any:
        """Return the standard deviation of every output, of shape (p,); 1 for one that does not vary."""
        spread = self.outputs.std(dim=0, correction=0)
        return torch.where(spread > 0, spread, torch.ones_like(spread))


def no_samples() -> Replay:
    """Return a set without samples."""
    return Replay(torch.empty(0, dtype=torch.int64), torch.empty(0, 0), torch.empty(0, 0))
