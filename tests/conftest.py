"""Compiled code of a test run goes to a folder of its own, which the processes that tests start inherit."""

import atexit
import os
import shutil
import tempfile

if "JITGRAD_TEST_CACHE" not in os.environ:
    folder = tempfile.mkdtemp(prefix="jitgrad-tests-")
    os.environ["JITGRAD_TEST_CACHE"] = os.environ["NUMBA_CACHE_DIR"] = folder
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
if "PYTEST_XDIST_WORKER" in os.environ:  # tests look at what is in the folder
    os.environ["NUMBA_CACHE_DIR"] = f"{os.environ['JITGRAD_TEST_CACHE']}/{os.environ['PYTEST_XDIST_WORKER']}"
