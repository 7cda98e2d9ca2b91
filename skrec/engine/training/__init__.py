"""Training runs: Lightning, optimizers, schedules, history and checkpoints."""
