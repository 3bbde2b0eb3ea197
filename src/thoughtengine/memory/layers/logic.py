"""Logic: what was noticed and holds, with the memories it rests on."""

from __future__ import annotations

from thoughtengine.memory.layers.layer import Layer, nothing_wrong

__all__ = ["LAYER"]

LAYER = Layer(
    "logic",
    2,
    inferred=True,
    fades=True,
    wrong=nothing_wrong,
    stays="as long as its evidence: it goes when a memory it was made from is erased",
)
