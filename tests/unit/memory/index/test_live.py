import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from unittest.mock import patch

import msgspec
import numpy as np
import pytest

from tests.indexes import nearly, same
from tests.strategies import NOON, ToyEncoder
from thoughtengine.config import Limits, RecallConfig, StorageConfig
from thoughtengine.errors import RecordError, StoreDamagedError
from thoughtengine.memory.collection import Collection
from thoughtengine.memory.erase import erase
from thoughtengine.memory.experience import Experience
from thoughtengine.memory.forget import act
from thoughtengine.memory.index import live as live_module
from thoughtengine.memory.index import shelf as shelf_module
from thoughtengine.memory.index.analysis import ANALYSIS
from thoughtengine.memory.index.coding import Recoding
from thoughtengine.memory.index.entry import Entry
from thoughtengine.memory.index.shelf import Shelf
from thoughtengine.memory.index.view import View
from thoughtengine.memory.moment import to_stored
from thoughtengine.memory.recall.hit import Cue
from thoughtengine.memory.recall.question import ask
from thoughtengine.memory.recall.ranking import Ranking
from thoughtengine.memory.recall.scores import rank
from thoughtengine.memory.remember import draft, take
from thoughtengine.memory.where import parse_where
from thoughtengine.storage.batch import Batch
from thoughtengine.storage.columnfile import ColumnFile
from thoughtengine.storage.folder import FolderStore, open_folder
from thoughtengine.storage.keyspace import MEMORY, TERMS

NOW = to_stored("now", NOON)
VECTORS = np.random.default_rng(3).standard_normal((400, 3)).astype(np.float32)


@pytest.fixture(autouse=True)
def _small_files() -> Iterator[None]:
    """Let a few memories be worth a segment and a file."""
    with patch.multiple(live_module, _FILED=8, _AT_ONCE=64), patch("thoughtengine.memory.index.index._TAIL", 16):
        yield


class Mind:
    """A collection over a folder, as the engine uses it."""

    def __init__(self, root: Path, *, fingerprint: str = "toy") -> None:
        self.root, self.fingerprint = root, fingerprint
        self.open()

    def open(self) -> None:
        self.store: FolderStore = open_folder(self.root, StorageConfig(), create=True)[0]
        self.collection = Collection(self.store, RecallConfig(), dimension=3, fingerprint=self.fingerprint)
        self.live = self.collection.live

    def close(self) -> None:
        self.live.close()
        self.store.close()

    def again(self) -> None:
        self.close()
        self.open()

    def remember(self, n: int = 1, **fields: Any) -> None:
        head = self.store.head.next_id
        made = [draft(Experience(**self.fields(head + i) | fields), now=NOW, limits=Limits()) for i in range(n)]
        codes = [VECTORS[(head + i) % 400] for i in range(n)]
        with self.store.writing:
            self.live.added(take(self.store, made, codes, fingerprint=self.fingerprint)[1])

    @staticmethod
    def fields(i: int) -> dict[str, Any]:
        return {"text": f"tea {i} word{i % 7}", "source": f"s{i % 3}", "episode": f"e{i % 5}", "tags": [f"t{i % 4}"]}

    def act(self, verb: str, *ids: int) -> None:
        with self.store.writing:
            self.live.marked(act(self.store, verb, ids, at=NOW[0]).marks)

    def settled(self) -> View:
        """Return the view once nothing is left to do behind it."""
        self.collection.view()
        self.live.upkeep.wake()
        self.live.upkeep.wait()
        assert self.live.upkeep.trouble is None
        return self.collection.view()

    def files(self) -> list[Path]:
        folder = self.store.derived_folder
        assert folder is not None
        return sorted(folder.iterdir()) if folder.exists() else []

    def answers(self) -> list[Ranking]:
        """Return what a few cues find: by words alone, then by meaning too."""
        view = self.collection.view()
        return [
            ranked(view, cue, **where)
            for where in ({}, {"sources": "s1"}, {"tags": "t2"})
            for cue in (Cue("tea word3"), Cue("word5 77"), Cue("tea", vector=[1, 2, 3]))
        ]


def ranked(view: View, cue: Cue, formerly: dict[str, Any] | None = None, *, k: int = 10, **where: Any) -> Ranking:
    """Return what a cue finds among those of a view."""
    question = ask(view, cue.text, cue.vector, None, None, NOW[0], None, formerly)
    return rank(view, question, parse_where(**where), k=k, now_us=NOW[0], config=RecallConfig())


