"""A machine that executes compiled PTX on the CPU: PTX to C, to a library, launched over a grid.

It shows whether the kernel that the compiler made computes what it should. It does not cover:

- operations of warps (``shfl``, ``vote``, ``match``, ``activemask``), clusters, tensor cores, textures, asynchronous
  copies, float16: refused with the line;
- ``vprintf`` and calls through addresses: refused;
- the memory model. Threads take turns at barriers, one after the other, forward or backward. A race in shared memory
  is found (not where addresses are generic, nor with atomic operations); one in global memory shows only where the
  order of the turns changes the result. Fences do nothing, atomic operations are plain ones;
- the last bits of approximate instructions (``opcodes.py`` says what stands for them), and of what libdevice computes
  from them: division and square root of float64 are exact, as PTX demands;
- ptxas, and with it bugs of it, what it contracts, registers and spills (`cuda_tools.ptxas`);
- the driver: limits of a device, how arguments travel, streams;
- speed. Counts are of PTX instructions per thread; machine code has others, and a warp executes both sides of a branch.

It is stricter than a device in these: memory outside of what was passed ends the launch, threads that have returned
while others wait at a barrier do too, a warp has no lockstep to rely on, and local and shared memory begins as NaN.
"""

from cuda_tools.ptx_machine.arguments import flatten, flatten_typed
from cuda_tools.ptx_machine.parse import PtxError
from cuda_tools.ptx_machine.run import Counts, LaunchError, PtxMachine

__all__ = ["Counts", "LaunchError", "PtxError", "PtxMachine", "flatten", "flatten_typed"]
