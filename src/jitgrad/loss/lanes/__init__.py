"""Lanes: a loss compiled for a number type that holds several numbers, to be evaluated at several points at once.

The user's function is not changed: its source is compiled once more with ``Lanes`` in place of ``float``, numba's type
inference decides whether that is possible, and what does not type stays with the scalar code. Nothing here is
imported before a loss is compiled for lanes: the registrations with numba take time.
"""
