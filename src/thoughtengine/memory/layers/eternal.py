"""Eternal: what must not fade; remembered as such, or pinned: a mark on a memory that keeps its id."""

from __future__ import annotations

from thoughtengine.memory.layers.layer import Layer, nothing_wrong

__all__ = ["LAYER"]

LAYER = Layer(
    "eternal", 4, inferred=False, fades=False, wrong=nothing_wrong, stays="until the host forgets it; its strength is 1"
)
