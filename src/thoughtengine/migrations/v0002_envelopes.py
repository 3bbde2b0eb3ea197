"""Format 2, frozen: the step from format 1 and its way down, one function per component.

Old and new layouts are copies of this file's own: editing today's records must not rewrite what an upgrade once did.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from thoughtengine.migrations.v0001_flat import LAYERS, UNREADABLE, layer_of, parse, plain, storable

__all__ = [
    "Appraisal", "Memory", "Receipt", "candidates", "differences", "engine_up", "layers_down", "layers_up", "name_down",
]  # fmt: skip

_ANY = {"sensory": "raw", "logic": "data", "dream": "source", "eternal": "data"}
_FELT = ("emotion", "eternal")
_WHEN = {"emotion": "processed_at", "eternal": "created_at"}
_OF_LAYER = {layer: (n, _ANY.get(layer), _WHEN.get(layer, "timestamp")) for n, layer in enumerate(LAYERS)}
_TEXTS = ("text", "content", "message")
_EARLIEST, _LATEST = -62_135_596_800_000_000 + 86_400_000_000, 253_402_300_799_999_999 - 86_400_000_000
_SECONDS_BELOW, _FAR = (
    1e11,
    1e21,
)  # of a float: seconds below, else nanoseconds, which the calendar has no more than that


def _reader(field: str, moment: str) -> Callable[[bytes], Any]:
    """Return what reads two fields of a JSON object, `said` and `moment`, and passes over the rest."""
    fields = [("said", Any, None), ("moment", Any, None)]
    return msgspec.json.Decoder(
        msgspec.defstruct("Said", fields, rename={"said": field, "moment": moment}, gc=False)
    ).decode


_SAID = {layer: _reader(field, when) for layer, (_, field, when) in _OF_LAYER.items() if field and layer not in _FELT}


class Memory(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """A memory of format 2."""

    layer: int
    at: int
    offset: int = 0
    added: int
    text: str | None = None
    key: str | None = None
    source: str | None = None
    tags: tuple[str, ...] = ()
    episode: str | None = None
    kind: str | None = None
    payload: Any = None
    payload_version: int = 1
    derived_from: tuple[int, ...] = ()
    supersedes: int | None = None
    origin: str = "host"


class Appraisal(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """An appraisal of format 2."""

    valence: float | None = None
    arousal: float | None = None
    surprise: float | None = None
    salience: float = 0.5


class Receipt(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A receipt of format 2."""

    verb: str
    at: int
    ids: tuple[int, ...] = ()
    undoes: int | None = None
    detail: dict[str, Any] = {}


# layers


def layers_up(
    key: bytes, value: bytes, emotion: bytes | None = None, *, supersedes: int | None = None, layer: str = ""
) -> tuple[Memory, Appraisal | None]:
    """Make the memory, and its appraisal, of a row of format 1.

    Parameters
    ----------
    key, value : bytes
        The row; a value that is no JSON becomes a memory whose payload is the bytes.
    emotion : bytes, optional
        The value of the emotion of the same name.
    supersedes : int, optional
        The memory it is a later version of.
    layer : str, optional
        Of the key, where that is known.
    """
    layer = layer or layer_of(key)
    if emotion is None and layer in _SAID and (memory := _of_text(key, value, layer, supersedes)) is not None:
        return memory, None
    document = parse(value)
    number, field, when = _OF_LAYER[layer]
    said = moment = text = payload = None
    if type(document) is dict:
        said, moment = document.get(field), document.get(when)
    if type(said) is str:
        text = said if said.isascii() else plain(said)
    else:
        text, payload = _content(layer, document, value)
    at = _moment(moment)
    memory = Memory(
        layer=number, at=at, added=at, text=text, key=key.decode(), payload=payload, supersedes=supersedes,
        origin="format 1",
    )  # fmt: skip
    if emotion is None and layer not in _FELT:
        return memory, None
    felt = parse(emotion) if emotion is not None else document if layer == "emotion" else None
    return memory, _appraisal(felt, document if layer == "eternal" else None)


def _of_text(key: bytes, value: bytes, layer: str, supersedes: int | None) -> Memory | None:
    """Make the memory of a row that says a text, as most do, in half the time; None for all others."""
    try:
        if not value.isascii():
            value.decode()  # what is passed over is not looked into
        read = _SAID[layer](value)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    said = read.said
    if type(said) is not str:
        return None
    at = _moment(read.moment)
    return Memory(
        layer=_OF_LAYER[layer][0], at=at, added=at, text=said if said.isascii() else plain(said), key=key.decode(),
        supersedes=supersedes, origin="format 1",
    )  # fmt: skip


def _content(layer: str, document: Any, value: bytes) -> tuple[str | None, Any]:
    """Return text and payload."""
    if document is UNREADABLE:
        return value.decode("utf-8", errors="replace"), value
    given = document
    if isinstance(document, dict) and _ANY.get(layer) in document:
        given = document[_ANY[layer]]
    if isinstance(given, str):
        return plain(given), None
    try:
        payload = storable(given)
    except ValueError:
        return plain(value.decode("utf-8", errors="replace")), value
    said = [payload[name] for name in _TEXTS if isinstance(payload, dict) and isinstance(payload.get(name), str)]
    return said[0] if said else plain(json.dumps(given, ensure_ascii=False)), payload


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    bounded = float(max(-1e18, min(1e18, value)))
    return None if math.isnan(bounded) else bounded


