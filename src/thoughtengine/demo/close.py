"""Scene 7: where the folder is, how to delete it, how to go on, and that no network was used."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path

import attrs

from thoughtengine.demo.arrive import bytes_in
from thoughtengine.demo.page import Page
from thoughtengine.demo.stage import Promise, Stage
from thoughtengine.demo.words import tokens

__all__ = ["Closing", "play", "show"]


@attrs.frozen(kw_only=True)
class Closing:
    """What stays, and what was tried on the way.

    Attributes
    ----------
    folder, mind : pathlib.Path
        The demo's folder, and the mind in it.
    disk_bytes : int
        What the folder takes.
    attempts : tuple of str
        Sockets that were asked for, and refused.
    proven : bool
        Whether a socket asked for on purpose was refused.
    cue : str
        Something to ask the mind.
    """

    folder: Path
    mind: Path
    disk_bytes: int
    attempts: tuple[str, ...]
    proven: bool
    cue: str

    @property
    def promises(self) -> tuple[Promise, ...]:
        """Tell what was promised, and whether it held."""
        n = len(self.attempts)
        text = f"no network: sockets were refused throughout (tried on purpose: refused), {n} attempts to open one"
        return (Promise(text, self.proven and not n),)


def play(stage: Stage) -> Closing:
    """Clear up, and look at what is left."""
    shutil.rmtree(stage.folder / "scratch", ignore_errors=True)
    words = next((found for text in stage.material.texts if (found := tokens(text))), ["tea"])
    return Closing(
        folder=stage.folder,
        mind=stage.mind,
        disk_bytes=bytes_in(stage.folder),
        attempts=tuple(stage.guard.attempts),
        proven=stage.guard.prove(),
        cue=" ".join(words[:3]),
    )


def show(outcome: Closing, page: Page) -> None:
    """Draw where it is, and how to go on."""
    page.line(f"{outcome.folder}  ({outcome.disk_bytes / 1024:,.0f} KiB)")
    page.item("mind/", "your memories: open it whenever you like")
    page.item("backup/", "its backup; damaged-copy/ is what scene 4 left, quarantine and incident included")
    page.line("To delete it all:", style="faint")
    page.line(f"rm -r {shlex.quote(str(outcome.folder))}", indent=4)
    page.line("To go on:", style="faint")
    page.line("import thoughtengine as te", indent=4)
    page.line(f"print(te.open({str(outcome.mind)!r}).recall({outcome.cue!r}))", indent=4)
