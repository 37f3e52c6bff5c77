"""Packages of the extra `workers`, imported where they are needed."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def extra(package: str, wish: str) -> Any:
    """Import a package of the extra, or say which line installs it.

    Parameters
    ----------
    package : str
    wish : str
        What the caller wrote that needs it.

    Raises
    ------
    ImportError
    """
    try:
        return import_module(package)
    except ModuleNotFoundError as error:
        if error.name != package:
            raise
        raise ImportError(
            f'{wish} needs the package {package}, which is not installed. Run: pip install "jitgrad[workers]"',
            name=package,
        ) from None


def pickler() -> Any:
    """Return cloudpickle, which takes lambdas and functions of a notebook along, or else pickle."""
    try:
        return import_module("cloudpickle")
    except ModuleNotFoundError:
        return import_module("pickle")
