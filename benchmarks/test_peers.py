"""What every peer must do: keep one and many, find them again, also after it was closed."""

from pathlib import Path

import pytest

from benchmarks import peers
from benchmarks.peers import leveldb
from benchmarks.workloads import items, questions

pytestmark = pytest.mark.filterwarnings("ignore")  # what peers warn of is not our concern


@pytest.mark.parametrize("name", peers.NAMES)
@pytest.mark.parametrize("power", [False, True])
def test_what_is_kept_is_found_again(name: str, power: bool, tmp_path: Path) -> None:
    peer = peers.peer(name)
    if peer.available() is None:
        pytest.skip(f"{name} is not installed")
    kept = list(items(30))
    keeper = peer.open(tmp_path / "kept", power=power)
    keeper.add_one(kept[0])
    keeper.add_many(kept[1:])
    keeper.close()
    keeper = peer.open(tmp_path / "kept", power=power)
    try:
        found = {number for question in questions(kept, 10) for number in keeper.query(question.text, 30)}
        asked = questions(kept, 1)[0]
        assert asked.number in keeper.query(asked.text, 30)
        assert found <= {item.number for item in kept}
    finally:
        keeper.close()


def test_leveldb_is_given_what_a_remember_writes(tmp_path: Path) -> None:
    kept = list(items(3))
    batches = leveldb.rows_of(kept)
    assert len(batches) == len(kept)
    for item, rows in zip(kept, batches, strict=True):
        assert any(item.text.encode() in value for _, value in rows)
    raw = leveldb.open(tmp_path / "raw")
    for rows in batches:
        raw.add_rows(rows)
    raw.close()
