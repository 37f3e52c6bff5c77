"""Derivatives with error bars from values on a ladder of displacements; knows nothing of who evaluates."""
