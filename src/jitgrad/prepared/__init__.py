"""Gradients prepared once and called often: in one compiled call, or step by step."""
