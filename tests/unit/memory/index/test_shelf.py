from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.indexes import DAY, NOON, ask, entry, index_of, nearly, same, with_vector
from thoughtengine.config import RecallConfig
from thoughtengine.memory.index import arrays
from thoughtengine.memory.index import shelf as shelf_module
from thoughtengine.memory.index.index import Each, Index
from thoughtengine.memory.index.segment import Segment
from thoughtengine.memory.index.shelf import Shelf, readers
from thoughtengine.memory.record import AppraisalRecord, MarkRecord
from thoughtengine.storage.columnfile import ColumnFile, FileRows

MADE_BY = "toy"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "index-000001"


def filled(first: int = 5, n: int = 12) -> Index:
    """Return an index of memories of every kind, in one segment."""
    index = Index(RecallConfig(), 2, MADE_BY)
    for id_ in range(first, first + n):
        made = entry(
            f"tea word{id_}", at=NOON + id_ * DAY, source=(None, "Dana", "Bob")[id_ % 3], tags=("a", "b")[: id_ % 3],
            episode=(None, "e", "f")[id_ % 3], kind="note" if id_ % 4 else None,
        )  # fmt: skip
        row = with_vector(id_, made, [id_, 1] if id_ % 2 else None)
        index.add(row._replace(appraisal=AppraisalRecord(valence=0.5, arousal=1.0) if id_ % 5 else None))
    index.seal()
    return index


def saved(shelf: Shelf, index: Index, sequence: int = 9) -> list[Segment]:
    view = index.view()
    return [shelf.save(view, segment, sequence) for segment in view.segments]


def attached(shelf: Shelf, each: Each = map) -> Index:
    index = Index(RecallConfig(), 2, MADE_BY)
    for kept in shelf.kept(each):
        index.attach(kept.segment(index.n), kept.run, each)
        kept.copied()
    return index


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_what_was_kept_answers_as_what_was_made(folder: Path) -> None:
    index = filled()
    (segment,) = saved(Shelf(folder), index)
    assert names(folder) == [segment.name] == ["000000000005-000000000010-9.segment"]
    again = attached(Shelf(folder))
    assert again.view().totals == index.view().totals
    for name in index.view().columns.__slots__:
        mine, theirs = (getattr(each.view().columns, name)[: index.n].tolist() for each in (again, index))
        assert mine == theirs, name
    assert same(ask(again, "tea by Dana", near="e"), ask(index, "tea by Dana", near="e"))
    assert nearly(ask(again, vector=[1, 1]), ask(index, vector=[1, 1]))


def test_several_threads_put_the_same_together(folder: Path) -> None:
    for first in (5, 17, 29):
        saved(Shelf(folder), filled(first))
    alone = attached(Shelf(folder))
    with readers(1_000_000) as each:
        assert each is not map
        together = attached(Shelf(folder), each)
    assert together.view().totals == alone.view().totals
    assert together.view().states == alone.view().states
    for name in alone.view().columns.__slots__:
        mine, theirs = (getattr(index.view().columns, name)[: index.n].tolist() for index in (together, alone))
        assert mine == theirs, name
    with readers(1_000) as each:
        assert each is map


def test_an_episode_goes_on_from_one_file_to_the_next(folder: Path) -> None:
    one, parts = filled(5, 24), [filled(5, 12), filled(17, 12)]
    for part in parts:
        saved(Shelf(folder), part)
    again = attached(Shelf(folder))
    for name in ("previous", "following"):
        mine, theirs = (getattr(index.view().columns, name)[: index.n].tolist() for index in (again, one))
        assert mine == theirs, name
    for index in (again, one):  # also with what comes then
        index.add(with_vector(50, entry("tea", episode="e"), None))
    assert again.view().columns.previous[24] == one.view().columns.previous[24] >= 20


@pytest.mark.parametrize("layers", [("sensory",) * 12, ("sensory", "dream", "eternal") * 4])
def test_without_an_episode_what_was_said_goes_on_from_one_file_to_the_next(
    folder: Path, layers: tuple[str, ...]
) -> None:
    minutes = (
        0,
        1,
        20,
        120,
        120,
        121,
        122,
        119,
        125,
        126,
        300,
        301,
    )  # pauses, an import in one second, one that comes late
    rows = [entry("tea", at=minute * 60_000_000, layer=layer) for minute, layer in zip(minutes, layers, strict=True)]
    one = index_of(*rows)
    for first, stop in ((0, 6), (6, 7), (7, 12)):
        part = index_of(*rows[first:stop], first=first + 1)
        part.seal()
        saved(Shelf(folder), part)
    again = attached(Shelf(folder))
    for name in ("previous", "following"):
        mine, theirs = (getattr(index.view().columns, name)[:12].tolist() for index in (again, one))
        assert mine == theirs, name


def test_of_properties_that_nobody_has_no_memory_is_taken(folder: Path) -> None:
    index = index_of(*(entry("tea", at=NOON + n) for n in range(4)))
    index.seal()
    saved(Shelf(folder), index)
    (kept,) = Shelf(folder).kept()
    assert {"id", "at", "previous", "following"} <= set(kept.run.columns)
    assert not {"state", "offset", "kind", "episode", "valence", "arousal"} & set(kept.run.columns)
    assert attached(Shelf(folder)).view().states[0] == 4


def test_marks_are_not_kept_for_they_may_change(folder: Path) -> None:
    index = filled()
    index.mark(6, MarkRecord(forgotten=(1,)))
    saved(Shelf(folder), index)
    assert sum(attached(Shelf(folder)).view().states[8:]) == 0


