"""Tools with which CUDA kernels are tested without a GPU."""