def alike(one: list[Ranking], other: list[Ranking]) -> bool:
    """Tell whether answers are the same: to the last bit where no vector is asked."""
    return all(nearly(a, b) if i % 3 == 2 else same(a, b) for i, (a, b) in enumerate(zip(one, other, strict=True)))


@pytest.fixture
def mind(tmp_path: Path) -> Iterator[Mind]:
    made = Mind(tmp_path / "mind")
    for _ in range(20):
        made.remember(10)
    made.settled()
    yield made
    made.close()


def test_segments_are_merged_and_kept_in_files_behind_the_calls(mind: Mind) -> None:
    view = mind.settled()
    named = [segment.name for segment in view.segments if segment.name]
    assert [path.name for path in mind.files()] == sorted(named)
    assert len(view.segments) < 8
    assert sum(len(segment) for segment in view.segments if segment.name) > 150


def test_two_opens_give_the_same_answers_and_read_only_what_no_file_holds(mind: Mind) -> None:
    before = mind.answers()
    for _ in range(2):
        mind.again()
        with patch.object(live_module, "_AT_ONCE", 40):  # the rest is not many
            assert alike(mind.answers(), before)
            assert any(segment.name for segment in mind.collection.view().segments)
        files = mind.files()
        mind.settled()
        assert mind.files() == files
        assert alike(mind.answers(), before)


