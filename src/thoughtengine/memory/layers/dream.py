"""Dream: what is only suspected, with the memories it rests on."""

from __future__ import annotations

from thoughtengine.memory.layers.layer import Layer, nothing_wrong

__all__ = ["LAYER"]

LAYER = Layer(
    "dream",
    3,
    inferred=True,
    fades=True,
    wrong=nothing_wrong,
    stays="until it is forgotten; it goes when a memory it was made from is erased",
)
