"""What every implementation of an interface must hold, as classes that the test of each implementation inherits."""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from thoughtengine.errors import RecordError, StoreClosedError
from thoughtengine.storage.batch import Batch
from thoughtengine.storage.codec import open_envelope
from thoughtengine.storage.contract import PAGE, Store
from thoughtengine.storage.keyspace import APPRAISAL, HEAD, MARK, MEMORY, NAME, TERMS, VECTOR, HeadRecord


class Note(msgspec.Struct, frozen=True):
    """A record for tests."""

    text: str


class Figure(msgspec.Struct, frozen=True):
    """A record of another shape."""

    value: int


def notes(*numbers: int, text: str = "note") -> Batch:
    """Give a batch with a memory and a mark for each number."""
    batch = Batch()
    for number in numbers:
        batch.put(MEMORY, number, Note(f"{text} {number}"))
        batch.put(MARK, number, Figure(number))
    return batch


operations = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.lists(st.integers(1, 9), max_size=4)),
        st.tuples(st.just("unmark"), st.lists(st.integers(1, 9), max_size=4)),
        st.tuples(st.just("rewrite"), st.lists(st.integers(1, 9), max_size=4)),
    ),
    max_size=8,
)


class StoreContract:
    """What every store holds. A subclass gives `make`."""

    def make(self, folder: Path) -> Store:
        """Give a new, empty store; `folder` is there to be used."""
        raise NotImplementedError

    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[Store]:
        store = self.make(tmp_path)
        yield store
        store.close()

    # reading

    def test_a_new_store_holds_nothing_but_its_counters(self, store: Store) -> None:
        assert store.get(MEMORY, 1, Note) is None
        assert not store.has(MEMORY, 1)
        assert list(store.rows(MEMORY, Note)) == []
        assert [key for key, _ in store.everything() if key != HEAD.key(0)] == []
        assert store.read_head() == store.head

    def test_what_was_put_is_read_back_as_its_type(self, store: Store) -> None:
        batch = Batch()
        batch.put(MEMORY, 1, Note("tea"))
        batch.put(NAME, "Zürich 月\0", Figure(-1))
        store.commit(batch)
        assert store.get(MEMORY, 1, Note) == Note("tea")
        assert store.get(NAME, "Zürich 月\0", Figure) == Figure(-1)
        assert store.has(MEMORY, 1)
        assert not store.has(MEMORY, 2)
        assert not store.has(NAME, "Zürich 月")

    def test_a_row_of_another_shape_is_a_record_error(self, store: Store) -> None:
        store.commit(notes(1))
        with pytest.raises(RecordError):
            store.get(MEMORY, 1, Figure)

    def test_a_value_under_another_key_is_a_record_error(self, store: Store) -> None:
        store.commit(notes(1, 2))
        value = dict(store.raw(MEMORY))[MEMORY.key(1)]
        with store.writing:
            store._write([(MEMORY.key(2), value)], [], False)
        assert store.get(MEMORY, 1, Note) == Note("note 1")
        with pytest.raises(RecordError, match="checksum"):
            store.get(MEMORY, 2, Note)
        with pytest.raises(RecordError, match="checksum"):
            list(store.rows(MEMORY, Note))

    # scanning

    def test_scans_are_in_order_of_number(self, store: Store) -> None:
        numbers = [1 << 40, 3, 256, 255, 1, 65_536, (1 << 64) - 1]
        store.commit(notes(*numbers))
        assert [number for number, _ in store.rows(MEMORY, Note)] == sorted(numbers)
        assert [number for number, _ in store.rows(MEMORY, Note, reverse=True)] == sorted(numbers, reverse=True)
        assert dict(store.rows(MARK, Figure)) == {number: Figure(number) for number in numbers}

    @pytest.mark.parametrize("n", [0, 1, PAGE - 1, PAGE, PAGE + 1, 2 * PAGE])
    def test_scans_cross_pages(self, store: Store, n: int) -> None:
        store.commit(notes(*range(1, n + 1)))
        numbers = [number for number, _ in store.rows(MEMORY, Note)]
        assert numbers == list(range(1, n + 1))
        assert [number for number, _ in store.rows(MEMORY, Note, reverse=True)] == numbers[::-1]

    def test_a_scan_begins_behind_after(self, store: Store) -> None:
        store.commit(notes(2, 4, 6))

        def behind(after: int, *, reverse: bool = False) -> list[int]:
            return [number for number, _ in store.rows(MEMORY, Note, after=after, reverse=reverse)]

        assert [behind(n) for n in (0, 2, 3, 6, 7)] == [[2, 4, 6], [4, 6], [4, 6], [], []]
        assert [behind(n, reverse=True) for n in (0, 2, 5, 7)] == [[], [], [4, 2], [6, 4, 2]]

    def test_a_scan_stays_in_its_area(self, store: Store) -> None:
        batch = notes(1)
        batch.put(APPRAISAL, (1 << 64) - 1, Note("a"))
        batch.put(NAME, "", Note("empty name"))
        batch.put(NAME, "\uffff", Note("z"))
        store.commit(batch)
        assert len(list(store.raw(MEMORY))) == len(list(store.raw(APPRAISAL))) == 1
        assert [key for key, _ in store.raw(NAME)] == [NAME.key(""), NAME.key("\uffff")]

    def test_everything_is_every_row_in_order_of_key(self, store: Store) -> None:
        store.commit(notes(*range(1, PAGE)))
        with store.writing:
            store._write([(b"zfuture", b"unknown")], [], False)
        keys = [key for key, _ in store.everything()]
        assert keys == sorted({MEMORY.key(n) for n in range(1, PAGE)} | {MARK.key(n) for n in range(1, PAGE)} | {
            HEAD.key(0), b"zfuture"
        })  # fmt: skip
        assert store.area_of(b"zfuture") is None
        assert store.area_of(keys[0]) is HEAD

    def test_a_reader_that_pages_sees_what_is_written_ahead_of_it(self, store: Store) -> None:
        store.commit(notes(*range(1, PAGE + 1)))
        rows = store.rows(MEMORY, Note)
        assert next(rows) == (1, Note("note 1"))
        store.commit(notes(PAGE + 1, PAGE + 2))
        store.commit(notes(2, text="late"))
        seen = [number for number, _ in rows]
        assert seen == list(range(2, PAGE + 3))

    # writing

    def test_the_write_sequence_grows_by_one(self, store: Store) -> None:
        before = store.head.sequence
        assert [store.commit(notes(n)) for n in (1, 2)] == [before + 1, before + 2]
        assert store.commit(Batch()) == before + 3
        assert store.head.sequence == before + 3
        assert store.read_head() == store.head

    def test_every_row_carries_the_sequence_of_its_batch(self, store: Store) -> None:
        first, second = store.commit(notes(1, 2)), store.commit(notes(2, 3))
        found = {MEMORY.number(k): open_envelope(k, v, MEMORY).sequence for k, v in store.raw(MEMORY)}
        assert found == {1: first, 2: second, 3: second}

    def test_a_memory_tells_what_was_stored_beside_it(self, store: Store) -> None:
        batch = notes(1, 2, 3, 4)
        for area, number in ((APPRAISAL, 1), (VECTOR, 2), (APPRAISAL, 3), (VECTOR, 3), (APPRAISAL, 9)):
            batch.put(area, number, Figure(number))
        store.commit(batch)
        flags = {MEMORY.number(k): open_envelope(k, v, MEMORY).flags for k, v in store.raw(MEMORY)}
        has_appraisal, has_vector = MEMORY.beside[APPRAISAL.prefix], MEMORY.beside[VECTOR.prefix]
        assert flags == {1: has_appraisal, 2: has_vector, 3: has_appraisal | has_vector, 4: 0}
        assert {open_envelope(k, v, MARK).flags for k, v in store.raw(MARK)} == {0}

    def test_counters_go_with_the_batch_and_stay(self, store: Store) -> None:
        store.commit(notes(1), memories=1, next_id=2)
        store.commit(notes(2), next_id=3)
        assert (store.head.memories, store.head.next_id, store.head.hidden) == (1, 3, 0)
        assert store.read_head() == store.head

    def test_a_batch_that_cannot_be_written_leaves_nothing(self, store: Store) -> None:
        before = store.head
        with pytest.raises(TypeError):
            store.commit(notes(1), no_such_counter=1)
        assert store.head == before == store.read_head()
        assert list(store.rows(MEMORY, Note)) == []

    def test_a_batch_that_failed_can_be_added_to_and_committed(
        self, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*arguments: object) -> None:
            raise OSError("no")

        batch, before = notes(1), store.head
        with monkeypatch.context() as patch:
            patch.setattr(store, "_write", refuse)
            with pytest.raises(OSError, match="no"):
                store.commit(batch)
        assert store.head == before
        batch.put(MEMORY, 2, Note("more"))
        keys: list[bytes] = []
        write = store._write
        monkeypatch.setattr(
            store, "_write", lambda puts, *rest: (keys.extend(key for key, _ in puts), write(puts, *rest))
        )
        assert store.commit(batch) == before.sequence + 1
        assert keys[-1] == HEAD.key(0)
        assert [number for number, _ in store.rows(MEMORY, Note)] == [1, 2]

    def test_the_last_word_on_a_key_counts(self, store: Store) -> None:
        batch = Batch()
        batch.put(MARK, 1, Figure(1))
        batch.put(MARK, 1, Figure(2))
        batch.put(MARK, 2, Figure(1))
        batch.delete(MARK, 2)
        batch.delete(MARK, 3)
        batch.put(MARK, 3, Figure(3))
        store.commit(batch)
        assert dict(store.rows(MARK, Figure)) == {1: Figure(2), 3: Figure(3)}

    def test_derived_rows_can_be_deleted_and_source_rows_cannot(self, store: Store) -> None:
        store.commit(notes(1))
        batch = Batch()
        batch.delete(MARK, 1)
        batch.delete(MARK, 99)
        with pytest.raises(ValueError, match="source"):
            batch.delete(MEMORY, 1)
        store.commit(batch)
        assert not store.has(MARK, 1)
        assert store.has(MEMORY, 1)

    def test_a_scan_sees_a_batch_whole_or_not_at_all(self, store: Store) -> None:
        torn: list[tuple[int, int]] = []
        done = threading.Event()

        def look() -> None:
            while not done.is_set():
                keys = [key[:1] for key, _ in store._page(b"", b"\xff", 1000, False)]
                counts = keys.count(b"m"), keys.count(b"k")
                if counts[0] != counts[1]:
                    torn.append(counts)

        reader = threading.Thread(target=look)
        reader.start()
        try:
            for number in range(1, 100):
                store.commit(notes(number))
        finally:
            done.set()
            reader.join()
        assert torn == []

    def test_readers_run_beside_writers(self, store: Store) -> None:
        problems: list[object] = []
        done = threading.Event()

        def read() -> None:
            try:
                while not done.is_set():
                    top = store.head.next_id - 1
                    numbers = [number for number, _ in store.rows(MEMORY, Note)]
                    if numbers != list(range(1, len(numbers) + 1)) or len(numbers) < top:
                        problems.append((top, numbers))
                    if top and store.get(MEMORY, top, Note) != Note(f"note {top}"):
                        problems.append(top)
            except Exception as error:  # noqa: BLE001  whatever it is, the test must tell
                problems.append(error)

        readers = [threading.Thread(target=read) for _ in range(3)]
        for reader in readers:
            reader.start()
        try:
            for number in range(1, 301):
                store.commit(notes(number), next_id=number + 1)
        finally:
            done.set()
            for reader in readers:
                reader.join()
        assert problems == []

    def test_writers_in_many_threads_each_get_a_sequence(self, store: Store) -> None:
        sequences: list[int] = []

        def write(first: int) -> None:
            sequences.extend(store.commit(notes(number)) for number in range(first, first + 50))

        before = store.head.sequence
        writers = [threading.Thread(target=write, args=(n,)) for n in (1, 101, 201)]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
        assert sorted(sequences) == list(range(before + 1, before + 151))
        assert len(list(store.rows(MEMORY, Note))) == 150

    # rewriting

    def test_a_rewrite_drops_the_rows_named_and_only_them(self, store: Store) -> None:
        store.commit(notes(*range(1, 2 * PAGE)))
        before = dict(store.everything())
        batch = Batch()
        batch.put(NAME, "heir", Figure(3))
        batch.put(MARK, 3, Figure(33))
        drop = {MEMORY.key(2), MARK.key(2), MEMORY.key(PAGE + 1), MEMORY.key(1 << 50)}
        sequence = store.head.sequence
        proof = store.rewrite(drop, batch, memories=7)
        assert proof["rows_dropped"] == 3
        after = dict(store.everything())
        changed = {NAME.key("heir"), MARK.key(3), HEAD.key(0)}
        assert after.keys() == (before.keys() | changed) - drop
        assert {key: value for key, value in after.items() if key not in changed} == {
            key: value for key, value in before.items() if key not in changed | drop
        }
        assert store.get(NAME, "heir", Figure) == Figure(3)
        assert store.get(MARK, 3, Figure) == Figure(33)
        assert (store.head.sequence, store.head.memories) == (sequence + 1, 7)
        assert store.read_head() == store.head

    def test_a_rewrite_carries_rows_it_does_not_know(self, store: Store) -> None:
        with store.writing:
            store._write([(b"zfuture", b"unknown")], [], False)
        store.commit(notes(1))
        store.rewrite({MEMORY.key(1)}, Batch())
        assert dict(store.everything())[b"zfuture"] == b"unknown"
        assert not store.has(MEMORY, 1)

    def test_a_store_goes_on_after_a_rewrite(self, store: Store) -> None:
        store.commit(notes(1, 2))
        sequence = store.head.sequence
        batch = Batch()
        batch.delete(MARK, 2)
        store.rewrite({MEMORY.key(1)}, batch)
        assert store.commit(notes(3)) == sequence + 2
        store.rewrite({MEMORY.key(3)}, Batch())
        assert [number for number, _ in store.rows(MEMORY, Note)] == [2]
        assert [number for number, _ in store.rows(MARK, Figure)] == [1, 3]

    def test_readers_never_see_a_rewrite_begin_or_end(self, store: Store) -> None:
        store.commit(notes(*range(1, 20)))
        problems: list[object] = []
        done = threading.Event()

        def read() -> None:
            try:
                while not done.is_set():
                    if store.get(MEMORY, 1, Note) != Note("note 1"):
                        problems.append("a row that was kept is not there")
                    list(store.rows(MEMORY, Note))
            except Exception as error:  # noqa: BLE001  whatever it is, the test must tell
                problems.append(error)

        readers = [threading.Thread(target=read) for _ in range(2)]
        for reader in readers:
            reader.start()
        try:
            for number in range(10, 16):
                store.rewrite({MEMORY.key(number)}, Batch())
        finally:
            done.set()
            for reader in readers:
                reader.join()
        assert problems == []

    # everything together

    @settings(max_examples=15, suppress_health_check=[HealthCheck.differing_executors])
    @given(steps=operations)
    def test_random_batches_equal_a_dict(self, steps: list[tuple[str, list[int]]]) -> None:
        folder = Path(tempfile.mkdtemp())
        store = self.make(folder)
        try:
            memories: dict[int, Note] = {}
            marks: dict[int, Figure] = {}
            for turn, (verb, numbers) in enumerate(steps):
                self._step(store, verb, numbers, turn)
                if verb == "put":
                    memories |= {n: Note(f"{turn} {n}") for n in numbers}
                    marks |= {n: Figure(n) for n in numbers}
                elif verb == "unmark":
                    marks = {n: mark for n, mark in marks.items() if n not in numbers}
                else:
                    memories = {n: note for n, note in memories.items() if n not in numbers}
            assert dict(store.rows(MEMORY, Note)) == memories
            assert dict(store.rows(MARK, Figure)) == marks
            assert store.read_head() == store.head
        finally:
            store.close()
            shutil.rmtree(folder)

    @staticmethod
    def _step(store: Store, verb: str, numbers: list[int], turn: int) -> None:
        if verb == "put":
            store.commit(notes(*numbers, text=str(turn)))
        elif verb == "unmark":
            batch = Batch()
            for number in numbers:
                batch.delete(MARK, number)
            store.commit(batch)
        else:
            store.rewrite({MEMORY.key(number) for number in numbers}, Batch())

    # the end

    def test_after_closing_every_verb_says_so(self, store: Store) -> None:
        store.commit(notes(1))
        rows = store.rows(MEMORY, Note)
        store.close()
        store.close()
        for use in (
            lambda: store.get(MEMORY, 1, Note),
            lambda: store.has(TERMS, 1),
            lambda: next(rows),
            lambda: list(store.everything()),
            store.read_head,
            lambda: store.commit(notes(2)),
            lambda: store.rewrite(set(), Batch()),
        ):
            with pytest.raises(StoreClosedError):
                use()

    def test_the_head_is_a_plain_record(self, store: Store) -> None:
        store.commit(notes(1), hidden=0)
        assert store.get(HEAD, 0, HeadRecord) == store.head
