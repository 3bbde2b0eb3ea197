"""JSON lines: one experience a line, by the names of `Experience`; and the trees of a payload as JSON."""

from __future__ import annotations

import base64
import binascii
import json
import logging
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from thoughtengine.adapters.intake import Reading, lines
from thoughtengine.adapters.stamps import StampError, moment
from thoughtengine.errors import ImportFormatError
from thoughtengine.memory.experience import Affect, Experience

__all__ = ["FIELDS", "experience_of", "read", "rows", "tree_from_json", "tree_to_json"]

_log = logging.getLogger("thoughtengine.adapters")
_RESERVED = re.compile(r"\$+bytes")
_TEXTS = ("text", "key", "source", "episode", "kind", "layer")


def read(path: Path, reading: Reading) -> Iterator[Experience]:
    """Read one experience a line.

    The fields are those of `Experience`; `affect` is ``[valence, arousal]`` or an object of the two, `vector` an
    array of numbers, `at` ISO text (a day alone is noon; without an offset: in the zone of the reading) or seconds
    since 1970. `label` becomes a tag. Any other field goes into the payload under its name, and is logged once; a row
    of such fields alone says nothing, and is an error.

    Raises
    ------
    ImportFormatError
        For a line that is no JSON object or a field of the wrong type, with the number of the line.
    """
    told: set[str] = set()
    for number, row in rows(path, reading):
        try:
            experience, others = experience_of(row, reading)
        except ValueError as error:
            raise ImportFormatError(path, f"line {number:,}", str(error)) from error
        if new := others - told:
            told |= new
            _log.warning("%s, line %d: kept in the payload: %s", path.name, number, ", ".join(sorted(new)))
        yield experience


def rows(path: Path, reading: Reading) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the number and the object of each line that is not empty.

    Raises
    ------
    ImportFormatError
        For a line that is no JSON object.
    """
    for number, line in lines(path, reading):
        if not line or line.isspace():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            wrong = f"{error.msg} at character {error.pos + 1:,}" if isinstance(error, json.JSONDecodeError) else error
            message = f"expected a JSON object: {wrong}; given {line[:60]!r}"
            raise ImportFormatError(path, f"line {number:,}", message) from error
        if not isinstance(row, dict):
            raise ImportFormatError(path, f"line {number:,}", f"expected a JSON object, given {line[:60]!r}")
        yield number, row


def experience_of(row: dict[str, Any], reading: Reading) -> tuple[Experience, set[str]]:
    """Make an experience of a row, and name the fields that went into its payload.

    Raises
    ------
    ValueError
        For a field of the wrong type, and a row that says nothing.
    """
    fields = {name: row[name] for name in row.keys() & FIELDS.keys() if row[name] is not None}
    for name, value in fields.items():
        fields[name] = FIELDS[name](name, value, reading)
    if (label := fields.pop("label", "")).strip():
        fields["tags"] = (*fields.get("tags", ()), label)
    if not fields.get("text", "x").strip():
        del fields["text"]
    said = fields.keys() & {"text", "tags", "vector", "payload"}
    others = {name: tree_from_json(value) for name, value in row.items() if name not in FIELDS}
    if not said or (others and said == {"tags"} and not fields["tags"]):
        given = ", ".join(row) or "none"
        raise ValueError(
            f"expected at least one of text, tags, vector and payload that is not empty; the fields are {given:.200}"
        )
    if others:
        fields["payload"] = _merged(fields.get("payload"), others)
    return Experience(**fields), set(others)


def _merged(payload: Any, others: dict[str, Any]) -> Any:
    if payload is None:
        return others
    if not isinstance(payload, dict) or payload.keys() & others.keys():
        raise ValueError(f"the payload has no room for the unknown fields {', '.join(others)}: put them into it")
    return payload | others


def _text(name: str, value: Any, _: Reading) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{name}: expected text, given {value!r:.60}")
    return value


def _tags(name: str, value: Any, _: Reading) -> tuple[str, ...]:
    tags = [value] if isinstance(value, str) else value
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        raise ValueError(f"{name}: expected a list of texts, given {value!r:.60}")
    return tuple(tags)


def _at(name: str, value: Any, reading: Reading) -> Any:
    try:
        return moment(value, reading)
    except StampError as error:
        raise ValueError(f"{name}: {error}") from error


def _affect(name: str, value: Any, _: Reading) -> Affect:
    parts = [value.get("valence", 0.0), value.get("arousal", 0.0)] if isinstance(value, dict) else value
    if not isinstance(parts, list) or len(parts) != 2:
        raise ValueError(f"{name}: expected [valence, arousal], given {value!r:.60}")
    return Affect(*parts)


def _numbers(name: str, value: Any, _: Reading) -> list[Any]:
    if not isinstance(value, list) or not all(type(number) in (int, float) for number in value):
        raise ValueError(f"{name}: expected a list of numbers, given {value!r:.60}")
    return value


def _payload(_: str, value: Any, __: Reading) -> Any:
    return tree_from_json(value)


FIELDS: dict[str, Callable[[str, Any, Reading], Any]] = {
    **dict.fromkeys((*_TEXTS, "label"), _text),
    "at": _at,
    "tags": _tags,
    "affect": _affect,
    "vector": _numbers,
    "payload": _payload,
    "derived_from": _numbers,
}


def tree_to_json(value: Any) -> Any:
    """Turn a payload into what JSON can hold: bytes as ``{"$bytes": base64}``; a key that looks so gets one more ``$``.

    Examples
    --------
    >>> tree_to_json({"$bytes": b"x"})
    {'$$bytes': {'$bytes': 'eA=='}}
    """
    if isinstance(value, dict):
        return {"$" + key if _RESERVED.fullmatch(key) else key: tree_to_json(held) for key, held in value.items()}
    if isinstance(value, (list, tuple)):
        return [tree_to_json(held) for held in value]
    if isinstance(value, (bytes, bytearray, memoryview)):
        return {"$bytes": base64.b64encode(value).decode("ascii")}
    return value


def tree_from_json(value: Any) -> Any:
    """Turn the JSON of a payload back into the payload.

    Raises
    ------
    ValueError
        For a mark whose content is not what the mark says.

    Examples
    --------
    >>> tree_from_json({"$$bytes": {"$bytes": "eA=="}})
    {'$bytes': b'x'}
    """
    if isinstance(value, list):
        return [tree_from_json(held) for held in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1 and "$bytes" in value:
        return _bytes(value["$bytes"])
    return {key[1:] if _RESERVED.fullmatch(key) else key: tree_from_json(held) for key, held in value.items()}


def _bytes(value: Any) -> bytes:
    try:
        return base64.b64decode(value, validate=True)
    except (TypeError, binascii.Error) as error:
        raise ValueError(f"payload: expected base64 in $bytes, given {value!r:.60}") from error
