"""The life of a training run: Lightning, optimisers, schedules, history, checkpoints."""
