"""The pointer file: read back, damaged, older, newer; its second copy."""

import contextlib
import errno
import re
import zlib
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.damage.listing import listing
from thoughtengine.errors import (
    StoreDamagedError,
    StoreError,
    StoreNewerError,
    StoreNotFoundError,
    StoreTooOldError,
)
from thoughtengine.storage.keyspace import FORMAT
from thoughtengine.storage.pointer import (
    STORE,
    EncoderIdentity,
    Mark,
    Pointer,
    parse,
    read_pointer,
    render,
    write_pointer,
)

POINTER = Pointer(
    uuid="12345678-1234-5678-1234-567812345678",
    components={"storage": 1},
    encoder=EncoderIdentity(name="toy é", dimension=8, fingerprint="x"),
    generation=3,
    mark=Mark(generation=3, sequence=1000, next_id=400, memories=399),
    created="2024-05-08T12:00:00+00:00",
    written_by="thoughtengine 0.1.0",
    backups=({"path": "b", "kind": "backup", "at": "now"},),
    files={"CURRENT": (16, "00ff"), "000005.ldb": (10, None)},
    content={"rows": {"memory": 1}, "digest": "ab"},
)


def line(body: bytes) -> bytes:
    return b"%08x %s\n" % (zlib.crc32(body), body)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "gen-000003").mkdir()
    write_pointer(tmp_path, POINTER)
    return tmp_path


def test_what_was_written_is_read_back(root: Path) -> None:
    assert read_pointer(root) == (POINTER, None)
    assert (root / STORE).read_bytes() == render(POINTER) == (root / "STORE.bak").read_bytes()
    assert sorted(path.name for path in root.iterdir()) == ["STORE", "STORE.bak", "gen-000003"]


def test_it_is_one_line_that_a_human_can_read(root: Path) -> None:
    assert re.fullmatch(rb"[0-9a-f]{8} \{.*\}\n", (root / STORE).read_bytes())


def test_fields_of_a_later_release_that_this_one_can_read_are_passed_over() -> None:
    mark = {"sequence": 5, "next_id": 3, "invented_later": 7}
    body = {"uuid": "u", "format": FORMAT + 1, "min_reader": FORMAT, "invented_later": [1], "mark": mark}
    pointer = parse(line(msgspec.json.encode(body)), "STORE")
    assert pointer.format == FORMAT + 1
    assert pointer.mark == Mark(sequence=5, next_id=3, next_receipt=1)  # of a release before it covers no receipt


# ---- damage


def test_every_changed_byte_is_told() -> None:
    data = render(POINTER)
    for at in range(len(data)):
        for bit in range(8):
            with pytest.raises(StoreDamagedError) as told:
                parse(data[:at] + bytes((data[at] ^ 1 << bit,)) + data[at + 1 :], f"mind/{STORE}")
            assert told.value.file == STORE


def test_every_cut_is_told() -> None:
    data = render(POINTER)
    for end in range(len(data)):
        with pytest.raises(StoreDamagedError):
            parse(data[:end], f"mind/{STORE}")


CRAFTED: list[dict[str, Any]] = [
    {"generation": -1},
    *({"mark": {name: n}} for name in ("sequence", "next_id", "next_receipt", "memories") for n in (-1, 1 << 63, 1 << 70)),
    {"mark": {"skipped": [0, 1 << 70]}},
    {"mark": {"reach": [-1, 0]}},
    {"encoding": {"id": "../x", "begun": ""}},
    {"encoding": {"id": "x", "begun": "", "until": "soon"}},
    *({"upgrade": {"id": name}} for name in ("", "..", "../../victim", "/victim", "a/b", "a\\b", "a\0", "a\n", "x" * 200)),
    *({"upgrade": {"id": "x", "rollback": to}} for to in ("..", "rollback/..", "rollback/gen-1/..", "/gen-1", "gen-1")),
    *({"upgrade": {"id": "x", "until": when}} for when in ("soon", "2026-02-31T00:00:00+00:00", "2026-01-08T00:00:00")),
    *({"upgrade": {"id": "x", name: n}} for name in ("old", "fork", "fork_id", "fork_receipt") for n in (-1, 1 << 70)),
    {"upgrade": {"id": "x", "lost": [[-1, 1]]}},
    {"beneath": [{"id": "../x"}]},
]  # fmt: skip


@pytest.mark.parametrize("fields", CRAFTED, ids=str)
def test_what_no_release_writes_is_damage_though_the_checksum_is_right(root: Path, fields: dict[str, Any]) -> None:
    data = line(msgspec.json.encode({"uuid": "u", "format": FORMAT, "min_reader": FORMAT} | fields))
    with pytest.raises(StoreDamagedError, match="does not decode"):
        parse(data, f"mind/{STORE}")
    (root / STORE).write_bytes(data)
    assert read_pointer(root)[0] == POINTER
    (root / "STORE.bak").write_bytes(data)
    with pytest.raises(StoreDamagedError, match=r"te\.restore a backup"):
        read_pointer(root)


