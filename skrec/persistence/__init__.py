"""Models in files: one safetensors file with a checksum, without pickle."""

from skrec.persistence._errors import ModelFormatError
from skrec.persistence._events import Events
from skrec.persistence._files import FORMAT, load, save
from skrec.persistence._kinds import Array, Kind, Matrix, Nested, ParametersOfFit, Table, Value, check_finite
from skrec.persistence._registry import register

__all__ = [
    "FORMAT",
    "Array",
    "Events",
    "Kind",
    "Matrix",
    "ModelFormatError",
    "Nested",
    "ParametersOfFit",
    "Table",
    "Value",
    "check_finite",
    "load",
    "register",
    "save",
]
