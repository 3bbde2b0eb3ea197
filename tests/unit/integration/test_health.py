import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import attrs
import msgspec
import pytest

from thoughtengine.config import StorageConfig
from thoughtengine.integration.health import Health, health_of
from thoughtengine.storage.copies import backup
from thoughtengine.storage.folder import FolderStore, open_folder
from thoughtengine.storage.incident import record_incident
from thoughtengine.storage.pointer import EncoderIdentity


@pytest.fixture
def store(tmp_path: Path) -> Iterator[FolderStore]:
    store, _ = open_folder(tmp_path / "mind", StorageConfig(), create=True)
    yield store
    store.close()


def look(store: FolderStore, *reasons: str, encoder: str | None = None) -> Health:
    return health_of(store, reasons=list(reasons), encoder=encoder)


def test_a_sound_store_is_fit_to_serve(store: FolderStore) -> None:
    health = look(store)
    assert (health.ok, health.reasons, health.incidents) == (True, (), ())
    assert (health.path, health.memories, health.format, health.generation) == (str(store.root), 0, 2, 1)
    assert (health.encoder, health.last_backup) == (None, None)
    assert health.free_bytes > 0
    assert str(health) == f"{store.root}: sound, 0 memories"


def test_what_is_known_to_be_wrong_above_counts(store: FolderStore) -> None:
    health = look(store, "the encoder is away")
    assert (health.ok, health.reasons) == (False, ("the encoder is away",))
    assert str(health).splitlines() == [f"{store.root}: not sound, 0 memories", "- the encoder is away"]


def test_the_encoder_is_the_one_given_or_the_one_on_record(store: FolderStore) -> None:
    store.update_pointer(encoder=EncoderIdentity(name="stored", dimension=2, fingerprint="f"))
    assert look(store).encoder == "stored"
    assert look(store, encoder="given").encoder == "given"


def test_an_incident_stays_a_reason_until_it_is_acknowledged(store: FolderStore) -> None:
    record_incident(store.root, "damage", "gen-000001/000005.ldb: one bit")
    health = look(store)
    assert not health.ok
    assert len(health.incidents) == 1
    assert health.reasons[0].startswith("1 incident on record, the last: ")
    assert "gen-000001/000005.ldb: one bit" in health.reasons[0]
    record_incident(store.root, "lost tail", "the end of a log")
    assert look(store).reasons[0].startswith("2 incidents on record")
    shutil.rmtree(store.root / "incidents")
    assert look(store).ok


def test_damage_that_was_met_comes_first(store: FolderStore) -> None:
    record_incident(store.root, "damage", "one bit")
    store.pointer = msgspec.structs.replace(store.pointer, state="DAMAGED")
    reasons = look(store, "something else").reasons
    assert reasons[0].startswith("damage was met: close and open again")
    assert len(reasons) == 3
    assert reasons[2] == "something else"


def test_a_disk_that_is_nearly_full_is_told_before_writes_fail(
    store: FolderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nearly_full(path: object) -> os.statvfs_result:
        return os.statvfs_result((1, 1, 100, 100, 100, 0, 0, 0, 0, 255))

    monkeypatch.setattr(os, "statvfs", nearly_full)
    health = look(store)
    assert health.free_bytes == 100
    assert health.reasons == ("only 100 bytes are free on the disk: free some before writes are refused",)


def test_the_last_backup_is_named_and_a_fork_is_none(store: FolderStore, tmp_path: Path) -> None:
    for name in ("one", "two"):
        backup(store.root, tmp_path / name)
    store.update_pointer(backups=(*store.pointer.backups, {"path": "x", "kind": "fork", "at": "2024"}))
    assert (look(store).last_backup or "").endswith(str(tmp_path / "two"))


def test_a_folder_that_is_gone_is_told(store: FolderStore, tmp_path: Path) -> None:
    os.rename(store.root, tmp_path / "elsewhere")
    health = look(store)
    assert not health.ok
    assert "put the folder back" in health.reasons[0]
    os.rename(tmp_path / "elsewhere", store.root)
    assert look(store).ok


def test_it_is_a_record(store: FolderStore) -> None:
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        look(store).ok = False  # type: ignore[misc]
    assert repr(look(store)).startswith("Health(ok=True, reasons=()")
