"""What ptxas makes of every kernel of jitgrad, compiled exactly as for a device; `benchmarks.cuda_kernels` writes it.

The figures that were committed last are beside this file, for tests to compare with.
"""

from __future__ import annotations

import json
import math
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numba.core import types

import jitgrad as jg
from cuda_tools.device import PtxDevice
from cuda_tools.ptxas import assemble, occupancy
from jitgrad.launch.cuda.bound import CudaLoss
from jitgrad.launch.cuda.device import BLOCK, WORD, Compiled
from jitgrad.launch.cuda.kernels import peak_kernel
from jitgrad.launch.cuda.runner import PEAK_SIGNATURE
from jitgrad.launch.cuda.terms import finish_kernel, finish_signature
from jitgrad.loss.device.form import device_form
from jitgrad.loss.device.target import cuda
from jitgrad.prepared.cuda.differences import combine_kernel, place_kernel
from jitgrad.prepared.cuda.resident import Resident
from jitgrad.prepared.plan import make_plan
from jitgrad.testing import scenario, scenarios

COMMITTED = Path(__file__).with_suffix(".json")
PRECISIONS = ("float64", "float32")
FORMS = ("view", "column")
OWN = "own"
"""The loss in a kernel that does nothing but call it on an ordinary array: what no launcher could save."""

REST = "kernels that do not depend on the loss, and sums of terms"
Capability = tuple[int, int]


class Figures(NamedTuple):
    """Of one kernel: registers of a thread; bytes of a thread, and of a block (shared, without the dynamic part)."""

    registers: int
    spills: int
    stack: int
    shared: int
    allocates: bool

    def worse(self, before: Figures) -> bool:
        """Whether anything has grown."""
        return any(now > then for now, then in zip(self, before, strict=True))

    def occupancy(self, cc: Capability) -> float:
        """Share of the threads of a multiprocessor that it can hold, in blocks as jitgrad launches them."""
        return occupancy(self.registers, BLOCK, self.shared + BLOCK * WORD, cc)


@cache
def device_of(cc: Capability) -> PtxDevice:
    """A device of this capability, with products and sums contracted as on a real one."""
    return type("Device", (PtxDevice,), {"capability": cc, "fma": True})()


def bound(loss: Any, x: Any, args: tuple[Any, ...], cc: Capability) -> CudaLoss:
    """A loss for a device of this capability."""
    return CudaLoss(loss, x[None], args, (None,) * len(args), (), (device_of(cc),))


def of_scenario(name: str, precision: str, cc: Capability) -> dict[str, Figures | None]:
    """Figures of both kernels of a scenario, None for one that it does not compile in, and of the loss itself."""
    s = scenario(name)
    here = bound(s.loss, s.point.astype(precision), s.args, cc)
    found = {form: here._kernel(here.places[0], form) for form in FORMS}
    figures = {form: measure(one, cc) if isinstance(one, Compiled) else None for form, one in found.items()}
    return {**figures, OWN: measure(own(here), cc)}


def own(here: CudaLoss) -> Compiled:
    """Compile `OWN`."""
    (place,) = here.places
    call, number = device_form(here.loss), types.float64 if place.dtype == np.float64 else types.float32

    def call_only(x: Any, args: Any, out: Any) -> None:
        t = cuda.grid(1)
        if t < out.size:
            out[t], _ = call(x, args)

    kinds = place.arguments.kinds
    args = types.BaseTuple.from_types(kinds) if kinds else types.Tuple(())
    return place.device.compile(call_only, (number[::1], args, types.float64[::1]))


@njit
def logistic_term(k, x, features, labels):
    z = 0.0
    for j in range(x.size):
        z += features[k, j] * x[j]
    return math.log1p(math.exp(-labels[k] * z))


@njit
def n_labels(x, features, labels):
    return labels.size


@njit
def rosenbrock_term(k, x):
    along, across = 1.0 - x[k], x[k + 1] - x[k] * x[k]
    return along * along + 100.0 * across * across


@njit
def n_pairs(x):
    return x.size - 1


def of_rest(precision: str, cc: Capability) -> dict[str, Figures | None]:
    """Figures of `REST`, by what they do."""
    s = scenario("rosenbrock")
    x = s.point.astype(precision)
    here = bound(s.loss, x, (), cc)
    plan = make_plan(jg.gradient_of(s.loss, step=jg.Textbook())._options, x.shape, x.dtype)
    resident = Resident(plan, here)
    found = {
        "place": here.places[0].kernel(place_kernel, resident._place_signature),
        "combine": here.places[0].kernel(combine_kernel, resident._combine_signature),
        "peak": here.places[0].kernel(peak_kernel, PEAK_SIGNATURE),
        "finish": here.places[0].kernel(finish_kernel, finish_signature(x.dtype)),
        "terms: logistic": terms(jg.Separable(logistic_term, n_labels), x, (np.ones((3, x.size)), np.ones(3)), cc),
        "terms: Rosenbrock": terms(jg.Separable(rosenbrock_term, n_pairs), x, (), cc),
    }
    return {name: measure(one, cc) for name, one in found.items()}


def terms(loss: jg.Separable, x: Any, args: tuple[Any, ...], cc: Capability) -> Compiled:
    """Compile the kernel of a sum of terms."""
    here = bound(loss, x, args, cc)
    found = here._kernel(here.places[0], "terms")
    if isinstance(found, Exception):
        raise found
    return found


def measure(compiled: Compiled, cc: Capability) -> Figures:
    """Run ptxas on the only kernel of a file."""
    (usage,) = assemble(compiled.kernel.ptx, cc).values()
    spills = usage.spill_stores + usage.spill_loads
    return Figures(usage.registers, spills, usage.stack, usage.shared, compiled.allocates)


def names() -> list[str]:
    """Everything that there are figures of."""
    return [*sorted(s.name for s in scenarios()), REST]


def of(name: str, precision: str, cc: Capability) -> dict[str, Figures | None]:
    """Figures of one of `names`."""
    return of_rest(precision, cc) if name == REST else of_scenario(name, precision, cc)


def key(precision: str, cc: Capability) -> str:
    """Where figures are kept."""
    return f"{precision}, {cc[0]}.{cc[1]}"


Table = dict[str, dict[str, dict[str, Figures | None]]]
"""By `key`, by name and by kernel."""


def read() -> Table:
    """The figures that were committed."""
    return {
        where: {
            name: {form: one and Figures(*one) for form, one in kernels.items()} for name, kernels in by_name.items()
        }
        for where, by_name in json.loads(COMMITTED.read_text()).items()
    }


def write(table: Table) -> None:
    """Commit figures: one line for each loss, so that differences can be read."""
    parts = []
    for where, by_name in table.items():
        lines = ",\n".join(f"  {json.dumps(name)}: {json.dumps(kernels)}" for name, kernels in by_name.items())
        parts.append(f"{json.dumps(where)}: {{\n{lines}\n}}")
    COMMITTED.write_text("{\n" + ",\n".join(parts) + "\n}\n")
