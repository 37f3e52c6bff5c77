"""``python -m jitgrad demo``: a fit to real data and a timing, in under a minute."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

_NEEDED = {"scipy": "SciPy", "matplotlib": "Matplotlib"}


def obstacle(picture: Path) -> str | None:
    """Say in one sentence what keeps the demo from running.

    Parameters
    ----------
    picture : Path
        Where the picture shall be saved.

    Returns
    -------
    str or None
        None if nothing does.
    """
    missing = [name for module, name in _NEEDED.items() if importlib.util.find_spec(module) is None]
    if missing:
        return f'the demo needs {" and ".join(missing)}, not installed here: pip install "jitgrad[demo]".'
    from matplotlib.figure import Figure

    if not picture.parent.is_dir():
        return f"--picture must name a file in an existing folder, but there is no folder {str(picture.parent)!r}."
    kinds = Figure().canvas.get_supported_filetypes()
    if picture.suffix[1:].lower() not in kinds:
        return f"--picture must end in one of .{', .'.join(sorted(kinds))}, got {picture.name!r}."
    return None


def run(picture: Path) -> None:
    """Print both parts of the demo and save the picture.

    Parameters
    ----------
    picture : Path
        File for the picture of the fit; its ending says which format.
    """
    # Read when SciPy loads its OpenBLAS: on 8 parameters more threads only fight for the cores, and every
    # fit took up to ten times as long on a busy machine, whatever its gradients came from.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from jitgrad.demo import fit, timing
    from jitgrad.demo.picture import draw

    # Flushed, so that a reader is not left before an empty screen while something compiles.
    print(fit.introduction(), flush=True)
    fits = fit.compare()
    print(fit.report(fits), flush=True)
    draw(fits[0].parameters, picture)
    print(f"\n  Picture of data and fit: {picture}\n", flush=True)
    print(timing.introduction(), flush=True)
    print(timing.report(timing.compare()))
