"""Minibatches of examples as tensors on the training device."""
