"""Salvage: what is readable of a damaged generation comes over, exactly; what does not is told."""

import random
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.contracts import Figure, Note, notes
from tests.damage.harms import regions
from tests.damage.listing import listing
from tests.tables import live
from thoughtengine.config import StorageConfig
from thoughtengine.errors import StoreDamagedError, StoreFullError
from thoughtengine.storage import salvage as module
from thoughtengine.storage import table as module_table
from thoughtengine.storage.batch import Batch
from thoughtengine.storage.codec import decode, open_envelope, seal
from thoughtengine.storage.folder import FolderStore, open_folder
from thoughtengine.storage.keyspace import APPRAISAL, ASIDE, HEAD, MARK, MEMORY, RECEIPT, VECTOR, Area, HeadRecord
from thoughtengine.storage.log import batches
from thoughtengine.storage.salvage import Harvest, damaged_files, readable_ids, salvage
from thoughtengine.storage.store import Level

CONFIG = StorageConfig(write_buffer_bytes=1 << 16, mark_every=1 << 20)
N = 400


class Case:
    """A closed generation with every kind of row, and what comes of salvaging it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.rng = folder, random.Random(5)
        self.store, _ = open_folder(folder / "mind", CONFIG, create=True)
        self.path = self.store.generation

    def remember(self, n: int, *, per_batch: int = 1) -> None:
        """Write memories, every third with an appraisal, every fifth with a vector, every tenth with a receipt."""
        head = self.store.head
        for first in range(head.next_id, head.next_id + n, per_batch):
            batch, receipts = Batch(), self.store.head.next_receipt
            for number in range(first, first + per_batch):
                batch.put(MEMORY, number, Note(f"{number} " + self.rng.randbytes(60).hex()))
                batch.put(MARK, number, Figure(number))
                if not number % 3:
                    batch.put(APPRAISAL, number, Figure(number))
                if not number % 5:
                    batch.put(VECTOR, number, Note(f"vector {number}"))
                if not number % 10:
                    batch.put(RECEIPT, receipts, Figure(number))
                    receipts += 1
            self.store.commit(batch, next_id=first + per_batch, memories=first + per_batch - 1, next_receipt=receipts)

    def close(self) -> dict[bytes, bytes]:
        """Close, and give every source row."""
        rows = {k: v for k, v in self.store.everything() if (area := self.store.area_of(k)) is not None and area.source}
        self.store.close()
        return rows

    def live_tables(self) -> list[Path]:
        """Give the tables that count, largest first."""
        return sorted(live(self.path), key=lambda path: -path.stat().st_size)

    def log(self) -> Path:
        return max(self.path.glob("*.log"))

    def salvaged(self) -> tuple[Harvest, dict[bytes, bytes]]:
        before = listing(self.path)
        target = self.folder / "new"
        harvest = salvage(self.path, self.folder / "scratch", target, CONFIG)
        assert listing(self.path) == before, "the damaged generation is only read"
        assert not (self.folder / "scratch").exists()
        level = Level(str(target), CONFIG)
        rows = dict(level.page(b"", b"\xff" * 9, 1 << 30, False))
        level.close()
        return harvest, rows


@pytest.fixture
def case(tmp_path: Path) -> Case:
    return Case(tmp_path)


def flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


def numbers(rows: dict[bytes, bytes], area: Area) -> set[int]:
    return {area.number(key) for key in rows if key[:1] == area.prefix}


def demand_all(harvest: Harvest, rows: dict[bytes, bytes], truth: dict[bytes, bytes]) -> None:
    assert {key: value for key, value in rows.items() if key != HEAD.key(0)} == truth
    assert (harvest.unreadable, harvest.left, harvest.without, harvest.receipts) == ({}, {}, {}, ())
    assert harvest.rows["memory"] == len(numbers(truth, MEMORY))


def test_of_a_sound_generation_every_source_row_comes_over(case: Case) -> None:
    case.remember(N)
    head = case.store.head
    truth = case.close()
    harvest, rows = case.salvaged()
    demand_all(harvest, rows, truth)
    assert decode(open_envelope(HEAD.key(0), rows[HEAD.key(0)], HEAD).body, HeadRecord) == msgspec_after_close(head)
    assert numbers(rows, MARK) == set(), "what is derived is built again"


def msgspec_after_close(head: HeadRecord) -> HeadRecord:
    """Closing commits once more, to raise the mark."""
    fields: dict[str, Any] = {name: getattr(head, name) for name in HeadRecord.__struct_fields__}
    return HeadRecord(**fields | {"sequence": head.sequence + 1})


@pytest.mark.parametrize("in_table", [False, True])
def test_rows_of_areas_that_are_not_known_come_over(case: Case, in_table: bool) -> None:
    case.remember(10)
    future = {key: seal(key, Area("future", key[:1], 99, 7, True), 5, key) for key in (b"\x00a", b"zfuture", b"\xff")}
    for rows in ([(key, b"an earlier one") for key in future], list(future.items())):
        with case.store.writing:
            case.store._write(rows, [], False)
        if in_table:
            case.store._open_level().flush()
    case.close()
    _, found = case.salvaged()
    assert {key: found[key] for key in future} == future


@pytest.mark.parametrize("part", ["table, index", "table, footer"])
def test_one_table_that_cannot_be_opened_does_not_take_the_others_along(case: Case, part: str) -> None:
    for _ in range(2):
        case.remember(60)
        case.store._open_level().flush()
    truth = case.close()
    _, victim = case.live_tables()[:2]
    flip(victim, regions(victim)[part].stop - (1 if part.endswith("footer") else 3))
    _, rows = case.salvaged()
    assert len(numbers(rows, MEMORY)) == 120, "its blocks have checksums of their own"
    assert {key: value for key, value in rows.items() if key != HEAD.key(0)}.items() <= truth.items()


def test_a_flipped_bit_in_a_table_costs_its_block_and_what_is_gone_is_told(case: Case) -> None:
    case.remember(N)
    aside = Batch()
    for number in range(1, N, 7):
        aside.put(ASIDE, number, Figure(number))
    case.store.commit(aside)
    case.store._open_level().flush()
    truth = case.close()
    for table in case.live_tables()[:2]:
        data = regions(table)["table, data"]
        for at in range(data.start, data.stop, (data.stop - data.start) // 6 + 1):
            flip(table, at)
            shutil.rmtree(case.folder / "new", ignore_errors=True)
            harvest, rows = case.salvaged()
            flip(table, at)
            demand_told(harvest, rows, truth)
            assert len(numbers(rows, MEMORY)) > N - 60


def demand_told(harvest: Harvest, rows: dict[bytes, bytes], truth: dict[bytes, bytes]) -> None:
    """What is there is right, and what hangs on what is not there is told exactly."""
    assert {key: value for key, value in rows.items() if key != HEAD.key(0)}.items() <= truth.items()
    kept = numbers(rows, MEMORY)
    for area in (APPRAISAL, VECTOR):
        had, have = numbers(truth, area), numbers(rows, area)
        assert have <= kept, "no row hangs in the air"
        assert set(harvest.without.get(area.name, [])) == (had & kept) - have
    assert numbers(rows, ASIDE) <= kept, "nor does what was kept aside"
    assert set(harvest.receipts) == numbers(truth, RECEIPT) - numbers(rows, RECEIPT)


def test_a_flipped_bit_in_a_log_costs_one_row(case: Case) -> None:
    case.remember(60)
    truth = case.close()
    log = case.log()
    size, rng = log.stat().st_size, random.Random(7)
    for at in rng.sample(range(size), 12):
        flip(log, at)
        shutil.rmtree(case.folder / "new", ignore_errors=True)
        harvest, rows = case.salvaged()
        flip(log, at)
        demand_told(harvest, rows, truth)
        assert len(numbers(truth, MEMORY) - numbers(rows, MEMORY)) <= 1


def test_a_flipped_bit_in_a_batch_of_many_costs_one_memory(case: Case) -> None:
    case.remember(100, per_batch=100)
    truth = case.close()
    flip(case.log(), 12_000)
    harvest, rows = case.salvaged()
    demand_told(harvest, rows, truth)
    assert len(numbers(rows, MEMORY)) >= 99


def test_half_of_a_last_batch_is_not_brought_back(case: Case) -> None:
    """A write that a power loss tore was never acknowledged: it is there whole or not at all."""
    case.remember(20)
    case.remember(100, per_batch=100)
    case.store._level.close()  # type: ignore[union-attr]  as a kill: what is written behind would be its proof
    log = case.log()
    data = log.read_bytes()
    start = [at for at, _, _ in batches(data)][-1]
    case.store._lock.release()
    case.store._closed = True
    log.write_bytes(data[: start + 10_000] + bytes(len(data) - start - 10_000))
    _, rows = case.salvaged()
    assert numbers(rows, MEMORY) == set(range(1, 21))


@pytest.mark.parametrize("cut", [5, 60, 200])
def test_with_a_cut_manifest_every_table_is_looked_at(case: Case, cut: int) -> None:
    for _ in range(3):
        case.remember(80)
        case.store._open_level().flush()
    truth = case.close()
    (manifest,) = case.path.glob("MANIFEST-*")
    manifest.write_bytes(manifest.read_bytes()[:-cut])
    harvest, rows = case.salvaged()
    demand_all(harvest, rows, truth)


@pytest.mark.parametrize("name", ["CURRENT", "MANIFEST-*"])
def test_without_current_or_manifest_nothing_is_lost(case: Case, name: str) -> None:
    case.remember(N)
    truth = case.close()
    for path in case.path.glob(name):
        path.unlink()
    harvest, rows = case.salvaged()
    demand_all(harvest, rows, truth)


def test_rows_that_do_not_verify_are_counted_and_left(case: Case) -> None:
    case.remember(20)
    with case.store.writing:
        case.store._write([(MEMORY.key(7), seal(MEMORY.key(8), MEMORY, 1, b"")), (RECEIPT.key(1), b"x")], [], False)
    case.store._open_level().flush()
    case.close()
    harvest, rows = case.salvaged()
    assert harvest.unreadable == {"memory": 1, "receipt": 1}
    assert numbers(rows, MEMORY) == set(range(1, 21)) - {7}
    assert harvest.receipts == (1,)


def test_of_nothing_comes_an_empty_generation(case: Case) -> None:
    case.remember(20)
    case.close()
    for path in case.path.iterdir():
        path.unlink()
    harvest, rows = case.salvaged()
    assert (harvest, rows) == (Harvest(), {})


def test_the_counters_are_the_newest_that_can_be_read(case: Case) -> None:
    case.remember(100)
    case.store._open_level().flush()
    case.remember(10)
    last = case.store.head
    case.close()
    log = case.log()
    start = [at for at, _, _ in batches(log.read_bytes())]
    flip(log, start[0] + 40)
    _, rows = case.salvaged()
    assert decode(open_envelope(HEAD.key(0), rows[HEAD.key(0)], HEAD).body, HeadRecord).next_id == last.next_id


def test_readable_ids_are_those_that_salvage_brings(case: Case) -> None:
    case.remember(60)
    case.close()
    flip(case.log(), 3000)
    found = readable_ids(case.path, case.folder / "scratch", CONFIG, MEMORY)
    _, rows = case.salvaged()
    assert found == numbers(rows, MEMORY)
    assert not (case.folder / "scratch").exists()
    assert readable_ids(case.folder / "none", case.folder / "scratch", CONFIG, MEMORY) == set()


def test_without_room_for_it_nothing_is_begun(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    case.remember(60)
    case.close()
    monkeypatch.setattr(module, "size_of", lambda path: 1 << 60)
    with pytest.raises(StoreFullError, match="must be free"):
        salvage(case.path, case.folder / "scratch", case.folder / "new", CONFIG)
    assert not (case.folder / "scratch").exists()
    assert not (case.folder / "new").exists()


def test_the_damaged_files_are_named(case: Case) -> None:
    case.remember(N)
    case.store._open_level().flush()
    case.remember(20)
    case.close()
    scratch = case.folder / "scratch"
    assert damaged_files(case.path, scratch) == []
    table, log = case.live_tables()[0], case.log()
    (manifest,) = case.path.glob("MANIFEST-*")
    for path, at in ((table, 100), (table, regions(table)["table, index"].start), (log, 50), (manifest, 20)):
        flip(path, at)
        assert path.name in [name for name, _ in damaged_files(case.path, scratch)]
        flip(path, at)
    assert damaged_files(case.path, scratch) == []
    assert not scratch.exists()


def test_blocks_that_cannot_be_read_are_stepped_over() -> None:
    """Should LevelDB's repair leave damage behind, the rows around it are found all the same."""

    class Bad:
        def page(self, start: bytes, stop: bytes, limit: int, reverse: bool) -> list[tuple[bytes, bytes]]:
            first = MEMORY.number(start)
            chosen = list(range(first, 1000))[:limit]
            if set(chosen) & set(range(400, 450)):
                raise module.StoreDamagedError("x", "a block")
            return [(MEMORY.key(n), b"") for n in chosen]

    found = [MEMORY.number(key) for key, _ in module._readable(Bad(), MEMORY)]  # type: ignore[arg-type]
    assert found == [*range(400), *range(450, 1000)]


