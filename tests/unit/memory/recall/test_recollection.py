"""What a recall is worth away from its mind."""

import copy
import pickle
from pathlib import Path

import thoughtengine as te


def test_a_recall_is_copied_with_its_mind_and_pickled_without(tmp_path: Path) -> None:
    with te.open(tmp_path / "mind") as mind:
        for n in range(3):
            mind.remember(f"Tea number {n} only.", at=f"2026-03-0{n + 1}T08:00:00+00:00")
        found = mind.recall("tea", k=1)
        wide = found.context()
        assert len(wide) > len(str(found))
        for copied in (copy.copy(found), copy.deepcopy(found)):
            assert (copied.hits, copied.fits, copied.context()) == (found.hits, found.fits, wide)
        data = pickle.dumps(found)
    back = pickle.loads(data)
    assert (back.hits, back.cue, back.fits, str(back)) == (found.hits, found.cue, found.fits, str(found))
    assert back.context().splitlines()[1:] == [f"[{found[0].id}] {found[0].text}"]
    assert [one.id for one in back.cited(f"As you said: [{found[0].id}].")] == [found[0].id]
