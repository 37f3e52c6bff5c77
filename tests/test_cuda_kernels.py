"""What ptxas makes of jitgrad's kernels does not get worse, and a fault in one of them is seen.

`python -m benchmarks.cuda_kernels --write docs/cuda-table.md` commits new figures.

No barrier is removed here: no kernel of jitgrad has one, because reductions are a launch of their own
(`jitgrad.launch.cuda.terms`). `tests/test_ptx_machine.py` removes barriers from kernels that have some.
"""

from __future__ import annotations

import numpy as np
import pytest

import jitgrad as jg
from jitgrad.testing import scenario, scenarios

pytestmark = pytest.mark.ptx

REST = "rest"
NAMES = [*sorted(s.name for s in scenarios()), REST]
EVERY = [(precision, cc) for precision in ("float64", "float32") for cc in ((8, 0), (9, 0), (10, 0))]
OVER_FORTY = {"diffusion", "large_offset", "lennard_jones", "noisy"}
"""Missed: registers that the compiler spends on indices once it knows that they are not negative. It then needs a third
of the instructions. With positions of 32 bits, of which it knows nothing, `diffusion` took 62 and the others 40."""
UNROLLED = {("float32, 9.0", "large_offset"): 32}
"""Stack of a slow path of ``sin`` in NVIDIA's library, which the compiler unrolls where the loss is all there is."""
COLUMNS_ONLY = {"array_expressions", "on_the_sphere"}
"""They use a whole array of ``x``, or write into it."""


@pytest.fixture(scope="module")
def figures():
    """The tools, which need numba-cuda: only there once tests with this marker run."""
    from cuda_tools import figures

    return figures


def named(figures, name):
    return figures.REST if name == REST else name


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("precision", "cc"), EVERY)
def test_no_figure_gets_worse(figures, name, precision, cc):
    now = figures.of(named(figures, name), precision, cc)
    before = figures.read()[figures.key(precision, cc)][named(figures, name)]
    assert now.keys() == before.keys()
    for form, one in now.items():
        assert (one is None) == (before[form] is None), form
        assert one is None or not one.worse(before[form]), (form, one, before[form])
    if name != REST:
        assert now["column"] is not None
        assert (now["view"] is None) == (name in COLUMNS_ONLY)


def committed(figures):
    """Everything that was committed: where, name, figures."""
    table = figures.read()
    return [(where, name, kernels) for where, by_name in table.items() for name, kernels in by_name.items()]


def test_there_are_figures_of_everything(figures):
    assert set(figures.read()) == {figures.key(*one) for one in EVERY}
    assert all(set(by_name) == set(figures.names()) for by_name in figures.read().values())


def test_nothing_is_spilled(figures):
    assert {one.spills for *_, kernels in committed(figures) for one in kernels.values() if one} == {0}


def test_kernels_keep_nothing_in_memory_that_the_loss_does_not(figures):
    for where, name, kernels in committed(figures):
        if name == figures.REST:
            assert {one.stack for one in kernels.values()} == {0}, where
        else:
            own = UNROLLED.get((where, name), kernels[figures.OWN].stack)
            assert (kernels["view"] or kernels["column"]).stack == own, (where, name)


def test_forty_registers_do_for_what_a_launcher_adds(figures):
    over = set()
    for name, kernels in figures.read()[figures.key("float64", (9, 0))].items():
        if name != figures.REST and kernels[figures.OWN].registers <= 40 and kernels["view"]:
            over |= {name} if kernels["view"].registers > 40 else set()
    assert over == OVER_FORTY


def place_of(ptx, opcode, counted):
    """Which one of the instructions that are counted is the first of an opcode."""
    from cuda_tools.ptx_machine.parse import Instruction, parse

    every = (one for function in parse(ptx).functions for one in function.body)
    return [one.opcode for one in every if isinstance(one, Instruction) and counted(one)].index(opcode)


def damaged(ptx, fault):
    """A machine in whose kernel the choice of a view is wrong: its select of floats, or its comparison of positions."""
    from cuda_tools.ptx_machine import PtxMachine
    from cuda_tools.ptx_machine.damage import negate_comparison, swap_select

    if fault == "swapped select":
        damage = swap_select(place_of(ptx, "selp.f64", lambda one: one.name == "selp"))
    else:
        equal = {"eq", "ne"}
        k = place_of(ptx, "setp.eq.s32", lambda one: one.name == "setp" and one.modifiers[0] in equal)
        damage = negate_comparison(k)
    return PtxMachine(ptx, damage=damage)


@pytest.mark.parametrize("fault", [None, "swapped select", "negated comparison"])
@pytest.mark.parametrize("name", ["rosenbrock", "quadratic_form", "lennard_jones"])
def test_a_fault_in_a_view_kernel_is_seen(monkeypatch, name, fault):
    from cuda_tools.device import PtxDevice

    def compile_with_fault(self, function, signature):
        compiled = PtxDevice.compile(self, function, signature)
        if function.__name__ == "evaluate_probes" and fault is not None:
            compiled.kernel._machine = damaged(compiled.kernel.ptx, fault)
        return compiled

    # A type of its own: compiled kernels are kept by the type of the device.
    device = type("Damaged", (PtxDevice,), {"compile": compile_with_fault})
    monkeypatch.setattr("jitgrad.prepared.cuda.gradient.Device", device)
    monkeypatch.setattr("jitgrad.gradient_cuda.require_cuda", lambda: None)
    s = scenario(name)
    there = jg.grad_cuda(s.loss, s.point, args=s.args, step=1e-5)
    here = jg.grad_cpu(s.loss, s.point, args=s.args, step=1e-5, vectorize="off")
    assert np.array_equal(there, here) == (fault is None)
