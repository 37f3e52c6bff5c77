"""Evaluates for a minute on the workers named on the command line; tests send it an interrupt."""

from __future__ import annotations

import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import psutil
from workers_losses import Called, curved, displaced, evaluated, expected, slow

if __name__ == "__main__":
    lent = ProcessPoolExecutor(2, get_context("spawn")) if sys.argv[1] == "lent" else None
    workers = lent or 2
    evaluated(workers, Called(curved), displaced(4))
    children = [child.pid for child in psutil.Process().children(recursive=True)]
    print("ready", *children, flush=True)
    try:
        evaluated(workers, Called(slow, 0.5), displaced(240))
    except KeyboardInterrupt:
        print("interrupted", flush=True)
        if lent:
            again = evaluated(lent, Called(curved), displaced(4)).values
            print("usable", (again == expected(4)).all(), flush=True)
            lent.shutdown()
        # What watches over semaphores ends with its parent.
        left = [" ".join(child.cmdline()) for child in psutil.Process().children(recursive=True)]
        print("left", len([command for command in left if "tracker" not in command]), flush=True)
