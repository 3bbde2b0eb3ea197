"""An old store that is damaged in the middle of its upgrade: what can be read is served and carried, the rest is told."""

import json
import random
import re
import zlib
from collections.abc import Callable
from pathlib import Path

import attrs
import pytest

import thoughtengine as te
from tests.flat import read_flat, write_flat
from tests.integration.test_upgrade_online import in_phase, until
from tests.tables import largest, live
from thoughtengine import lifting
from thoughtengine.migrations import online, sweep
from thoughtengine.storage import bare_salvage
from thoughtengine.storage.folder import FolderStore
from thoughtengine.storage.keyspace import FIRST_NEW
from thoughtengine.storage.pointer import read_pointer

N = 600
EVERY_LAYER = ("sensory", "emotion", "logic", "dream", "eternal")


def said(n: int) -> str:
    return f"note {n} {random.Random(n).randbytes(40).hex()}"


def rows() -> dict[bytes, bytes]:
    """Experiences, every third of them with an emotion beside it, and others; no block of them can be made smaller."""
    found = {b"zebra:unknown": b"1", b"thought:patterns": b"[]", b"emotion:alone": b'{"valence": 0.25}'}
    for n in range(N):
        found[b"sensory:n%05d" % n] = json.dumps({"timestamp": n, "type": "sensory", "raw": said(n)}).encode()
        if n % 3 == 0:
            found[b"emotion:n%05d" % n] = json.dumps({"valence": 0.5, "mood": said(n + N)}).encode()
    return found


@pytest.fixture(autouse=True)
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifting, "SMALL", 2)
    monkeypatch.setattr(sweep, "_ROWS", 60)
    monkeypatch.setattr(online, "_WINDOW", 0.02)


@attrs.define
class Half:
    """A store whose upgrade stands in a phase, and what was done in it since."""

    path: Path
    ids: dict[str, int]
    new: int = 0

    def table(self, folder: str = "gen-000001") -> Path:
        return largest(self.path / folder)

    def flip(self, *words: str, folder: str = "gen-000001") -> None:
        """Flip a bit in each of the blocks in which something is said: both copies have them in the same file."""
        table = self.table(folder)
        data = bytearray(table.read_bytes())
        for word in words:
            data[data.index(word[-30:].encode()) + 9] ^= 4
        with open(table, "r+b") as file:
            file.write(data)

    def opened(self, upgrade: str = "wait") -> te.ThoughtEngine:
        return te.open(self.path, upgrade=upgrade)  # type: ignore[arg-type]

    def lost(self) -> tuple[set[int], str]:
        """Return the ids that are told to be lost, and what else is told."""
        folder = self.path if (self.path / "STORE").exists() else self.path / ".te"
        found = [
            json.loads(path.read_text())
            for path in sorted((folder / "incidents").glob("*.json"))
            if "quarantine" in path.read_text()
        ]
        return {id_ for each in found for id_ in each["data"]["lost"]}, " ".join(each["message"] for each in found)

    def whole(self, mind: te.ThoughtEngine, lost: set[int] = frozenset()) -> None:  # type: ignore[assignment]
        """Hold that everything else is there, under its name and id, and that the user's doings stand."""
        for key, id_ in self.ids.items():
            if id_ in lost:
                with pytest.raises(te.MemoryNotFoundError, match="lost to damage"):
                    mind[id_]
                assert key not in mind or key == "sensory:n00400"
            elif key not in ("sensory:n00400", "sensory:n00450"):
                assert mind[key].id == id_
                if key.startswith("sensory:"):
                    assert mind[key].text == said(int(key[-5:]))
        assert mind["new"].id == self.new
        assert mind["sensory:n00400"].text == "said anew"
        assert mind["sensory:n00400"].id >= FIRST_NEW
        assert "sensory:n00450" not in mind
        assert len(list(mind.memories(layers=EVERY_LAYER))) == mind.count(layers=EVERY_LAYER)
        assert mind.stats().memories + mind.stats().forgotten == len(self.ids) + 2 - len(lost)


