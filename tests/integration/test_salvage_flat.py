"""A damaged store of format 1: refused, and on request carried into a new folder as far as it can be read."""

import itertools
import json
from collections.abc import Callable
from pathlib import Path

import pytest

import thoughtengine as te
from tests.flat import plyvel, read_flat, write_flat
from thoughtengine.cli import main
from thoughtengine.config import StorageConfig
from thoughtengine.storage.bare_salvage import salvage_bare
from thoughtengine.storage.log import ends_whole, verify_log
from thoughtengine.storage.manifest import read_manifest, table_name

N = 3000


def row(n: int, said: str = "tea in the garden") -> tuple[bytes, bytes]:
    return f"sensory:note-{n:05d}".encode(), json.dumps(
        {"timestamp": n, "type": "sensory", "raw": f"{said} {n}"}
    ).encode()


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A store with a large table, and changes in its log: rows that are new, changed and deleted."""
    path = tmp_path / "old"
    write_flat(path, dict(row(n) for n in range(N)), compact=True)
    level = plyvel.DB(str(path))
    level.put(*row(N))
    level.put(*row(7, "coffee"))
    level.delete(row(8)[0])
    with level.write_batch() as batch:
        batch.put(*row(N + 1))
        batch.delete(row(9)[0])
    level.close()
    return path


def expected() -> dict[bytes, bytes]:
    rows = dict([*map(row, range(N + 2)), row(7, "coffee")])
    del rows[row(8)[0]], rows[row(9)[0]]
    return rows


def flip(file: Path, at: int) -> None:
    data = bytearray(file.read_bytes())
    data[at] ^= 4
    file.write_bytes(data)


def table(path: Path) -> Path:
    files = read_manifest(path)
    largest = max(files.tables, key=lambda number: files.tables[number])
    return path / table_name(path, largest)


def log(path: Path) -> Path:
    return max(path.glob("*.log"))


def content(path: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in path.iterdir() if file.is_file()}


def test_a_flipped_bit_is_refused_and_salvaged_on_request(old: Path, tmp_path: Path) -> None:
    flip(table(old), 5000)
    before = content(old)
    with pytest.raises(te.StoreDamagedError, match="salvage=True"):
        te.upgrade(old)
    with pytest.raises(te.StoreDamagedError, match="salvage=True"):
        te.upgrade(old, into=tmp_path / "new")
    assert not (tmp_path / "new").exists()
    report = te.upgrade(old, into=tmp_path / "new", salvage=True)
    assert report is not None
    assert report.succeeded
    assert content(old) == before
    with te.open(tmp_path / "new") as mind:
        there = {memory.key: memory.text for memory in mind.memories()}
        assert mind.check() == []
        [incident] = [each for each in mind._store.recorded_incidents() if each.kind == "damage"]
    rows = {key.decode(): json.loads(value)["raw"] for key, value in expected().items()}
    assert len(rows) - 200 < len(there) < len(rows)
    assert there.items() <= rows.items()
    assert f"{table(old).name}: a block does not verify" in incident.message
    assert f"{len(there):,} rows could be read" in incident.message
    te.rollback(tmp_path / "new")
    assert len(read_flat(tmp_path / "new")) == len(there)


@pytest.mark.parametrize("upgrade", ["auto", "wait"])
def test_a_small_damaged_store_is_given_back_by_every_way_of_opening(tmp_path: Path, upgrade: str) -> None:
    path = tmp_path / "small"
    write_flat(path, {b"dream:first": b"{}", **dict(row(n) for n in range(400))}, compact=True)
    flip(table(path), table(path).stat().st_size // 2)
    tables = {file.name: file.read_bytes() for file in path.glob("*.ldb")}
    for _ in range(2):
        with pytest.raises(te.StoreDamagedError, match="salvage=True"):
            te.open(path, upgrade=upgrade)
        assert not (path / "STORE").exists()
        assert {file.name: file.read_bytes() for file in path.glob("*.ldb")} == tables


def test_a_plan_and_a_rehearsal_name_the_damaged_store_and_the_way_on(old: Path) -> None:
    flip(table(old), 5000)
    before = content(old)
    for ask in (te.plan, te.rehearse):
        with pytest.raises(te.StoreDamagedError, match="salvage=True") as told:
            ask(old)
        assert str(told.value).startswith(f"{old}: LevelDB")
        assert ".part" not in str(told.value)
    assert content(old) == before


def no_manifest(path: Path) -> None:
    next(path.glob("MANIFEST-*")).unlink()


def no_current(path: Path) -> None:
    (path / "CURRENT").unlink()
    (path / "CURRENT").touch()


def short_table(path: Path) -> None:
    file = table(path)
    file.write_bytes(file.read_bytes()[:-100])


def half_table(path: Path) -> None:
    file = table(path)
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def no_footer(path: Path) -> None:
    file = table(path)
    file.write_bytes(file.read_bytes()[:-20] + bytes(20))


@pytest.mark.parametrize(
    ("harm", "least"),
    [
        (lambda path: flip(table(path), 20), N - 200),
        (lambda path: flip(log(path), 9), N - 5),
        (lambda path: log(path).unlink(), N),
        (no_manifest, N - 5),
        (no_current, N - 5),
        (short_table, N - 200),
        (half_table, N // 2 - 200),
        (no_footer, N - 5),
        (lambda path: flip(table(path), -80), N - 5),
        (lambda path: (flip(table(path), 5000), no_footer(path)), N - 300),
        (lambda path: table(path).write_bytes(bytes(100_000)), 2),
    ],
    ids=[
        "table",
        "log",
        "no log",
        "no manifest",
        "no current",
        "short table",
        "half a table",
        "no footer",
        "index",
        "block and footer",
        "zeros",
    ],
)
def test_whatever_is_damaged_nothing_is_invented(
    old: Path, tmp_path: Path, harm: Callable[[Path], object], least: int
) -> None:
    harm(old)
    before = content(old)
    found = salvage_bare(old, tmp_path / "new", tmp_path / "scratch", StorageConfig())
    rows = read_flat(tmp_path / "new")
    assert content(old) == before
    assert found.damaged
    assert found.rows == len(rows) >= least
    ever = [*map(row, range(N + 2)), row(7, "coffee")]
    assert set(rows.items()) <= set(ever)
    assert not (tmp_path / "scratch").exists()


def test_where_nothing_is_damaged_nothing_is_lost(old: Path, tmp_path: Path) -> None:
    found = salvage_bare(old, tmp_path / "new", tmp_path / "scratch", StorageConfig())
    assert (found.damaged, read_flat(tmp_path / "new")) == ((), expected())


def test_it_goes_to_a_new_folder_only(old: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(te.InvalidArgumentError, match="into=NEW"):
        te.upgrade(old, salvage=True)
    flip(table(old), 5000)
    assert main(["upgrade", str(old)]) == 2
    assert f"`thoughtengine upgrade {old} --into NEW --salvage`" in capsys.readouterr().err
    assert main(["upgrade", str(old), "--salvage"]) == 2
    assert "upgrading" not in capsys.readouterr().err  # nothing is done
    assert main(["upgrade", str(old), "--into", str(tmp_path / "new"), "--salvage"]) == 1
    assert "a block does not verify" in capsys.readouterr().err


def test_what_cannot_be_read_comes_back_from_what_was_kept_aside(old: Path, tmp_path: Path) -> None:
    te.upgrade(old)
    with te.open(old) as mind:
        mind.remember("tagged", key="tagged", tags=["a"])
        before = {memory.id: (memory.key, memory.text, memory.tags) for memory in mind.memories()}
    te.rollback(old)
    whole = read_flat(old)
    level = plyvel.DB(str(old))
    level.compact_range()
    level.delete(row(20)[0])
    level.close()
    flip(table(old), 5000)
    te.upgrade(old, into=tmp_path / "new", salvage=True)
    with te.open(tmp_path / "new") as mind:
        after = {memory.id: (memory.key, memory.text, memory.tags) for memory in mind.memories()}
        [incident] = mind.health().incidents
        assert mind.check() == []
        assert mind.stats().forgotten == 1  # that which the old program deleted
    assert before.items() - after.items() == {(id_, it) for id_, it in before.items() if it[0] == row(20)[0].decode()}
    assert after.items() <= before.items()
    assert "are back from .te" in str(incident)
    te.rollback(tmp_path / "new")
    del whole[row(20)[0]]
    assert read_flat(tmp_path / "new") == whole


@pytest.fixture
def grown(tmp_path: Path) -> Path:
    """A store of two tables; the end of the MANIFEST names the second, which changes and deletes rows of the first."""
    path = tmp_path / "grown"
    write_flat(path, dict(row(n) for n in range(50)), compact=True)
    write_flat(path, {**dict(row(n) for n in range(50, 100)), row(7)[0]: row(7, "coffee")[1], row(8)[0]: None})
    write_flat(path, {row(51)[0]: None, row(8)[0]: None})  # the opening writes the second table
    assert len(read_manifest(path).tables) == 2
    return path


@pytest.mark.parametrize(("n", "zeros"), [(1, False), *itertools.product((12, 20, 40, 58), (False, True))])
def test_tables_that_a_torn_manifest_does_not_name_are_read_as_well(
    grown: Path, tmp_path: Path, n: int, zeros: bool
) -> None:
    manifest = next(grown.glob("MANIFEST-*"))
    manifest.write_bytes(manifest.read_bytes()[:-n] + bytes(n if zeros else 0))
    found = salvage_bare(grown, tmp_path / "new", tmp_path / "scratch", StorageConfig())
    wanted = dict([*map(row, range(100)), row(7, "coffee")])
    del wanted[row(8)[0]], wanted[row(51)[0]]
    assert read_flat(tmp_path / "new") == wanted
    assert manifest.name in dict(found.damaged)


def test_a_manifest_that_ends_between_two_edits_is_told_as_well(grown: Path, tmp_path: Path) -> None:
    manifest = next(grown.glob("MANIFEST-*"))
    data = manifest.read_bytes()
    for n in range(1, 200):  # the last end of an edit before the second table has its name
        manifest.write_bytes(data[:-n])
        if verify_log(manifest) is None and ends_whole(data[:-n]) and len(read_manifest(grown).tables) == 1:
            break
    found = salvage_bare(grown, tmp_path / "new", tmp_path / "scratch", StorageConfig())
    assert found.rows == 98
    assert "does not name" in dict(found.damaged)[manifest.name]


def test_an_obsolete_table_that_still_lies_there_brings_nothing_back(tmp_path: Path) -> None:
    path = tmp_path / "old"
    write_flat(path, dict(row(n) for n in range(50)), compact=True)
    [obsolete] = path.glob("*.ldb")
    kept = obsolete.read_bytes()
    write_flat(path, {row(n)[0]: None for n in range(40)}, compact=True)
    (path / obsolete.name).write_bytes(kept)
    found = salvage_bare(path, tmp_path / "new", tmp_path / "scratch", StorageConfig())
    assert read_flat(tmp_path / "new") == dict(row(n) for n in range(40, 50))
    assert found.damaged == ()


@pytest.mark.parametrize("compact", [True, False], ids=["tables", "log"])
def test_without_current_it_is_damaged_and_no_other_folder(tmp_path: Path, compact: bool) -> None:
    path, rows = tmp_path / "headless", dict(row(n) for n in range(50))
    write_flat(path, rows, compact=compact)
    (path / "CURRENT").unlink()
    before = content(path)
    for ask in (te.open, te.plan, te.upgrade, te.rehearse, lambda path: te.upgrade(path, into=tmp_path / "new")):
        with pytest.raises(te.StoreDamagedError, match=r"CURRENT is gone.*salvage=True") as told:
            ask(path)
        assert told.value.file == "CURRENT"
        assert content(path) == before
    report = te.upgrade(path, into=tmp_path / "new", salvage=True)
    assert report is not None
    assert report.succeeded
    with te.open(tmp_path / "new") as mind:
        assert {memory.key for memory in mind.memories()} == {key.decode() for key in rows}
        assert "CURRENT: missing" in str(mind.health().incidents[0])
    assert {name: data for name, data in content(path).items() if name != "LOCK"} == {
        name: data for name, data in before.items() if name != "LOCK"
    }


def test_a_folder_with_logs_of_somebody_else_is_no_store(tmp_path: Path) -> None:
    (tmp_path / "20260101.log").write_text("started\n")
    with pytest.raises(te.StoreNotFoundError, match="other files and no mind"):
        te.open(tmp_path)
