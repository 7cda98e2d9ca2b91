"""Training objectives: examples, minibatches, losses, and the likelihood for fold-in."""
