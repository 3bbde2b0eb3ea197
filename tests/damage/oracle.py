"""What may be found in a damaged mind: all of it, or exactly what is lost is told, or a typed error; never silence."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import thoughtengine as te
from tests.damage.harms import Harm
from tests.damage.specimens import EVERY_LAYER, Specimen, open_mind, truth_of
from thoughtengine.memory.record import ReceiptRecord
from thoughtengine.storage.keyspace import RECEIPT

RIGHT, RECOVERED, LOST, REFUSED, SILENT = "right", "recovered", "lost, told", "typed error", "silent"
KILLED = "like a kill"
PARTS = {"appraisal": "affect", "vector": "vector"}
OUTCOMES = (RIGHT, RECOVERED, LOST, REFUSED, KILLED, SILENT)


@dataclass
class Verdict:
    """What came of one harm."""

    harm: Harm
    outcome: str = RIGHT
    lost: tuple[int, ...] = ()
    error: str = ""
    wrong: list[str] = field(default_factory=list)

    def demand(self, holds: bool, otherwise: str) -> None:
        """Note what is wrong, unless something holds."""
        if not holds:
            self.wrong.append(otherwise)
            self.outcome = SILENT


def judge(specimen: Specimen, harm: Harm, folder: Path) -> Verdict:
    """Do one harm to two copies of a specimen; check the one, open the other, and compare with the truth."""
    verdict = Verdict(harm)
    checked, opened = folder / "checked", folder / "opened"
    for copy in (checked, opened):
        shutil.copytree(specimen.path, copy)
        harm.do(copy, specimen.older)
    try:
        findings = _check(verdict, checked)
        _open(verdict, specimen, opened)
        _judge_check(verdict, findings)
    except Exception as error:  # noqa: BLE001  an error that is not ours is what must not be
        verdict.demand(False, f"an error without a type: {error!r}")
    finally:
        for copy in (checked, opened):
            shutil.rmtree(copy, ignore_errors=True)
    return verdict


def _check(verdict: Verdict, path: Path) -> list[Any] | te.ThoughtEngineError:
    """Check a damaged mind; open it after that, too."""
    try:
        findings = te.check(path)
    except te.ThoughtEngineError as error:
        return error
    try:
        open_mind(path).close()
    except te.ThoughtEngineError:
        return findings
    after = te.check(path)
    verdict.demand(after == [], f"te.check, te.open, close: then te.check finds {after[:3]}")
    return findings


def _judge_check(verdict: Verdict, findings: list[Any] | te.ThoughtEngineError) -> None:
    """What opening tells, `te.check` told before, and it named the file."""
    if verdict.outcome not in (RECOVERED, LOST, REFUSED) or isinstance(findings, te.ThoughtEngineError):
        return
    name = verdict.harm.name.rpartition("/")[2]
    told = " ".join(f"{finding.where} {finding.message}" for finding in findings)
    tail = any(finding.kind == "lost tail" for finding in findings)
    verdict.demand(name in told or (tail and name.endswith(".log")), f"te.check does not name {name}: {findings[:3]}")


def _open(verdict: Verdict, specimen: Specimen, path: Path) -> None:
    for _ in range(3):  # damage that is met while reading is salvaged at the next opening
        try:
            with open_mind(path) as mind:
                _judge_content(verdict, specimen, mind)
                break
        except te.StoreDamagedError as error:
            verdict.error = f"{type(error).__name__}: {error}"
        except te.ThoughtEngineError as error:
            verdict.error = f"{type(error).__name__}: {error}"
            break
    else:
        _refused(verdict, path)
        return
    if verdict.error and not (path / "incidents").exists():
        _refused(verdict, path)
        return
    after = te.check(path)
    verdict.demand(after == [], f"after opening and closing te.check finds {after[:3]}")
    n_incidents = len(list(path.glob("incidents/*")))
    with open_mind(path) as mind:
        again = Verdict(verdict.harm, lost=verdict.lost)
        _judge_content(again, specimen, mind, further=1)
        verdict.demand(not again.wrong, f"at the second opening: {again.wrong}")
    verdict.demand(n_incidents == len(list(path.glob("incidents/*"))), "the second opening adds an incident")


def _refused(verdict: Verdict, path: Path) -> None:
    """A refusal must be one again at the next try."""
    verdict.outcome = REFUSED
    try:
        with open_mind(path):
            verdict.demand(False, f"refused with {verdict.error}, and then opened")
    except te.ThoughtEngineError:
        return


def _judge_content(verdict: Verdict, specimen: Specimen, mind: Any, *, further: int = 0) -> None:
    truth, found = specimen.truth, truth_of(mind)
    if further:
        found.pop(max(found), None)
    gone = tuple(sorted(truth.keys() - found.keys()))
    lost = [receipt for _, receipt in mind._store.rows(RECEIPT, ReceiptRecord) if receipt.verb == "lost"]
    told = {id_ for receipt in lost if not receipt.detail for id_ in receipt.ids}
    perhaps = {id_ for receipt in lost if receipt.detail.get("perhaps") for id_ in receipt.ids}
    incidents = mind._store.recorded_incidents()
    receipts = [number for incident in incidents for number in incident.data.get("receipts", ())]
    bare = [incident.data.get("without", {}) for incident in incidents]
    verdict.lost = gone
    verdict.outcome = LOST if gone else RECOVERED if incidents else RIGHT
    verdict.demand(
        not found.keys() - truth.keys(), f"there are memories that never were: {found.keys() - truth.keys()}"
    )
    tail = tuple(id_ for id_ in gone if id_ > specimen.marked)
    if tail and not incidents:  # like a kill: all behind some moment is gone, and only that
        verdict.demand(tail == gone == tuple(id_ for id_ in truth if id_ >= tail[0]), f"gone without a word: {gone}")
        gone, verdict.outcome = (), KILLED
    verdict.demand(told - _erased(specimen) <= set(gone) <= told | perhaps, f"gone are {gone}, told was {sorted(told)}")
    verdict.demand(not perhaps or min(perhaps) > specimen.marked, f"of {min(perhaps, default=0)} it is known")
    for id_ in gone:
        verdict.demand("lost to damage" in _why(mind, id_), f"asking for {id_} does not tell that it may be lost")
    verdict.demand(not gone or bool(incidents), f"{gone} are gone without an incident")
    for id_, row in found.items():
        right = truth.get(id_, {})
        lax = bool(gone or tail or receipts) and id_ in specimen.acts
        forgiven = {PARTS[area]: None for each in bare for area, ids in each.items() if id_ in ids}
        same = row == right | forgiven or (lax and row | _standing(right) == right | forgiven)
        verdict.demand(same, f"memory {id_} is {_parts(row, right)}, it was {_parts(right, row)}")
    _judge_verbs(verdict, specimen, mind, found, exact=not (gone or tail or receipts))
    if not further:
        new = mind.remember("what comes after")
        top = specimen.marked if verdict.outcome == KILLED else max(truth)
        verdict.demand(new > top, f"the id {new} was given out again")


def _why(mind: Any, id_: int) -> str:
    try:
        return f"there is {mind[id_]!r}"
    except te.MemoryNotFoundError as error:
        return str(error)


def _erased(specimen: Specimen) -> set[int]:
    return set(range(1, max(specimen.truth))) - specimen.truth.keys()


def _parts(row: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if value != other.get(name)}


def _standing(row: dict[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in ("pinned", "forgotten") if name in row}


def _judge_verbs(verdict: Verdict, specimen: Specimen, mind: Any, found: dict[int, Any], *, exact: bool) -> None:
    """Other ways to ask must agree with what the export gave."""
    shown = {id_ for id_, row in found.items() if not row["forgotten"]}
    listed = {memory.id: memory.text for memory in mind.memories(layers=EVERY_LAYER)} if exact else {}
    if exact:
        listed = {id_: text for id_, text in listed.items() if id_ in found}
        verdict.demand(listed == {id_: found[id_]["text"] for id_ in shown}, "memories() and export() differ")
    for id_ in list(shown)[:: max(1, len(shown) // 5)]:
        row = found[id_]
        hits = [hit.id for hit in mind.recall(row["text"], k=3)]
        verdict.demand(id_ in hits, f"recall by its own text does not find {id_} but {hits}")
        if row["key"]:
            newest = max(i for i, r in found.items() if r["key"] == row["key"])
            verdict.demand(newest == mind.get(row["key"], mind[newest]).id, f"the key of {id_} does not name {newest}")
