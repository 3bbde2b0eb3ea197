"""Damage within the soak: what the sealed copy or an origin holds is not lost, and the way back stays open."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path

import pytest

import thoughtengine as te
from tests.flat import read_flat, write_flat
from thoughtengine.migrations import regain

N = 1500


def old_rows() -> dict[bytes, bytes]:
    """Return rows of which each fifth has an emotion beside it, and some that are no memories."""
    rows = {b"thought:patterns": b"[]", b"weather:today": b"rain"}
    for n in range(N):
        noise = random.Random(n).randbytes(60).hex()
        rows[b"sensory:k%05d" % n] = json.dumps({"timestamp": n, "type": "sensory", "raw": f"word{n} {noise}"}).encode()
        if n % 5 == 0:
            rows[b"emotion:k%05d" % n] = json.dumps({"processed_at": n, "valence": 0.5}).encode()
    return rows


@pytest.fixture(scope="module")
def soaking(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("soak") / "mind"
    write_flat(path, old_rows(), compact=True)
    with te.open(path, upgrade="wait") as mind:
        mind.forget("sensory:k00007")
        mind.forget("sensory:k00011", erase=True)
        mind.remember("new", key="sensory:new")
    with te.open(path):
        pass
    return path


def expected() -> dict[bytes, bytes]:
    """Return the rows that must be there again: not what was forgotten or erased."""
    return {key: value for key, value in old_rows().items() if key not in (b"sensory:k00007", b"sensory:k00011")}


def damaged(soaking: Path, path: Path, seed: int) -> Path:
    shutil.copytree(soaking, path)
    table = max(path.glob("gen-*/*.ldb"), key=lambda file: file.stat().st_size)
    data = bytearray(table.read_bytes())
    for place in random.Random(seed).sample(range(int(len(data) * 0.95)), 8):
        data[place] ^= 1
    table.write_bytes(data)
    assert te.check(path)
    return path


@pytest.mark.parametrize("seed", range(6))
def test_what_a_salvage_took_comes_back_and_so_does_the_way_back(soaking: Path, tmp_path: Path, seed: int) -> None:
    path = damaged(soaking, tmp_path / "mind", seed)
    with te.open(path) as mind:
        assert mind.check() == []
        assert "sensory:k00007" not in mind
        missing = {f"sensory:k{n:05d}" for n in range(N) if f"sensory:k{n:05d}" not in mind}
        assert missing == {"sensory:k00007", "sensory:k00011"}
    te.rollback(path)
    flat = read_flat(path)
    assert {key: flat.get(key) for key in expected()} == expected()
    assert b"sensory:k00007" not in flat
    assert b"sensory:k00011" not in flat


@pytest.mark.parametrize("seed", range(3))
def test_the_way_back_brings_what_an_earlier_salvage_had_given_up(
    soaking: Path, tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = damaged(soaking, tmp_path / "mind", seed)
    with monkeypatch.context() as patch:
        patch.setattr(regain, "regain", lambda store: 0)
        with te.open(path) as mind:
            assert len(mind) < N - 1
    te.rollback(path)
    flat = read_flat(path)
    assert {key: flat.get(key) for key in expected()} == expected()
    assert b"sensory:k00007" not in flat
    with te.open(path, upgrade="wait") as mind:
        assert mind.check() == []
        assert {f"sensory:k{n:05d}" for n in range(N) if f"sensory:k{n:05d}" not in mind} == {
            "sensory:k00007",
            "sensory:k00011",
        }


def test_after_the_soak_the_way_down_leads_through_a_loss(soaking: Path, tmp_path: Path) -> None:
    path = tmp_path / "mind"
    shutil.copytree(soaking, path)
    with te.open(path) as mind:
        mind.upgrade.commit()
    path = damaged(path, tmp_path / "damaged", 1)
    with te.open(path) as mind:
        assert mind.check() == []
    te.rollback(path, to=1)
    flat = read_flat(path)
    said = {key: json.loads(value)["raw"] for key, value in expected().items() if key.startswith(b"sensory:")}
    there = {key: json.loads(flat[key])["raw"] for key in said if key in flat}
    assert there == {key: said[key] for key in there}  # one whose own bytes are lost comes down as JSON of its layer
    assert len(there) > N / 2


def test_a_damaged_sealed_copy_is_named_and_so_is_the_way_round_it(soaking: Path, tmp_path: Path) -> None:
    path = tmp_path / "mind"
    shutil.copytree(soaking, path)
    table = max(path.glob("rollback/*/*.ldb"), key=lambda file: file.stat().st_size)
    data = bytearray(table.read_bytes())
    data[len(data) // 2] ^= 1
    table.write_bytes(data)
    for _ in range(2):
        with pytest.raises(te.StoreDamagedError) as told:
            te.rollback(path)
        assert f"{table.parent.relative_to(path)}/{table.name}: " in str(told.value)
        assert "mind.upgrade.commit()" in str(told.value)
        assert "to=1" in str(told.value)
        assert "verify.part" not in str(told.value)
    with te.open(path) as mind:
        assert mind.check() == []
        mind.upgrade.commit()
    te.rollback(path, to=1)
    flat = read_flat(path)
    assert {key: flat.get(key) for key in expected()} == expected()
