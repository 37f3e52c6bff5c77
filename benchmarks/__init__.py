"""Benchmarks of jitgrad, run by asv."""
