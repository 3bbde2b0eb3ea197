"""The maths of patterns in plain NumPy: answers until the compiled one is there, and what the tests hold `kernels` against.

Tables are flat arrays. A row is found by its key, a 64-bit hash, among the eight of its set; 0 is no key. A set that is full
gives up the row that was seen least often, of equals the one that was used longest ago.
"""

from __future__ import annotations

from thoughtengine.patterns.arrays.associations import associate
from thoughtengine.patterns.arrays.concepts import gather
from thoughtengine.patterns.arrays.episodes import divide
from thoughtengine.patterns.arrays.novelty import notice
from thoughtengine.patterns.arrays.rhythms import beat
from thoughtengine.patterns.arrays.sequences import expect, follow

__all__ = ["associate", "beat", "divide", "expect", "follow", "gather", "notice"]
