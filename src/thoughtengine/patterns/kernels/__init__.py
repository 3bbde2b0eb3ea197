"""The maths of patterns, compiled: a file for each finder, with the names and arguments of its twin in `arrays`.

Tables are flat arrays. A row is found by its key, a 64-bit hash, among the eight of its set; 0 is no key. Each file is closed,
also where it repeats how a row is found: compiled code is kept for a file, and would outlive a change in another one.
"""

from __future__ import annotations

from thoughtengine.patterns.kernels.associations import associate
from thoughtengine.patterns.kernels.concepts import gather
from thoughtengine.patterns.kernels.episodes import divide
from thoughtengine.patterns.kernels.novelty import notice
from thoughtengine.patterns.kernels.rhythms import beat
from thoughtengine.patterns.kernels.sequences import expect, follow

__all__ = ["associate", "beat", "divide", "expect", "follow", "gather", "notice"]
