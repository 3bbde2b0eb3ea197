"""Scene 4: one bit flips in a copy; it names the file, and tells what it did about it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import attrs

import thoughtengine as te
from thoughtengine.demo.page import Page
from thoughtengine.demo.stage import Promise, Stage
from thoughtengine.errors import RecordError, StoreDamagedError

__all__ = ["Damage", "Flip", "flip_where_it_hurts", "play", "show"]

_Contents = dict[int, tuple[object, ...]]
_PIECE = 12
_LISTED = ("(deleting its file acknowledges one)", "(listed until you delete its file in incidents/)")
_LINES = 3


@attrs.frozen(kw_only=True)
class Flip:
    """One bit that was turned over.

    Attributes
    ----------
    file : str
        Relative to the mind's folder.
    offset, bit : int
        Byte from 0, and bit of it from 0.
    size : int
        Bytes in the file.
    in_text_of : int or None
        The memory whose text lies there, where the bytes of one were found.
    """

    file: str
    offset: int
    bit: int
    size: int
    in_text_of: int | None


@attrs.frozen(kw_only=True)
class Damage:
    """What the flip did, and what was done about it.

    Attributes
    ----------
    flip : Flip
        The damage.
    findings : tuple of str
        What `check` said about the closed copy.
    told : tuple of str
        What opening and reading it said: errors, and incidents.
    named : bool
        Whether the file was named by the check, an error or an incident.
    n_memories : int
        How many there were.
    n_intact, n_altered : int
        How many came back as they were, and how many came back otherwise: a wrong answer.
    lost : tuple of int
        The ids that did not come back.
    quarantined : tuple of str
        What lies in quarantine now.
    n_restored : int
        How many came back from the backup as they were.
    opened : bool
        Whether the damaged copy could be opened and read to its end.
    sound_after : bool
        Whether the check of the copy is empty after the repair, and that of the restored backup too.
    """

    flip: Flip
    findings: tuple[str, ...]
    told: tuple[str, ...]
    named: bool
    n_memories: int
    n_intact: int
    n_altered: int
    lost: tuple[int, ...]
    quarantined: tuple[str, ...]
    n_restored: int
    opened: bool
    sound_after: bool

    @property
    def harmless(self) -> bool:
        """Whether the flip hit nothing of value."""
        return self.n_intact == self.n_memories

    @property
    def promises(self) -> tuple[Promise, ...]:
        """Tell what was promised, and whether it held."""
        noticed = "the damage was named" if self.named else "the flip hit nothing of value"
        told = self.named or self.harmless
        return (
            Promise(
                f"{noticed}, the rest is served, no memory came back altered",
                told and self.opened and not self.n_altered,
            ),
            Promise(
                f"the backup gave all {self.n_restored:,} back, and both checks are empty now",
                self.n_restored == self.n_memories and self.sound_after,
            ),
        )


def play(stage: Stage) -> Damage:
    """Back up, restore a copy, flip a bit in it, check it, open it, read it; then restore the backup again."""
    te.backup(stage.mind, stage.backup)
    copy, again = stage.folder / "damaged-copy", stage.scratch("restored")
    te.restore(stage.backup, copy)
    before = _contents(stage.mind)
    flip = flip_where_it_hurts(copy, before)
    findings = tuple(str(finding) for finding in te.check(copy))
    after, told = _open_and_read(copy)
    given = after or {}
    te.restore(stage.backup, again)
    restored = _contents(again)
    name = Path(flip.file).name
    return Damage(
        flip=flip,
        findings=findings,
        told=told,
        named=any(name in line for line in (*findings, *told)),
        n_memories=len(before),
        n_intact=sum(given.get(id) == content for id, content in before.items()),
        n_altered=sum(id not in before or before[id] != content for id, content in given.items()),
        lost=tuple(sorted(before.keys() - given.keys())),
        quarantined=_names_in(copy / "quarantine"),
        n_restored=sum(restored.get(id) == content for id, content in before.items()),
        opened=after is not None,
        sound_after=not te.check(copy) and not te.check(again),
    )


def flip_where_it_hurts(folder: Path, contents: _Contents) -> Flip:
    """Turn one bit over in a closed mind: in the text of a memory where one can be found, else in its largest file.

    Parameters
    ----------
    folder : pathlib.Path
        A closed mind, a copy: it is damaged.
    contents : dict
        Id to what is known of each memory, its text first.

    Returns
    -------
    Flip
        Where.
    """
    files = sorted(
        (p for p in folder.glob("gen-*/*") if p.suffix in {".ldb", ".sst", ".log"}),
        key=lambda p: (p.suffix == ".log", -p.stat().st_size),
    )
    victim, offset, id = _place_in(files, contents)
    data = bytearray(victim.read_bytes())
    data[offset] ^= 1
    # a new file under the old name: the copy may share its bytes with the original by a hard link
    part = victim.with_suffix(".part")
    part.write_bytes(data)
    os.replace(part, victim)
    relative = str(victim.relative_to(folder))
    return Flip(file=relative, offset=offset, bit=0, size=len(data), in_text_of=id)


def _place_in(files: Sequence[Path], contents: _Contents) -> tuple[Path, int, int | None]:
    """Find bytes of a text as they stand in a file; tables are compressed, so the first piece of most is not enough."""
    middle = sorted(contents)[len(contents) // 3 :]
    for path in files:
        data = path.read_bytes()
        for id in middle[:200]:
            text = str(contents[id][0] or "").encode("utf-8", "replace")
            offset = data.find(text[:_PIECE]) if len(text) >= _PIECE else -1
            if offset >= 0:
                return path, offset + _PIECE // 2, id
    largest = max(files, key=lambda p: p.stat().st_size)
    return largest, largest.stat().st_size // 3, None


def _open_and_read(folder: Path) -> tuple[_Contents | None, tuple[str, ...]]:
    """Read all of a damaged mind, as a host would that follows what the errors say: close it and open it again."""
    told: list[str] = []
    for _ in range(3):
        try:
            return _contents(folder, told), tuple(told)
        except (StoreDamagedError, RecordError) as error:
            told.append(f"{type(error).__name__}: {error}")
    return None, tuple(told)


def _contents(folder: Path, told: list[str] | None = None) -> _Contents:
    with te.open(folder, create=False) as mind:
        if told is not None:
            health = mind.health()
            told += [str(reason).replace(*_LISTED) for reason in getattr(health, "reasons", ())]
        return {m.id: (m.text, m.at, m.source, m.tags, m.key) for m in mind.memories()}


def _names_in(folder: Path) -> tuple[str, ...]:
    return tuple(sorted(p.name for p in folder.iterdir())) if folder.is_dir() else ()


def show(outcome: Damage, page: Page) -> None:
    """Draw what was damaged, said, done and lost."""
    flip = outcome.flip
    where = "the largest file" if flip.in_text_of is None else f"the text of memory {flip.in_text_of}"
    page.say(f"In a copy, byte {flip.offset:,} of {flip.file} ({flip.size:,} bytes), in {where}: one bit turned over.")
    for title, lines in (("te.check", outcome.findings), ("te.open", outcome.told)):
        for line in lines[:_LINES]:
            page.item(title, line)
        if len(lines) > _LINES:
            page.item("", f"and {len(lines) - _LINES} more")
        if not lines:
            page.item(title, "nothing found")
    kept = f"{outcome.n_intact:,} of {outcome.n_memories:,} memories as they were, {outcome.n_altered} altered"
    page.item("it gave", kept)
    if outcome.lost:
        page.item("lost", _cost(outcome))
    if outcome.quarantined:
        page.item("it kept", ", ".join(f"quarantine/{name}" for name in outcome.quarantined))
    if outcome.harmless:
        page.item("so", "this bit cost nothing")


def _cost(outcome: Damage) -> str:
    """Say what the damaged block took along, and where that came back from."""
    n = len(outcome.lost)
    which = "every memory" if n == outcome.n_memories else _numbers(outcome.lost)
    why = "all of this mind is one block, and it was" if n == outcome.n_memories else "they lay in the block that was"
    back = "all came back from the backup" if outcome.n_restored == outcome.n_memories else "the backup has not all"
    return f"{which}, from this copy: {why} damaged; {back}"


def _numbers(ids: Sequence[int]) -> str:
    """Name a few ids of many."""
    shown = ", ".join(map(str, ids[:6]))
    return f"{len(ids)} ({'id ' if len(ids) == 1 else 'ids '}{shown}{', …' if len(ids) > 6 else ''})"