@pytest.mark.parametrize(
    "note",
    [
        {"id": "20260108T101112-1f2e", "rollback": "rollback/gen-000001", "until": "2026-01-08T00:00:00+00:00"},
        {"id": "20260108T101112-down", "rollback": "rollback/gen-000002-1f2e-purged-0a1b2c3d", "fork_id": 1 << 32},
        {"id": "probe", "old": 1, "lost": [[1, 3], [9, 1]]},
    ],
)
def test_what_releases_have_written_is_none(note: dict[str, Any]) -> None:
    note |= {"begun": "2026-01-01T00:00:00.000001+00:00"}
    body = {
        "uuid": "u",
        "mark": {"next_id": (1 << 32) + 5, "skipped": [51, 1 << 32]},
        "upgrade": note,
        "beneath": [note],
    }
    assert (
        parse(line(msgspec.json.encode(body)), STORE).upgrade
        == parse(line(msgspec.json.encode(body)), STORE).beneath[0]
    )


@pytest.mark.parametrize(
    "data", [b"", b"\n", b"garbage\n", render(POINTER)[:-1], render(POINTER)[:40] + b"\n", bytes(99)]
)
def test_the_second_copy_answers_where_the_first_does_not_verify(root: Path, data: bytes) -> None:
    (root / STORE).write_bytes(data)
    pointer, damage = read_pointer(root)
    assert pointer == POINTER
    assert damage is not None
    assert damage.startswith("STORE: ")


def test_the_second_copy_answers_where_the_first_is_gone(root: Path) -> None:
    (root / STORE).unlink()
    pointer, damage = read_pointer(root)
    assert pointer == POINTER
    assert damage is not None
    assert "missing" in damage


def test_the_second_copy_answers_where_a_folder_lies_in_the_place_of_the_first(root: Path) -> None:
    (root / STORE).unlink()
    (root / STORE).mkdir()
    pointer, damage = read_pointer(root)
    assert pointer == POINTER
    assert damage is not None
    assert "cannot be read: Is a directory" in damage
    (root / "STORE.bak").unlink()
    with pytest.raises(StoreDamagedError, match="Is a directory"):
        read_pointer(root)


