"""The five layers, one file each: what belongs there, how it is taken in, how long it stays.

Each module offers the same names: ``LAYER`` (a `Layer`), and through it ``check``, ``appraise`` and ``fades``.
"""

from __future__ import annotations

from thoughtengine.errors import InvalidArgumentError
from thoughtengine.memory.layers import dream, emotion, eternal, logic, sensory
from thoughtengine.memory.layers.layer import Layer

__all__ = ["LAYER_OF", "Layer", "layer_named"]

LAYER_OF: dict[str, Layer] = {module.LAYER.name: module.LAYER for module in (sensory, emotion, logic, dream, eternal)}
"""Layer by name, in the order of their codes."""


def layer_named(name: object) -> Layer:
    """Return a layer.

    Raises
    ------
    InvalidArgumentError
        When there is none of that name.
    """
    found = LAYER_OF.get(name) if isinstance(name, str) else None
    if found is None:
        raise InvalidArgumentError("layer", name, "one of " + ", ".join(map(repr, LAYER_OF)))
    return found
