"""Sensory: every experience as it came in, never rewritten."""

from __future__ import annotations

from thoughtengine.memory.layers.layer import Layer, Wrong
from thoughtengine.memory.record import AppraisalRecord, MemoryRecord

__all__ = ["LAYER"]


def _wrong(record: MemoryRecord, appraisal: AppraisalRecord | None) -> Wrong | None:
    """Refuse evidence: an experience happened; what was concluded from others is logic or dream."""
    if record.derived_from:
        return (
            "derived_from",
            record.derived_from,
            'nothing in layer "sensory": what is made from memories is "logic" or "dream"',
        )
    return None


LAYER = Layer("sensory", 0, inferred=False, fades=True, wrong=_wrong, stays="for ever; its strength fades")
