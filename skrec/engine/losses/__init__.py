"""Losses of scores and targets."""
