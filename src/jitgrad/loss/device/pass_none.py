"""Arguments that numba-cuda compiles for and cannot pass to a kernel."""

from __future__ import annotations

from typing import Any

from numba.core import types


class PassNone:
    """An extension for ``cuda.jit(extensions=[PassNone()])``, for arguments that are None."""

    def prepare_args(self, kind: Any, value: Any, stream: Any, retr: Any) -> tuple[Any, Any]:
        """Return what to pass: in compiled code None is a pointer nobody looks at."""
        return (types.uint64, 0) if isinstance(kind, types.NoneType) else (kind, value)