def spoiled(path: Path, how: str) -> None:
    data = bytearray(path.read_bytes())
    if how == "missing":
        path.unlink()
    elif how == "torn":
        path.write_bytes(data[: len(data) // 2])
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "header":
        data[40] ^= 1
        path.write_bytes(data)
    else:
        where = ColumnFile(path)._arrays[how].offset
        data[where] ^= 4
        path.write_bytes(data)


def told(mind: Mind) -> list[tuple[str, tuple[int, ...]]]:
    """Return what a look at the files finds, and at which ids."""
    return [(finding.kind, finding.ids) for finding in Shelf(mind.store.derived_folder).findings(mind.store)]


def test_a_look_at_the_files_tells_what_the_entries_do_not_give(mind: Mind) -> None:
    assert mind.settled().segments[0].name
    assert told(mind) == []
    entry, file = mind.store.get(TERMS, 3, Entry), mind.files()[0]
    assert entry is not None
    content = file.read_bytes()
    for made, wrong in (
        (msgspec.structs.replace(entry, length=9), [("derived differs", (3,))]),
        (msgspec.structs.replace(entry, length=9, analysis="words 0"), []),  # another release made it, in its own way
        (entry, []),
    ):
        batch = Batch()
        batch.put(TERMS, 3, made)
        with mind.store.writing:
            mind.store.commit(batch)
        assert told(mind) == wrong
        assert file.exists() is not bool(wrong)
        file.write_bytes(content)
    spoiled(file, "postings")
    assert [kind for kind, _ in told(mind)] == ["derived differs"]
    assert not file.exists()


@pytest.mark.parametrize(
    "how", ["missing", "torn", "empty", "header", "postings", "id", "at", "rows", "coarse", "codes", "fine"]
)
def test_a_spoiled_file_is_made_again_and_the_answers_stay(mind: Mind, how: str) -> None:
    before, files = mind.answers(), mind.files()
    mind.close()
    largest = max(files, key=lambda path: path.stat().st_size)
    spoiled(largest, how)
    mind.open()
    assert mind.settled().n == 200
    mind.live.upkeep.wait()
    assert alike(mind.answers(), before)
    mind.settled()
    assert sum(len(s) for s in mind.collection.view().segments if s.name) > 150
    for path in mind.files():
        ColumnFile(path).verify()


@pytest.mark.parametrize(("name", "value"), [("LOGIC", 99), ("ANALYSIS", "words 99")])
def test_files_of_another_release_are_made_again(mind: Mind, name: str, value: object) -> None:
    before = mind.answers()
    mind.close()
    with patch.object(shelf_module, name, value):
        mind.open()
        assert mind.settled().n == 200
        assert alike(mind.answers(), before)
        meta = {"LOGIC": "logic", "ANALYSIS": "analysis"}[name]
        assert {ColumnFile(path).meta[meta] for path in mind.files()} == {value}


def test_files_with_the_vectors_of_another_encoder_are_kept_until_there_are_others(mind: Mind) -> None:
    files = mind.files()
    mind.close()
    mind.fingerprint = "another"
    mind.open()
    view = mind.settled()
    assert (mind.files(), view.makers, view.made_by) == (files, {"toy"}, "another")
    before = ranked(view, Cue("tea"))
    assert len(before.ids) == 10
    mind.close()
    mind.fingerprint = "toy"
    mind.open()
    assert mind.settled().n_vectors == 200


# ------------------------------------------------------------------------------------------------ another encoder


class Counting(ToyEncoder):
    """An encoder that may fail after some texts, or let something happen before each chunk."""

    def __init__(self, *, after: int | None = None, before_each: Callable[[], object] = int) -> None:
        super().__init__(3, name="another", fingerprint="another")
        self.after, self.before_each = after, before_each

    def __call__(self, texts: Sequence[str]) -> Any:
        self.before_each()
        if self.after is not None and len(self.calls) + len(texts) > self.after:
            raise ConnectionError("the model is away")
        return super().__call__(texts)


def recoding(mind: Mind, encoder: Counting, *, now: bool = False) -> list[tuple[str, int, int | None]]:
    """Open with another encoder and let it give every memory a vector; return what was told meanwhile, as it comes."""
    mind.close()
    mind.fingerprint = encoder.fingerprint
    mind.open()
    told: list[tuple[str, int, int | None]] = []
    made = Recoding(mind.store, encoder, lambda what, done, total: told.append((what, done, total)))
    with patch("thoughtengine.memory.index.coding._CHUNK", 16), patch("thoughtengine.memory.index.coding._STEP", 48):
        mind.live.recode(made, now=now)
        mind.live.upkeep.wait()
    return told


@pytest.mark.parametrize("now", [False, True])
def test_an_encoder_gives_every_memory_its_vector_and_tells_how_far_it_is(mind: Mind, now: bool) -> None:
    mind.remember(text=None, tags=["no text"])
    mind.remember(text="the host's own", vector=[1, 0, 0])
    encoder = Counting()
    told = recoding(mind, encoder, now=now)
    view = mind.settled()
    assert (view.makers, view.n_vectors, view.n) == ({"another"}, 201, 202)
    assert sorted(encoder.calls) == sorted(f"tea {i} word{i % 7}" for i in range(1, 201))
    assert {what for what, _, _ in told} == {"encoding"}
    done = [n for _, n, _ in told]
    assert done == sorted(done)
    assert len(done) >= 4
    assert told[-1][1] == told[-1][2]
    assert {ColumnFile(path).meta["made_by"] for path in mind.files()} == {"another"}
    mind.again()
    again = Counting()
    assert recoding(mind, again) == []
    assert again.calls == []
    assert mind.settled().n_vectors == 201


def test_meanwhile_the_vectors_before_answer_and_no_memory_is_out_of_reach(mind: Mind) -> None:
    cue, old = Cue("tea"), np.array([1, 2, 3], np.float32)
    seen: list[tuple[int, frozenset[str], bool, bool]] = []

    def look() -> None:
        view = mind.collection.view(whole=False)
        ranking = ranked(view, cue, {"toy": old}, k=view.n)
        shares = dict(zip(ranking.ids.tolist(), ranking.shares[:, ranking.channels.index("dense")], strict=True))
        first = view.segments[0].block
        dense = [share > 0.0 for share in shares.values()]
        seen.append(
            (len(ranking.ids), frozenset(view.makers), any(dense), first is not None and first.made_by == "toy")
        )

    recoding(mind, Counting(before_each=look))
    assert {n for n, *_ in seen} == {200}
    assert seen[0][1] == {"toy"}
    assert all(dense for _, _, dense, _ in seen)
    assert mind.settled().makers == {"another"}


def test_killed_in_the_middle_nothing_is_encoded_twice(mind: Mind) -> None:
    first, second = Counting(after=70), Counting()
    recoding(mind, first)
    assert mind.live.trouble is not None
    assert "the model is away" in mind.live.trouble
    assert mind.collection.view().n_vectors == 200
    recoding(mind, second)
    assert mind.live.trouble is None
    assert len(first.calls) + len(second.calls) == 200
    assert len(set(first.calls) | set(second.calls)) == 200
    assert mind.settled().makers == {"another"}


def test_what_is_remembered_and_erased_meanwhile_is_as_it_should_be(mind: Mind) -> None:
    turns: list[Callable[[], object]] = [
        lambda: mind.act("forget", 3), lambda: [mind.remember(text=f"quite new {i}") for i in range(30)],
    ]  # fmt: skip
    recoding(mind, Counting(before_each=lambda: turns and turns.pop()()))
    assert not turns
    with mind.live.upkeep.quiet(), mind.store.writing:
        erase(mind.store, [5], at=NOW[0])
        mind.live.dropped()
    view = mind.settled()
    assert (view.n, view.n_vectors, view.makers) == (229, 229, {"another"})
    assert view.count(parse_where(), NOW[0]) == 228
    assert view.dimension == 3


@pytest.mark.parametrize("now", [False, True])
def test_a_memory_whose_text_is_lost_is_given_up(mind: Mind, now: bool) -> None:
    get_many = FolderStore.get_many

    def without(self: FolderStore, area: Any, ids: list[int], kind: Any) -> Any:
        return {i: row for i, row in get_many(self, area, ids, kind).items() if area is not MEMORY or i != 100}

    with patch.object(FolderStore, "get_many", without):
        told = recoding(mind, Counting(), now=now)
    assert len(told) < 20
    view = mind.settled()
    assert (view.n_vectors, view.makers) == (199, {"another"})


def test_files_that_know_of_later_writes_than_the_store_are_removed(mind: Mind) -> None:
    path = mind.files()[0]
    mind.close()
    later = path.with_name(path.name[:26] + f"{1 << 40:x}.segment")
    path.rename(later)
    mind.open()
    assert not later.exists()
    assert mind.settled().n == 200


def put_there(mind: Mind, other: Mind) -> None:
    """Put the files of another mind in the place of a mind's own, both settled; open the mind again."""
    mind.close()
    other.close()
    for path in mind.files():
        path.unlink()
    for path in other.files():
        (mind.store.derived_folder / path.name).write_bytes(path.read_bytes())
    mind.open()


def test_files_of_another_mind_are_not_taken(mind: Mind, tmp_path: Path) -> None:
    before, other = mind.answers(), Mind(tmp_path / "other")
    for _ in range(20):
        other.remember(10, text="coffee", source="s9", tags=["t2"])
    other.settled()
    put_there(mind, other)
    assert mind.store.head.sequence == other.store.head.sequence
    assert alike(mind.answers(), before)
    mind.settled()
    assert told(mind) == []
    assert alike(mind.answers(), before)


def test_files_of_a_copy_that_went_another_way_are_not_taken(mind: Mind, tmp_path: Path) -> None:
    mind.close()
    shutil.copytree(mind.root, tmp_path / "other")
    mind.open()
    other = Mind(tmp_path / "other")
    for _ in range(40):
        mind.remember()
        other.remember(text="coffee")
    mind.settled()
    other.settled()
    before = mind.answers()
    put_there(mind, other)
    assert alike(mind.answers(), before)
    mind.settled()
    assert told(mind) == []


def test_an_entry_of_another_release_proves_nothing_of_a_file(mind: Mind) -> None:
    (first, *_), files = mind.settled().segments, mind.files()
    assert first.name
    mind.close()
    with patch.object(shelf_module, "_ENDS", 200):
        for analysis, stays in (("words 0", True), (ANALYSIS, False)):
            store = open_folder(mind.root, StorageConfig(), create=False)[0]
            entry = store.get(TERMS, 3, Entry)
            assert entry is not None
            batch = Batch()
            batch.put(TERMS, 3, msgspec.structs.replace(entry, length=9, analysis=analysis))
            store.commit(batch)
            list(Shelf(store.derived_folder).kept(store=store))
            assert (mind.files() == files) is stays
            store.close()
    mind.open()


def test_a_file_that_tells_something_else_in_its_middle_is_found_behind_the_calls(mind: Mind) -> None:
    path = mind.files()[0]
    length = ColumnFile(path).array("length")[1:3].tolist()
    mind.close()
    store = open_folder(mind.root, StorageConfig(), create=False)[0]
    entry = store.get(TERMS, 3, Entry)
    assert entry is not None
    batch = Batch()
    batch.put(TERMS, 3, msgspec.structs.replace(entry, length=length[1] + 6))
    store.commit(batch)
    store.close()
    mind.open()
    with patch.object(shelf_module, "_COMPARED", 200):
        mind.settled()
    assert ColumnFile(mind.files()[0]).array("length")[1:3].tolist() == [length[0], length[1] + 6]
    assert told(mind) == []


def test_damage_among_the_entries_proves_nothing_of_a_file(mind: Mind) -> None:
    files = mind.files()
    for error in (StoreDamagedError("mind", "a block"), RecordError("mind", "a row")):
        with patch.object(FolderStore, "get_many", side_effect=error):
            assert [kept.file.path for kept in Shelf(mind.store.derived_folder).kept(store=mind.store)] == files


def test_a_part_that_was_left_beside_what_it_was_merged_into_is_removed(mind: Mind) -> None:
    before, path = mind.answers(), mind.files()[0]
    first, last = int(path.name[:12], 16), int(path.name[13:25], 16)
    mind.close()
    for beside in (f"{first:012x}-{last - 3:012x}-1.segment", f"{first + 2:012x}-{last:012x}-1.segment"):
        path.with_name(beside).write_bytes(path.read_bytes())
    path.with_name("something.part").write_bytes(b"half")
    mind.open()
    assert alike(mind.answers(), before)
    assert mind.settled().n == 200
    assert not path.with_name("something.part").exists()
    assert len(mind.files()) == len([s for s in mind.collection.view().segments if s.name])


# ------------------------------------------------------------------------------------------------ without files


def without_files(mind: Mind) -> None:
    mind.close()
    for path in mind.files():
        path.unlink()
    mind.open()


def test_without_files_it_answers_of_the_newest_and_the_rest_comes_behind(mind: Mind) -> None:
    before = mind.answers()
    without_files(mind)
    with mind.live.upkeep.quiet():
        early = mind.collection.view(whole=False)
        assert early.ids.tolist() == list(range(137, 201))
    mind.live.upkeep.wait()
    assert mind.collection.view(whole=False).n == 200
    assert alike(mind.answers(), before)


def test_the_first_look_that_must_be_whole_is(mind: Mind) -> None:
    without_files(mind)
    assert len(mind.collection.select(parse_where(), NOW[0])) == 200
    without_files(mind)
    mind.collection.view(whole=False)
    assert mind.collection.view().count(parse_where(), NOW[0]) == 200


def test_whoever_writes_may_ask_for_the_whole(mind: Mind) -> None:
    without_files(mind)
    with mind.store.writing:
        assert mind.collection.view().n == 200


def test_what_is_written_while_the_rest_is_made_is_in_it(mind: Mind) -> None:
    without_files(mind)
    make = live_module.LiveIndex._make
    turns: list[int] = []
    looked_at = threading.Event()

    def meanwhile(self: Any, *args: Any, **options: Any) -> None:
        looked_at.wait(30)
        turns.append(1)
        mind.remember(text="quite new")
        mind.act("forget", 3, 199)
        mind.act("pin", 4)
        make(self, *args, **options)
        mind.act("forget", 5)
        mind.remember(text="newer still")

    with patch.object(live_module.LiveIndex, "_make", meanwhile):
        assert mind.collection.view(whole=False).n < 200
        looked_at.set()
        mind.live.upkeep.wait()
        view = mind.collection.view(whole=False)
    assert turns == [1]
    assert view.n == 202
    assert view.ids[view.select(parse_where(), NOW[0])].tolist() == [i for i in range(1, 203) if i not in (3, 5, 199)]
    assert view.ids[view.select(parse_where(layers="eternal"), NOW[0])].tolist() == [4]
    before = mind.answers()
    mind.again()
    assert alike(mind.answers(), before)


def test_what_was_marked_before_an_erasure_does_not_come_back(mind: Mind) -> None:
    without_files(mind)
    with mind.live.upkeep.quiet():
        mind.collection.view(whole=False)
        mind.act("forget", 7)
        with mind.store.writing:
            erase(mind.store, [7], at=NOW[0])
            mind.live.dropped()
        mind.collection.view(whole=False)
    assert mind.collection.view().n == 199
    assert mind.settled().n == 199


# ------------------------------------------------------------------------------------------------ erasing and closing


def test_nothing_of_an_erased_memory_is_in_any_file(mind: Mind) -> None:
    secret = np.array([0.9, -0.3, 0.1], np.float32)
    mind.remember(text="swordfish", tags=["zanzibar"], vector=secret)
    mind.remember(30)
    view = mind.settled()
    before = {path.name for path in mind.root.iterdir() if path.name.startswith("index-")}
    from thoughtengine.memory.index.analysis import TAGS, TERMS

    hashes = [np.uint64(TERMS["swordfish"]).tobytes(), np.uint64(TAGS["zanzibar"]).tobytes()]
    assert all(any(key in path.read_bytes() for path in mind.files()) for key in hashes)
    assert view.n == 231
    with mind.live.upkeep.quiet(), mind.store.writing:
        erase(mind.store, [201], at=NOW[0])
        mind.live.dropped()
    after = {path.name for path in mind.root.iterdir() if path.name.startswith("index-")}
    assert before == {"index-000001"}
    assert after == set()
    assert mind.settled().n == 230
    assert mind.files()
    everything = b"".join(path.read_bytes() for path in mind.root.rglob("*.segment"))
    assert not any(key in everything for key in hashes)
    assert not any(path.name.startswith(f"{201:012x}") for path in mind.files())


def test_where_files_cannot_be_written_everything_answers(mind: Mind) -> None:
    without_files(mind)
    with patch("os.rename", side_effect=OSError(28, "no room")):
        assert mind.collection.view().n == 200
        mind.live.upkeep.wake()
        mind.live.upkeep.wait()
        assert mind.live.trouble is not None
        assert "no room" in mind.live.trouble
    assert mind.files() == []
    mind.remember(20)
    mind.settled()
    assert mind.files()
    assert mind.live.trouble is None


def test_a_folder_that_is_no_folder_is_done_without(mind: Mind) -> None:
    before = mind.answers()
    without_files(mind)
    folder = mind.store.derived_folder
    assert folder is not None
    mind.close()
    folder.rmdir()
    folder.write_bytes(b"a file")
    mind.open()
    assert alike(mind.answers(), before)


def test_closing_ends_the_thread(mind: Mind) -> None:
    without_files(mind)
    mind.collection.view(whole=False)
    mind.close()
    assert "thoughtengine upkeep" not in {thread.name for thread in threading.enumerate()}
    mind.open()
    assert mind.collection.view().n == 200


# ------------------------------------------------------------------------------------------------ what nobody asked for yet


def test_many_memories_are_indexed_as_they_come_before_anybody_looks(mind: Mind) -> None:
    mind.again()
    with patch.multiple(live_module, _UNSEEN=32):
        mind.remember(20, text="green tea")
        assert not mind.live.loaded
        mind.remember(30, text="blue milk")
        assert mind.live.loaded
    view = mind.collection.view(whole=False)
    assert view.n == 250
    assert len(ranked(view, Cue("blue milk"), k=100).ids) > 0


def test_what_nobody_looks_for_is_taken_in_behind_the_calls(mind: Mind) -> None:
    before = mind.settled()
    with patch.multiple(live_module, _NEWS=32, _AT_ONCE_NEW=24):
        mind.remember(31, text="green tea")
        mind.live.upkeep.wait()
        assert mind.live._index is not None
        assert mind.live._index.n == before.n
        mind.remember(1, text="green tea")
        mind.live.upkeep.wait()
        assert mind.live._index.n == before.n + 32
        with patch.object(mind.live.upkeep, "wake"), patch.multiple(live_module, _MOST_NEWS=41):  # where it is busy
            mind.remember(40, text="blue milk")
            assert mind.live._index.n == before.n + 32
            mind.remember(1, text="blue milk")
        assert mind.live._index.n == before.n + 73, "whoever stores very much does it"
    assert ranked(mind.collection.view(), Cue("blue milk")).ids[0] > before.n + 32


def test_what_no_file_holds_does_not_add_up_from_session_to_session(mind: Mind) -> None:
    mind.settled()
    for _ in range(4):
        mind.again()
        mind.collection.view()
        mind.remember(30, text="green tea")
    mind.again()
    with patch.object(live_module, "_AT_ONCE", 16):
        view = mind.collection.view(whole=False)
    assert view.n == 320


def test_small_segments_become_one_when_things_are_asked_and_nothing_new_comes(mind: Mind) -> None:
    mind.settled()
    with patch.multiple(live_module, _LOOKS=4, _STILL=1e9):  # something came a moment ago
        mind.remember(40)
        before = mind.answers()
        assert len(mind.settled().segments) > 1
    with patch.multiple(live_module, _LOOKS=4, _STILL=0.0):
        mind.answers()
        assert len(mind.settled().segments) == 1
    assert alike(mind.answers(), before)
