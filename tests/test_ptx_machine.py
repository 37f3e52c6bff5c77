"""The machine that runs compiled PTX on the CPU: threads, memory, arguments, faults, damage, counters."""

from __future__ import annotations

import numpy as np
import pytest
from cuda_tools.handwritten import HEADER
from cuda_tools.ptx_machine import Counts, LaunchError, PtxError, PtxMachine, flatten_typed
from cuda_tools.ptx_machine.arguments import Address
from cuda_tools.ptx_machine.damage import negate_comparison, occurrences, remove_barrier, swap_operands, swap_select
from cuda_tools.toolkit import CAPABILITIES, compile_ptx
from numba import types

pytestmark = pytest.mark.ptx

F4, F8, I4, I8 = types.float32, types.float64, types.int32, types.int64


def compiled(name, *signature, cc=(9, 0), **options) -> str:
    from cuda_tools import examples

    return compile_ptx(getattr(examples, name), signature, cc, **options)


def numbers(n, seed=1):
    return np.random.default_rng(seed).normal(size=n)


def kernel(body, parameters=".param .u64 p"):
    return f"{HEADER}.visible .entry k({parameters})\n{{\n{body}\nret;\n}}"


# ---- Threads and memory ----


@pytest.mark.parametrize("cc", CAPABILITIES)
@pytest.mark.parametrize("backward", [False, True])
def test_sum_through_shared_memory(cc, backward):
    machine = PtxMachine(compiled("block_sums", F8[::1], F8[::1], cc=cc))
    x = np.arange(5 * 64) ** 2.0  # sums of these are exact
    out = np.zeros(5)
    machine.launch("block_sums", 5, 64, x, out, backward=backward)
    assert (out == x.reshape(5, 64).sum(axis=1)).all()


@pytest.mark.parametrize(("name", "barriers", "backward"), [("block_sums", 7, False), ("overwritten", 6, True)])
def test_every_barrier_but_the_last_is_needed(name, barriers, backward):
    x = numbers(3 * 64) if name == "block_sums" else numbers(3 * 64).reshape(3, 64)
    ptx = compiled(name, F8[::1] if x.ndim == 1 else F8[:, ::1], F8[::1])
    assert occurrences(ptx, "bar") == barriers

    def run(damage=None):
        PtxMachine(ptx, damage=damage).launch(name, 1, 64, x, np.zeros(64), backward=backward)

    for damage in (None, *map(remove_barrier, range(barriers - 1))):
        if damage:
            with pytest.raises(LaunchError, match="meet in shared memory, one writes, no barrier is between, line"):
                run(damage)
        else:
            run()
    run(remove_barrier(barriers - 1))  # after the last nobody looks at what others do


def test_shared_memory_begins_as_nan():
    body = ".shared .align 8 .b8 s[16]; .reg .f64 %x; .reg .b64 %p; ld.param.u64 %p, [p];"
    out = np.zeros(1)
    machine = PtxMachine(kernel(body + "ld.shared.f64 %x, [s+8]; st.global.f64 [%p], %x;"))
    machine.launch("k", 1, 1, Address(out))
    assert np.isnan(out[0])


def test_order_backward_shows_what_forward_hides():
    ptx = compiled("from_first_thread", F8[::1], F8[::1], F8[::1])
    x, wanted = numbers(2), np.add.outer(numbers(2), np.arange(8.0)).ravel()
    for backward in (False, True):
        out, damaged = np.zeros(16), np.zeros(16)
        PtxMachine(ptx).launch("from_first", 2, 8, x, np.zeros(2), out, backward=backward)
        assert (out == wanted).all()
        machine = PtxMachine(ptx, damage=remove_barrier())
        machine.launch("from_first", 2, 8, x, np.zeros(2), damaged, backward=backward)
        assert (damaged == wanted).all() != backward


def test_shared_memory_of_a_size_given_at_launch():
    machine = PtxMachine(compiled("reversed_through_shared", F8[:, :, ::1], F8[:, :, ::1]))
    x = numbers(2 * 3 * 16).reshape(2, 3, 16)
    out = np.zeros_like(x)
    machine.launch("reversed", (3, 2), 16, x, out, shared=16 * 8)
    assert (out == x[:, :, ::-1]).all()
    with pytest.raises(LaunchError, match=r"8 bytes .* outside of every array, line \d+ of the PTX: st\.shared\.f64"):
        machine.launch("reversed", (3, 2), 16, x, out, shared=8 * 8)


