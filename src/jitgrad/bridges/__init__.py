"""Losses and vector functions as parts of PyTorch, TensorFlow and JAX programs, and what SciPy's solvers ask for."""
