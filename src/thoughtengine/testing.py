"""What a host's own tests can use: its hooks tried on samples, and on a real store that is killed everywhere."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from thoughtengine.errors import InvalidArgumentError, RecordUpgradeError
from thoughtengine.memory.experience import Experience
from thoughtengine.migrations.hooks import Hooks, Upgrades
from thoughtengine.opening import open_mind
from thoughtengine.upgrading import history, rollback, upgrade

__all__ = ["UpgradeHarness", "check_upgrades"]


def check_upgrades(hooks: Upgrades, samples: Mapping[str, Iterable[Any]]) -> list[str]:
    """Try every step on samples of payloads; ``[]`` is sound.

    Checked: each step takes what the one before gives; it gives the same twice, leaves what it is given as it was, and gives
    a tree that can be stored; its way down gives back what it was, unless it is lossy; the validator accepts the result.

    Parameters
    ----------
    hooks : Upgrades
        The host's.
    samples : mapping of str to iterable of payloads
        By kind ("acme.note", or "note"); each at the oldest version that there is a step for.

    Examples
    --------
    >>> hooks = Upgrades("acme")
    >>> note_1_to_2 = hooks.step("note", from_version=1, down=lambda note: {"text": note["body"]})(
    ...     lambda note: {"body": note["text"]}
    ... )
    >>> check_upgrades(hooks, {"acme.note": [{"text": "tea"}]})
    []
    """
    Hooks([hooks])
    wrong = []
    for name, payloads in samples.items():
        kind = _kind(hooks, name)
        for number, payload in enumerate(payloads):
            wrong += [f"{kind}, sample {number}: {told}" for told in _wrong_with(hooks, kind, payload)]
    return wrong


def _kind(hooks: Upgrades, name: str) -> str:
    """Return the kind that a name stands for, with the namespace or without."""
    kind = name if name in hooks.chains else f"{hooks.namespace}.{name}"
    if kind not in hooks.chains:
        raise InvalidArgumentError("samples", name, f"one of {sorted(hooks.chains)}")
    return kind


def _wrong_with(hooks: Upgrades, kind: str, payload: Any) -> list[str]:
    chain, told = hooks.chains[kind], list[str]()
    for version in range(chain.oldest, chain.version):
        walk = chain.walk(version, version + 1)
        given = _own(payload)
        try:
            made, again = walk.up("sample", given), walk.up("sample", _own(payload))
            if made != again:
                told.append(f"{walk.steps[0]} gives something else each time")
            if given != payload:
                told.append(f"{walk.steps[0]} changes what it is given")
            if walk.can_return and not walk.lossy and walk.down("sample", _own(made)) != payload:
                told.append(f"{walk.steps[0]}: the way down does not give back what it was")
        except RecordUpgradeError as error:
            return [*told, str(error)]
        payload = made
    judge = hooks.validators.get(kind)
    if judge is None:
        return told
    try:
        fine = judge(payload) is True
    except Exception as error:  # noqa: BLE001 - it is the host's
        return [*told, f"the validator raises {type(error).__name__}: {error}"]
    return told if fine else [*told, "the validator refuses the result"]


def _own(payload: Any) -> Any:
    return msgspec.msgpack.decode(msgspec.msgpack.encode(payload))


class _KilledError(BaseException):
    """Ends an upgrade in its middle."""


class UpgradeHarness:
    """A store in a temporary folder, for tests of a host's hooks; a context manager.

    Parameters
    ----------
    hooks : Upgrades
        The host's.

    Attributes
    ----------
    path : Path
        The mind's folder.

    Examples
    --------
    >>> hooks = Upgrades("acme")
    >>> note_1_to_2 = hooks.step("note", from_version=1, down=lambda note: {"text": note["body"]})(
    ...     lambda note: {"body": note["text"]}
    ... )
    >>> with UpgradeHarness(hooks) as harness:
    ...     harness.create_at(1)
    ...     ids = harness.put_samples({"acme.note": [{"text": "tea"}, {"text": "rain"}]})
    ...     harness.crash_everywhere() > 2
    ...     report = harness.upgrade()
    ...     harness.assert_no_silent_loss()
    ...     harness.assert_roundtrip()
    True
    """

    def __init__(self, hooks: Upgrades) -> None:
        self._hooks = hooks
        self._folder = Path(tempfile.mkdtemp(prefix="thoughtengine-harness-"))
        self.path = self._folder / "mind"
        self._version = 1
        self._put: dict[int, tuple[str, Any]] = {}

    def create_at(self, version: int) -> None:
        """Make the mind, whose payloads are of that version of every kind."""
        self._version = version
        open_mind(self.path, hooks=[self._at(version)]).close()

    def _at(self, version: int) -> Upgrades:
        """Return the hooks as they were when `version` was the newest."""
        older = Upgrades(self._hooks.namespace)
        for kind, chain in self._hooks.chains.items():
            for step in chain.walk(chain.oldest, min(version, chain.version)).steps if version > chain.oldest else ():
                declared = older.step(
                    kind.partition(".")[2], from_version=step.from_version, down=step.down, lossy=step.lossy,
                    must=step.must, revision=step.revision,
                )  # fmt: skip
                declared(step.up)
        return older

    def put_samples(self, samples: Mapping[str, Iterable[Any]]) -> list[int]:
        """Remember payloads by kind, as a host of that version did; return their ids."""
        with open_mind(self.path, hooks=[self._at(self._version)]) as mind:
            for name, payloads in samples.items():
                kind = _kind(self._hooks, name)
                for payload in payloads:
                    (id_,) = mind.remember_many([Experience(payload=payload, kind=kind)])
                    self._put[id_] = kind, _own(payload)
        return list(self._put)

    def upgrade(self) -> Any:
        """Upgrade, and return the `UpgradeReport` (None where there was nothing to do)."""
        return upgrade(self.path, hooks=[self._hooks])

    def crash_everywhere(self) -> int:
        """Break an upgrade of a copy off at each call of a step, and let it go on: always the same must come of it.

        Returns
        -------
        int
            How often it was broken off.

        Raises
        ------
        AssertionError
            When it does not.
        InvalidArgumentError
            When no samples were put: nothing would be broken off.
        """
        if not self._put:
            raise InvalidArgumentError("samples", {}, "at least one payload, by put_samples")
        whole = self._tried(None)
        n = 0
        while (found := self._tried(n)) is not None:
            if found != whole:
                raise AssertionError(f"broken off after {n} calls of a step, something else came of it")
            n += 1
        return n

    def _tried(self, stop: int | None) -> list[Any] | None:
        """Return all payloads of an upgraded copy; None where it was done before it could be broken off."""
        copy = self._folder / "copy"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(self.path, copy)
        if stop is not None:
            try:
                upgrade(copy, hooks=[self._killing(stop)])
                return None
            except _KilledError:
                pass
        with open_mind(copy, hooks=[self._hooks], upgrade="wait") as mind:
            if found := mind.check():
                raise AssertionError(f"check() finds {found[0]}")
            return [memory.payload for memory in mind.memories()]

    def _killing(self, stop: int) -> Upgrades:
        calls, killing = 0, Upgrades(self._hooks.namespace)

        def killed(step: Any) -> Any:
            def up(payload: Any) -> Any:
                nonlocal calls
                if calls == stop:
                    raise _KilledError
                calls += 1
                return step.up(payload)

            return up

        for kind, chain in self._hooks.chains.items():
            for step in chain.walk(chain.oldest, chain.version).steps:
                declared = killing.step(
                    kind.partition(".")[2], from_version=step.from_version, down=step.down, lossy=step.lossy,
                    must=step.must, revision=step.revision,
                )  # fmt: skip
                declared(killed(step))
        return killing

    def assert_no_silent_loss(self) -> None:
        """Raise `AssertionError` unless every sample is there, upgraded, or told of as quarantined."""
        with open_mind(self.path, hooks=[self._hooks]) as mind:
            missing = [id_ for id_ in self._put if mind.get(id_) is None]
            findings = mind.check()
            stale = [
                id_ for id_, (kind, payload) in self._put.items() if self._is_stale(mind[id_].payload, kind, payload)
            ]
        if missing or findings:
            raise AssertionError(f"missing: {missing}; check() finds {findings}")
        told = sum(report.rows_quarantined for report in history(self.path) if report.kind == "upgrade")
        if len(stale) > told:
            raise AssertionError(f"not upgraded, and not told: {stale}")

    def _is_stale(self, found: Any, kind: str, payload: Any) -> bool:
        chain = self._hooks.chains[kind]
        if self._version >= chain.version:
            return False
        try:
            made = chain.walk(max(self._version, chain.oldest), chain.version).up("sample", _own(payload))
        except RecordUpgradeError:
            return True
        return bool(found != made)

    def assert_roundtrip(self) -> None:
        """Raise `AssertionError` unless the upgrade, done if it was not yet, can be taken back to what every sample was."""
        self.upgrade()
        rollback(self.path, hooks=[self._hooks])
        with open_mind(self.path) as mind:
            wrong = [id_ for id_, (_, payload) in self._put.items() if mind[id_].payload != payload]
        if wrong:
            raise AssertionError(f"taken back, these are not what they were: {wrong}")

    def close(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> UpgradeHarness:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<UpgradeHarness {self._hooks!r}, {len(self._put)} samples>"
