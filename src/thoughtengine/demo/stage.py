"""What every scene is given, and what it hands back."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

import attrs

if TYPE_CHECKING:
    from thoughtengine.demo.material import Material
    from thoughtengine.demo.offline import Offline
    from thoughtengine.demo.page import Page

__all__ = ["Outcome", "Promise", "Scene", "Stage"]


@attrs.frozen
class Promise:
    """Something the product promises, and whether it held on this input.

    Attributes
    ----------
    text : str
        The promise, as a fact.
    held : bool
        Whether it is one.
    """

    text: str
    held: bool


class Outcome(Protocol):
    """What a scene found out."""

    @property
    def promises(self) -> tuple[Promise, ...]:
        """Tell what was promised, and whether it held."""


@attrs.frozen(kw_only=True)
class Stage:
    """What the scenes stand on.

    Attributes
    ----------
    folder : pathlib.Path
        The demo's own folder, kept when it ends.
    material : Material
        The experiences of the run.
    guard : Offline
        The block on sockets.
    chance : random.Random
        Draws that must be the same on every run of the same input.
    ids : list of int
        The memory of each experience, once they are remembered.
    """

    folder: Path
    material: Material
    guard: Offline
    chance: random.Random
    ids: list[int] = attrs.field(factory=list)

    @property
    def mind(self) -> Path:
        """The folder of the mind that the demo leaves behind."""
        return self.folder / "mind"

    @property
    def backup(self) -> Path:
        """The folder of its backup."""
        return self.folder / "backup"

    def scratch(self, name: str) -> Path:
        """Name a folder that is removed when the demo ends.

        Parameters
        ----------
        name : str
            One word.

        Returns
        -------
        pathlib.Path
            A path inside the demo's folder; its parent exists.
        """
        parent = self.folder / "scratch"
        parent.mkdir(mode=0o700, exist_ok=True)
        return parent / name


T = TypeVar("T", bound=Outcome)


@attrs.frozen
class Scene(Generic[T]):
    """One scene: a title, a function that finds out, and one that draws what was found out.

    Attributes
    ----------
    title : str
        A few words.
    play : callable
        Takes the `Stage`, returns an `Outcome`; draws nothing.
    show : callable
        Takes that outcome and a `Page`; finds out nothing. The promises are drawn below it.
    """

    title: str
    play: Callable[[Stage], T]
    show: Callable[[T, Page], None]
