"""Lift: the step from format 1, tried on a row; whatever it raises on is that row's own failure, and never the store's."""

from __future__ import annotations

import contextlib
import json

from thoughtengine.migrations.v0001_flat import LAYERS, UNREADABLE, layer_of, parse, plain
from thoughtengine.migrations.v0002_envelopes import Appraisal, Memory, differences, layers_up

__all__ = ["TOO_MANY", "Lifted", "differing", "lift"]

Lifted = tuple[Memory, Appraisal | None, str]
"""A memory, its appraisal, and why the step could not make them; "" where it could."""

TOO_MANY = 10, 0.001
"""Rows that may be served as bytes because the step raises on them, and their share of all: above both the step is at fault."""

_MOMENTS = ("timestamp", "processed_at", "created_at")


def lift(
    key: bytes, value: bytes, emotion: bytes | None = None, *, supersedes: int | None = None, layer: str = ""
) -> Lifted:
    """Return what the step makes of a row, and where it raises, the most that can be served of it: never raises itself.

    A released step is not edited, so what it raises on is met here. The row keeps its bytes as its origin either way. First its
    moment is taken for the text that it is, as in a payload, which makes it one without a moment; then its emotion is left out;
    if neither helps, the memory has the bytes as its payload, as a value that is no JSON has.

    Parameters
    ----------
    key, value, emotion, supersedes, layer
        As for `layers_up`.
    """
    try:
        made, felt = layers_up(key, value, emotion, supersedes=supersedes, layer=layer)
        return made, felt, ""
    except Exception as error:  # noqa: BLE001 - whatever it is, it is of this row
        why = f"{type(error).__name__}: {error}"
    for beside in (emotion, None):
        with contextlib.suppress(Exception):
            return *layers_up(key, _without_moments(value), beside, supersedes=supersedes, layer=layer), why
    memory = Memory(
        layer=LAYERS.index(layer or layer_of(key)), at=0, added=0, text=plain(value.decode("utf-8", errors="replace")),
        key=key.decode(), payload=value, supersedes=supersedes, origin="format 1",
    )  # fmt: skip
    return memory, None, why


def _without_moments(value: bytes) -> bytes:
    """Return a value whose moments are text."""
    document = parse(value)
    for name in _MOMENTS:
        if isinstance(document.get(name), float):
            document[name] = json.dumps(document[name])
    return json.dumps(document).encode()


def differing(key: bytes, value: bytes) -> tuple[str, ...]:
    """Return the fields that the new processor makes differently, as `differences`; of a row it raises on, the whole value."""
    try:
        return differences(key, value) if parse(value) is not UNREADABLE else ("the whole value",)
    except Exception:  # noqa: BLE001 - a figure of the report is worth no failure
        return ("the whole value",)