def begun(path: Path, monkeypatch: pytest.MonkeyPatch, *, own: bool = False, tables: int = 1) -> Half:
    """Return a store whose upgrade was begun, and nothing of it read yet."""
    path.parent.mkdir(parents=True, exist_ok=True)
    told = sorted(rows().items())
    for n in range(tables):
        write_flat(path, dict(told[n * len(told) // tables : (n + 1) * len(told) // tables]))
    if tables == 1:
        write_flat(path, {}, compact=True)
    with monkeypatch.context() as patch:
        patch.setattr(online.Background, "start", lambda self: (self.pause(), self._thread.start()))
        with te.open(path, config=te.Config(storage=te.StorageConfig(rollback_copy=own))) as mind:
            if not own:
                mind.remember("something new", key="new")
                mind.forget("sensory:n00450")
                mind.remember("said anew", key="sensory:n00400")
    return Half(path, {})


@pytest.fixture
def half(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Half]:
    """Make a store whose upgrade was begun, went on to a phase, and was stopped by the end of the program."""
    keys = sorted(key.decode() for key in rows() if key.startswith(b"sensory:") or key == b"emotion:alone")
    ids = {key: id_ for id_, key in enumerate(keys, 1)}

    def made(
        phase: str = "P1", *, own: bool = False, stays: bool = False, forget: str = ""
    ) -> Half | tuple[Half, te.ThoughtEngine]:
        path = tmp_path / "half"
        write_flat(path, rows(), compact=True)
        config = te.Config(storage=te.StorageConfig(rollback_copy=own))
        with monkeypatch.context() as patch:
            patch.setattr(online.Background, "start", lambda self: (self.pause(), self._thread.start()))
            mind = te.open(path, config=config)
        in_phase(mind, phase)
        new = mind.remember("something new", key="new")
        mind.remember("said anew", key="sensory:n00400")
        mind.forget("sensory:n00450")
        if forget:
            mind.forget(forget)
        found = Half(path, ids, new)
        if stays:
            return found, mind
        mind.close()
        return found

    return made


@pytest.fixture
def torn(half: Callable[..., Half]) -> Half:
    """In the first phase, with a bit of two blocks flipped that it has not come to."""
    found = half()
    found.flip(said(250), said(550))
    return found


def test_what_can_be_read_is_upgraded_and_the_rest_is_told(torn: Half) -> None:
    with torn.opened() as mind:
        assert mind.upgrade.status().stage == "SOAK"
        lost, told = torn.lost()
        assert {torn.ids["sensory:n00250"], torn.ids["sensory:n00550"]} <= lost
        assert 2 < len(lost) < 200
        assert f"{len(lost):,} memories among them ('sensory:n00" in told
        torn.whole(mind, lost)
        assert mind.check() == []
        assert mind["sensory:n00150"].affect is not None
    report = te.history(torn.path)[-1]
    assert report.succeeded
    assert report.counts["lost to damage"] >= len(lost)
    assert "none lost" not in str(report)
    assert report.rows_in + report.counts["lost to damage"] == len(rows())
    gone = {key.encode() for key, id_ in torn.ids.items() if id_ in lost}
    te.rollback(torn.path)
    back = read_flat(torn.path)
    for key, value in rows().items():
        beside = key.replace(b"emotion:", b"sensory:")
        if key in (b"sensory:n00450", b"emotion:n00450") or {key, beside} & gone:
            assert key not in back
        else:
            assert back.get(key) == value
    assert sum(b"said anew" in value or b"something new" in value for value in back.values()) == 2
    with te.open(torn.path, upgrade="wait") as mind:
        assert mind.check() == []
        assert mind["new"].id == torn.new


def test_it_is_served_while_the_upgrade_goes_on(torn: Half) -> None:
    with torn.opened("auto") as mind:
        until(lambda: mind._store.pointer.upgrade.lost)  # type: ignore[union-attr]
        torn.whole(mind, torn.lost()[0])
        until(lambda: mind.upgrade.status().stage == "SOAK")
        torn.whole(mind, torn.lost()[0])
        assert not mind.upgrade.status().failed
        mind._memories.live.upkeep.wait()
        assert mind.check() == []
        for n in (250, 251, 550):
            assert not {hit.id for hit in mind.recall(said(n))} & torn.lost()[0]


def test_met_by_who_reads_it_names_the_way_and_the_next_opening_goes_on(
    torn: Half, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(online.Background, "start", lambda self: (self.pause(), self._thread.start()))
        with torn.opened("auto") as mind:
            with pytest.raises(
                te.StoreDamagedError, match=r"the next opening, goes on .* te.rollback\(path\) takes it"
            ):
                mind[torn.ids["sensory:n00250"]]
            assert mind["new"].id == torn.new
            assert "taken back" not in str(mind.health())
        assert read_pointer(torn.path)[0].upgrade.damaged  # type: ignore[union-attr]
        with torn.opened("auto") as mind:
            assert torn.lost()[0]
            assert len(mind) == len(torn.ids) + 1 - len(torn.lost()[0])
            torn.whole(mind, torn.lost()[0])
            assert any("are lost" in incident for incident in mind.health().incidents)


@pytest.mark.parametrize("phase", ["P2", "P3", "P4"])
def test_what_was_swept_is_lost_nowhere(phase: str, half: Callable[..., Half]) -> None:
    found = half(phase)
    found.flip(said(2), said(250), said(550))
    with found.opened() as mind:
        assert found.lost()[0] == set()
        found.whole(mind)
        assert mind.check() == []
    assert "all 803 rows could be had" in found.lost()[1]
    assert te.history(found.path)[-1].rows_in == len(rows())
    assert "none lost" in str(te.history(found.path)[-1])


@pytest.mark.parametrize("folder", ["gen-000001", "rollback/gen-000001"])
@pytest.mark.parametrize("harm", ["gone", "flipped", "all"])
def test_what_one_copy_holds_is_lost_nowhere(harm: str, folder: str, half: Callable[..., Half]) -> None:
    found = half(own=True)
    if harm == "flipped":
        found.flip(said(250), folder=folder)
    elif harm == "gone":
        found.table(folder).unlink()
    else:
        for path in (found.path / folder).iterdir():
            path.unlink()
    unseen = harm == "flipped" and folder.startswith("rollback")  # nobody reads it on the way
    with found.opened() as mind:
        found.whole(mind)
        assert [finding.kind for finding in mind.check()] == ["rollback point"] * unseen
        assert found.lost()[0] == set()
    if unseen:
        return
    te.rollback(found.path)
    assert {key: value for key, value in read_flat(found.path).items() if key in rows()} == {
        key: value for key, value in rows().items() if not key.endswith(b":n00450")
    }


def test_before_anything_was_counted_a_whole_copy_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in ("gen-000001", "rollback/gen-000001"):
        found = begun(tmp_path / folder, monkeypatch, own=True)
        found.flip(said(250), folder=folder)
        with found.opened() as mind:
            assert len(mind) == N + 1
            assert mind.check() == []
        te.rollback(found.path)
        assert read_flat(found.path) == rows()


@pytest.mark.parametrize("way", ["opened", "taken back"])
def test_before_anything_was_counted_a_file_that_both_lack_is_no_dead_end(
    way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = begun(tmp_path / "old", monkeypatch, tables=3)
    gone = live(found.path / "gen-000001")[0]
    gone.unlink()
    (found.path / "rollback/gen-000001" / gone.name).unlink()
    if way == "taken back":
        assert te.rollback(found.path).succeeded
        assert any(b"something new" in value for value in read_flat(found.path).values())
    with found.opened() as mind:
        assert "how many could not nobody can tell" in found.lost()[1]
        assert "as if it had not been" in found.lost()[1]
        assert mind["new"].text == "something new"
        assert mind["sensory:n00400"].text == "said anew"
        assert mind.check() == []
        for memory in mind.memories():  # no mark has come upon another
            assert memory.text in ("something new", "said anew") or said(int(str(memory.key)[-5:])) == memory.text
        assert len(mind) > N // 4


def test_each_copy_gives_what_the_other_lacks(half: Callable[..., Half]) -> None:
    found = half(own=True)
    found.flip(said(250))
    found.flip(said(550), folder="rollback/gen-000001")
    with found.opened() as mind:
        found.whole(mind)
        assert mind.check() == []
    assert found.lost()[0] == set()


def test_what_was_forgotten_and_then_lost_is_both(half: Callable[..., Half]) -> None:
    found = half(forget="sensory:n00250")
    found.flip(said(250))
    with found.opened() as mind:
        lost = found.lost()[0]
        assert found.ids["sensory:n00250"] in lost
        found.whole(mind, lost)
        assert mind.stats().forgotten == 1
        assert mind.check() == []
    te.rollback(found.path)
    assert b"sensory:n00250" not in read_flat(found.path)


def test_without_room_to_mend_it_waits(torn: Half, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(source: Path) -> None:
        raise te.StoreFullError(source, "no room, for the test")

    with monkeypatch.context() as patch:
        patch.setattr(bare_salvage, "needs_room", full)
        patch.setattr(online, "_RETRY_SECONDS", 0.01)
        with torn.opened("auto") as mind:
            heard: list[str] = []
            mind.events.subscribe("upgrade", lambda event: heard.append(event.data["what"]))
            until(lambda: "waits" in heard)
            patch.undo()
            until(lambda: mind.upgrade.status().stage == "SOAK")
            torn.whole(mind, torn.lost()[0])


def test_it_is_taken_back_with_what_can_be_read(torn: Half) -> None:
    report = te.rollback(torn.path)
    assert report.succeeded
    lost = torn.lost()[0]
    assert lost
    back = read_flat(torn.path)
    gone = {key.encode() for key, id_ in torn.ids.items() if id_ in lost} | {b"sensory:n00450"}
    assert {key for key in back if key.startswith(b"sensory:n") and key in rows()} == {
        key for key in rows() if key.startswith(b"sensory:")
    } - gone
    with te.open(torn.path, upgrade="wait") as mind:
        assert mind["new"].id == torn.new
        assert mind["sensory:n00400"].text == "said anew"
        assert mind.check() == []
    assert len(list((torn.path / "quarantine").iterdir())) == 2


def test_taken_back_by_an_open_mind(half: Callable[..., tuple[Half, te.ThoughtEngine]]) -> None:
    found, mind = half(stays=True)
    found.flip(said(250), said(550))
    report = mind.upgrade.rollback()
    assert report is not None
    assert report.succeeded
    assert any(b"something new" in value for value in read_flat(found.path).values())


def test_damaged_a_second_time_it_goes_on(torn: Half, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(online.Background, "start", lambda self: (self.pause(), self._thread.start()))
        with torn.opened("auto") as mind, pytest.raises(te.StoreDamagedError):
            mind[torn.ids["sensory:n00250"]]
        torn.opened("auto").close()
    first = torn.lost()[0]
    torn.flip(said(350), folder="gen-000003")
    with torn.opened() as mind:
        lost = torn.lost()[0]
        assert first < lost
        assert torn.ids["sensory:n00350"] in lost - first
        torn.whole(mind, lost)
        assert mind.check() == []


def test_what_damage_takes_in_the_soak_comes_back_beside_what_was_lost_before(torn: Half) -> None:
    torn.opened().close()
    torn.opened().close()  # what was in a log is in a table
    lost = torn.lost()[0]
    last = max(n for n in range(250, 310) if torn.ids[f"sensory:n{n:05d}"] in lost)
    table = torn.table(f"gen-{read_pointer(torn.path)[0].generation:06d}")
    data = bytearray(table.read_bytes())
    for found in re.finditer(said(last + 1)[-30:].encode(), bytes(data)):  # in the memory, and in its origin
        data[found.start() + 9] ^= 4
    table.write_bytes(data)
    with torn.opened() as mind, pytest.raises(te.StoreDamagedError):
        list(mind.memories())
    with torn.opened() as mind:
        torn.whole(mind, lost)
        assert mind.check() == []


def test_where_nothing_tells_which_rows_there_were_that_is_told(torn: Half) -> None:
    note = torn.path / "gen-000001" / "ROWS"
    note.write_bytes(note.read_bytes()[:-5])
    with torn.opened() as mind:
        assert "may be those of other memories now" in torn.lost()[1]
        assert mind["sensory:n00001"].text == said(1)
        assert mind["new"].id == torn.new
        assert mind.check() == []


def test_a_value_that_is_not_what_it_was_is_none(half: Callable[..., Half], tmp_path: Path) -> None:
    """An earlier value of a row, which a damaged table does not hide any more, is no row of the store."""
    path = tmp_path / "half"
    write_flat(
        path, {key: b'{"raw": "before"}' for key in rows() if key.startswith(b"sensory:")} | {b"sensory:zz": b"{}"}
    )
    write_flat(path, {b"sensory:zz": None})
    found = half()
    found.flip(said(250), said(550))
    with found.opened() as mind:
        found.whole(mind, found.lost()[0])
        assert found.ids["sensory:n00250"] in found.lost()[0]
        assert "sensory:zz" not in mind
        assert mind.check() == []


@pytest.mark.parametrize("at", range(1, 4))
def test_killed_while_it_is_mended_it_is_mended_by_the_next(
    torn: Half, at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    right, n = FolderStore.update_pointer, 0

    def killed(self: FolderStore, **changes: object) -> None:
        nonlocal n
        n += "quarantine" in changes or "damaged" in str(changes.get("upgrade"))
        if n == at:
            raise Killed
        right(self, **changes)

    with monkeypatch.context() as patch:
        patch.setattr(FolderStore, "update_pointer", killed)
        with pytest.raises(Killed):
            torn.opened()
    with torn.opened() as mind:
        torn.whole(mind, {id_ for key, id_ in torn.ids.items() if key not in mind} - {torn.ids["sensory:n00450"]})
        assert mind.check() == []


def test_of_a_merge_the_old_files_are_given_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What an old program has deleted and what damage took would look the same: nothing is merged."""
    path = tmp_path / "old"
    write_flat(path, rows())
    with monkeypatch.context() as patch:
        patch.setattr(lifting, "SMALL", 1 << 20)
        with te.open(path) as mind:
            mind.remember("something new", key="new")
        te.rollback(path)
        write_flat(path, {}, compact=True)

        class Killed(BaseException):
            pass

        def kill(what: str, done: int, total: int | None) -> None:
            if done > 150:
                raise Killed

        with pytest.raises(Killed):
            te.upgrade(path, progress=kill)
        Half(path, {}).flip(said(250), said(550))
        with pytest.raises(te.StoreDamagedError, match=r"te.rollback\(path\).*salvage=True"):
            te.upgrade(path)
        te.rollback(path)
        te.upgrade(path, into=tmp_path / "new", salvage=True)
        with te.open(tmp_path / "new") as mind:
            assert mind["new"].text == "something new"
            assert mind["sensory:n00250"].text == said(250)
            assert mind.check() == []


def test_the_note_of_the_rows_is_small(half: Callable[..., Half]) -> None:
    packed = (half().path / "gen-000001" / "ROWS").read_bytes()
    assert len(packed) < 16 * len(rows())
    assert zlib.decompress(packed)
