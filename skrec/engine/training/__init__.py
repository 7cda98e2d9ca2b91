"""The life of a training run: Lightning, optimizers, schedules, history, checkpoints."""
