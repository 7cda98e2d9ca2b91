"""Minibatches: examples as tensors on the training device."""
