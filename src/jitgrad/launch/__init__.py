"""Launchers: who evaluates a list of probes. They know nothing of formulas."""
