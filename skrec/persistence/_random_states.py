"""Random number generators of numpy as JSON."""

from collections.abc import Callable
from typing import Any

import numpy as np

from skrec.persistence._errors import ModelFormatError, NotStorable

_BIT_GENERATORS: dict[str, Callable[[], Any]] = {
    name: getattr(np.random, name) for name in ("MT19937", "PCG64", "PCG64DXSM", "Philox", "SFC64")
}
# positions in buffers, of which numpy does not check that they are inside
_POSITIONS = {"MT19937": ("state", "pos", 624), "Philox": (None, "buffer_pos", 4)}


def write_random_state(random_state: Any, write: Callable[[Any], Any]) -> dict[str, Any]:
    """The state of a RandomState or Generator as a JSON node.

    Parameters
    ----------
    random_state : RandomState or Generator
    write : callable
        Makes nodes of dicts, arrays and numbers.

    Raises
    ------
    NotStorable
        If its bit generator is not one of numpy.
    """
    is_legacy = isinstance(random_state, np.random.RandomState)
    state = random_state.get_state(legacy=False) if is_legacy else random_state.bit_generator.state
    if state["bit_generator"] not in _BIT_GENERATORS:
        raise NotStorable(f"a random state with the bit generator {state['bit_generator']}")
    return {"type": "RandomState" if is_legacy else "Generator", "state": write(state)}


def read_random_state(node: dict[str, Any], read: Callable[[Any], Any]) -> Any:
    """A RandomState or Generator that `write_random_state` has written."""
    state = read(node["state"])
    name = state["bit_generator"]
    if name in _POSITIONS:
        inner, key, size = _POSITIONS[name]
        position = (state if inner is None else state[inner])[key]
        if not isinstance(position, int) or not 0 <= position <= size:
            raise ModelFormatError(f"the position of a random state is {position!r}")
    bit_generator = _BIT_GENERATORS[name]()
    if node["type"] == "Generator":
        bit_generator.state = state
        return np.random.Generator(bit_generator)
    random_state = np.random.RandomState(bit_generator)
    random_state.set_state(state)
    return random_state
