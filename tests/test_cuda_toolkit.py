"""Compiling without a GPU, and the figures of the assembler."""

from __future__ import annotations

import importlib.metadata
import itertools
import re
import subprocess

import pytest
from cuda_tools import ptxas, toolkit
from cuda_tools.ptx_machine.build import compiler
from cuda_tools.toolkit import CAPABILITIES, ToolkitError, compile_ptx, compute_capability
from numba import njit, types

pytestmark = pytest.mark.ptx

F8 = types.float64


@njit
def product_and_sum(x, i):
    return x[i] * x[i] + x[0]


def kernel_of(loss):
    from numba import cuda

    def kernel(x, out):
        i = cuda.grid(1)
        if i < x.size:
            out[i] = loss(x, i)

    return kernel


@pytest.mark.parametrize("cc", CAPABILITIES)
def test_functions_for_the_cpu_compile_for_each_capability(cc):
    text = compile_ptx(kernel_of(product_and_sum), (F8[::1], F8[::1]), cc)
    assert f".target sm_{cc[0]}{cc[1]}" in text
    (usage,) = ptxas.assemble(text, cc).values()
    assert 0 < usage.registers < 64
    assert usage[1:4] == (0, 0, 0)
    assert usage.shared == 0
    assert usage.constant >= 14 * 8  # two arrays of seven numbers


def test_fma_is_contracted_unless_told_otherwise():
    kernel = kernel_of(product_and_sum)
    assert "fma.rn.f64" in compile_ptx(kernel, (F8[::1], F8[::1]))
    apart = compile_ptx(kernel, (F8[::1], F8[::1]), fma=False)
    assert "fma.rn.f64" not in apart
    assert re.search(r"mul(\.rn)?\.f64", apart)


def test_the_stand_in_goes_away_again():
    from numba.cuda import dispatcher

    before = dispatcher.get_current_device
    with compute_capability((8, 0)):
        assert dispatcher.get_current_device().compute_capability == (8, 0)
    assert dispatcher.get_current_device is before


def test_figures_of_shared_and_local_memory():
    from cuda_tools import examples

    (sums,) = ptxas.assemble(compile_ptx(examples.block_sums, (F8[::1], F8[::1])), (9, 0)).values()
    assert sums.shared == 64 * 8
    (tables,) = ptxas.assemble(compile_ptx(examples.tables, (F8[::1], F8[::1])), (9, 0)).values()
    assert tables.stack >= 7 * 8
    assert tables.constant >= sums.constant + 20 * 8
    few = compile_ptx(kernel_of(many_at_once), (F8[::1], F8[::1])).replace(".address_size 64", ".address_size 64\n", 1)
    with_limit = re.sub(r"\)\s*\{", ")\n.maxnreg 24\n{", few, count=1)
    (free,), (limited,) = (ptxas.assemble(text, (9, 0)).values() for text in (few, with_limit))
    assert free.spill_stores == free.spill_loads == 0
    assert limited.registers <= 24
    assert limited.spill_stores > 0
    assert limited.spill_loads > 0


@njit
def many_at_once(x, i):
    a, b, c, d, e, f, g, h = x[i], x[i + 1], x[i + 2], x[i + 3], x[i + 4], x[i + 5], x[i + 6], x[i + 7]
    for j in range(x.size):
        y = x[j]
        a, b, c, d, e, f, g, h = b * y, c * y + a, d - y * b, e * y, f + y * d, g * y - e, h * y, a * y + g
    return a + b * c - d + e * f - g * h


def test_refusals():
    with pytest.raises(RuntimeError, match=r"ptxas refuses the kernel for compute capability 9\.0"):
        ptxas.assemble(".version 9.0\n.target sm_90\nnonsense", (9, 0))
    with pytest.raises(ToolkitError, match=r"holds no ptxas-of-tomorrow\. Install the pinned toolkit: pip install"):
        toolkit.tool("ptxas-of-tomorrow")


def test_parts_that_are_missing_or_of_different_releases(monkeypatch):
    version = importlib.metadata.version
    toolkit.release.cache_clear()
    monkeypatch.setattr(
        importlib.metadata, "version", lambda name: "13.5.1" if name == "nvidia-nvvm" else version(name)
    )
    with pytest.raises(ToolkitError, match=r"must be of one release, got .*'nvidia-nvvm': '13\.5'"):
        toolkit.release()

    def missing(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", missing)
    with pytest.raises(ToolkitError, match="need the package numba-cuda, which is not installed"):
        toolkit.release()
    toolkit.release.cache_clear()


PROGRAM = """
#include <stdio.h>
#include <cuda_occupancy.h>
int main(void) {{
    int major, registers, block, shared;
    while (scanf("%d %d %d %d", &major, &registers, &block, &shared) == 4) {{
        cudaOccDeviceProp p = {{0}};
        cudaOccFuncAttributes f = {{0}};
        cudaOccDeviceState s = {{0}};
        cudaOccResult r;
        p.computeMajor = major, p.warpSize = 32, p.maxThreadsPerBlock = 1024, p.numSms = 1;
        {limits}
        p.regsPerBlock = p.regsPerMultiprocessor, p.sharedMemPerBlock = 48 * 1024;
        p.reservedSharedMemPerBlock = {reserved};
        f.maxThreadsPerBlock = 1024, f.numRegs = registers, f.sharedSizeBytes = shared;
        f.shmemLimitConfig = FUNC_SHMEM_LIMIT_OPTIN, f.maxDynamicSharedSizeBytes = 0;
        s.carveoutConfig = SHAREDMEM_CARVEOUT_MAX_SHARED;
        if (cudaOccMaxActiveBlocksPerMultiprocessor(&r, &p, &f, &s, block, 0)) return 1;
        printf("%d\\n", r.activeBlocksPerMultiprocessor);
    }}
    return 0;
}}
"""


def test_occupancy_agrees_with_the_calculator_of_the_toolkit(tmp_path):
    limits = "".join(
        f"if (major == {cc[0]}) p.maxThreadsPerMultiprocessor = {it.threads}, p.regsPerMultiprocessor = {it.registers},"
        f" p.sharedMemPerMultiprocessor = {it.shared}, p.sharedMemPerBlockOptin = {it.shared_of_block};\n"
        for cc, it in ptxas.LIMITS.items()
    )
    source = tmp_path / "occupancy.c"
    source.write_text(PROGRAM.format(limits=limits, reserved=ptxas.SHARED_RESERVED))
    headers = toolkit.tool("cuda_occupancy.h", "nvidia-cuda-runtime").parent
    subprocess.run([compiler(), "-I", str(headers), str(source), "-o", str(tmp_path / "occupancy")], check=True)
    cases = list(
        itertools.product(
            CAPABILITIES,
            (16, 30, 32, 33, 40, 41, 64, 72, 128, 168, 255),
            (32, 64, 96, 128, 256, 512, 1024),
            (0, 512, 3000, 90000),
        )
    )
    text = "\n".join(f"{cc[0]} {registers} {block} {shared}" for cc, registers, block, shared in cases)
    answer = subprocess.run([str(tmp_path / "occupancy")], input=text, capture_output=True, text=True, check=True)
    ours = [ptxas.resident_blocks(registers, block, shared, cc) for cc, registers, block, shared in cases]
    assert ours == [int(line) for line in answer.stdout.split()]
    assert ptxas.occupancy(32, 256, 0, (9, 0)) == 1.0
    assert ptxas.occupancy(40, 256, 0, (9, 0)) == 0.75
    with pytest.raises(ValueError, match="no block has 2048 threads"):
        ptxas.resident_blocks(32, 2048, 0, (9, 0))
