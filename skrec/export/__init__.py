"""Fitted models as ONNX graphs: what their scores are functions of, and how these functions are written as nodes of a graph.

A model describes its scores by two objects. ``_exported_scores()`` is one of `skrec.export._scores`, which scores the states of
users and stores those of known users. ``_exported_state()`` is one of `skrec.export._states` or of the engine, which makes the
states of new users from their histories.
"""
