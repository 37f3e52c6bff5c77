"""The launcher for NVIDIA GPUs: a probe list in, values out."""
