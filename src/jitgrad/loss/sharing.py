"""What the evaluations around one point share: the record that drivers hand to a loss in lanes.

Where ``x`` is the operand of a product, ``A @ (x + d e_i) = A @ x + d A[:, i]``. So a loss in lanes computes ``A @ x``
once, at the point that is displaced, and keeps it in the record; after that a product costs a row or a column of ``A``
in place of all of it. The record is a row of 64-bit words; each thread has its own.
"""

from __future__ import annotations

VALID = 0
"""Whether every lane holds the point with at most one coordinate replaced."""

SCRATCH, SIZE, POINT = 1, 2, 3
"""Address and number of coordinates of the scratch that is passed as ``x``, and address of the point."""

COORDINATES, DISPLACEMENTS = 4, 5
"""Addresses of what each lane replaces, int64, and by how much it is displaced, float64."""

KEPT = 6
"""How many products are kept. Their rows follow."""

HEAD = 7
"""Words before the rows."""

DATA, ROWS, ROW_STRIDE, COLUMN_STRIDE, KIND, VALUES = range(6)
"""Words of a row: address, rows, strides and kind of the matrix, and the address of the product, 0 if it is useless."""

WIDTH = 6
"""Words of a row."""

MOST_KEPT = 8
"""A loss with more products than this computes the others anew every time."""

WORDS = HEAD + MOST_KEPT * WIDTH
"""Words of a record."""

FUNCTION_PREFIX = "jitgrad_shared_product"
"""Names of the compiled functions that find or compute a product begin with this."""
