"""Judging derivatives whose exact value is known; `benchmarks.trust` prints the verdict."""
