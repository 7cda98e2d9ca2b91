"""Objectives: what models learn from, as minibatches and a loss, and the likelihood that new users are folded in by."""
