"""Hooks: how a host declares the versions of its own payloads, and what it wants to see unchanged by an upgrade."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from thoughtengine.config import Limits
from thoughtengine.errors import InvalidArgumentError, RecordUpgradeError
from thoughtengine.migrations.step import Chain, Move, PayloadStep, Walk
from thoughtengine.storage.pointer import Pointer

__all__ = ["Hooks", "Upgrades"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
Probe = Callable[[Any], Any]
Validate = Callable[[Any], bool]


class Upgrades:
    """The steps, validators and probes of one namespace of payloads.

    Parameters
    ----------
    namespace : str
        The kinds are ``"NAMESPACE.NAME"``.

    Attributes
    ----------
    namespace : str
        As it was given.
    chains : dict of str to Chain
        The steps by kind.
    probes : list of callable
        Each is called with a mind before and after, and must give the same.
    validators : dict of str to callable
        By kind: whether a payload at the newest version is in order.

    Examples
    --------
    >>> hooks = Upgrades("acme")
    >>> @hooks.step("note", from_version=1, down=lambda note: {"text": note["body"]})
    ... def note_1_to_2(note: dict) -> dict:
    ...     return {"body": note["text"]}
    >>> hooks
    <Upgrades 'acme': acme.note at version 2>
    """

    def __init__(self, namespace: str) -> None:
        if not isinstance(namespace, str) or not _NAME.fullmatch(namespace):
            raise InvalidArgumentError("namespace", namespace, "1 to 64 letters, digits, dashes and underscores")
        self.namespace = namespace
        self.chains: dict[str, Chain] = {}
        self.probes: list[Probe] = []
        self.validators: dict[str, Validate] = {}

    def _kind(self, name: object) -> str:
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise InvalidArgumentError("name", name, "1 to 64 letters, digits, dashes and underscores")
        return f"{self.namespace}.{name}"

    def step(
        self,
        name: str,
        *,
        from_version: int,
        down: Move | None = None,
        lossy: bool = False,
        must: bool = True,
        revision: int = 1,
    ) -> Callable[[Move], Move]:
        """Declare the function below as the step from a version to the next.

        Parameters
        ----------
        name : str
            Of the payload's type: ``"note"`` for the kind ``"acme.note"``.
        from_version : int
            The first is 1.
        down : callable, optional
            The way back; without one, an upgrade can only be taken back as long as its rollback point is kept.
        lossy : bool
            Whether something is lost: the payload as it was is kept aside then.
        must : bool
            False: a record on which it fails stays as it is, and is served at its old version.
        revision : int
            Count it up when the function changes: an upgrade that was begun with another one is not gone on with.

        Raises
        ------
        InvalidArgumentError
            For a version that has a step, or an argument that cannot be used.
        """
        kind = self._kind(name)
        for argument, value in (("from_version", from_version), ("revision", revision)):
            if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value < 1 << 31:
                raise InvalidArgumentError(argument, value, "a whole number from 1 on")
        if down is not None and not callable(down):
            raise InvalidArgumentError("down", down, "a callable that takes a payload")
        for argument, value in (("lossy", lossy), ("must", must)):
            if not isinstance(value, bool):
                raise InvalidArgumentError(argument, value, "True or False")

        def declare(up: Move) -> Move:
            if not callable(up):
                raise InvalidArgumentError("step", up, "a callable that takes a payload")
            step = PayloadStep(
                kind=kind, from_version=from_version, up=up, down=down, lossy=lossy, must=must, revision=revision
            )
            self.chains.setdefault(kind, Chain(kind)).add(step)
            return up

        return declare

    def probe(self, function: Probe) -> Probe:
        """Declare a function of a mind whose value must be the same before and after an upgrade."""
        if not callable(function):
            raise InvalidArgumentError("probe", function, "a callable that takes a mind")
        self.probes.append(function)
        return function

    def validate(self, name: str) -> Callable[[Validate], Validate]:
        """Declare a function that tells whether a payload at the newest version is in order."""
        kind = self._kind(name)

        def declare(function: Validate) -> Validate:
            if not callable(function):
                raise InvalidArgumentError("validate", function, "a callable that takes a payload")
            self.validators[kind] = function
            return function

        return declare

    def __repr__(self) -> str:
        kinds = ", ".join(f"{kind} at version {chain.version}" for kind, chain in sorted(self.chains.items()))
        return f"<Upgrades {self.namespace!r}: {kinds or 'no steps'}>"


class Hooks:
    """All hooks that were given to one opening.

    Parameters
    ----------
    given : iterable of Upgrades
        One for each namespace.
    deepest : int, optional
        Levels that a payload may have, by the limits of the mind that is opened. Default: those of `Limits()`.

    Raises
    ------
    InvalidArgumentError
        For anything else, or two for one namespace.
    """

    def __init__(self, given: Iterable[Upgrades] = (), deepest: int = Limits().payload_depth) -> None:
        if isinstance(given, (str, bytes, Upgrades)) or not isinstance(given, Iterable):
            raise InvalidArgumentError("hooks", given, "a sequence of te.Upgrades, such as [hooks]")
        self.given = tuple(given)
        for hooks in self.given:
            if not isinstance(hooks, Upgrades):
                raise InvalidArgumentError("hooks", hooks, "te.Upgrades(...)")
        names = [hooks.namespace for hooks in self.given]
        if len(set(names)) < len(names):
            raise InvalidArgumentError("hooks", names, "one te.Upgrades for each namespace")
        self.chains = {kind: chain.within(deepest) for hooks in self.given for kind, chain in hooks.chains.items()}
        self.held: dict[str, int] = {}
        self._back: dict[str, int] = {}  # the same, once the way back has ended: payloads are read so too

    @property
    def versions(self) -> dict[str, int]:
        """The version that payloads of each kind are stored at: the newest, unless that was taken back."""
        return {kind: self.held.get(kind, chain.version) for kind, chain in self.chains.items()}

    def without_steps(self) -> Hooks:
        """Return the same probes and validators, by which every payload is read as it is stored."""
        bare = Hooks(self.given)
        bare.chains = {}
        return bare

    def hold(self, versions: dict[str, int]) -> None:
        """Store payloads of some kinds at an older version from now on: an upgrade of them is taken back."""
        self.held = {**self.held, **versions}

    def taken_back(self) -> None:
        """Read payloads at the version that they are held at, too: the way back has ended."""
        self._back = self.held

    def let_go(self, before: dict[str, int]) -> None:
        """Store and read payloads as `held` was before: the way back did not come to its end."""
        self.held = self._back = before

    def written(self, kind: str | None, payload: Any) -> Any:
        """Return a payload of the host as it is stored.

        Raises
        ------
        RecordUpgradeError
            When it has to go down and cannot.
        """
        if kind not in self.held or payload is None:
            return payload
        chain = self.chains[kind]
        return chain.walk(self.held[kind], chain.version).down("that is new", payload)

    def pending(self, pointer: Pointer) -> dict[str, tuple[int, int]]:
        """Return (stored, known) versions of the kinds that are behind; the same twice where only records left behind are."""
        found = {kind: (pointer.namespaces.get(kind, 1), version) for kind, version in self.versions.items()}
        return {
            kind: (stored, known)
            for kind, (stored, known) in sorted(found.items())
            if stored < known or (stored == known and self._mended(kind, known, pointer))
        }

    def _mended(self, kind: str, known: int, pointer: Pointer) -> bool:
        """Tell whether the steps that left records behind are others now."""
        oldest, fingerprint = pointer.left.get(kind, (known, ""))
        return oldest < known and self.chains[kind].fingerprint(oldest, known) != fingerprint

    def steps(self, kind: str, versions: tuple[int, int], pointer: Pointer) -> Walk:
        """Return all steps that an upgrade or a way down between two versions may take, for records left behind too."""
        low, high = sorted(versions)
        return self.chains[kind].walk(min(low, pointer.left.get(kind, (low, ""))[0]), high)

    def newer(self, stored: dict[str, int]) -> dict[str, tuple[int, int]]:
        """Return (stored, known) versions of the kinds of which a later hook wrote."""
        return {
            kind: (stored[kind], version)
            for kind, version in self.versions.items()
            if stored.get(kind, version) > version
        }

    def lacking(self, begun: dict[str, tuple[int, int]]) -> dict[str, int]:
        """Return up to which version hooks would have to know the kinds of an upgrade that was begun, where these do not."""
        return {
            kind: max(versions)
            for kind, versions in begun.items()
            if kind not in self.chains or self.chains[kind].version < max(versions)
        }

    def walk(self, kind: str | None, version: int) -> Walk | None:
        """Return the steps that a payload has before it; None where it is at the newest version, or nobody knows it."""
        chain = self.chains.get(kind) if kind is not None else None
        if chain is None or version >= (newest := self._back.get(chain.kind, chain.version)):
            return None
        return chain.walk(version, newest)

    def read(self, id_: int, kind: str | None, version: int, payload: Any) -> Any:
        """Return a payload at the newest version; nothing is written.

        Raises
        ------
        RecordUpgradeError
            When a step that must succeed does not; where it may fail, the payload stays as it is.
        """
        walk = self.walk(kind, version) if self.chains else None
        if walk is None:
            return payload
        try:
            return walk.up(id_, payload)
        except RecordUpgradeError as error:
            if error.must:
                raise
            return payload

    def validators(self) -> Iterator[tuple[str, Validate]]:
        """Yield (kind, validator)."""
        for hooks in self.given:
            yield from hooks.validators.items()

    def probes(self) -> Iterator[tuple[str, Probe]]:
        """Yield (name, probe)."""
        for hooks in self.given:
            for probe in hooks.probes:
                yield f"{hooks.namespace}.{getattr(probe, '__name__', 'probe')}", probe
