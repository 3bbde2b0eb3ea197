"""Scene 1: real experiences come in."""

from __future__ import annotations

import datetime as dt
import time
from pathlib import Path

import attrs

import thoughtengine as te
from thoughtengine.demo.page import Page
from thoughtengine.demo.stage import Promise, Stage
from thoughtengine.wording import counted

__all__ = ["Arrival", "bytes_in", "play", "show"]

_RATED = 100  # experiences from which on a rate says something


@attrs.frozen(kw_only=True)
class Arrival:
    """What was remembered, and at what price.

    Attributes
    ----------
    what : str
        Where it comes from.
    notes : tuple of str
        What was left out, and why.
    n_read, n_stored : int
        Experiences handed in, and memories the mind counts afterwards.
    n_sources, n_tags, n_episodes : int
        How many different ones.
    first, last : datetime.datetime or None
        The span of their dates.
    text_bytes, disk_bytes : int
        UTF-8 length of the texts; size of the mind's folder, without the reserve it keeps for a full disk.
    seconds : float
        Time to remember them all, without reading them.
    sound : bool
        Whether the mind's own check found nothing.
    """

    what: str
    notes: tuple[str, ...]
    n_read: int
    n_stored: int
    n_sources: int
    n_tags: int
    n_episodes: int
    first: dt.datetime | None
    last: dt.datetime | None
    text_bytes: int
    disk_bytes: int
    seconds: float
    sound: bool

    @property
    def promises(self) -> tuple[Promise, ...]:
        """Tell what was promised, and whether it held."""
        stored = self.n_stored == self.n_read and self.sound
        return (Promise(f"all {self.n_read:,} are there when it is opened again, and the check is empty", stored),)


def play(stage: Stage) -> Arrival:
    """Remember the material, close, open again and count."""
    material = stage.material
    start = time.perf_counter()
    with te.open(stage.mind) as mind:
        ids = mind.remember_many(material.experiences)
    seconds = time.perf_counter() - start
    stage.ids[:] = ids
    with te.open(stage.mind, create=False) as mind:
        n_stored, sound = sum(id in mind for id in ids), not mind.check()
    days = sorted(day for day in material.days if day is not None)
    return Arrival(
        what=material.what,
        notes=material.notes,
        n_read=len(material.experiences),
        n_stored=n_stored,
        n_sources=len({e.source for e in material.experiences if e.source}),
        n_tags=len({tag for e in material.experiences for tag in e.tags}),
        n_episodes=len({e.episode for e in material.experiences if e.episode}),
        first=days[0] if days else None,
        last=days[-1] if days else None,
        text_bytes=sum(len(text.encode("utf-8", "replace")) for text in material.texts),
        disk_bytes=bytes_in(stage.mind),
        seconds=seconds,
        sound=sound,
    )


def bytes_in(folder: Path) -> int:
    """Add up the sizes of the files of a mind, without the reserve it keeps for a full disk.

    Parameters
    ----------
    folder : pathlib.Path
        A closed mind.

    Returns
    -------
    int
        Bytes.
    """
    return sum(p.stat().st_size for p in folder.rglob("*") if p.is_file() and p.name != "reserve.bin")


def show(outcome: Arrival, page: Page) -> None:
    """Draw what came in."""
    page.say(f"From {outcome.what}", style="bold")
    for note in outcome.notes:
        page.say(f"({note})", style="faint")
    rate = f": {outcome.n_read / max(outcome.seconds, 1e-9):,.0f} a second" if outcome.n_read >= _RATED else ""
    page.say(f"{counted(outcome.n_read, 'experience')} remembered in {outcome.seconds:.2f} s{rate}")
    if outcome.first and outcome.last:
        page.say(
            f"{outcome.first:%d %b %Y} to {outcome.last:%d %b %Y}, {counted(outcome.n_sources, 'source')}, "
            f"{counted(outcome.n_tags, 'tag')}, {counted(outcome.n_episodes, 'episode')}"
        )
    page.say(f"{outcome.text_bytes / 1024:,.0f} KiB of text, {outcome.disk_bytes / 1024:,.0f} KiB on disk")