def _moment(value: Any) -> int:
    """Return microseconds of a moment in nanoseconds (or, as a float, seconds); 0 where there is none."""
    if type(value) is int and _EARLIEST <= (at := value // 1000) <= _LATEST:
        return at
    if _number(value) is None:
        return 0
    if isinstance(value, float):
        value = int(max(-_FAR, min(_FAR, value))) if abs(value) >= _SECONDS_BELOW else int(value * 1e9)
    return int(max(_EARLIEST, min(_LATEST, value // 1000)))


def _appraisal(felt: Any, eternal: Any) -> Appraisal | None:
    valence = arousal = None
    if isinstance(felt, dict):
        given = _number(felt.get("valence"))
        valence = given if given is not None else _number(felt.get("value"))
        arousal = _number(felt.get("arousal"))
    salience = _number(eternal.get("importance")) if isinstance(eternal, dict) else None
    if valence is None and arousal is None and salience is None:
        return None
    if valence is None and arousal is not None:
        valence = 0.0
    return Appraisal(
        valence=None if valence is None else max(-1.0, min(1.0, valence)),
        arousal=None if arousal is None else max(0.0, min(1.0, arousal)),
        salience=0.5 if salience is None else max(0.0, min(1.0, salience)),
    )


def name_down(id_: int, memory: Memory, is_free: Callable[[bytes], bool]) -> bytes:
    """Return the key that a new memory gets in format 1: its own where that has the form and is free, else `te-ID`."""
    layer = LAYERS[memory.layer]
    if memory.key is not None and memory.key.startswith(layer + ":") and is_free(key := memory.key.encode()):
        return key
    key, again = f"{layer}:te-{id_}".encode(), 1
    while not is_free(key):
        again += 1
        key = f"{layer}:te-{id_}-{again}".encode()
    return key


def layers_down(memory: Memory, appraisal: Appraisal | None) -> bytes:
    """Return the value of a new memory in format 1; what it cannot hold is not in it."""
    layer, moment = LAYERS[memory.layer], memory.at * 1000
    given = memory.text if memory.payload is None else _jsonable(memory.payload)
    document: dict[str, Any] = {_WHEN.get(layer, "timestamp"): moment, "type": layer}
    if layer == "emotion":
        felt = appraisal or Appraisal()
        document |= {"value": felt.valence, "valence": felt.valence, "arousal": felt.arousal}
        document = {name: value for name, value in document.items() if value is not None} | {"text": memory.text}
        document |= {} if memory.payload is None else {"data": given}
    elif layer == "eternal":
        salience = appraisal.salience if appraisal else 0.5
        document |= {"permanent": True, "data": given, "importance": salience}
    else:
        document[_ANY[layer]] = given
    if layer == "logic":
        document["complexity"] = len(memory.derived_from)
    if layer == "dream":
        document["patterns"] = list(memory.tags)
    return json.dumps(document, ensure_ascii=False).encode()


def _jsonable(value: Any) -> Any:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, list):
        return [_jsonable(item) for item in value]
    if isinstance(value, dict):
        return {key: _jsonable(item) for key, item in value.items()}
    return value


def differences(key: bytes, value: bytes) -> tuple[str, ...]:
    """Return what the new processor makes differently of an old record: names of fields; the origin keeps all of them."""
    memory, appraisal = layers_up(key, value)
    document, again = parse(value), parse(layers_down(memory, appraisal))
    if not isinstance(document, dict):
        return ("the whole value",)
    names = {*document, *again}
    return tuple(sorted(plain(name) for name in names if document.get(name, UNREADABLE) != again.get(name, UNREADABLE)))


# thought engine


def engine_up(component: str, value: bytes, resolve: Callable[[str], int | None]) -> dict[str, Any]:
    """Return what a component had learned, names of memories in it replaced by ids; nothing is invented.

    Parameters
    ----------
    component : str
        ``"patterns"``, ``"learning"`` or ``"dreams"``.
    resolve : callable
        The id of the memory that a name stands for, or None.

    Returns
    -------
    dict
        The fields of a state record.

    Raises
    ------
    ValueError
        For a value that is no JSON.
    """
    document = parse(value)
    if document is UNREADABLE:
        raise ValueError("no JSON")
    entries = _entries(component, document)
    n_resolved = n_unresolved = 0
    for entry in entries if component == "patterns" else ():
        if isinstance(entry, dict) and isinstance(entry.get("references"), list):
            ids = [resolve(name) if isinstance(name, str) else None for name in entry["references"]]
            entry["unresolved"] = [name for name, id_ in zip(entry["references"], ids, strict=True) if id_ is None]
            entry["references"] = [id_ for id_ in ids if id_ is not None]
            n_resolved += len(entry["references"])
            n_unresolved += len(entry["unresolved"])
    return {
        "name": component,
        "document": storable(document),
        "n_entries": len(entries),
        "n_references": n_resolved,
        "n_unresolved": n_unresolved,
    }


def _entries(component: str, document: Any) -> list[Any]:
    within = {"learning": "feedback", "dreams": "insights"}
    if component in within:
        document = document.get(within[component]) if isinstance(document, dict) else None
    return document if isinstance(document, list) else []


def candidates(name: str) -> Iterable[bytes]:
    """Yield the keys of format 1 that a reference may mean, the likeliest first."""
    yield plain(name).encode()
    for layer in LAYERS:
        yield f"{layer}:{plain(name)}".encode()