@pytest.mark.parametrize(("numba_type", "dtype"), [(F4, np.float32), (F8, np.float64)])
def test_atomic_operations(numba_type, dtype):
    machine = PtxMachine(compiled("atomics", numba_type[::1], numba_type[::1]))
    x = np.arange(-20, 50).astype(dtype)
    out = np.zeros(3, dtype)
    machine.launch("atomics", 3, 32, x, out)
    assert out.tolist() == [x.sum(), 49, -20]


@pytest.mark.parametrize(("numba_type", "dtype"), [(I4, np.int32), (I8, np.int64), (types.uint32, np.uint32)])
def test_atomic_operations_on_integers(numba_type, dtype):
    machine = PtxMachine(compiled("integer_atomics", numba_type[::1], numba_type[::1]))
    x = np.array([5, 9, 17, 3, 33], dtype)
    out = np.array([0, 0, 100, 0, 0, 0, 0], dtype)
    machine.launch("integer_atomics", 1, 8, x, out)
    assert out.tolist() == [67, 33, 3, 5 ^ 9 ^ 17 ^ 3 ^ 33, 5 | 9 | 17 | 3 | 33, 33, 5]


def test_local_memory_and_tables():
    from cuda_tools.examples import TABLE

    machine = PtxMachine(compiled("tables", F8[::1], F8[::1]))
    x = np.arange(30.0) % 11
    out = np.zeros(30)
    machine.launch("tables", 2, 16, x, out)
    places = [int(value) % 7 for value in x]
    assert out.tolist() == [x[(i + j) % 30] * TABLE[(2 * i + j) % 20] for i, j in enumerate(places)]


def test_vectors_tables_with_numbers_and_addresses_that_are_overwritten():
    table = ".const .align 16 .f32 t[4] = {0f3F800000, 0f40000000, 0f40400000, 0f40800000};\n.global .u32 one = 7;\n"
    body = """
    .reg .f32 %f<4>; .reg .f64 %d<2>; .reg .b64 %p, %q; .reg .b32 %n, %a, %b;
    ld.param.u64 %p, [p];
    mov.u64 %q, t;
    ld.const.v4.f32 {%f0, %f1, %f2, %f3}, [%q];
    st.global.v4.f32 [%p], {%f3, %f2, %f1, %f0};
    ld.global.v2.f64 {%d0, %d1}, [%p+16];
    st.global.v2.f64 [%p+16], {%d1, %d0};
    ld.global.u32 %n, [one];
    st.global.u32 [%p+32], %n;
    mov.b64 {%a, %b}, %p;
    ld.global.v2.u64 {%p, %q}, [%p+16];
    mov.b64 %q, {%a, %b};
    st.global.u64 [%q+40], %p;
    """
    out = np.zeros(6)
    out[2:4] = 2.5, -3.5
    PtxMachine(kernel(body).replace(".visible", table + ".visible")).launch("k", 1, 1, Address(out))
    assert out[:2].view(np.float32).tolist() == [4.0, 3.0, 2.0, 1.0]
    assert out[2:4].tolist() == [-3.5, 2.5]
    assert out[4:5].view(np.uint32).tolist() == [7, 0]
    assert out[5] == -3.5


OPTIONS = [{"fastmath": True}, {"lineinfo": True}, {"launch_bounds": (64, 2)}, {"debug": True, "opt": False}]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_options_of_the_compiler(options):
    machine = PtxMachine(compiled("block_sums", F8[::1], F8[::1], **options))
    x, out = np.arange(64.0), np.zeros(1)
    machine.launch("block_sums", 1, 64, x, out)
    assert out[0] == x.sum()


def test_functions_that_call_themselves():
    machine = PtxMachine(compiled("recursive", F8[::1], F8[::1]))
    x, out = np.full(6, 3.0), np.zeros(6)
    machine.launch("recursive", 1, 6, x, out)
    assert out.tolist() == [3.0**k for k in range(1, 7)]


# ---- Arguments ----


