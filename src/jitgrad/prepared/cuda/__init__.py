"""Gradients prepared once and called often, on NVIDIA GPUs."""
