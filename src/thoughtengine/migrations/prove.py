"""Prove: whether a store that is gone back to holds what the mind holds, row by row, and answers; before it counts."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import attrs
import msgspec

from thoughtengine._types import Calls
from thoughtengine.errors import StoreDamagedError, StoreError, UpgradeFailedError
from thoughtengine.migrations.before import Before
from thoughtengine.migrations.judge import criteria
from thoughtengine.migrations.lift import lift
from thoughtengine.migrations.overlay import UpgradingStore
from thoughtengine.migrations.probing import copied, copied_flat
from thoughtengine.migrations.regain import old_and_new
from thoughtengine.migrations.report import UpgradeReport, write_report
from thoughtengine.migrations.running import Tools
from thoughtengine.migrations.sweep import row_digest
from thoughtengine.migrations.v0001_flat import layer_of, parse
from thoughtengine.migrations.v0002_envelopes import Appraisal, Memory, layers_down
from thoughtengine.storage.checkpoint import clone, verify
from thoughtengine.storage.copies import CloneStore
from thoughtengine.storage.files import PART, discard, remove_tree
from thoughtengine.storage.folder import FolderStore
from thoughtengine.storage.incident import record_incident
from thoughtengine.storage.keyspace import APPRAISAL, CARRIED, LOWERED, MARK, MEMORY, ORIGIN
from thoughtengine.storage.origin import CarriedRecord, LoweredRecord, OriginRecord
from thoughtengine.storage.pointer import Pointer
from thoughtengine.storage.salvage import damaged_files
from thoughtengine.storage.store import Level

__all__ = ["RECALLED", "Proof", "asked", "prove_flat", "prove_generation", "sealed_damage", "stay"]

_PROBES, _TOLD = 50, 5
_LONGEST = 1 << 16  # bytes of a row that is recalled by its own text
RECALLED = 20_000
"""Memories up to which all are indexed so that some can be recalled; above, these are looked up."""
_DERIVED = ("derived differs", "orphan", "count differs")


@attrs.frozen(kw_only=True)
class Proof:
    """What was found.

    Attributes
    ----------
    wrong : tuple of str
        What does not hold, the first few; empty where all does.
    n_wrong : int
        How much does not.
    before, after : str
        Digest of the rows as the mind gives them, and of those that were read from disk.
    rows : int
        Rows, of a mind memories, that were read.
    probes, missed : int
        Memories that were looked up and recalled by their own text, and those that were not found so.
    rebuild : bool
        Whether what follows from the rows is to be made again.
    """

    wrong: tuple[str, ...] = ()
    n_wrong: int = 0
    before: str = ""
    after: str = ""
    rows: int = 0
    probes: int = 0
    missed: int = 0
    rebuild: bool = False

    def figures(self, lost: int | None = 0) -> dict[str, Any]:
        """Return the fields of an `UpgradeReport` that tell of it.

        Parameters
        ----------
        lost : int or None
            Memories that damage had taken before; None where nobody can tell.
        """
        told = "1 memory" if lost == 1 else f"{lost or 0:,} memories"
        n = None if lost is None else max(self.n_wrong, len(self.wrong)) + lost
        return {
            "rows_in": self.rows, "rows_kept": self.rows, "digest_before": self.before, "digest_after": self.after,
            "probes": self.probes, "probes_failed": self.missed,
            "criteria": {"records lost": criteria(Calls(), None, lost=n, rows=self.rows)["records lost"]},
            "succeeded": not self.wrong, "damage": f"{told} had been lost to damage before" if lost else "",
        }  # fmt: skip


class _Found:
    """What is met on the way: sums of both sides, what is wrong, some rows to ask for."""

    def __init__(self, every: int) -> None:
        self.wrong: list[str] = []
        self.n_wrong = 0
        self.before = self.after = self.rows = self.primary = 0
        self.some: dict[bytes, bytes] = {}
        self._every = max(1, every)

    def tell(self, wrong: str) -> None:
        """Count what is wrong, and keep the first few words of it."""
        self.n_wrong += 1
        self.wrong += [wrong] * (self.n_wrong <= _TOLD)

    def compare(self, key: bytes, expected: bytes | None, value: bytes, what: str) -> None:
        self.rows += 1
        self.after += _sum(key, value)
        self.before += 0 if expected is None else _sum(key, expected)
        if expected != value:
            self.tell(f"{key!r} is not {what}")
        if self.rows % self._every == 0 and layer_of(key) and len(value) <= _LONGEST:
            self.some[key] = value


def _sum(key: bytes, value: bytes) -> int:
    return int.from_bytes(row_digest(key, value), "big")


def prove_flat(store: FolderStore, made: Path, rows: int, tools: Tools) -> Proof:
    """Compare a store of format 1 with the mind that it was made of, which has noted what went where.

    Every row of it is read from a throw-away clone and held against what its memory goes down to: the bytes that it was, or the
    JSON of its layer, which must read as the same again. No memory is missing, and nothing is there that no memory is. A program
    of its own can look up, write and delete; some are recalled by their own text, through the step.

    Parameters
    ----------
    store : FolderStore
        The mind.
    made : Path
        The store of format 1, which nobody has open.
    rows : int
        How many rows it has.
    tools : Tools
        From above.

    Notes
    -----
    Costs about 20 microseconds a row.
    """
    scratch, found = store.root / ("verify" + PART), _Found(rows // _PROBES)
    clone(made, scratch)
    try:
        with closing(Level(str(scratch), store.config)) as level:
            _compare_rows(store, Before(level), found)
            for wrong in _serves(level):
                found.tell(wrong)
    finally:
        remove_tree(scratch)
    if (n := _going_down(store)) != found.primary:
        found.tell(f"{n} memories go down, and {found.primary} are there")
    probes, missed = 0, 0
    if found.some and not found.wrong:
        try:
            lost, probes, missed = _recalled(store, found.some, tools)
            found.wrong += lost
        except StoreError:
            raise
        except Exception:  # noqa: BLE001 - every row was compared; the step that is fled from must not hold it back
            probes = missed = len(found.some)
    return Proof(
        wrong=tuple(found.wrong[:_TOLD]), n_wrong=found.n_wrong, before=_hex(found.before),
        after=_hex(found.after), rows=found.rows, probes=probes, missed=missed,
    )  # fmt: skip


def _hex(total: int) -> str:
    return f"{total % (1 << 128):032x}"


def _compare_rows(store: FolderStore, before: Before, found: _Found) -> None:
    carried = {row_digest(row.key, row.value) for _, row in store.rows(CARRIED, CarriedRecord) if not row.gone}
    rows = before.rows()
    row = next(rows, None)
    for sealed, _ in store.raw(LOWERED):
        key, note = sealed[1:], store.get(LOWERED, sealed[1:], LoweredRecord)
        while row is not None and row[0] < key:
            _unnoted(*row, found)
            row = next(rows, None)
        if row is None or row[0] != key or note is None:
            found.tell(f"{key!r} is not there")
            continue
        if note.id:
            _compare_memory(store, key, row[1], note.id, found)
        else:
            here = row_digest(*row) in carried
            found.compare(key, row[1] if here else None, row[1], "what was carried")
            carried.discard(row_digest(*row))
        row = next(rows, None)
    while row is not None:
        carried.discard(row_digest(*row))
        _unnoted(*row, found)
        row = next(rows, None)
    if carried:
        found.tell(f"{len(carried)} rows that were carried are not there")


def _unnoted(key: bytes, value: bytes, found: _Found) -> None:
    """Take a row that no memory went down to: one that a sweep had not reached yet, and that is no memory."""
    if layer_of(key):
        found.tell(f"{key!r} is there, and no memory went down to it")
    found.compare(key, value, value, "")


def _compare_memory(store: FolderStore, key: bytes, value: bytes, id_: int, found: _Found) -> None:
    origin = store.get(ORIGIN, id_, OriginRecord)
    if origin is not None:
        expected = origin.value if key == origin.key else origin.emotion if key[8:] == origin.key[8:] else None
        found.primary += key == origin.key
        found.compare(key, expected, value, f"the bytes that memory {id_} was")
        return
    memory = store.get(MEMORY, id_, Memory)
    if memory is None:
        found.tell(f"{key!r} is there, and memory {id_} is not")
        return
    found.primary += 1
    found.compare(
        key, layers_down(memory, store.get(APPRAISAL, id_, Appraisal)), value, f"what memory {id_} goes down to"
    )
    if memory.payload is None and memory.text is not None and lift(key, value)[0].text != memory.text:
        found.tell(f"{key!r} does not read as the text of memory {id_}")
    if not isinstance(parse(value), dict):
        found.tell(f"{key!r} is no JSON object")


class _Mark(msgspec.Struct, frozen=True):
    """The part of a mark of format 2 that matters here."""

    forgotten: tuple[int, ...] = ()
    superseded_by: int | None = None


def _going_down(store: FolderStore) -> int:
    """Return how many memories are in a mind that must go down: not those forgotten, nor those an old program has replaced."""
    marks = dict(store.rows(MARK, _Mark))
    hidden = {id_ for id_, mark in marks.items() if mark.forgotten}
    stay = set(hidden)
    for id_, mark in marks.items():
        if mark.superseded_by is None or mark.superseded_by in hidden:
            continue
        was, now = (store.get(ORIGIN, each, OriginRecord) for each in (id_, mark.superseded_by))
        if was is not None and now is not None and was.key == now.key:
            stay.add(id_)
    return sum(id_ not in stay for id_ in old_and_new(store))


def _serves(level: Level) -> Iterator[str]:
    """Write, read and delete as a program of format 1 does; on a clone."""
    key, value = b"sensory:te-proof", json.dumps({"timestamp": 0, "type": "sensory", "raw": "proof"}).encode()
    level.write([(key, value)], [], True)
    if level.get(key) != value:
        yield "what is written into it is not there"
    level.write([], [key], True)
    if level.get(key) is not None:
        yield "what is deleted in it is there"


def _recalled(store: FolderStore, rows: dict[bytes, bytes], tools: Tools) -> tuple[list[str], int, int]:
    """Look some rows up, and recall them by their own text, in a store of format 1 that holds them alone."""
    part = store.root / f"probe-{secrets.token_hex(4)}{PART}"
    try:
        with closing(Level(str(part), store.config, create=True)) as level:
            level.write(list(rows.items()), [], True)
        with copied_flat(store, part) as folder, closing(UpgradingStore(folder, store.config, tools.index)) as lifted:
            lifted.whole = True
            return asked(lifted, tools, recalled=True)
    finally:
        discard(part)


def asked(store: FolderStore, tools: Tools, *, recalled: bool) -> tuple[list[str], int, int]:
    """Look some memories of a throw-away copy up, and recall them by their own text; return what is wrong, n, n missed."""
    marks = dict(store.rows(MARK, _Mark))
    n = store.total
    wanted = list[tuple[int, str, str]]()
    for number, (id_, memory) in enumerate(store.rows(MEMORY, Memory)):
        seen = id_ not in marks or not (marks[id_].forgotten or marks[id_].superseded_by)
        if number % max(1, n // _PROBES) == 0 and seen and memory.text and memory.text.strip():
            wanted.append((id_, memory.key or "", memory.text))
    wrong, missed = tools.probe(store, wanted, recalled)
    return wrong, len(wanted), len(wrong) + missed


def prove_generation(
    store: FolderStore,
    made: Path,
    expected: int,
    memories: int,
    namespaces: dict[str, int],
    differs: Iterable[str],
    tools: Tools,
) -> Proof:
    """Compare a generation that is gone back to with what was written into it; check it, and ask it.

    Parameters
    ----------
    store : FolderStore
        The mind.
    made : Path
        The generation, which nobody has open.
    expected : int
        Sum of the digests of its rows.
    memories : int
        How many memories it must hold.
    namespaces : dict of str to int
        Versions of its payloads.
    differs : iterable of str
        What is wrong with the rows that were written since: asked for when the generation has been read.
    tools : Tools
        From above.

    Notes
    -----
    Costs as much as `check`.
    """
    scratch = store.root / ("verify" + PART)
    try:
        content = verify(made, scratch, store.config)
    except StoreDamagedError as error:
        return Proof(wrong=(str(error),), before=_hex(expected))
    n, wrong = content.rows.get(MEMORY.name, 0), list(differs)
    if n != memories:
        wrong.append(f"it holds {n} memories, and the mind {memories}")
    if content.digest != _hex(expected):
        wrong.append(f"its rows have the digest {content.digest} instead of {_hex(expected)}")
    with closing(CloneStore(made, scratch, store.config)) as clone_:
        findings = [finding for finding in tools.check(clone_) if finding.kind != "unknown key"]
    wrong += [str(finding) for finding in findings if finding.kind not in _DERIVED]
    probes = missed = 0
    if not wrong:
        with copied(store, made, namespaces) as folder, closing(FolderStore(folder, store.config)) as mind:
            lost, probes, missed = asked(mind, tools, recalled=n <= RECALLED)
        wrong += lost
    return Proof(
        wrong=tuple(wrong[:_TOLD]), n_wrong=len(wrong), before=_hex(expected), after=content.digest, rows=n,
        probes=probes, missed=missed, rebuild=bool(findings),
    )  # fmt: skip


def sealed_damage(root: Path, rollback: str, other_way: str) -> str:
    """Name the damaged files of a sealed copy, and the way that leads round it; empty where it is sound.

    Parameters
    ----------
    root : Path
        The folder of the mind.
    rollback : str
        The sealed copy, within it.
    other_way : str
        What to call once it is let go of.
    """
    found = damaged_files(root / rollback, root / ("examine" + PART))
    if not found:
        return ""
    named = "; ".join(f"{rollback}/{name}: {what}" for name, what in found)
    return (
        f"the sealed copy is damaged ({named}), and the mind is as it was. There is a way without it: open the mind, "
        f"mind.upgrade.commit() lets go of that copy, then {other_way}"
    )


def stay(
    store: FolderStore, before: Pointer, report: UpgradeReport | None = None, wrong: Iterable[str] = ()
) -> UpgradeFailedError:
    """Let the pointer file say what it said before a way back was begun; return what tells that it did not hold.

    Parameters
    ----------
    store : FolderStore
        The mind, which serves on.
    before : Pointer
        What it said; where a way back was broken off, an upgrade that was done soaks on, and another goes on.
    report : UpgradeReport, optional
        Of the way back; kept, under a name of its own.
    wrong : iterable of str
        What does not hold.
    """
    stage, note, beneath = before.stage, before.upgrade, before.beneath
    if stage == "ROLLING_BACK" and note is not None:
        begun = bool(note.rollback)  # a way down without a rollback point has no note but its own
        stage = "SOAK" if note.until else "UPGRADING" if begun else ""
        note = msgspec.structs.replace(note, why="") if begun else None
    store.update_pointer(stage=stage, upgrade=note, beneath=beneath)
    told = f"the way back does not hold, and nothing was changed: {'; '.join(wrong)}"
    if report is not None:
        report = attrs.evolve(report, id=f"{report.id}-failed", succeeded=False, reason=told, rows_kept=0)
        write_report(store.root, report)
        record_incident(store.root, "upgrade", told)
    return UpgradeFailedError(store.root, f"{told} (the newer store stays, and serves on)", report=report)
