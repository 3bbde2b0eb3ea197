"""Damage in `.te/`, which keeps what format 1 cannot hold: told, nothing doubled, and the sound old store upgrades."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

import thoughtengine as te
from tests.flat import read_flat, write_flat
from tests.tables import largest, live
from thoughtengine.config import StorageConfig
from thoughtengine.formats import open_store
from thoughtengine.migrations.hooks import Hooks
from thoughtengine.migrations.kept import KEPT
from thoughtengine.storage.incident import read_incidents
from thoughtengine.storage.pointer import read_pointer, write_pointer

N = 120


def said(text: str, at: int = 0) -> bytes:
    return json.dumps({"timestamp": at, "type": "sensory", "raw": text}).encode()


def old_rows() -> dict[bytes, bytes]:
    rows = {b"thought:patterns": b"[]", b"weather:today": b"rain", b"logic:odd": b"no JSON"}
    for n in range(N):
        rows[b"sensory:k%05d" % n] = said(f"word{n} {random.Random(n).randbytes(60).hex()}", n)
        if n % 5 == 0:
            rows[b"emotion:k%05d" % n] = json.dumps({"processed_at": n, "valence": 0.5}).encode()
    return rows


def changed_by_the_old_program(path: Path, life: int) -> None:
    """Add, change and delete rows, as a program of format 1 does."""
    rows = read_flat(path)
    named_by_id = sorted(key for key in rows if b":te-" in key)
    write_flat(
        path,
        {
            b"sensory:k%05d" % (20 + life): said(f"changed in life {life}"),
            b"sensory:k%05d" % (40 + life): None,
            b"emotion:k%05d" % (50 + 5 * life): json.dumps({"processed_at": 1, "valence": -0.5}).encode(),
            b"sensory:of-life-%d" % life: said(f"new in life {life}"),
            b"sensory:host-%d" % life: said(f"the host's, changed in life {life}"),
            **{key: json.dumps(json.loads(rows[key]) | {"seen": life}).encode() for key in named_by_id[::7]},
        },
    )


@pytest.fixture(scope="module")
def lowered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of format 1 that was of today's three times, and that its own program has changed since."""
    path = tmp_path_factory.mktemp("lowered") / "mind"
    write_flat(path, old_rows(), compact=True)
    for life in (1, 2, 3):
        with te.open(path, upgrade="wait") as mind:
            mind.remember(f"host text {life}", key=f"sensory:host-{life}", tags=["mine"])
            for n in range(20):
                mind.remember(
                    f"new {life} {n}", tags=["mine"], source="Ana", affect=te.Affect(0.5, 0.5) if n % 2 else None
                )
            mind.forget(f"sensory:k{life:05d}")
            mind.forget(mind.remember(f"forgotten {life}", key=f"sensory:gone-{life}"))
            mind.remember(f"revised {life}", key=f"sensory:k{10 + life:05d}")
            for layer in ("emotion", "dream", "eternal"):
                mind.remember(f"{layer} {life}", layer=layer, affect=te.Affect(0.5, 0.5))
            mind.pin("sensory:k00110")
            if life > 1:
                mind.remember("of the first life, revised", key=f"sensory:of-life-{life - 1}")
        te.rollback(path)
        changed_by_the_old_program(path, life)
    return path


def generation(path: Path) -> Path:
    return next((path / ".te").glob("gen-*"))


def longest_log(path: Path) -> Path:
    return max(generation(path).glob("*.log"), key=lambda file: file.stat().st_size)


def cut(file: Path, at: int) -> None:
    file.write_bytes(file.read_bytes()[:at])


def flip(file: Path, *places: int) -> None:
    data = bytearray(file.read_bytes())
    for place in places:
        data[place] ^= 1
    file.write_bytes(data)


def log_cut_by_a_byte(path: Path) -> None:
    file = longest_log(path)
    cut(file, file.stat().st_size - 1)


