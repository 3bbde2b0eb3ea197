"""Write the golden store of format 1: ordinary rows and awkward ones. Frozen: a change makes another store, not a better one.

`python -m tests.golden.v0001.write FOLDER [N]` writes it, with N more ordinary experiences.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.flat import read_flat, write_flat

STORE = Path(__file__).with_name("store")
START = 1_600_000_000_123_456_789


def _json(**fields: Any) -> bytes:
    return json.dumps(fields).encode()


def sensory(n: int) -> dict[bytes, bytes]:
    """Give ordinary experiences, of which each third has an emotion beside it."""
    rows = {}
    for i in range(n):
        words = (
            f"note {i}: {('tea', 'rain', 'garden', 'train')[i % 4]} on day {i // 4}, told by {('Ana', 'Ben')[i % 2]}"
        )
        rows[f"sensory:plain-{i:06d}".encode()] = _json(timestamp=START + i * 10**12, type="sensory", raw=words)
        if i % 3 == 0:
            felt = _json(processed_at=START + i, type="emotion", valence=((i % 7) - 3) / 3, arousal=(i % 5) / 5)
            rows[f"emotion:plain-{i:06d}".encode()] = felt
    return rows


AWKWARD: Mapping[bytes, bytes] = {
    # fields that nobody knows, values outside the range, moments in seconds
    b"sensory:extra": _json(timestamp=START, type="sensory", raw="with more", mood={"deep": [1, None]}, v=2.5),
    b"emotion:extra": _json(processed_at=START, type="emotion", value=7, arousal=-2, label="odd"),
    b"emotion:alone": _json(processed_at=START, type="emotion", value=-0.25, text="a feeling on its own"),
    b"sensory:seconds": _json(timestamp=1600000000.5, type="sensory", raw="seconds as float"),
    b"sensory:future": _json(timestamp=10**30, type="sensory", raw="far in the future"),
    b"sensory:past": _json(timestamp=-(10**30), type="sensory", raw="far in the past"),
    b"sensory:no-time": _json(type="sensory", raw="no moment"),
    b"sensory:no-raw": _json(timestamp=START, type="sensory"),
    # any
    b"sensory:null": _json(timestamp=START, type="sensory", raw=None),
    b"sensory:empty": _json(timestamp=START, type="sensory", raw=""),
    b"sensory:number": _json(timestamp=START, type="sensory", raw=42),
    b"sensory:list": _json(timestamp=START, type="sensory", raw=["a", 1, None]),
    b"sensory:text": _json(timestamp=START, type="sensory", raw={"text": "inside text", "n": 1}),
    b"sensory:content": _json(timestamp=START, type="sensory", raw={"content": "inside content"}),
    b"sensory:message": _json(timestamp=START, type="sensory", raw={"message": "inside message", "text": 5}),
    b"sensory:deep": b'{"timestamp": 5, "type": "sensory", "raw": ' + b"[" * 200 + b"]" * 200 + b"}",
    b"sensory:huge": _json(timestamp=START, type="sensory", raw="long ago " * 30_000),
    b"sensory:big-integer": b'{"timestamp": 5, "type": "sensory", "raw": {"n": ' + b"9" * 40 + b"}}",
    b"sensory:endless-integer": b'{"timestamp": 5, "type": "sensory", "raw": {"n": ' + b"9" * 9000 + b"}}",
    b"sensory:nan": b'{"timestamp": 5, "type": "sensory", "raw": [NaN, Infinity, -Infinity]}',
    b"sensory:twice": b'{"timestamp": 5, "type": "sensory", "raw": "first", "raw": "second"}',
    b"sensory:surrogate": b'{"timestamp": 5, "type": "sensory", "raw": "half \\ud83d of a pair"}',
    b"sensory:spaces": b' {  "raw":"odd   spacing" ,"timestamp":5,"type":"sensory"}\n',
    # no JSON, and JSON that is no object
    b"sensory:broken": b'{"timestamp": 5, "type": "sensory", "raw": "cut o',
    b"sensory:bytes": b"\x00\xff\xfe\x80",
    b"sensory:nothing": b"",
    b"sensory:bare-text": b'"a bare text"',
    b"sensory:bare-list": b"[1, 2]",
    # names
    "sensory:Größe-日本".encode(): _json(timestamp=START, type="sensory", raw="a name beyond ASCII"),
    b"sensory:": _json(timestamp=START, type="sensory", raw="no name"),
    b"sensory:a:b:c": _json(timestamp=START, type="sensory", raw="colons in a name"),
    b"sensory:" + b"n" * 2000: _json(timestamp=START, type="sensory", raw="a very long name"),
    b"sensory:te-4294967296": _json(timestamp=START, type="sensory", raw="a name that looks like one of ours"),
    # the other layers
    b"logic:rule": _json(timestamp=START, type="logic", data={"if": "rain", "then": "umbrella"}, complexity=3),
    b"logic:text": _json(timestamp=START, type="logic", data="umbrellas help", complexity=1),
    b"dream:one": _json(timestamp=START, type="dream", source=["plain-000001", "plain-000002"], patterns=["p1", "p2"]),
    b"dream:text": _json(timestamp=START, type="dream", source="flying over the garden", patterns=[]),
    b"eternal:name": _json(created_at=START, type="eternal", permanent=True, data="my name is Ana", importance=0.9),
    b"eternal:more": _json(
        created_at=START, type="eternal", permanent=True, data={"text": "born in May"}, importance=50
    ),
    # prefixes that nobody knows
    b"weather:today": b'{"sky": "blue"}',
    b"thought:moods": b"[1, 2]",
    b"no-colon": b"x",
    b"": b"an empty key",
    b"\xff\xfe\xff": b"a key that is no text",
    b"\xff" * 12: b"the last of all keys",
    b"sensory\xff:x": b"nearly a layer",
}

COMPONENTS: Mapping[bytes, bytes] = {
    b"thought:patterns": json.dumps(
        [
            {
                "id": "p1", "type": "sequence", "data": {"a": 1}, "confidence": 0.8, "timestamp": 1600000000.25,
                "references": ["plain-000001", "sensory:plain-000002", "logic:rule", "nowhere"], "metadata": {"n": 10**25},
            },
            {"id": "p2", "type": "a type that nobody knows", "data": None, "confidence": 0.1, "timestamp": START,
             "references": [], "metadata": {}},
        ]
    ).encode(),
    b"thought:learning": _json(
        learning_rate=0.01, progress=0.5, total_patterns=2, success_rate=0.75,
        feedback=[{"pattern_id": "p1", "score": 0.9, "source": "host", "timestamp": 1600000000.5}],
    ),
    b"thought:dreams": _json(
        config={"max_duration": 10, "min_confidence": 0.3, "batch_size": 5, "enable_learning": True},
        insights=["rain follows tea", {"odd": [1]}],
    ),
}  # fmt: skip


def rows(n: int = 40, *, components: bool = True) -> dict[bytes, bytes]:
    """Give all rows of the golden store; without components: one whose state was never saved."""
    return {**sensory(n), **AWKWARD, **(COMPONENTS if components else {})}


if __name__ == "__main__":
    write_flat(Path(sys.argv[1]), rows(int(sys.argv[2]) if len(sys.argv) > 2 else 40))
    read_flat(Path(sys.argv[1]))  # opened again, its log becomes a table
