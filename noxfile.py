#!/usr/bin/env python3
# /// script
# requires-python = ">=3.11"
# dependencies = ["nox>=2025.5"]
# ///
"""The tasks of a developer: ``nox -l`` lists them, ``nox -s lint`` runs one."""

from __future__ import annotations

import nox

nox.needs_version = ">=2025.5"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.reuse_existing_virtualenvs = True
nox.options.sessions = ["lint", "types", "tests"]

PROJECT = nox.project.load_toml("pyproject.toml")
DEV, CUDA, FRAMEWORKS = (nox.project.dependency_groups(PROJECT, group) for group in ("dev", "cuda", "frameworks"))


@nox.session
def tests(session: nox.Session) -> None:
    """Run the tests; arguments after -- go to pytest."""
    session.install("-e", ".[test]")
    session.run("python", "-m", "pytest", *session.posargs)


@nox.session
def cuda(session: nox.Session) -> None:
    """Run the tests of CUDA that need no GPU."""
    session.install("-e", ".[test]", *CUDA)
    session.run("bash", ".ci/cuda", external=True, env={"PYTEST": "python -m pytest"})


@nox.session
def frameworks(session: nox.Session) -> None:
    """Run the tests of the bridges to PyTorch, TensorFlow and JAX."""
    session.install("-e", ".[test]", *FRAMEWORKS)
    session.run("bash", ".ci/frameworks", external=True, env={"PYTEST": "python -m pytest"})


@nox.session
def coverage(session: nox.Session) -> None:
    """Measure how much of the package the tests execute: compiled, interpreted, and CUDA without a GPU."""
    session.install("-e", ".[test]", *DEV, *CUDA)
    session.run("python", "-m", "coverage", "erase")
    seen = ["python", "-m", "pytest", "-n", "2", "--dist", "loadfile", "--cov=jitgrad", "--cov-append", "--cov-report="]
    session.run(*seen)
    session.run("bash", ".ci/cuda", external=True, env={"PYTEST": " ".join(seen)})
    session.run("bash", ".ci/coverage", external=True, env={"PYTHON": "python"})


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and format."""
    session.install(*DEV)
    session.run("ruff", "check", *session.posargs)
    session.run("ruff", "format", "--check")


@nox.session
def types(session: nox.Session) -> None:
    """Check the types of the package."""
    session.install("-e", ".", *DEV)
    session.run("mypy", "--strict", "src")


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation into docs/_build/html."""
    session.install("-e", ".[docs]")
    session.run("sphinx-build", "-W", "--keep-going", "docs", "docs/_build/html")


@nox.session
def bench(session: nox.Session) -> None:
    """Run the benchmarks once, on the installed package; arguments after -- go to asv run."""
    session.install("-e", ".[bench]")
    session.run("asv", "machine", "--yes")
    session.run("asv", "run", "--python=same", "--quick", "--dry-run", "--show-stderr", *session.posargs)


if __name__ == "__main__":
    nox.main()