def test_an_opened_mind_has_what_was_salvaged(case: Case) -> None:
    case.remember(N)
    truth = case.close()
    flip(case.live_tables()[0], 60)
    store, _ = open_folder(case.folder / "mind", CONFIG, create=False)
    assert isinstance(store, FolderStore)
    with pytest.raises(module.StoreDamagedError):
        list(store.everything())
    store.close()
    store, _ = open_folder(case.folder / "mind", CONFIG, create=False)
    rows = {k: v for k, v in store.everything() if k != HEAD.key(0)}
    assert rows.items() <= truth.items()
    assert store.must_rebuild
    (incident,) = [incident for incident in store.incidents if "salvaged" in incident.message]
    assert incident.data["rows"]["memory"] == len(numbers(rows, MEMORY))
    store.close()


def test_notes_of_the_contract_are_rows_like_any_other(case: Case) -> None:
    case.store.commit(notes(1, 2, 3))
    truth = case.close()
    harvest, rows = case.salvaged()
    demand_all(harvest, rows, truth)


def everything(root: Path) -> dict[bytes, bytes]:
    """Give every row that a mind gives, each looked up by its key too: a filter has to be asked for that."""
    store = FolderStore(root, CONFIG)
    try:
        rows = dict(store.everything())
        assert {key: store._get(key) for key in rows} == rows
        return rows
    finally:
        store.close()


