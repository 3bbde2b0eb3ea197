"""Eight threads, one mind: nothing raises, nothing is lost, nothing is counted twice."""

import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import thoughtengine as te
from tests.strategies import ToyEncoder

ROUNDS = 40


@pytest.fixture(autouse=True)
def often() -> Iterator[None]:
    """Let threads take turns a hundred times as often as usual, so that what can interleave does."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(5e-5)
    yield
    sys.setswitchinterval(usual)


def together(*works: Callable[[], object]) -> None:
    """Run each in a thread of its own, all at once; what one of them raises is raised here."""
    start, raised = threading.Barrier(len(works)), list[BaseException]()

    def run(work: Callable[[], object]) -> None:
        try:
            start.wait(60)
            work()
        except BaseException as error:  # noqa: BLE001
            raised.append(error)

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if raised:
        raise raised[0]


class Host:
    """What eight threads do, and what each of them was told."""

    def __init__(self, mind: te.ThoughtEngine) -> None:
        self.mind = mind
        self.ids: list[int] = []
        self.receipts: list[te.Receipt] = []
        self.done = threading.Event()

    def remember(self) -> None:
        for n in range(ROUNDS):
            id_ = self.mind.remember(f"single number-{n}", source="single", episode="e")
            self.ids.append(id_)
            assert self.mind[id_].text == f"single number-{n}"
            assert id_ in {hit.id for hit in self.mind.recall(f"number-{n} single", sources="single", k=100)}

    def remember_many(self) -> None:
        for n in range(ROUNDS // 4):
            many = [te.Experience(text=f"batch {n} {i}", source="batch", tags=[f"t{i}"]) for i in range(8)]
            ids = self.mind.remember_many(many)
            assert ids == list(range(ids[0], ids[0] + 8)), "a batch is written in one piece"
            self.ids += ids
            assert self.mind.count(sources="batch") == 8 * (n + 1)

    def with_keys(self) -> None:
        for n in range(ROUNDS):
            id_ = self.mind.remember(f"keyed {n}", key="mine", source="keyed")
            self.ids.append(id_)
            assert self.mind.remember(f"keyed {n}", key="mine", source="keyed") == id_
            assert self.mind["mine"].id == id_

    def revise(self, name: str) -> None:
        for n in range(ROUNDS):
            self.ids.append(self.mind.revise("shared", f"{name} {n}"))

    def forget(self) -> None:
        for n in range(ROUNDS):
            id_ = self.mind.remember(f"passing {n}", source="passing")
            self.ids.append(id_)
            receipt = self.mind.forget(id_)
            assert id_ not in self.mind
            assert self.mind.count(sources="passing") == n // 2
            if n % 2:
                assert self.mind.undo(receipt).ids == (id_,)
                assert id_ in self.mind
            self.receipts.append(self.mind.pin(self.ids_of("passing")[0]) if n > 1 else receipt)

    def ids_of(self, source: str) -> list[int]:
        return [memory.id for memory in self.mind.memories(sources=source)]

    def look(self) -> None:
        known = 0
        for n in range(ROUNDS):
            ids = [memory.id for memory in self.mind.memories(layers=te.Not())]
            assert ids == sorted(set(ids))
            newest_first = [memory.id for memory in self.mind.memories(newest_first=True)]
            assert newest_first == sorted(newest_first, reverse=True)
            scores = [hit.score for hit in self.mind.recall(f"number-{n} keyed")]
            assert scores == sorted(scores, reverse=True)
            assert known <= (known := self.mind.count(sources="single"))
            str(self.mind.stats())
            assert self.mind.health().ok

    def snapshot_and_check(self) -> None:
        for n in range(3):
            assert self.mind.check() == []
            self.mind.snapshot(f"s{n}")
            self.mind.sync()
            assert len(list(self.mind.export())) >= 1


@pytest.mark.parametrize("encoder", [None, ToyEncoder()], ids=["lexical", "encoder"])
def test_everything_at_once(tmp_path: Path, encoder: Any) -> None:
    news = list[te.Event]()
    with te.open(tmp_path / "mind", encoder=encoder) as mind:
        mind.events.subscribe("*", news.append)
        host = Host(mind)
        host.ids.append(mind.remember("the first", key="shared"))
        together(
            host.remember, host.remember_many, host.with_keys, lambda: host.revise("a"), lambda: host.revise("b"), host.forget,
            host.look, host.snapshot_and_check,
        )  # fmt: skip
        n = 1 + ROUNDS + 8 * (ROUNDS // 4) + ROUNDS + 2 * ROUNDS + ROUNDS
        assert sorted(host.ids) == list(range(1, n + 1)), "ids are contiguous and given once"
        assert mind.stats().forgotten == ROUNDS // 2
        assert len(mind) == n - ROUNDS // 2
        assert [row["id"] for row in mind.export()] == list(range(1, n + 1))
        assert chain(mind, 1) == 1 + 2 * ROUNDS, "no revision was lost and none was forked off"
        assert mind["shared"].superseded_by is None
        assert [memory.text for memory in mind.memories(sources="keyed")] == [f"keyed {i}" for i in range(ROUNDS)]
        assert mind.check() == []
        live = {row["id"]: hits(mind, row["text"]) for row in mind.export() if row["id"] % 7 == 0}
    in_order(news)
    with te.open(tmp_path / "mind", encoder=encoder) as mind:
        assert len(mind) == n - ROUNDS // 2
        for id_, found in live.items():
            text = next(row["text"] for row in mind.export() if row["id"] == id_)
            again = hits(mind, text)  # the index that grew under eight threads equals the one that is loaded
            if encoder is None:
                assert again == found
                continue
            both = again.keys() & found.keys()  # vectors may be rounded now: near-equal ones may change places
            assert [again[i] for i in both] == pytest.approx([found[i] for i in both], abs=1e-3)
            assert sorted(again.values()) == pytest.approx(sorted(found.values()), abs=1e-3)


def hits(mind: te.ThoughtEngine, cue: str) -> dict[int, float]:
    return {hit.id: round(hit.score, 6) for hit in mind.recall(cue, k=1000)}


def chain(mind: te.ThoughtEngine, id_: int | None) -> int:
    """Count the revisions from one on."""
    length = 0
    while id_ is not None:
        id_, length = mind[id_].superseded_by, length + 1
    return length


def in_order(news: list[te.Event]) -> None:
    """Nothing is heard of a memory before it was heard of, and memories are heard of in order of id."""
    born = list[int]()
    for event in news:
        if event.kind == "remembered":
            born += event.data["ids"]
        elif event.kind in ("forgotten", "pinned", "undone", "revised"):
            assert set(event.data["ids"]) <= set(born), event
    assert born == sorted(set(born))


def test_one_key_from_eight_threads_is_one_memory(tmp_path: Path) -> None:
    with te.open(tmp_path / "mind") as mind:
        ids = list[int]()
        together(*[lambda: ids.extend(mind.remember("tea", key="drink") for _ in range(10))] * 8)
        assert set(ids) == {1}
        assert len(mind) == 1


def test_the_first_vector_of_eight_threads_fixes_the_dimension_for_all(tmp_path: Path) -> None:
    with te.open(tmp_path / "mind") as mind:
        outcomes = list[str]()

        def work(size: int) -> None:
            for _ in range(10):
                try:
                    mind.remember(vector=[1.0] * size)
                    outcomes.append(f"{size}")
                except te.VectorDimensionError as error:
                    outcomes.append(f"no {error.given_dimension}")

        together(*[lambda size=size: work(size) for size in (2, 3, 4, 5)])
        kept = {outcome for outcome in outcomes if not outcome.startswith("no")}
        assert len(kept) == 1
        assert len(outcomes) == 40
        assert mind.stats().vectors == len(mind) == 10
        assert mind.check() == []


def test_erasing_while_others_write_and_look(tmp_path: Path) -> None:
    with te.open(tmp_path / "mind") as mind:
        gone, seen = list[int](), list[int]()

        def erase() -> None:
            for n in range(6):
                id_ = mind.remember(f"secret {n}", source="secret")
                mind.remember(f"drawn from {n}", layer="logic", derived_from=[id_])
                gone.extend(mind.forget(sources="secret", erase=True).ids)
                assert mind.count(sources="secret") == 0

        def write(name: str) -> None:
            for n in range(ROUNDS):
                id_ = mind.remember(f"{name} {n}", source=name)
                seen.append(id_)
                assert id_ in {hit.id for hit in mind.recall(f"{name} {n}", sources=name, k=100)}

        def look() -> None:
            for _ in range(ROUNDS):
                for memory in mind.memories(layers=te.Not()):
                    assert memory.text
                mind.recall("secret drawn", layers=te.Not())

        together(erase, *[lambda name=name: write(name) for name in "abcd"], look, look)
        assert len(gone) == 12
        assert sorted(gone + seen) == list(range(1, 12 + 4 * ROUNDS + 1))
        assert len(mind) == 4 * ROUNDS
        assert mind.check() == []


def test_closing_under_eight_threads_ends_them_all(tmp_path: Path) -> None:
    mind = te.open(tmp_path / "mind")
    told = list[str]()

    def work(verb: Callable[[], object]) -> None:
        try:
            while True:
                verb()
        except te.StoreClosedError:
            told.append("closed")

    def close() -> None:
        while len(mind) < 20:
            pass
        mind.close()

    together(
        close,
        *[lambda verb=verb: work(verb) for verb in (
            lambda: mind.remember("tea"), lambda: mind.remember_many([te.Experience(text="x")] * 3), lambda: mind.recall("tea"),
            lambda: list(mind.memories()), mind.count, lambda: mind.revise(mind.remember("a"), "b"),
            lambda: mind.undo(mind.forget(mind.remember("c"))),
        )],
    )  # fmt: skip
    assert told == ["closed"] * 7
    with te.open(tmp_path / "mind") as again:
        assert again.check() == []
        assert again.health().ok