def log_halved(path: Path) -> None:
    file = longest_log(path)
    cut(file, file.stat().st_size // 2)


def log_emptied(path: Path) -> None:
    cut(longest_log(path), 0)


def log_flipped(path: Path) -> None:
    file = longest_log(path)
    flip(file, file.stat().st_size // 2)


def log_gone(path: Path) -> None:
    longest_log(path).unlink()


def table_flipped(path: Path) -> None:
    file = largest(generation(path))
    size = file.stat().st_size
    flip(file, size // 4, size // 2)


def table_cut(path: Path) -> None:
    file = largest(generation(path))
    cut(file, file.stat().st_size // 2)


def table_gone(path: Path) -> None:
    largest(generation(path)).unlink()


def manifest_flipped(path: Path) -> None:
    flip(next(generation(path).glob("MANIFEST-*")), 60)


def manifest_cut(path: Path) -> None:
    file = next(generation(path).glob("MANIFEST-*"))
    cut(file, file.stat().st_size - 3)


def current_bad(path: Path) -> None:
    (generation(path) / "CURRENT").write_bytes(b"MANIFEST-9")


def current_gone(path: Path) -> None:
    (generation(path) / "CURRENT").unlink()


def generation_gone(path: Path) -> None:
    shutil.rmtree(generation(path))


def generation_emptied(path: Path) -> None:
    for file in generation(path).iterdir():
        file.unlink()


def pointers_flipped(path: Path) -> None:
    for name in (KEPT, f"{KEPT}.bak"):
        flip(path / ".te" / name, 40)


def pointers_gone(path: Path) -> None:
    for name in (KEPT, f"{KEPT}.bak"):
        (path / ".te" / name).unlink()


HARMS: list[Callable[[Path], None]] = [
    *(log_cut_by_a_byte, log_halved, log_emptied, log_flipped, log_gone, table_flipped, table_cut, table_gone),
    *(manifest_flipped, manifest_cut, current_bad, current_gone, generation_gone, generation_emptied),
]
LOST = [pointers_flipped, pointers_gone]


def holds_each_row_once(path: Path, rows: dict[bytes, bytes], *, all_of_them: bool = True) -> None:
    """Hold a mind against the rows it was upgraded from: none is lost, none doubled, and all of it is in order."""
    with te.open(path) as mind:
        assert mind.check() == []
        memories = list(mind.memories())
    there, current = ({m.text for m in memories}, Counter(m.text for m in memories if m.superseded_by is None))
    texts = Counter(json.loads(value)["raw"] for key, value in rows.items() if key.startswith(b"sensory:"))
    assert not all_of_them or texts.keys() <= there
    assert {text for text, n in texts.items() if current[text] > n} == set()  # an earlier version may stand beside it


def comes_up_and_goes_down(path: Path, rows: dict[bytes, bytes] | None = None) -> None:
    rows = rows or read_flat(path)
    te.upgrade(path)
    holds_each_row_once(path, rows)
    te.rollback(path)
    back = read_flat(path)
    moved = {key for key in rows.keys() - back.keys() if b":te-" in key and rows[key] in back.values()}
    assert {key: back.get(key) for key in rows if key not in moved} == {key: rows[key] for key in rows.keys() - moved}
    assert all(b":te-" in key for key in back.keys() - rows.keys())  # earlier versions
    te.upgrade(path)
    holds_each_row_once(path, rows)


class _BrokenOff(BaseException):
    """Ends an upgrade as a kill would."""


def begin_and_break_off(path: Path, at: int) -> None:
    """Upgrade up to so many rows, then let it be."""

    def stop(what: str, done: int, total: int | None) -> None:
        if done >= at:
            raise _BrokenOff

    with pytest.raises(_BrokenOff):
        open_store(path, StorageConfig(), create=False, upgrade="wait", approve=None, hooks=Hooks(), progress=stop)


def told(path: Path) -> list[str]:
    return [each.message for each in read_incidents(path) if each.kind in ("damage", "pointer file")]


def test_sound_it_comes_back_without_an_incident(lowered: Path, tmp_path: Path) -> None:
    path = shutil.copytree(lowered, tmp_path / "mind")
    comes_up_and_goes_down(path)
    assert told(path) == []
    assert not (path / ".te").exists()
    with te.open(path) as mind:
        assert sum("mine" in memory.tags for memory in mind.memories()) == 85


@pytest.mark.parametrize("harm", HARMS, ids=lambda harm: harm.__name__)
def test_what_is_readable_is_used_and_nothing_comes_twice(
    lowered: Path, tmp_path: Path, harm: Callable[[Path], None]
) -> None:
    path = shutil.copytree(lowered, tmp_path / "mind")
    harm(path)
    comes_up_and_goes_down(path)
    [incident] = told(path)
    assert incident.startswith(".te/gen-000001")
    assert "memories could be read" in incident
    assert any((path / "quarantine").glob("te-*/KEPT"))
    assert not (path / ".te").exists()


@pytest.mark.parametrize("harm", LOST, ids=lambda harm: harm.__name__)
def test_without_a_pointer_file_it_goes_to_quarantine_whole(
    lowered: Path, tmp_path: Path, harm: Callable[[Path], None]
) -> None:
    path = shutil.copytree(lowered, tmp_path / "mind")
    harm(path)
    kept = {file.name: file.read_bytes() for file in generation(path).iterdir()}
    comes_up_and_goes_down(path)
    [incident] = told(path)
    assert incident.startswith(".te/KEPT")
    [there] = (path / "quarantine").glob("te-*/gen-*")
    assert {file.name: file.read_bytes() for file in there.iterdir()} == kept


@pytest.mark.parametrize("harm", ["gone", "flipped"])
def test_the_second_copy_of_the_pointer_file_answers(lowered: Path, tmp_path: Path, harm: str) -> None:
    path = shutil.copytree(lowered, tmp_path / "mind")
    if harm == "gone":
        (path / ".te" / KEPT).unlink()
    else:
        flip(path / ".te" / KEPT, 40)
    comes_up_and_goes_down(path)
    [incident] = told(path)
    assert incident.startswith(".te/KEPT: ")
    assert "second copy answered" in incident
    with te.open(path) as mind:
        assert sum("mine" in memory.tags for memory in mind.memories()) == 85


@pytest.mark.parametrize("harm", [*HARMS, *LOST], ids=lambda harm: harm.__name__)
@pytest.mark.parametrize("old_damaged", [False, True], ids=["sound", "damaged"])
def test_a_salvage_into_a_new_folder_takes_what_is_readable(
    lowered: Path, tmp_path: Path, harm: Callable[[Path], None], old_damaged: bool
) -> None:
    path = shutil.copytree(lowered, tmp_path / "mind")
    rows = read_flat(path)
    harm(path)
    if old_damaged:
        file = largest(path)
        flip(file, file.stat().st_size // 3)
    report = te.upgrade(path, into=tmp_path / "new", salvage=True)
    assert report is not None
    assert report.succeeded
    holds_each_row_once(tmp_path / "new", rows, all_of_them=not old_damaged)
    te.rollback(tmp_path / "new")
    assert len(read_flat(tmp_path / "new")) >= len(rows) - 100


@pytest.mark.parametrize("seed", range(10))
def test_whatever_is_damaged_in_it(lowered: Path, tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    path = shutil.copytree(lowered, tmp_path / "mind")
    files = [file for file in generation(path).iterdir() if file.name != "LOCK"]
    for file in chance.sample(files, chance.randint(1, len(files))):
        size = file.stat().st_size
        match chance.choice(["cut", "flip", "flip", "zeros", "gone"]):
            case "cut":
                cut(file, chance.randrange(size + 1))
            case "flip" if size:
                flip(file, *(chance.randrange(size) for _ in range(chance.randint(1, 6))))
            case "zeros":
                data = file.read_bytes()
                at = chance.randrange(size + 1)
                file.write_bytes(data[:at] + bytes(len(data) - at))
            case _:
                file.unlink()
    comes_up_and_goes_down(path)


@pytest.mark.parametrize("at", [1, 60, 150])
def test_broken_off_it_goes_on(lowered: Path, tmp_path: Path, at: int) -> None:
    path = shutil.copytree(lowered, tmp_path / "mind")
    log_halved(path)
    rows = read_flat(path)
    begin_and_break_off(path, at)
    assert (path / ".te" / KEPT).exists()
    comes_up_and_goes_down(path, rows)
    assert any((path / "quarantine").glob("te-*/KEPT"))


def test_a_cut_log_is_noticed_where_nothing_was_noted_of_it(lowered: Path, tmp_path: Path) -> None:
    path = shutil.copytree(lowered, tmp_path / "mind")
    pointer, _ = read_pointer(path / ".te", KEPT)
    write_pointer(path / ".te", msgspec.structs.replace(pointer, content={}), KEPT)
    log_cut_by_a_byte(path)
    comes_up_and_goes_down(path)
    [incident] = told(path)
    assert "its last write is" in incident


def test_what_a_sound_part_keeps_is_kept(lowered: Path, tmp_path: Path) -> None:
    """Notes of what went where are gone, the memories are not: tags, ids and what was forgotten come back all the same."""
    path = shutil.copytree(lowered, tmp_path / "mind")
    reference = shutil.copytree(lowered, tmp_path / "reference")
    log_cut_by_a_byte(path)
    seen = []
    for each in (path, reference):
        with te.open(each, upgrade="wait") as mind:
            seen.append({(m.id, m.key, m.text, tuple(m.tags), m.source) for m in mind.memories()})
    assert seen[0] == seen[1]


def test_an_upgrade_that_is_not_approved_leaves_it_where_it_is(lowered: Path, tmp_path: Path) -> None:
    path = shutil.copytree(lowered, tmp_path / "mind")
    rows = read_flat(path)
    log_halved(path)
    kept = {file.name: file.read_bytes() for file in generation(path).iterdir()}
    with pytest.raises(te.UpgradeFailedError):
        te.upgrade(path, approve=lambda report: False)
    assert read_flat(path) == rows
    assert {file.name: file.read_bytes() for file in generation(path).iterdir()} == kept
    comes_up_and_goes_down(path)


def test_a_plan_names_it_and_does_not_forbid(lowered: Path, tmp_path: Path) -> None:
    path = shutil.copytree(lowered, tmp_path / "mind")
    [risk] = [risk for risk in te.plan(path).risks if risk.kind == "kept aside"]
    assert risk.mitigation == "nothing to do"
    log_cut_by_a_byte(path)
    [risk] = [risk for risk in te.plan(path).risks if risk.kind == "kept aside"]
    assert ".te/gen-000001" in risk.impact
    assert not risk.blocks
    assert not any(".part" in entry.name for entry in path.iterdir())
    assert te.rehearse(path)


def test_damaged_when_a_merge_is_begun_anew_it_is_salvaged_then(lowered: Path, tmp_path: Path) -> None:
    """The merge and what it was made from are damaged between two openings."""
    path = shutil.copytree(lowered, tmp_path / "mind")
    rows = read_flat(path)

    for harm in (log_flipped, pointers_gone):
        mind = shutil.copytree(path, tmp_path / harm.__name__)
        begin_and_break_off(mind, 100)
        harm(mind)
        os.truncate(max((mind / "gen-000002").glob("*.log")), 7)
        for table in live(mind / "gen-000002"):
            flip(table, 50)
        with contextlib.suppress(te.StoreDamagedError):  # met: the next opening salvages
            te.upgrade(mind)
        te.open(mind).close()
        holds_each_row_once(mind, rows)
        te.rollback(mind)
        assert rows.items() <= read_flat(mind).items()
