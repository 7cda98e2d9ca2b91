"""Errors of saved models."""


class ModelFormatError(ValueError):
    """A file is not a saved model, is damaged, or is of a version that cannot be read."""


class NotStorable(TypeError):
    """A value has no form in a file."""