@pytest.mark.parametrize("part", ["table, index", "table, footer", "table, filter"])
@pytest.mark.parametrize("seed", range(4))
def test_a_table_of_which_no_block_of_rows_is_damaged_comes_back_whole(case: Case, part: str, seed: int) -> None:
    case.remember(3 * N)
    case.store.compact(b"", b"\xff")
    truth = case.close()
    table = case.live_tables()[0]
    region = regions(table)[part]
    at = random.Random(seed).choice([region.start + 2, region.stop - 1] if part == "table, footer" else region)
    flip(table, at)
    harvest, rows = case.salvaged()
    demand_all(harvest, rows, truth)
    try:
        found = everything(case.store.root)
    except StoreDamagedError:  # the next opening salvages
        found = everything(case.store.root)
    assert found.items() >= truth.items()


def test_a_table_that_is_rubbish_is_let_go(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    """What looks like rows and verifies nowhere is tried so often and no more; the rest of the store comes back."""
    case.remember(N)
    case.store.compact(b"", b"\xff")
    case.remember(N)
    truth = case.close()
    for left in set(case.path.glob("*.ldb")).difference(case.live_tables()):
        left.unlink()  # LevelDB may not have come to it: what it holds would come back
    table = case.live_tables()[0]
    data = table.read_bytes()
    table.write_bytes((b"\x00\x10" + bytes(30)) * (len(data) // 32))
    tried = list[int]()
    read = module_table._read
    monkeypatch.setattr(module_table, "_read", lambda *given, **how: tried.append(given[1]) or read(*given, **how))
    harvest, rows = case.salvaged()
    found = {key: value for key, value in rows.items() if key != HEAD.key(0)}
    assert found.items() <= truth.items()
    assert len(tried) <= (8 * len(data) + (1 << 20)) // 64 + 1
    assert harvest.rows["memory"] < 2 * N