def test_arguments_of_every_kind():
    nested = types.Tuple((F4, types.Tuple((F8[::1], I4))))
    signature = (types.boolean, F8, F8[:, :], nested, F8[:, ::1])
    machine = PtxMachine(compiled("of_everything", *signature, fma=False))
    x = numbers(60).reshape(6, 10)[::-2, 1::3]
    row, out = numbers(3), np.zeros((3, 3))
    given = (True, 0.5, x, (np.float32(0.1), (row, -7)), out)
    machine.launch("of_everything", (1, 1), (4, 4), *given)
    assert (out == x * 0.5 + ((row + float(np.float32(0.1))) + -7)).all()
    again, out[:] = out.copy(), 0
    machine.launch("of_everything", 1, (4, 4), *flatten_typed(signature, given))
    assert (out == again).all()
    machine.launch("of_everything", 1, (4, 4), False, *given[1:])
    assert (out == x * 0.5).all()


@pytest.mark.parametrize(
    ("kind", "value", "message"),
    [
        (F8[::1], np.zeros(3, np.float32), r"argument 0 must be array\(float64, 1d, C\), got array\(float32, 1d, C\)"),
        (F8[::1], np.zeros(6)[::2], r"must be array\(float64, 1d, C\), got array\(float64, 1d, A\)"),
        (types.Tuple((F8, F8)), (1.0,), "argument 0 must be a tuple of 2"),
        (F8, np.zeros(3), "argument 0 must be float64, got ndarray"),
        (F8, "x", "a kernel takes arrays, numbers and tuples of these, got str"),
    ],
)
def test_arguments_that_do_not_suit(kind, value, message):
    with pytest.raises(TypeError, match=message):
        flatten_typed((kind,), (value,))
    with pytest.raises(TypeError, match="the kernel takes 1 arguments, got 2"):
        flatten_typed((kind,), (value, value))


def test_launches_that_do_not_suit():
    machine = PtxMachine(kernel(".reg .b64 %r<2>; ld.param.u64 %r1, [p];"))
    machine.launch("k", 1, 1, 3)
    for call, error, message in (
        (lambda: machine.launch("k", 1, 1), TypeError, "1 parameters, the arguments come to 0"),
        (lambda: machine.launch("k", 1, 1, 1.5), TypeError, "parameter 0 is an integer of 64 bits, got 1.5"),
        (lambda: machine.launch("z", 1, 1, 1), ValueError, "one kernel must suit 'z'"),
        (lambda: machine.launch("k", 0, 1, 1), ValueError, "grid must be one to three sizes of at least 1"),
        (lambda: machine.launch("k", 1, (64, 17), 1), ValueError, "at most 1024 threads"),
        (lambda: machine.launch("k", 1, 1, 1, shared=8), ValueError, "no shared memory whose size"),
        (lambda: machine.counts, ValueError, "make it with count=True"),
    ):
        with pytest.raises(error, match=message):
            call()


# ---- Faults ----


def test_access_outside_of_an_array():
    machine = PtxMachine(compiled("chosen", F8[::1], I8, F8, F8[::1]))
    x, out = numbers(10), np.zeros(9)
    with pytest.raises(LaunchError, match=r"thread \(1, 0, 0\) of block \(1, 0, 0\) reads or writes 8 bytes"):
        machine.launch("chosen", 2, 8, x, 3, 1.0, out)
    assert (np.delete(out, 3) == np.delete(x[:9], 3)).all()


def test_threads_that_part_at_a_barrier():
    machine = PtxMachine(compiled("parts_at_barrier", F8[::1], F8[::1]))
    with pytest.raises(LaunchError, match=r"32 threads of block \(0, 0, 0\) wait, others have returned, line \d+"):
        machine.launch("parts", 1, 64, numbers(64), np.zeros(64))


def test_barriers_that_are_not_the_same():
    body = (
        ".reg .b32 %t; .reg .pred %q;\nmov.u32 %t, %tid.x;\nsetp.eq.u32 %q, %t, 0;\n@%q bra A;\nbar.sync 0;\nret;\nA:\n"
    )
    machine = PtxMachine(kernel(body + "bar.sync 0;"))
    with pytest.raises(LaunchError, match=r"4 threads of block \(0, 0, 0\) wait, others at line 10, line 13"):
        machine.launch("k", 1, 4, 0)


