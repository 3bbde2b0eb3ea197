"""Emotion: how an experience felt, beside it under the same id; or a feeling on its own.

Valence and arousal are the host's, salience begins neutral: no fixed formula from affect to importance transfers between
kinds of conversation, so it is left to be learned.
"""

from __future__ import annotations

from thoughtengine.memory.experience import Affect
from thoughtengine.memory.layers.layer import Layer, Wrong
from thoughtengine.memory.record import AppraisalRecord, MemoryRecord

__all__ = ["LAYER", "NEUTRAL_SALIENCE", "appraise"]

NEUTRAL_SALIENCE = 0.5


def appraise(affect: Affect | None) -> AppraisalRecord | None:
    """Return the appraisal to store beside an experience, None where it would say nothing."""
    if affect is None:
        return None
    return AppraisalRecord(valence=affect.valence, arousal=affect.arousal, salience=NEUTRAL_SALIENCE)


def _wrong(record: MemoryRecord, appraisal: AppraisalRecord | None) -> Wrong | None:
    if appraisal is None:
        return "affect", None, 'te.Affect(valence, arousal): a memory of layer "emotion" is a feeling'
    return None


LAYER = Layer("emotion", 1, inferred=False, fades=True, wrong=_wrong, stays="with its experience; on its own: for ever")