def test_the_second_copy_answers_where_the_medium_does_not_give_the_first(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = Path.read_bytes

    def broken(path: Path) -> bytes:
        if path.name == STORE:
            raise OSError(errno.EIO, "Input/output error", str(path))
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", broken)
    assert read_pointer(root)[0] == POINTER


def test_the_second_copy_answers_only_for_a_generation_that_is_there(root: Path) -> None:
    (root / "gen-000003").rmdir()
    (root / STORE).write_bytes(b"garbage\n")
    with pytest.raises(StoreDamagedError):
        read_pointer(root)


def test_damage_to_the_second_copy_alone_is_no_matter(root: Path) -> None:
    (root / "STORE.bak").write_bytes(b"garbage\n")
    assert read_pointer(root) == (POINTER, None)
    (root / "STORE.bak").unlink()
    assert read_pointer(root) == (POINTER, None)


def test_both_damaged_is_a_typed_error(root: Path) -> None:
    for name in (STORE, "STORE.bak"):
        (root / name).write_bytes(b"garbage\n")
    with pytest.raises(StoreDamagedError):
        read_pointer(root)


def test_what_is_no_file_in_the_place_of_either_is_a_typed_error(root: Path) -> None:
    (root / "STORE").write_bytes(b"")
    (root / "STORE.bak").unlink()
    (root / "STORE.bak").mkdir()
    with pytest.raises(StoreDamagedError):
        read_pointer(root)
    (root / "STORE").unlink()
    (root / "STORE").mkdir()
    with pytest.raises(StoreError, match="cannot be read"):
        read_pointer(root)


def test_both_gone_from_a_mind_is_damage_and_not_an_empty_place(root: Path) -> None:
    for name in (STORE, "STORE.bak"):
        (root / name).unlink()
    (root / "gen-000003" / "CURRENT").write_bytes(b"MANIFEST-000002\n")
    with pytest.raises(StoreDamagedError, match=r"te\.restore"):
        read_pointer(root)


@pytest.mark.parametrize(
    "older",
    [
        msgspec.structs.replace(POINTER, generation=2),
        msgspec.structs.replace(POINTER, mark=Mark(generation=3, sequence=999)),
    ],
)
def test_an_older_copy_put_in_its_place_does_not_answer(root: Path, older: Pointer) -> None:
    (root / STORE).write_bytes(render(older))
    pointer, damage = read_pointer(root)
    assert pointer == POINTER
    assert damage is not None
    assert "older copy" in damage


def test_the_second_copy_of_another_mind_does_not_answer(root: Path) -> None:
    other = msgspec.structs.replace(POINTER, uuid="other", generation=9)
    (root / "gen-000009").mkdir()
    (root / "STORE.bak").write_bytes(render(other))
    assert read_pointer(root) == (POINTER, None)


def test_a_second_copy_that_was_not_written_any_more_is_no_matter(root: Path) -> None:
    later = msgspec.structs.replace(POINTER, mark=Mark(generation=3, sequence=2000))
    (root / STORE).write_bytes(render(later))
    assert read_pointer(root) == (later, None)


# ---- other formats


@pytest.mark.parametrize("need", [FORMAT + 1, 99, 1 << 40])
def test_a_newer_store_tells_what_it_needs(root: Path, need: int) -> None:
    body = msgspec.json.encode({"uuid": "u", "min_reader": need, "written_by": "thoughtengine 9", "state": {"new": 1}})
    (root / STORE).write_bytes(line(body))
    before = listing(root)
    with pytest.raises(StoreNewerError, match="thoughtengine 9") as told:
        read_pointer(root)
    assert (told.value.have, told.value.need) == (FORMAT, need)
    assert listing(root) == before


def test_a_newer_second_copy_is_told_where_the_first_is_damaged(root: Path) -> None:
    (root / STORE).write_bytes(b"garbage\n")
    (root / "STORE.bak").write_bytes(line(msgspec.json.encode({"uuid": "u", "min_reader": FORMAT + 1})))
    with pytest.raises(StoreNewerError):
        read_pointer(root)


def test_an_older_store_is_told(root: Path) -> None:
    (root / STORE).write_bytes(render(msgspec.structs.replace(POINTER, format=1, min_reader=1)))
    with pytest.raises(StoreTooOldError, match="format 1"):
        read_pointer(root)


# ---- fuzz

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
FIELDS = sorted(msgspec.structs.asdict(POINTER))


def parses_or_tells(data: bytes) -> None:
    with contextlib.suppress(StoreError):
        assert isinstance(parse(data, "x/STORE"), Pointer)


@given(st.binary(max_size=200))
def test_random_bytes_are_told(data: bytes) -> None:
    with pytest.raises(StoreDamagedError):
        parse(data, "x/STORE")
    parses_or_tells(line(data))


@given(st.dictionaries(st.sampled_from(FIELDS), json_values, max_size=4))
def test_any_json_under_a_right_checksum_reads_or_is_told(changes: dict[str, Any]) -> None:
    parses_or_tells(line(msgspec.json.encode(msgspec.to_builtins(POINTER) | changes)))


@pytest.mark.parametrize(
    "body", [b"[" * 100_000, b'{"a":' * 100_000, b"1" * 5000, b'{"uuid": "\xed\xa0\x80"}', b"null", b"[]"]
)
def test_hostile_json_is_told(body: bytes) -> None:
    with pytest.raises(StoreDamagedError):
        parse(line(body), "x/STORE")


# ---- where there is none


def test_an_empty_or_foreign_folder_or_a_file_is_no_mind(tmp_path: Path) -> None:
    with pytest.raises(StoreNotFoundError, match="empty"):
        read_pointer(tmp_path)
    (tmp_path / "other.txt").write_text("x")
    with pytest.raises(StoreNotFoundError, match="other files"):
        read_pointer(tmp_path)
    with pytest.raises(StoreNotFoundError, match="file"):
        read_pointer(tmp_path / "other.txt")
    with pytest.raises(StoreNotFoundError, match=r"create=False"):
        read_pointer(tmp_path / "nothing")


def test_a_backup_is_told_from_a_mind(tmp_path: Path) -> None:
    write_pointer(tmp_path, POINTER, "BACKUP")
    with pytest.raises(StoreNotFoundError, match=r"te\.restore"):
        read_pointer(tmp_path)


# ---- writing


def test_a_second_copy_that_cannot_be_written_is_no_error(root: Path) -> None:
    (root / "STORE.bak").unlink()
    (root / "STORE.bak.part").mkdir()
    later = msgspec.structs.replace(POINTER, generation=4)
    write_pointer(root, later)
    assert read_pointer(root)[0] == later


def test_a_first_copy_that_cannot_be_written_leaves_the_one_before(root: Path) -> None:
    (root / "STORE.part").mkdir()
    with pytest.raises(OSError, match=r"STORE\.part"):
        write_pointer(root, msgspec.structs.replace(POINTER, generation=4))
    assert read_pointer(root) == (POINTER, None)
