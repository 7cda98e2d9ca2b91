"""Labels of any kind as arrays of bytes and numbers, without pickle.

Labels of one type are joined to one text, which is split again when a file is read. No Python code runs for single strings.
"""

import datetime as dt
import re
import uuid
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from itertools import chain, count
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skrec.persistence._errors import ModelFormatError, NotStorable

_MAX_DEPTH = 8  # of tuples in tuples


class _Text(NamedTuple):
    """How objects of one type are written as text, and made of it again."""

    type: type
    write: Callable[[Any], str]
    read: Callable[[str], Any]


def _zone_name(zone: Any) -> str:
    name = getattr(zone, "key", None) or getattr(zone, "zone", None)  # of zoneinfo, or of pytz
    if isinstance(name, str):
        return name
    if isinstance(zone, dt.timezone):
        return f"{zone.utcoffset(None).total_seconds()!r}"
    raise NotStorable(f"a time with the time zone {zone!r}")


def _zone(name: str) -> dt.tzinfo:
    if re.fullmatch(r"-?[\d.]+", name):
        offset = dt.timedelta(seconds=float(name))
        return dt.timezone(offset) if offset else dt.UTC
    try:
        return ZoneInfo(name)
    except OSError as error:  # the name of a folder of zones, or too long for a file
        raise ModelFormatError(f"it has the time zone {name[:80]!r}, which does not exist") from error


def _write_datetime(time: dt.datetime) -> str:
    return time.isoformat() if time.tzinfo is None else f"{time.isoformat()}|{_zone_name(time.tzinfo)}"


def _read_datetime(text: str) -> dt.datetime:
    time, is_aware, zone = text.partition("|")
    return dt.datetime.fromisoformat(time).astimezone(_zone(zone)) if is_aware else dt.datetime.fromisoformat(time)


def _write_clock_time(time: dt.time) -> str:
    return time.isoformat() if time.tzinfo is None else f"{time.replace(tzinfo=None).isoformat()}|{_zone_name(time.tzinfo)}"


def _read_clock_time(text: str) -> dt.time:
    time, is_aware, zone = text.partition("|")
    return dt.time.fromisoformat(time).replace(tzinfo=_zone(zone)) if is_aware else dt.time.fromisoformat(time)


def _write_timestamp(time: pd.Timestamp) -> str:
    zone = "" if time.tz is None else f"|{_zone_name(time.tz)}"
    return f"{time.to_datetime64().astype(np.int64)}|{time.unit}{zone}"


def _read_timestamp(text: str) -> pd.Timestamp:
    number, unit, *zone = text.split("|")
    time = pd.Timestamp(np.datetime64(int(number), _checked_unit(unit))).as_unit(unit)
    if time is pd.NaT:
        raise ValueError("NaT is no time")
    return time.tz_localize("UTC").tz_convert(_zone(*zone)) if zone else time


def _read_timedelta64(text: str) -> pd.Timedelta:
    number, unit = text.split("|")
    return pd.Timedelta(np.timedelta64(int(number), _checked_unit(unit))).as_unit(unit)


def _checked_unit(unit: str) -> Any:
    if unit not in ("s", "ms", "us", "ns"):
        raise ValueError(f"{unit!r} is no unit of times")
    return unit


def _write_timedelta(span: dt.timedelta) -> str:
    return f"{span.days}|{span.seconds}|{span.microseconds}"


def _read_decimal(text: str) -> Decimal:
    number = Decimal(text)
    if number.is_snan():
        raise ValueError("a signaling NaN is no label")
    return number


def _read_fraction(text: str) -> Fraction:
    return Fraction(*map(int, text.split("/")))  # Fraction(text) would compute powers of 10


def _read_bool(text: str) -> bool:
    return {"True": True, "False": False}[text]


_TEXTS = {
    "int": _Text(int, "{:x}".format, lambda text: int(text, 16)),
    "bool": _Text(bool, str, _read_bool),
    "float": _Text(float, float.hex, float.fromhex),
    "bytes": _Text(bytes, bytes.hex, bytes.fromhex),
    "uuid": _Text(uuid.UUID, lambda label: label.hex, uuid.UUID),
    "timestamp": _Text(pd.Timestamp, _write_timestamp, _read_timestamp),
    "timedelta64": _Text(pd.Timedelta, lambda span: f"{span.to_timedelta64().astype(np.int64)}|{span.unit}", _read_timedelta64),
    "datetime": _Text(dt.datetime, _write_datetime, _read_datetime),
    "date": _Text(dt.date, dt.date.isoformat, dt.date.fromisoformat),
    "time": _Text(dt.time, _write_clock_time, _read_clock_time),
    "timedelta": _Text(dt.timedelta, _write_timedelta, lambda text: dt.timedelta(*map(int, text.split("|")))),
    "decimal": _Text(Decimal, str, _read_decimal),
    "fraction": _Text(Fraction, str, _read_fraction),
    "complex": _Text(complex, str, complex),
    "none": _Text(type(None), str, lambda text: None),  # in tuples
}
_NAME_OF_TYPE = {text.type: name for name, text in _TEXTS.items()}


