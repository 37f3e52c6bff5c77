"""The loss as a device function: what numba's CUDA target lacks, made up for.

Nothing here is imported before a GPU is asked for, and `numba.cuda` is imported by `target` only.
"""