def test_a_segment_that_is_mapped_stands_for_the_one_in_memory(folder: Path) -> None:
    index = filled()
    before = ask(index, "tea word7", near="f")
    (mapped,) = saved(Shelf(folder), index)
    assert index.replace(index.view().segments, mapped)
    assert same(before, ask(index, "tea word7", near="f"))
    assert not mapped.postings.flags.writeable
    assert saved(Shelf(folder), index)[0].name == mapped.name  # it lies there already


def test_of_files_that_overlap_the_largest_counts(folder: Path) -> None:
    shelf = Shelf(folder)
    saved(shelf, filled(5, 12))
    saved(shelf, filled(5, 4))
    saved(shelf, filled(9, 8))
    saved(shelf, filled(17, 3))
    assert [(kept.first, kept.last) for kept in shelf.kept()] == [(5, 16), (17, 19)]
    assert len(names(folder)) == 2
    assert attached(shelf).view().ids.tolist() == list(range(5, 20))


def test_a_file_tells_whose_vectors_it_holds(folder: Path) -> None:
    shelf = Shelf(folder)
    saved(shelf, filled(5, 4))
    index = index_of(*(entry("tea") for _ in range(4)), first=9)
    index.seal()
    saved(shelf, index)
    assert [kept.file.meta["made_by"] for kept in shelf.kept()] == [MADE_BY, None]
    view = attached(shelf).view()
    assert [segment.block and segment.block.made_by for segment in view.segments] == [MADE_BY, None]
    assert (view.makers, view.n_vectors) == ({MADE_BY}, 2)


def test_of_many_vectors_the_finest_part_is_read_when_it_is_needed(folder: Path, monkeypatch: Any) -> None:
    index = filled()
    before = ask(index, vector=[1, 1])
    saved(Shelf(folder), index)
    (mapped,) = (kept.segment(0) for kept in Shelf(folder).kept())
    monkeypatch.setattr(shelf_module, "_MAPPED", 2 * 6 - 1)
    (read,) = (kept.segment(0) for kept in Shelf(folder).kept())
    assert mapped.block is not None
    assert read.block is not None
    assert isinstance(mapped.block.fine, np.ndarray)
    assert isinstance(read.block.fine, FileRows)
    everyone = slice(0, len(read.block))
    assert (read.block.vectors(everyone) == mapped.block.vectors(everyone)).all()
    again = attached(Shelf(folder))
    assert nearly(before, ask(again, vector=[1, 1]), within=0.01)  # what is usual is told by the half bytes alone
    for _ in range(2):  # merged with what is in memory, and written anew from the file's rows
        again.add(with_vector(again.n + 20, entry("tea"), [3, 1]))
    again.seal()
    parts = again.view().segments
    whole = again.merge(parts, arrays)
    assert again.replace(parts, whole)
    (saved_again,) = saved(Shelf(folder), again)
    assert saved_again.block is not None
    assert whole.block is not None
    assert isinstance(saved_again.block.fine, FileRows)
    assert (saved_again.block.fine[:] == whole.block.fine[:]).all()


def test_files_of_writes_that_the_store_does_not_know_are_removed(folder: Path) -> None:
    shelf = Shelf(folder)
    saved(shelf, filled(5, 4), sequence=9)
    saved(shelf, filled(9, 4), sequence=10)
    shelf.prune(9)
    assert [(kept.first, kept.last) for kept in shelf.kept()] == [(5, 8)]


def test_what_is_no_segment_file_is_cleared_away(folder: Path) -> None:
    shelf = Shelf(folder)
    saved(shelf, filled())
    (folder / "notes.txt").write_text("hello")
    (folder / "000000000005-000000000010-9.segment.part").write_bytes(b"half")
    assert len(list(shelf.kept())) == 1
    shelf.prune(9)
    assert len(list(shelf.kept())) == len(names(folder)) == 1


@pytest.mark.parametrize("array", ["fine", "postings"])
def test_a_file_that_is_damaged_is_told_and_removed(folder: Path, array: str) -> None:
    shelf = Shelf(folder)
    (segment,) = saved(shelf, filled())
    assert segment.name is not None
    assert shelf.verify(segment.name)
    path = folder / segment.name
    data = bytearray(path.read_bytes())
    data[ColumnFile(path)._arrays[array].offset] ^= 1
    path.write_bytes(data)
    assert len(list(shelf.kept())) == (array == "fine")  # what nothing is looked up by is compared behind the calls
    assert not shelf.verify(segment.name)
    assert names(folder) == []


def test_without_a_folder_nothing_is_kept() -> None:
    shelf, index = Shelf(None), filled()
    assert saved(shelf, index) == list(index.view().segments)
    assert list(shelf.kept()) == []
    assert shelf.verify("any")
    shelf.remove("any")
    shelf.prune(0)


def test_episodes_go_on_from_one_file_to_the_next(folder: Path) -> None:
    whole = index_of(*(entry("tea", episode=name) for name in "abcabcaab"))
    shelf = Shelf(folder)
    for first, part in ((1, "abc"), (4, "abca"), (8, "ab")):
        index = index_of(*(entry("tea", episode=name) for name in part), first=first)
        index.seal()
        saved(shelf, index)
    again = attached(shelf)
    for links in ("previous", "following"):
        mine, theirs = (getattr(each.view().columns, links)[:9].tolist() for each in (again, whole))
        assert mine == theirs
    again.add(with_vector(10, entry("tea", episode="c"), None))
    assert np.flatnonzero(again.view().columns.following[:10] == 9).tolist() == [5]
