"""Probe lists on somebody else's engine: processes, threads, clusters; whatever takes a function and arguments."""