def write_object(value: Any) -> list[str] | None:
    """A single object as the name of its type and a text. None if it is of another type than labels may have."""
    name = _NAME_OF_TYPE.get(type(value))
    return None if name is None else [name, _TEXTS[name].write(value)]


def read_object(node: list[str]) -> Any:
    """An object that `write_object` has written."""
    name, text = node
    return _TEXTS[name].read(text)


def write_labels(labels: NDArray, add: Callable[[NDArray], str], depth: int = 0) -> dict[str, Any]:
    """An array of objects as a JSON node.

    Parameters
    ----------
    labels : object array of shape (n,)
    add : callable
        Stores an array as a tensor, and returns its name.
    depth : int, default=0
        Number of tuples that the labels are in.

    Raises
    ------
    NotStorable
        If a label is of a type that has no form without pickle, or is nested too deeply.
    """
    if depth > _MAX_DEPTH:
        raise NotStorable(f"labels that are nested more than {_MAX_DEPTH} deep")
    labels = np.fromiter(map(_plain, labels), object, len(labels)) if _has_numpy_scalars(labels) else labels
    types = sorted(set(map(type, labels)), key=lambda kind: kind.__name__)
    if len(types) > 1:
        which = np.fromiter(map(types.index, map(type, labels)), np.uint8, len(labels))
        of_types = [write_labels(labels[which == number], add, depth + 1) for number in range(len(types))]
        return {"kind": "mixed", "which": add(which), "parts": of_types}
    (kind,) = types or [str]
    if kind is str:
        return {"kind": "str", **_join(labels, add)}
    if kind is tuple:
        lengths = np.fromiter(map(len, labels), np.int64, len(labels))
        parts = np.fromiter(chain.from_iterable(labels), object, int(lengths.sum()))
        return {"kind": "tuple", "lengths": add(lengths), "parts": write_labels(parts, add, depth + 1)}
    if kind not in _NAME_OF_TYPE:
        raise NotStorable(f"a label of the type {kind.__module__}.{kind.__qualname__}, such as {labels[0]!r}")
    name = _NAME_OF_TYPE[kind]
    return {"kind": name, **_join(np.fromiter(map(_TEXTS[name].write, labels), object, len(labels)), add)}


def read_labels(node: dict[str, Any], tensor: Callable[[str], NDArray], depth: int = 0) -> NDArray:
    """Labels that `write_labels` has written.

    Parameters
    ----------
    node : dict
    tensor : callable
        Returns the tensor of a name.
    depth : int, default=0
        Number of tuples that the labels are in.
    """
    if depth > _MAX_DEPTH:
        raise ModelFormatError("its labels are nested too deeply")
    if node["kind"] == "mixed":
        which, parts = tensor(node["which"]), node["parts"]
        labels = np.empty(len(which), object)
        for number, part in enumerate(parts):
            labels[which == number] = read_labels(part, tensor, depth + 1)
        return labels
    if node["kind"] == "tuple":
        lengths, parts = tensor(node["lengths"]), read_labels(node["parts"], tensor, depth + 1).tolist()
        stops = np.cumsum(lengths)
        if len(lengths) and (lengths.min() < 0 or stops[-1] != len(parts)):
            raise ModelFormatError("the lengths of its labels are wrong")
        slices = map(slice, (stops - lengths).tolist(), stops.tolist())
        return np.fromiter(map(tuple, map(parts.__getitem__, slices)), object, len(lengths))
    texts = _split(node, tensor)
    found = texts if node["kind"] == "str" else map(_TEXTS[node["kind"]].read, texts)
    return np.fromiter(found, object, len(texts))


def _has_numpy_scalars(labels: NDArray) -> bool:
    return any(issubclass(kind, np.generic) for kind in set(map(type, labels)))


def _plain(label: Any) -> Any:
    """The equal object of Python or pandas, if the label is a scalar of numpy."""
    if isinstance(label, np.datetime64):
        return pd.Timestamp(label)
    if isinstance(label, np.timedelta64):
        return pd.Timedelta(label)
    return label.item() if isinstance(label, np.generic) else label


def _join(texts: NDArray, add: Callable[[NDArray], str]) -> dict[str, Any]:
    """Strings in one tensor. The separator does not overlap itself, so that it occurs between strings and nowhere else."""
    for length in count():
        separator = "\0" + "\1" * length
        joined = separator.join(texts)
        if joined.count(separator) == max(len(texts) - 1, 0):
            break
    content = np.frombuffer(joined.encode("utf-8", "surrogatepass"), np.uint8)
    return {"n": len(texts), "separator": length, "text": add(content)}


def _split(node: dict[str, Any], tensor: Callable[[str], NDArray]) -> list[str]:
    joined, n = tensor(node["text"]).tobytes().decode("utf-8", "surrogatepass"), node["n"]
    if not joined and n == 0:
        return []
    texts = joined.split("\0" + "\1" * min(node["separator"], len(joined)))
    if len(texts) != n:
        raise ModelFormatError(f"it has {len(texts)} labels instead of {n}")
    return texts