@pytest.mark.parametrize("barrier", ["", "bar.sync 0;"])
def test_trap_exit_and_loops_without_end(barrier):
    start = f".reg .b32 %t; .reg .pred %q; {barrier} mov.u32 %t, %tid.x; setp.eq.u32 %q, %t, 2;\n"
    with pytest.raises(LaunchError, match=r"thread \(2, 0, 0\) of block \(0, 0, 0\) executes trap, line 7 .*@%q trap;"):
        PtxMachine(kernel(start + "@%q trap;")).launch("k", 1, 4, 0)
    PtxMachine(kernel(start + "@!%q bra A;\nexit;\ntrap;\nA: membar.gl;")).launch("k", 1, 4, 0)
    with pytest.raises(LaunchError, match=r"is in a loop when the limit of labels is reached, line 8 of the PTX: A:"):
        PtxMachine(kernel(start + "\nA:\nbra A;")).launch("k", 1, 4, 0, limit=1000)
    # The machine is as before after a fault.
    PtxMachine(kernel(start)).launch("k", 1, 4, 0)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("wgmma.fence.sync.aligned;", "this instruction is not covered, at line 6 of the PTX: wgmma.fence"),
        (".reg .b32 %r;\nadd.f16 %r, %r, %r;", "not covered, at line 7 of the PTX: add.f16"),
        (".reg .f32 %f;\nadd.rna.f32 %f, %f, %f;", "not covered, at line 7"),
        (".reg .f64 %f;\nadd.f64 %f, %f, %g;", "the register %g is not covered, at line 7"),
        (".reg .f64 %f;\nadd.f64 %f, %f, 1;", "the integer 1 stands where f64 is read"),
        (".reg .f64 %f;\nadd.f64 %f, %f;", "not covered, at line 7"),
        ("bar.sync 0, 32;", "this barrier is not covered"),
        (".reg .b32 %r;\nactivemask.b32 %r;", "not covered, at line 7"),
        (".reg .b64 %r;\nmov.u64 %r, nowhere;", "nowhere is no register and no variable"),
    ],
)
def test_what_is_not_covered_is_refused_with_its_line(body, message):
    with pytest.raises(PtxError, match=message):
        PtxMachine(kernel(body))


@pytest.mark.parametrize(
    ("name", "message"), [("prints", "vprintf is not in this file"), ("shuffles", "shfl.sync.down")]
)
def test_kernels_that_are_not_covered(name, message):
    with pytest.raises(PtxError, match=message):
        PtxMachine(compiled(name, F8[::1], F8[::1]))


# ---- Damage ----


def test_damaged_selects_and_comparisons_are_noticed():
    ptx = compiled("chosen", F8[::1], I8, F8, F8[::1])
    x = numbers(10)

    def result(damage=None):
        out = np.zeros(10)
        PtxMachine(ptx, damage=damage).launch("chosen", 1, 16, x, 3, 7.5, out)
        return out

    wanted = x.copy()
    wanted[3] = 7.5
    assert (result() == wanted).all()
    of_values = [k for k in range(occurrences(ptx, "selp")) if (result(swap_select(k)) != wanted).any()]
    assert of_values
    assert (result(negate_comparison(0)) != wanted).any()
    with pytest.raises(ValueError, match="the kernel holds 0 of the instructions to damage, asked for number 0"):
        result(remove_barrier())
    with pytest.raises(ValueError, match="asked for number 99"):
        result(swap_operands("add", 99))


# ---- Counters ----


@pytest.mark.parametrize("barrier", ["", "bar.sync 0;"])
def test_counts_of_a_loop(barrier):
    body = f"""
    .reg .b32 %i, %n; .reg .pred %q; .reg .f64 %x; .reg .f32 %y; .reg .b64 %p;
    ld.param.u64 %p, [p];
    mov.u32 %i, 0;
    mov.u32 %n, %tid.x;
    ld.global.f64 %x, [%p];
    {barrier}
    LOOP: setp.ge.u32 %q, %i, %n;
    @%q bra DONE;
    fma.rn.f64 %x, %x, %x, %x;
    add.f32 %y, %y, %y;
    add.u32 %i, %i, 1;
    bra LOOP;
    DONE: st.global.f64 [%p], %x;
    """
    machine = PtxMachine(kernel(body), count=True)
    machine.launch("k", 2, 5, Address(np.zeros(1)))
    rounds, threads = 2 * (0 + 1 + 2 + 3 + 4), 10
    assert machine.counts == Counts(
        fp64=rounds,
        fp32=rounds,
        integer=2 * rounds + threads,
        load=threads,
        store=threads,
        branch=2 * rounds + 2 * threads,
        special=threads if barrier else 0,
        move=3 * threads,
    )
    assert machine.opcodes["fma.rn.f64"] == rounds
    assert machine.opcodes["ret"] == threads
    machine.launch("k", 1, 1, Address(np.zeros(1)))
    assert machine.counts.load == 1  # of the last launch alone
