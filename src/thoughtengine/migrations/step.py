"""Step: one move of a payload from a version to the next, and the chains of them, composed once."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Callable
from typing import Any

import attrs
import msgspec

from thoughtengine.config import Limits
from thoughtengine.errors import InvalidArgumentError, RecordUpgradeError

__all__ = ["Chain", "Descent", "Move", "PayloadStep", "Walk"]

Move = Callable[[Any], Any]
"""``move(payload) -> payload``: pure; it gets a tree of its own."""

_LIMIT = 16 << 20  # bytes of a payload
_DEEPEST = Limits().payload_depth  # levels of lists and dicts in it, where nobody says otherwise
_PERHAPS_NOT_FINITE = re.compile(rb"\xcb[\x7f\xff][\xf0-\xff]")  # as MessagePack writes them, or bytes of a text
_LEAVES = frozenset({str, int, float, bool, bytes, type(None)})


@attrs.frozen(kw_only=True)
class PayloadStep:
    """One version to the next.

    Attributes
    ----------
    kind : str
        Namespace and name, such as ``"acme.note"``.
    from_version : int
        It takes this version to the one above.
    up, down : callable, callable or None
        The move, and the way back.
    lossy : bool
        Whether `up` loses something: then the payload as it was is kept aside.
    must : bool
        Whether a record on which it fails turns the upgrade back; otherwise that record stays at its version.
    revision : int
        Counted up by whoever changes the function: a changed step under an unfinished upgrade is refused.
    """

    kind: str
    from_version: int
    up: Move
    down: Move | None
    lossy: bool
    must: bool
    revision: int

    def __str__(self) -> str:
        return f"{self.kind} {self.from_version} to {self.from_version + 1}"


@attrs.frozen
class Walk:
    """A run of steps from one version to another.

    Attributes
    ----------
    steps : tuple of PayloadStep
        In order.
    deepest : int
        Levels of lists and dicts that a payload may have at its end; one that was deeper before may stay so.
    """

    steps: tuple[PayloadStep, ...]
    deepest: int = _DEEPEST

    @property
    def lossy(self) -> bool:
        """Whether any step loses something."""
        return any(step.lossy for step in self.steps)

    @property
    def must(self) -> bool:
        """Whether any step must succeed on every record."""
        return any(step.must for step in self.steps)

    @property
    def fingerprint(self) -> str:
        """What tells whether the steps are the same as before: their declared revisions."""
        told = [(step.from_version, step.revision, step.lossy, step.must) for step in self.steps]
        return hashlib.blake2b(repr(told).encode(), digest_size=8).hexdigest()

    @property
    def can_return(self) -> bool:
        """Whether every step has a way back."""
        return all(step.down is not None for step in self.steps)

    def up(self, record: object, payload: Any, *, deepest: float | None = None) -> Any:
        """Return a payload at the end of the walk; `deepest` is what it may have of levels, whatever it has now.

        Raises
        ------
        RecordUpgradeError
            When a step raises, or gives what cannot be stored.
        """
        deepest = max(self.deepest, _levels(payload)) if deepest is None else deepest
        for step in self.steps:
            payload = _moved(record, str(step), step.up, payload, deepest=deepest, must=step.must)
        return payload

    def down(self, record: object, payload: Any) -> Any:
        """Return a payload at the beginning of the walk, as deep as it was there: nobody knows what was allowed then.

        Raises
        ------
        RecordUpgradeError
            When there is no way back, or it raises, or gives what cannot be stored.
        """
        for step in reversed(self.steps):
            if step.down is None:
                raise RecordUpgradeError(record, str(step), "there is no way back")
            payload = _moved(record, f"{step} (down)", step.down, payload, deepest=math.inf)
        return payload


@attrs.frozen
class Descent:
    """A walk the other way: down is its up.

    Attributes
    ----------
    walk : Walk
        From the version that is gone down to, up to the present one.
    """

    walk: Walk
    lossy = False  # what cannot come down is found by coming up again

    @property
    def steps(self) -> tuple[PayloadStep, ...]:
        """The steps, in the order of going up."""
        return self.walk.steps

    @property
    def can_return(self) -> bool:
        """True: steps up there are."""
        return True

    def up(self, record: object, payload: Any) -> Any:
        """Return a payload at the lower version."""
        return self.walk.down(record, payload)

    def down(self, record: object, payload: Any) -> Any:
        """Return a payload at the higher version again, as deep as it was there."""
        return self.walk.up(record, payload, deepest=math.inf)


def _moved(record: object, name: str, move: Move, payload: Any, *, deepest: float, must: bool = True) -> Any:
    try:
        made = move(payload)
        data = msgspec.msgpack.encode(made)
        again = msgspec.msgpack.decode(data)
        is_plain = made is not None and _is_plain(made)
        is_finite = not _PERHAPS_NOT_FINITE.search(data) or _is_finite(again)
    except (Exception, SystemExit) as error:
        raise RecordUpgradeError(record, name, f"{type(error).__name__}: {error}", must=must) from error
    if len(data) > _LIMIT:
        told = f"it gave {len(data):,} bytes, and {_LIMIT:,} is the most"
        raise RecordUpgradeError(record, name, told, must=must)
    if (levels := _levels(again)) > deepest:
        told = (
            f"it gave a tree nested {levels} levels deep, and {deepest} is the most (Limits.payload_depth of te.open)"
        )
        raise RecordUpgradeError(record, name, told, must=must)
    if not is_plain:
        told = f"it gave a {type(made).__name__}, not a tree that can be stored"
        raise RecordUpgradeError(record, name, told, must=must)
    if not is_finite:
        told = "it gave a number that is not finite, which cannot be stored"
        raise RecordUpgradeError(record, name, told, must=must)
    return again


def _levels(node: Any) -> int:
    """Return how many lists and dicts of a tree lie within each other at the most; without recursion, as it may be deep."""
    levels, within = 0, [node] if isinstance(node, (dict, list)) else []
    while within:
        levels += 1
        within = [
            item
            for each in within
            for item in (each.values() if isinstance(each, dict) else each)
            if type(item) not in _LEAVES and isinstance(item, (dict, list))
        ]
    return levels


def _is_finite(node: Any) -> bool:
    """Tell whether all numbers of a tree are finite."""
    if isinstance(node, float):
        return math.isfinite(node)
    inside = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    return all(map(_is_finite, inside))


def _is_plain(node: Any) -> bool:
    """Tell whether a tree is of str, int, float, bool, bytes, None, list and dict with str as keys."""
    if type(node) in _LEAVES:
        return True
    if isinstance(node, dict):
        for key, value in node.items():  # written out: most are leaves, and none of them is worth a call
            if not isinstance(key, str) or (type(value) not in _LEAVES and not _is_plain(value)):
                return False
        return True
    if isinstance(node, list):
        return all(map(_is_plain, node))
    return isinstance(node, (str, int, float, bytes))


class Chain:
    """The steps of one kind, from the oldest version that is known to the newest.

    Parameters
    ----------
    kind : str
        Namespace and name.
    deepest : int
        As for `Walk`.
    """

    def __init__(self, kind: str, deepest: int = _DEEPEST) -> None:
        self.kind, self.deepest = kind, deepest
        self._steps: dict[int, PayloadStep] = {}
        self._walks: dict[tuple[int, int], Walk] = {}

    def within(self, deepest: int) -> Chain:
        """Return the same steps for a mind whose payloads may have so many levels."""
        chain = Chain(self.kind, deepest)
        chain._steps = self._steps
        return chain

    def add(self, step: PayloadStep) -> None:
        """Add a step.

        Raises
        ------
        InvalidArgumentError
            When there is one for that version.
        """
        if step.from_version in self._steps:
            expected = f"one step for version {step.from_version} of {self.kind!r}: there is one already"
            raise InvalidArgumentError("from_version", step.from_version, expected)
        self._steps[step.from_version] = step

    @property
    def version(self) -> int:
        """The newest version."""
        return max(self._steps, default=0) + 1

    @property
    def oldest(self) -> int:
        """The oldest version from which an unbroken chain leads to the newest."""
        version = self.version
        while version - 1 in self._steps:
            version -= 1
        return version

    def walk(self, start: int, stop: int) -> Walk:
        """Return the steps from one version to a later one.

        Raises
        ------
        InvalidArgumentError
            When one of them is missing.
        """
        if (start, stop) not in self._walks:
            missing = [version for version in range(start, stop) if version not in self._steps]
            if missing:
                expected = f"a step from version {missing[0]} of {self.kind!r} (there is none)"
                raise InvalidArgumentError("hooks", sorted(self._steps), expected)
            self._walks[start, stop] = Walk(tuple(self._steps[version] for version in range(start, stop)), self.deepest)
        return self._walks[start, stop]

    def fingerprint(self, start: int, stop: int) -> str:
        """Return what tells whether the steps of a walk are the same as before."""
        return self.walk(start, stop).fingerprint
