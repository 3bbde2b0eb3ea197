"""Merge: what a program of format 1 has changed is a revision of what was kept aside, and keeps what it does not contradict."""

from __future__ import annotations

import base64
from typing import Any

import msgspec

from thoughtengine.migrations.lift import lift
from thoughtengine.migrations.v0002_envelopes import Appraisal, Memory, layers_down
from thoughtengine.storage.codec import body_of
from thoughtengine.storage.contract import Store
from thoughtengine.storage.keyspace import APPRAISAL, MARK, MEMORY, ORIGIN, VECTOR
from thoughtengine.storage.origin import OriginRecord

__all__ = ["Merged", "is_pinned", "may_be_merged", "merged"]

_SAID = ("text", "content", "message")


class _Mark(msgspec.Struct, frozen=True):
    """The part of a mark of format 2 that matters here."""

    pinned: tuple[int, ...] = ()


class Merged(msgspec.Struct, frozen=True):
    """What a row of format 1 becomes.

    Attributes
    ----------
    memory, appraisal : Memory, Appraisal or None
        Its records.
    vector : bytes or None
        Body of the vector row that is still its own: the host's, of the same text.
    failed : bool
        Whether the step raised on the row.
    """

    memory: Memory
    appraisal: Appraisal | None
    vector: bytes | None = None
    failed: bool = False

    def named(self, origin: OriginRecord) -> Memory:
        """Return the memory under the name that the row has, where another one bears that of its earlier version by now."""
        return msgspec.structs.replace(self.memory, key=origin.key.decode())


def merged(store: Store, origin: OriginRecord, supersedes: int | None) -> Merged:
    """Return what the step makes of a row, with what its earlier version had and the row does not contradict.

    Three are compared: the row as it went down, as it is now, and the memory that it was. What the old program left as it was
    stays what that memory has; what it changed counts.

    Parameters
    ----------
    store : Store
        Holds the earlier version.
    origin : OriginRecord
        The row.
    supersedes : int or None
        Id of the earlier version.
    """
    now, felt, failed = lift(origin.key, origin.value, origin.emotion, supersedes=supersedes)
    old = None if supersedes is None else store.get(MEMORY, supersedes, Memory)
    if supersedes is None or old is None or old.layer != now.layer:
        return Merged(now, felt, failed=bool(failed))
    old_felt = store.get(APPRAISAL, supersedes, Appraisal)
    before = store.get(ORIGIN, supersedes, OriginRecord)
    value, emotion = (layers_down(old, old_felt), None) if before is None else (before.value, before.emotion)
    then, then_felt, _ = lift(origin.key, value, emotion)
    memory = _record(old, then, now)
    same = (memory.text, memory.payload) == (old.text, old.payload)
    return Merged(memory, _felt(old_felt, then_felt, felt), _vector(store, supersedes) if same else None, bool(failed))


def _record(old: Memory, then: Memory, now: Memory) -> Memory:
    kept: dict[str, Any] = {
        name: getattr(old, name) for name in ("key", "source", "tags", "episode", "derived_from")
    }  # format 1 has no place for them
    if now.at == then.at:
        kept |= {"at": old.at, "offset": old.offset}
    if (now.text, now.payload) == (then.text, then.payload):
        kept |= {name: getattr(old, name) for name in ("text", "payload", "kind", "payload_version")}
    elif isinstance(old.payload, (str, bytes)) and then.payload is None and now.payload is None:
        kept["payload"] = _said_again(old.payload, now.text)  # it went down as if it were the text
        if old.text != then.text:
            kept["text"] = old.text
        if _shape(kept["payload"]) == _shape(old.payload):
            kept |= {"kind": old.kind, "payload_version": old.payload_version}
    elif now.payload is None and then.payload is not None and old.text not in (None, then.text):
        kept |= {"text": old.text, "payload": now.text}  # a string in the payload's place; the text had not gone down
    else:
        apart = not _says(now.payload) or (old.payload is not None and now.payload is not None)
        if old.text is not None and old.text != then.text and apart:
            kept["text"] = old.text  # it had not gone down: the payload had, and that is what was changed
        if _shape(now.payload) == _shape(then.payload):
            kept |= {"kind": old.kind, "payload_version": old.payload_version}
    return msgspec.structs.replace(now, **kept)


def _said_again(payload: str | bytes, said: str | None) -> str | bytes | None:
    """Return the payload that a row says, which went down as text: bytes again where it still reads as such."""
    if isinstance(payload, bytes) and said is not None:
        try:
            return base64.b64decode(said, validate=True)
        except ValueError:
            return said
    return said


def _says(payload: Any) -> bool:
    """Tell whether a row gives a text of its own."""
    return payload is None or (isinstance(payload, dict) and any(isinstance(payload.get(name), str) for name in _SAID))


def _shape(payload: Any) -> Any:
    """Return what must be the same for a payload to be of the same kind."""
    return frozenset(payload) if isinstance(payload, dict) else type(payload)


def _felt(old: Appraisal | None, then: Appraisal | None, now: Appraisal | None) -> Appraisal | None:
    if old is None:
        return now
    nothing = Appraisal()
    was, found = then or nothing, now or nothing
    kept = {
        name: getattr(old if getattr(found, name) == getattr(was, name) else found, name)
        for name in ("valence", "arousal", "salience")
    }
    made = Appraisal(surprise=old.surprise, **kept)
    return None if made == nothing else made


def may_be_merged(origin: OriginRecord, memory: Memory, felt: Appraisal | None) -> bool:
    """Tell whether a memory may be what `merged` had made of a row and of an earlier version, which has been erased since.

    What the row says has to be in it: as it is, or as what the memory goes down to. What format 1 has no place for may be
    anything, and so may a payload with a kind: its steps may have been applied since.

    Parameters
    ----------
    origin : OriginRecord
        The row.
    memory, felt : Memory, Appraisal or None
        The records that are there.
    """
    now, now_felt, _ = lift(origin.key, origin.value, origin.emotion)
    again, _, _ = lift(origin.key, layers_down(memory, felt))
    nothing = Appraisal()
    given, found = felt or nothing, now_felt or nothing
    return (
        (memory.layer, memory.added, memory.origin) == (now.layer, now.added, now.origin)
        and now.at in (memory.at, again.at)
        and (memory.kind is not None or _tells(memory, now) or (again.text, again.payload) == (now.text, now.payload))
        and all(
            getattr(found, name) in (getattr(given, name) or 0.0, getattr(nothing, name))  # no valence goes down as 0.0
            for name in ("valence", "arousal", "salience")
        )
    )


def _tells(memory: Memory, now: Memory) -> bool:
    """Tell whether a memory has the words of a row; beside a payload the text may be one that had not gone down."""
    if now.payload is None and memory.payload is not None:
        return bool(memory.payload == _said_again(memory.payload, now.text))
    return memory.payload == now.payload and (now.payload is not None or memory.text == now.text)


def _vector(store: Store, id_: int) -> bytes | None:
    value = store._get(VECTOR.key(id_))
    return None if value is None else body_of(VECTOR.key(id_), value, VECTOR)


def is_pinned(store: Store, id_: int) -> bool:
    """Tell whether a memory is pinned."""
    mark = store.get(MARK, id_, _Mark)
    return mark is not None and bool(mark.pinned)
