"""What was planned, and what a rehearsal of it found."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from thoughtengine.migrations.report import UpgradeReport

__all__ = ["Rehearsal", "Risk", "Step", "UpgradePlan"]


@attrs.frozen(kw_only=True)
class Risk:
    """Something that a probe found.

    Attributes
    ----------
    kind : str
        ``"space"``, ``"damage"``, ``"in the way"``, ``"no hard links"``, ``"read-only"``, ``"kept aside"``,
        ``"newer hook"``, ``"lossy"``, ``"encoder change"``.
    blocks : bool
        Whether the upgrade would be refused.
    impact, mitigation : str
        What it means, and what to do.
    """

    kind: str
    blocks: bool
    impact: str
    mitigation: str

    def __str__(self) -> str:
        return f"{self.kind}{' (blocks)' if self.blocks else ''}: {self.impact}; {self.mitigation}"


@attrs.frozen(kw_only=True)
class Step:
    """One part of a plan.

    Attributes
    ----------
    name : str
        Phase and what it does.
    records : int
        It goes through.
    lossy : bool
        Whether it loses something, which is kept aside then.
    down : bool
        Whether there is a way back.
    """

    name: str
    records: int
    lossy: bool = False
    down: bool = True

    def __str__(self) -> str:
        notes = [*(["lossy, kept aside"] if self.lossy else []), *([] if self.down else ["no way down"])]
        told = f" ({', '.join(notes)})" if notes else ""
        return f"{self.name}: {self.records:,} {'record' if self.records == 1 else 'records'}{told}"


@attrs.frozen(kw_only=True)
class UpgradePlan:
    """What an upgrade would do; false when there is nothing to do.

    Attributes
    ----------
    path : str
        The folder.
    source, target : int
        Format now, and after.
    namespaces : mapping of str to (int, int)
        Versions of the kinds of payload that would change.
    steps : tuple of Step
        In order.
    counts : mapping of str to int
        Rows by layer; ``"components"`` and ``"unknown"`` are carried as they are.
    records, bytes : int
        Rows, and bytes of keys and values.
    seconds : float
        Estimated, at full speed.
    needed_bytes, free_bytes : int
        Room on the disk.
    risks : tuple of Risk
        Found by probes.
    """

    path: str
    source: int
    target: int
    namespaces: Mapping[str, tuple[int, int]] = attrs.field(factory=dict)
    steps: tuple[Step, ...] = ()
    counts: Mapping[str, int] = attrs.field(factory=dict)
    records: int = 0
    bytes: int = 0
    seconds: float = 0.0
    needed_bytes: int = 0
    free_bytes: int = 0
    risks: tuple[Risk, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.steps)

    def __str__(self) -> str:
        if not self:
            return "\n".join(
                [f"{self.path}: format {self.source}, nothing to do", *(f"  risk: {risk}" for risk in self.risks)]
            )
        moved = f"{self.source} to {self.target}" if self.source != self.target else f"{self.source} stays"
        head = f"{self.path}: format {moved}, {self.records:,} records of {self.bytes:,} bytes"
        took = (
            f"about {self.seconds:.1f} s at full speed; needs {self.needed_bytes:,} bytes, {self.free_bytes:,} are free"
        )
        steps, risks = [f"  {step}" for step in self.steps], [f"  risk: {risk}" for risk in self.risks]
        return "\n".join([head, took, *steps, *risks])

    def __repr__(self) -> str:
        return f"<UpgradePlan {self.source} to {self.target}: {len(self.steps)} steps, {len(self.risks)} risks>"


@attrs.frozen(kw_only=True)
class Rehearsal:
    """What a rehearsal found; true when the upgrade held, though it was broken off on the way, and could be taken back.

    Attributes
    ----------
    plan : UpgradePlan
        What was to be done; false: nothing.
    report : UpgradeReport or None
        Of the upgrade of the copy: time, disk, longest stall.
    broken_off : int
        How often it was broken off in the middle, and went on.
    seconds : float
        All of it, with the way back.
    bytes : int
        Of the copy at its largest known size, tables that are shared counted.
    n_cues : int
        How many cues were asked before and after.
    changed : mapping of str to (list of int, list of int)
        Those that call up other memories than before.
    reason : str
        Why it did not hold.
    """

    plan: UpgradePlan
    report: UpgradeReport | None = None
    broken_off: int = 0
    seconds: float = 0.0
    bytes: int = 0
    n_cues: int = 0
    changed: Mapping[str, tuple[list[int], list[int]]] = attrs.field(factory=dict)
    reason: str = ""

    def __bool__(self) -> bool:
        return self.report is not None and self.report.succeeded and not self.reason

    def __str__(self) -> str:
        if not self.plan:
            return str(self.plan)
        if self.report is None or not self:
            return f"{self.plan.path}: it would not hold: {self.reason}"
        stall = f"writers waited {1e3 * self.report.longest_stall_seconds:.1f} ms at most"
        told = f"{self.plan.path}: it would hold, {self.seconds:.1f} s with the way back, {self.bytes:,} bytes, {stall}"
        answers = f"{len(self.changed)} of {self.n_cues} answers changed"
        if not self.n_cues:
            answers = "no answers compared, as nothing was recalled here yet"
        return f"{told}, broken off {self.broken_off} times, {answers}"
