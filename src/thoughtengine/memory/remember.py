"""Remember: from an experience as the host gives it to the rows of one atomic batch."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

import msgspec
import numpy as np

from thoughtengine._types import SingleArray
from thoughtengine.checks import is_whole
from thoughtengine.config import Limits
from thoughtengine.errors import InvalidArgumentError, MemoryNotFoundError, VectorDimensionError
from thoughtengine.memory.derive import content_digest
from thoughtengine.memory.experience import Affect, Experience
from thoughtengine.memory.index.entry import Entry, make_entry
from thoughtengine.memory.layers import layer_named
from thoughtengine.memory.layers.emotion import appraise
from thoughtengine.memory.moment import to_stored
from thoughtengine.memory.record import AppraisalRecord, MarkRecord, MemoryRecord, NameRecord, VectorRecord
from thoughtengine.storage.batch import Batch
from thoughtengine.storage.codec import encode
from thoughtengine.storage.contract import Store
from thoughtengine.storage.keyspace import APPRAISAL, CODE, MARK, MEMORY, NAME, TERMS, VECTOR

__all__ = ["Draft", "Taken", "as_vector", "check_size", "draft", "misfit", "take"]


_SINGLE = np.dtype(np.float32)  # comparing with the type itself makes one of it each time


class Draft(msgspec.Struct, frozen=True, gc=False):
    """An experience that was checked and is ready to be stored.

    Attributes
    ----------
    record, appraisal : MemoryRecord, AppraisalRecord or None
        What is stored.
    vector : float32 array (dimension,) or None
        The host's.
    stamped : bool
        Whether `at` was given, and so belongs to the content that a key is compared by.
    bytes : int
        Of text and payload.
    entry : Entry
        Its index row: made here, as whoever stores keeps others from it.
    """

    record: MemoryRecord
    appraisal: AppraisalRecord | None
    vector: SingleArray | None
    stamped: bool
    bytes: int
    entry: Entry


class Taken(msgspec.Struct, frozen=True, gc=False):
    """One memory that was stored.

    Attributes
    ----------
    id : int
        Its id.
    entry : Entry
        Its index row.
    vector : float32 array or None
        The host's or the encoder's.
    superseded : int or None
        The memory whose place it took, and `mark`: what stands about that one now.
    appraisal : AppraisalRecord or None
        How it felt.
    """

    id: int
    entry: Entry
    vector: SingleArray | None
    superseded: int | None
    mark: MarkRecord | None
    appraisal: AppraisalRecord | None


def draft(
    experience: Experience, *, now: tuple[int, int], limits: Limits, versions: Mapping[str, int] | None = None
) -> Draft:
    """Check an experience; nothing is written.

    Parameters
    ----------
    experience : Experience
        As the host gives it.
    now : tuple of int
        The clock: microseconds since 1970, seconds east of UTC; stands in for a missing `at`.
    limits : Limits
        What is taken in at most.
    versions : mapping of str to int, optional
        Version of the payloads of each kind; 1 where it is not named.

    Raises
    ------
    InvalidArgumentError
        For the first thing that is wrong.
    """
    text, n_text = _text(experience.text, limits)
    payload = None if experience.payload is None else _payload(experience.payload, limits)
    tags = _tags(experience.tags, limits)
    vector = None if experience.vector is None else as_vector(experience.vector, limits)
    if text is None and not tags and vector is None and experience.payload is None:
        raise InvalidArgumentError("text", None, "at least one of text, tags, vector, payload")
    if experience.affect is not None and not isinstance(experience.affect, Affect):
        raise InvalidArgumentError("affect", experience.affect, "te.Affect(valence, arousal)")
    at, offset = now if experience.at is None else to_stored("at", experience.at)
    layer, kind = layer_named(experience.layer), _name("kind", experience.kind, limits)
    record = MemoryRecord(
        layer=layer.code,
        at=at,
        offset=offset,
        added=now[0],
        text=text,
        key=_name("key", experience.key, limits),
        source=_name("source", experience.source, limits),
        tags=tags,
        episode=_name("episode", experience.episode, limits),
        kind=kind,
        payload=payload,
        payload_version=versions.get(kind, 1) if versions and kind is not None and payload is not None else 1,
        derived_from=_ids(experience.derived_from, limits),
    )
    appraisal = appraise(experience.affect)
    if (wrong := layer.wrong(record, appraisal)) is not None:
        raise InvalidArgumentError(*wrong)
    n_bytes = n_text + (0 if payload is None else memoryview(payload).nbytes)
    return Draft(record, appraisal, vector, experience.at is not None, n_bytes, make_entry(record))


def _text(text: object, limits: Limits) -> tuple[str | None, int]:
    if text is None:
        return None, 0
    if not isinstance(text, str):
        raise InvalidArgumentError("text", text, "a str (remember_many takes Experiences)")
    if not text or text.isspace():
        raise InvalidArgumentError("text", text, "text that is not empty and not white space alone")
    return _exact(text), check_size("text", text, limits.text_bytes)


def _exact(text: str) -> str:
    """Return a str of a subclass (an enum's, numpy's) as plain str: that is what can be stored."""
    return text if type(text) is str else str.__str__(text)


def check_size(argument: str, text: str, limit: int) -> int:
    """Return the length of a text in bytes of UTF-8.

    Raises
    ------
    InvalidArgumentError
        Where that is over `limit`, or UTF-8 cannot hold the text.
    """
    try:
        size = len(text) if text.isascii() else len(text.encode())
    except UnicodeEncodeError as error:
        raise InvalidArgumentError(
            argument, text, f"text that UTF-8 can hold: {error.reason} at {error.start}"
        ) from error
    if size > limit:
        raise InvalidArgumentError(argument, text, f"at most {limit:,} bytes of UTF-8, not {size:,}")
    return size


def _name(argument: str, value: object, limits: Limits) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise InvalidArgumentError(argument, value, "a str")
    if not value or value.isspace():
        raise InvalidArgumentError(argument, value, "a name that is not empty and not white space alone")
    check_size(argument, value, limits.name_bytes)
    return _exact(value)


def _tags(tags: object, limits: Limits) -> tuple[str, ...]:
    if tags is None or (type(tags) is tuple and not tags):
        return ()
    if isinstance(tags, (str, bytes)) or not isinstance(tags, Iterable):
        raise InvalidArgumentError(
            "tags", tags, f"a sequence of str{f', such as [{tags!r}]' if isinstance(tags, str) else ''}"
        )
    kept: dict[str, None] = {}
    for tag in tags:
        if tag is None:
            raise InvalidArgumentError("tags", tags, "a sequence of str without None")
        kept[_name("tags", tag, limits) or ""] = None
        if len(kept) > limits.tags:
            raise InvalidArgumentError("tags", f"{len(kept)} tags or more", f"at most {limits.tags}")
    # A set has another order in every process: unsorted, a safe retry under a key would look like a revision.
    return tuple(sorted(kept) if isinstance(tags, (set, frozenset)) else kept)


def _ids(ids: object, limits: Limits) -> tuple[int, ...]:
    if type(ids) is tuple and not ids:
        return ()
    if isinstance(ids, (str, bytes)) or not isinstance(ids, Iterable):
        raise InvalidArgumentError("derived_from", ids, "a sequence of ids")
    found = tuple(islice(ids, limits.derived_from + 1))
    for id_ in found:
        if not is_whole(id_) or id_ < 1:
            raise InvalidArgumentError("derived_from", id_, "the id of a memory")
    if len(found) > limits.derived_from:
        raise InvalidArgumentError("derived_from", f"{len(found)} ids or more", f"at most {limits.derived_from}")
    return tuple(map(int, found))


def as_vector(value: object, limits: Limits) -> SingleArray:
    """Return a vector as contiguous float32 array (dimension,) of its own: the host may use its buffer again.

    Raises
    ------
    InvalidArgumentError
        For what is not a row of finite numbers, is all zero, or has too many.
    """
    try:
        raw = np.asarray(value)
        if raw.dtype.kind not in "fiu":
            raise TypeError
        if raw.dtype == _SINGLE:
            vector = raw.copy()
        else:
            with np.errstate(over="ignore"):
                vector = raw.astype(np.float32, order="C")
    except (TypeError, ValueError, OverflowError) as error:
        raise InvalidArgumentError("vector", value, "a sequence or array of numbers") from error
    if vector.ndim != 1 or not vector.size:
        raise InvalidArgumentError("vector", f"shape {vector.shape}", "one row of numbers, shape (dimension,)")
    if vector.size > limits.vector_dimension:
        raise InvalidArgumentError("vector", f"{vector.size} numbers", f"at most {limits.vector_dimension}")
    square = float(np.vdot(vector, vector))  # which does not warn of large numbers
    if 0.0 < square < math.inf:  # one look at its numbers, the interpreter kept; what follows is rare
        return vector
    if not np.isfinite(vector).all():
        raise InvalidArgumentError("vector", value, "finite numbers (float32)")
    if not vector.any():
        raise InvalidArgumentError("vector", value, "a direction: not all numbers zero")
    return vector


def _payload(payload: object, limits: Limits) -> msgspec.Raw:
    """Check a payload and return it encoded: the host may change its tree before the batch is written."""
    _check_tree(payload, limits)
    try:
        encoded = encode(payload)
    except (OverflowError, UnicodeEncodeError, RecursionError, TypeError, msgspec.MsgspecError) as error:
        raise InvalidArgumentError("payload", payload, f"a tree that MessagePack can hold: {error}") from error
    if len(encoded) > limits.payload_bytes:
        raise InvalidArgumentError("payload", f"{len(encoded):,} bytes", f"at most {limits.payload_bytes:,} bytes")
    return msgspec.Raw(encoded)


Place = tuple[Any, ...]  # () for the payload itself, (the place above, key or index) below it


def _check_tree(payload: object, limits: Limits) -> None:
    """Check every node, without recursion: neither a cycle nor a tree that holds itself twice gets far."""
    left = limits.payload_bytes
    nodes: list[tuple[Any, Place, int]] = [(payload, (), limits.payload_depth)]
    while nodes:
        node, place, depth = nodes.pop()
        kind, left = type(node), left - 1
        if left < 0:
            raise InvalidArgumentError("payload", payload, f"at most {limits.payload_bytes:,} parts")
        if kind is not list and kind is not dict:
            _check_leaf(kind, node, place)
        elif not depth:
            raise InvalidArgumentError(_told(place), node, f"at most {limits.payload_depth} levels")
        elif kind is list:
            nodes += [(item, (place, index), depth - 1) for index, item in enumerate(node)]
        else:
            for key, item in node.items():
                if type(key) is not str:
                    raise InvalidArgumentError(_told(place), key, "str as keys of a dict")
                nodes.append((item, (place, key), depth - 1))


def _check_leaf(kind: type, node: Any, place: Place) -> None:
    if kind is int:
        if not -(1 << 63) <= node < 1 << 64:
            raise InvalidArgumentError(_told(place), node, "integers of 64 bits")
    elif kind is float:
        if not math.isfinite(node):
            raise InvalidArgumentError(_told(place), node, "finite numbers")
    elif kind is not str and kind is not bool and kind is not bytes and node is not None:
        raise InvalidArgumentError(_told(place), node, "str, int, float, bool, bytes, None, list or dict")


def _told(place: Place) -> str:
    """Return a place in a payload as Python would write it."""
    steps = []
    while place:
        place, step = place
        steps.append(f"[{step!r}]")
    return "payload" + "".join(reversed(steps))


def misfit(
    store: Store, drafts: Sequence[Draft], dimension: int | None
) -> tuple[int, InvalidArgumentError | MemoryNotFoundError] | None:
    """Find the first draft that this store, as it is now, cannot take in.

    Parameters
    ----------
    store : Store
        Where it would go.
    drafts : sequence of Draft
        In order of arrival.
    dimension : int or None
        Of the vectors the mind holds; the first one given fixes it.

    Returns
    -------
    tuple of int and error, or None
        Its position, and what is wrong.
    """
    for place, made in enumerate(drafts):
        if made.vector is not None:
            dimension = dimension or made.vector.size
            if made.vector.size != dimension:
                return place, VectorDimensionError("vector", made.vector.size, dimension)
        for id_ in made.record.derived_from:
            if id_ >= store.head.next_id + place or not (id_ >= store.head.next_id or store.has(MEMORY, id_)):
                return place, _no_evidence(id_)
    return None


def _no_evidence(id_: int) -> MemoryNotFoundError:
    return MemoryNotFoundError(id_, "derived_from names memories that are there")


def take(
    store: Store,
    drafts: Sequence[Draft],
    codes: Sequence[SingleArray | None],
    *,
    fingerprint: str,
    supersedes: int | None = None,
    sync: bool = False,
) -> tuple[list[int], list[Taken]]:
    """Store drafts in one atomic batch.

    Parameters
    ----------
    store : Store
        Its `writing` lock is held by the caller.
    drafts : sequence of Draft
        In order of arrival.
    codes : sequence of float32 array or None
        The encoder's vector of each, where there is one.
    fingerprint : str
        Of that encoder.
    supersedes : int or None
        The memory that the only draft takes the place of, keyed or not.
    sync : bool
        Whether to wait for the medium.

    Returns
    -------
    ids, taken : list of int, list of Taken
        The id of each draft (an earlier one for the same content under the same key), and what is new.

    Raises
    ------
    MemoryNotFoundError
        Before anything is written.
    """
    batch, taken, ids = Batch(), list[Taken](), list[int]()
    names: dict[str, tuple[NameRecord, MemoryRecord]] = {}
    next_id = store.head.next_id
    for made, code in zip(drafts, codes, strict=True):
        for id_ in made.record.derived_from:
            if id_ >= next_id or not (id_ >= store.head.next_id or store.has(MEMORY, id_)):
                raise _no_evidence(id_)
        old = supersedes
        if made.record.key is not None:
            digest = content_digest(made.record, made.appraisal, None if made.vector is None else made.vector.tobytes())
            known = names.get(made.record.key) or _named(store, made.record.key)
            if known is not None and supersedes is None:
                if known[0].digest == digest and (not made.stamped or known[1].at == made.record.at):
                    ids.append(known[0].id)
                    continue
                old = known[0].id
            name = NameRecord(id=next_id, digest=digest)
            batch.put(NAME, made.record.key, name)
            names[made.record.key] = name, made.record
        taken.append(_put(batch, store, next_id, made, code, fingerprint, old))
        ids.append(next_id)
        next_id += 1
    if taken:
        memories = store.head.memories + len(taken)
        store.commit(batch, sync=sync, next_id=next_id, memories=memories)
    return ids, taken


def _named(store: Store, key: str) -> tuple[NameRecord, MemoryRecord] | None:
    """Return what a key names now; a forgotten memory is no longer named."""
    name = store.get(NAME, key, NameRecord)
    if name is None:
        return None
    record = store.get(MEMORY, name.id, MemoryRecord)
    mark = store.get(MARK, name.id, MarkRecord)
    return None if record is None or (mark is not None and mark.forgotten) else (name, record)


def _put(
    batch: Batch, store: Store, id_: int, made: Draft, code: SingleArray | None, fingerprint: str, old: int | None
) -> Taken:
    record, entry = made.record, made.entry
    if old is not None:
        record = msgspec.structs.replace(record, supersedes=old)
        entry = msgspec.structs.replace(entry, supersedes=old)
    batch.put(MEMORY, id_, record)
    batch.put(TERMS, id_, entry)
    if made.appraisal is not None:
        batch.put(APPRAISAL, id_, made.appraisal)
    if made.vector is not None:
        batch.put(VECTOR, id_, VectorRecord(data=made.vector.tobytes(), fingerprint=""))
    elif code is not None:
        batch.put(CODE, id_, VectorRecord(data=code.tobytes(), fingerprint=fingerprint))
    mark = None
    if old is not None:
        mark = msgspec.structs.replace(store.get(MARK, old, MarkRecord) or MarkRecord(), superseded_by=id_)
        batch.put(MARK, old, mark)
    return Taken(id_, entry, made.vector if made.vector is not None else code, old, mark, made.appraisal)
