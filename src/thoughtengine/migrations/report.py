"""Report: what an upgrade or a rollback did, as a record, as JSON and as Markdown; the history of a folder."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import msgspec

from thoughtengine.migrations.begin import ASIDE
from thoughtengine.storage.files import replace_file, sync_folder

__all__ = ["REPORTS", "Criterion", "Optimisation", "PhaseReport", "UpgradeReport", "history", "unread", "write_report"]

REPORTS = "reports"
_UNREAD = (msgspec.MsgspecError, OSError, TypeError, ValueError, AttributeError, RecursionError)
_CALLS = ("calls", "failed_calls", "refused_calls", "mean_call_seconds")
_COUNTED = " (since the last start)"


@attrs.frozen(kw_only=True)
class PhaseReport:
    """One phase of an upgrade.

    Attributes
    ----------
    name : str
        Such as ``"P2 layers"``.
    rows : int
        Rows it went through.
    seconds : float
        How long it took, this process's share of it.
    estimated_seconds : float
        What the plan had said; 0 where there was none.
    """

    name: str
    rows: int
    seconds: float
    estimated_seconds: float = 0.0


@attrs.frozen(kw_only=True)
class Criterion:
    """One criterion of success.

    Attributes
    ----------
    measured : float or None
        What was measured, None where nothing could be.
    limit : float
        What it must not fall short of, or exceed.
    verdict : str
        ``"met"``, ``"missed"`` or ``"not judged"``.
    observations : int
        How many calls or records the figure rests on.
    """

    measured: float | None
    limit: float
    verdict: str
    observations: int


@attrs.frozen(kw_only=True)
class Optimisation:
    """What was tried after an upgrade, on a clone.

    Attributes
    ----------
    name : str
        ``"compaction"``.
    before_seconds, after_seconds : float
        For reading the same rows.
    before_bytes, after_bytes : int
        Of the generation.
    applied : bool
        Whether one of both gains more than 5 %, and it was done.
    """

    name: str
    before_seconds: float
    after_seconds: float
    before_bytes: int
    after_bytes: int
    applied: bool

    def __str__(self) -> str:
        told = f"{1e3 * self.before_seconds:.1f} ms to {1e3 * self.after_seconds:.1f} ms"
        size = f"{self.before_bytes:,} bytes to {self.after_bytes:,}"
        return f"{self.name} {'done' if self.applied else 'not worth it'}: {told}, {size}"


@attrs.frozen(kw_only=True)
class UpgradeReport:
    """What an upgrade or a rollback did.

    Attributes
    ----------
    id : str
        Name of the report.
    kind : str
        ``"upgrade"``, ``"rollback"`` or ``"rehearsal"``.
    path : str
        The folder.
    source, target : int
        Format before and after.
    namespaces : mapping of str to (int, int)
        Versions of the kinds of payload that changed.
    encoder : (str, str)
        Names of the encoders before and after, where that changed.
    begun, ended : str
        ISO 8601, UTC.
    succeeded : bool
        Whether it reached its target.
    reason : str
        Why it did not, or why it was taken back.
    phases : tuple of PhaseReport
        Each phase with its rows and time.
    counts : mapping of str to int
        What was met and done, by word; ``"differs: LAYER.FIELD"`` tells which fields the new layer processors make
        differently, of the first thousand experiences.
    rows_in, rows_upgraded, rows_kept, rows_carried, rows_quarantined : int
        The accounting: the first is the sum of the others.
    digest_before, digest_after : str
        Of the old rows, and of the same rows as the new generation gives them back; of a way back: of the rows as the mind
        holds them, gone down, and as they were read from disk.
    probes, probes_failed : int
        Records looked up by name and recalled by their own text afterwards, of payloads the host's probes; those that
        were not found, or gave something else.
    seconds : float
        In all, this process's share.
    longest_stall_seconds : float
        For which writers waited for one slice, at most.
    rows_per_second : float
        Rows that it began with, by time.
    cpu_seconds : float
        Of the process meanwhile.
    memory_bytes : int
        The most it had, as the system tells.
    read_bytes, written_bytes : int
        To and from the disk, where the system tells; else 0.
    extra_bytes : int
        Disk taken beside the old store, at its end.
    calls, failed_calls, refused_calls : int
        Of the host, while it ran, since the last start of its process: all of them, those that failed, those that an upgrade or a
        full disk did not let through.
    mean_call_seconds : float
        How long the host's calls took in the mean meanwhile.
    criteria : mapping of str to Criterion
        Zero loss, error rate, availability, throughput, response time (of the slowest hundredth of the calls, in seconds).
    estimated_seconds, estimated_bytes : float, int
        What the plan had said.
    lessons : tuple of str
        What the estimates were off by; the next plan in this folder uses the rates.
    optimisations : tuple of Optimisation
        What was tried afterwards; empty where the store is small.
    resumed : int
        How often it was taken up again.
    damage : str
        What damage had taken before, or left uncertain: what is not there is no work of this; empty where nothing is known.
    """

    id: str
    kind: str
    path: str
    source: int
    target: int
    namespaces: Mapping[str, tuple[int, int]] = attrs.field(factory=dict)
    encoder: tuple[str, str] = ("", "")
    begun: str
    ended: str
    succeeded: bool
    reason: str = ""
    phases: tuple[PhaseReport, ...] = ()
    counts: Mapping[str, int] = attrs.field(factory=dict)
    rows_in: int = 0
    rows_upgraded: int = 0
    rows_kept: int = 0
    rows_carried: int = 0
    rows_quarantined: int = 0
    digest_before: str = ""
    digest_after: str = ""
    probes: int = 0
    probes_failed: int = 0
    seconds: float = 0.0
    longest_stall_seconds: float = 0.0
    rows_per_second: float = attrs.field()
    cpu_seconds: float = 0.0
    memory_bytes: int = 0
    read_bytes: int = 0
    written_bytes: int = 0
    extra_bytes: int = 0
    calls: int = 0
    failed_calls: int = 0
    refused_calls: int = 0
    mean_call_seconds: float = 0.0
    criteria: Mapping[str, Criterion] = attrs.field(factory=dict)
    estimated_seconds: float = 0.0
    estimated_bytes: int = 0
    lessons: tuple[str, ...] = ()
    optimisations: tuple[Optimisation, ...] = ()
    resumed: int = 0
    damage: str = ""

    @rows_per_second.default
    def _rate(self) -> float:
        return self.rows_in / self.seconds if self.seconds else 0.0

    def __str__(self) -> str:
        return f"{self.kind} of {self.path}, {self.told()}"

    def told(self) -> str:
        """Say what it did, in a line, and what became of the rows, in another."""
        end = f"{'done' if self.succeeded else 'not done'}{f' ({self.reason})' if self.reason else ''}"
        back = self.kind == "rollback"
        left = "left at their version" if self.namespaces else "served as far as they can be read, their bytes kept"
        parts = {
            "taken down" if back else "upgraded": self.rows_upgraded,
            "gone back" if back else "as they were": self.rows_kept,
            "carried untouched": self.rows_carried,
            left: self.rows_quarantined,
        }
        rows = ", ".join(f"{n:,} {what}" for what, n in parts.items() if n)
        lost = self.criteria.get("records lost")
        kept = ", none lost" if lost is not None and lost.verdict == "met" and self.rows_in else ""
        found = (
            f"; {self.probes - self.probes_failed:,} of {self.probes:,} looked up again were found"
            if self.probes
            else ""
        )
        n = f"{self.rows_in:,} {'row' if self.rows_in == 1 else 'rows'}" if self.rows_in else "no rows"
        damage = f"\n{self.damage}" if self.damage else ""
        return f"{self.moved}: {end}\n{n}{f': {rows}' if rows else ''}{kept}{found}; {self.seconds:.2f} s{damage}"

    def __repr__(self) -> str:
        end = "succeeded" if self.succeeded else f"failed: {self.reason!r}"
        return f"<UpgradeReport {self.id} {self.kind} {self.moved}, {self.rows_in:,} rows, {end}>"

    @property
    def moved(self) -> str:
        """What changed, from what to what."""
        if any(self.encoder):
            return f"encoder {self.encoder[0] or 'none'} to {self.encoder[1] or 'none'}"
        if self.namespaces:
            back = self.kind == "rollback" and "-back" in self.id
            steps = {kind: moved[::-1] if back else moved for kind, moved in self.namespaces.items()}
            return f"payloads {', '.join(f'{kind} {before} to {after}' for kind, (before, after) in steps.items())}"
        return f"format {self.source} to {self.target}"

    def markdown(self) -> str:
        """Return the report as a page of Markdown."""
        figures = {
            name: value
            for name, value in attrs.asdict(self, recurse=False).items()
            if name not in ("phases", "counts", "criteria", "lessons", "namespaces", "optimisations", "encoder")
            and value != ""
        }
        lines = [f"# {self.kind.capitalize()} {self.id}", "", str(self), "", "| figure | value |", "| --- | --- |"]
        lines += [f"| {name}{_COUNTED * (name in _CALLS)} | {_shown(value)} |" for name, value in figures.items()]
        lines += ["", "| phase | rows | seconds | estimated |", "| --- | --- | --- | --- |"]
        lines += [f"| {p.name} | {p.rows:,} | {p.seconds:.3f} | {p.estimated_seconds:.3f} |" for p in self.phases]
        lines += ["", "| criterion | measured | limit | verdict | observations |", "| --- | --- | --- | --- | --- |"]
        lines += [
            f"| {name} | {_shown(c.measured)} | {_shown(c.limit)} | {c.verdict} | {c.observations:,} |"
            for name, c in self.criteria.items()
        ]
        lines += [
            "",
            "Calls of the host are counted from the last start of its process on; by fewer than 1,000 nothing is judged.",
        ]
        lines += ["", "| counted | n |", "| --- | --- |", *(f"| {name} | {n:,} |" for name, n in self.counts.items())]
        lines += ["", *(f"- {lesson}" for lesson in (*self.lessons, *self.optimisations))]
        return "\n".join(lines) + "\n"


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.6g}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)


def write_report(root: Path, report: UpgradeReport) -> None:
    """Write a report as JSON and as Markdown to `reports/`; on a full disk the return value alone must do."""
    with contextlib.suppress(OSError):
        folder = root / REPORTS
        folder.mkdir(mode=0o700, exist_ok=True)
        sync_folder(root)
        data = msgspec.json.format(msgspec.json.encode(attrs.asdict(report)))
        replace_file(folder / f"{report.id}-{report.kind}.json", data + b"\n")
        replace_file(folder / f"{report.id}-{report.kind}.md", report.markdown().encode())


def history(root: Path) -> list[UpgradeReport]:
    """Return the reports of a folder, oldest first; those set aside while it is of format 1 too.

    Of one that does not read there is what can be read of it; its reason tells that.
    """
    found = []
    for path in _written(root):
        try:
            found.append(_read(msgspec.json.decode(path.read_bytes(), type=dict[str, Any])))
        except _UNREAD as error:
            found.append(_rest_of(path, error))
    return sorted(found, key=lambda report: (report.ended, report.id))


def unread(root: Path) -> list[tuple[str, str]]:
    """Return (file, what is wrong) for each report of a folder that does not read."""
    found = []
    for path in _written(root):
        try:
            _read(msgspec.json.decode(path.read_bytes(), type=dict[str, Any]))
        except _UNREAD as error:
            found.append((str(path.relative_to(root)), f"the report does not read: {error}"))
    return found


def _written(root: Path) -> list[Path]:
    return [path for folder in (root / ASIDE / REPORTS, root / REPORTS) for path in sorted(folder.glob("*.json"))]


def _rest_of(path: Path, error: Exception) -> UpgradeReport:
    """Return what can be read of a report that is damaged: it has a line for each field."""
    id_, _, kind = path.stem.rpartition("-")
    fields: dict[str, Any] = {"id": id_, "kind": kind, "path": "", "source": 0, "target": 0, "begun": "", "ended": ""}
    with contextlib.suppress(OSError):
        for line in path.read_bytes().splitlines():
            with contextlib.suppress(msgspec.MsgspecError, UnicodeError):
                for name, value in msgspec.json.decode(
                    b"{%s}" % line.strip().rstrip(b","), type=dict[str, Any]
                ).items():
                    if name in fields and isinstance(value, type(fields[name])):
                        fields[name] = value
        fields["ended"] = fields["ended"] or fields["begun"] or _moment(path.stat().st_mtime)
    told = f"the report {path.name} does not read: {error}"
    return UpgradeReport(**fields, succeeded=False, reason=told)


def _moment(seconds: float) -> str:
    return dt.datetime.fromtimestamp(seconds, dt.UTC).isoformat(timespec="microseconds")


def _read(data: dict[str, Any]) -> UpgradeReport:
    known = {field.name for field in attrs.fields(UpgradeReport)} - {
        "rows_per_second"
    }  # once it counted rows several times
    fields = {name: value for name, value in data.items() if name in known}
    fields["phases"] = tuple(PhaseReport(**phase) for phase in fields.get("phases", ()))
    fields["criteria"] = {name: Criterion(**c) for name, c in fields.get("criteria", {}).items()}
    fields["encoder"] = tuple(fields.get("encoder", ("", "")))
    fields["optimisations"] = tuple(Optimisation(**o) for o in fields.get("optimisations", ()))
    fields["lessons"] = tuple(fields.get("lessons", ()))
    fields["namespaces"] = {kind: (a, b) for kind, (a, b) in fields.get("namespaces", {}).items()}
    return UpgradeReport(**fields)
