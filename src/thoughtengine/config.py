"""Every setting, with its unit, range and default."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from types import MappingProxyType

import attrs

from thoughtengine.checks import real, whole
from thoughtengine.errors import InvalidArgumentError

__all__ = ["Config", "Limits", "PatternsConfig", "RecallConfig", "StorageConfig"]


def _check_whole(group: Limits | StorageConfig, largest: dict[str, int]) -> None:
    """Check that every setting of a group is a whole number from 1 up to what its consumer can hold."""
    for field in attrs.fields(type(group)):
        name, value, top = field.name, getattr(group, field.name), largest.get(field.name, 1 << 40)
        if field.type == "bool":
            continue
        object.__setattr__(group, name, whole(name, value, 1, top))


@attrs.frozen(kw_only=True)
class Limits:
    """What the mind takes in at most; anything over is an `InvalidArgumentError` before a byte is written.

    Attributes
    ----------
    text_bytes, payload_bytes : int
        UTF-8 length of a text, encoded length of a payload.
    name_bytes : int
        UTF-8 length of a key, source, episode, kind or tag.
    tags, payload_depth, vector_dimension, derived_from : int
        Tags of one experience; nesting of a payload; numbers in a vector; memories one was made from.
    batch : int
        Experiences that `remember_many` writes in one atomic batch.
    batch_bytes : int
        Bytes of text and payload after which such a batch is closed early.
    k : int
        Hits that one recall may ask for.
    """

    text_bytes: int = 16 << 20
    payload_bytes: int = 16 << 20
    name_bytes: int = 1024
    tags: int = 256
    payload_depth: int = 64
    vector_dimension: int = 8192
    derived_from: int = 65536
    batch: int = 512
    batch_bytes: int = 4 << 20
    k: int = 10_000

    def __attrs_post_init__(self) -> None:
        _check_whole(self, {})


@attrs.frozen(kw_only=True)
class StorageConfig:
    """How the bytes are kept.

    Attributes
    ----------
    write_buffer_bytes : int
        LevelDB's memtable, up to 1 GiB; the ballast that a full disk gives back is twice as large.
    cache_bytes : int
        LevelDB's block cache; 16 MiB hold the records of some eighty thousand memories, and reading one from it takes a
        quarter of what it takes from the file.
    max_open_files : int
        Table files LevelDB keeps open and mapped, 2 MB each, up to 50,000.
    mark_every : int
        Writes after which the high-water mark in the pointer file is raised (with one sync). A lost tail longer than
        this is always noticed; a shorter one only when the mind had been closed or synced in between.
    rollback_copy : bool
        Whether the rollback point of an upgrade is a copy of its own, where there is room for one: opening waits for it, at
        some 150 MB a second. Else it is made of hard links, which no fault of the medium spares.
    """

    write_buffer_bytes: int = 4 << 20
    cache_bytes: int = 16 << 20
    max_open_files: int = 64
    mark_every: int = 4096
    rollback_copy: bool = False

    def __attrs_post_init__(self) -> None:
        _check_whole(self, {"write_buffer_bytes": 1 << 30, "max_open_files": 50_000})
        if not isinstance(self.rollback_copy, bool):
            raise InvalidArgumentError("rollback_copy", self.rollback_copy, "True or False")


_CHANNELS = (
    "text", "labels", "dense", "dense_weighted", "associations", "time", "source", "episode", "neighbours", "phrase",
    "feeling", "strength",
)  # fmt: skip


@attrs.frozen(kw_only=True)
class RecallConfig:
    """How recall scores: a switch and a weight per channel.

    Attributes
    ----------
    text, labels : float
        What the words of a text weigh that the cue has too, and those of source, tags and date.
    dense, dense_weighted : float
        Likeness of the vector to the cue's, and to that of a cue in which a word counts by its rarity (`TokenEncoder`).
    associations : float
        What patterns call up; nothing where there are none.
    time : float
        Nearness to a date that the cue speaks of, or to its moment.
    source : float
        Share by which the rest counts more for memories of a source that the cue names.
    episode : float
        Being of the cue's episode.
    neighbours : float
        What was said just before and after, in the same episode.
    phrase : float
        Share of the cue's neighbouring words that stand side by side in a text too; more for what the cue quotes.
    feeling : float
        Share by which the rest counts more for memories near to the feeling that is asked for.
    strength : float
        Share by which the rest counts more for what is well kept, by its retrievability; 0: not at all.
    k1, b : float
        BM25: how soon repeated words stop to count, and how far the length of a text does, in [0, 1].
    rarity : float
        Power of a word's inverse document frequency; above BM25's 1 because a question is full of common words.
    function_words : float
        Share of its rarity that a word such as "the" or "what" keeps, in [0, 1]: questions are full of them.
    pause : float
        Seconds of silence that end a run of what came without an episode, up to a year: its memories are neighbours as in an
        episode. 0: what has no episode has no neighbours.
    near, far : float
        Share of its score that a memory lends to the next one in its episode, and to the one after that, in [0, 1].
    echo : float
        Share that the weaker neighbours add to what the strongest lends, in [0, 1].
    context_words : float
        Words up to which a memory leans fully on its neighbours; longer ones speak for themselves.
    off : tuple of str
        Names of channels that are switched off.
    cues : int
        How many of the last cues are kept in the folder, up to 10,000, for `te.rehearse`; 0: none.
    weights : mapping of str to float
        Channel → its weight, 0 where it is switched off; no setting of its own.

    Examples
    --------
    >>> RecallConfig(off=("time",), neighbours=0.5).off
    ('time',)
    """

    text: float = 1.0
    labels: float = 0.5
    dense: float = 0.15
    dense_weighted: float = 0.15
    associations: float = 0.1
    time: float = 0.2
    source: float = 0.25
    episode: float = 0.1
    neighbours: float = 1.0
    phrase: float = 0.2
    feeling: float = 1.0
    strength: float = 0.0
    k1: float = 1.2
    b: float = 0.75
    rarity: float = 1.25
    function_words: float = 0.3
    near: float = 0.8
    far: float = 0.4
    echo: float = 0.2
    context_words: float = 50.0
    pause: float = 1800.0
    off: tuple[str, ...] = ()
    cues: int = 100

    def __attrs_post_init__(self) -> None:
        shares = ("b", "function_words", "near", "far", "echo")
        for name in (*_CHANNELS, *shares, "k1", "rarity", "context_words", "pause"):
            value, top = getattr(self, name), 1.0 if name in shares else 1e6
            object.__setattr__(self, name, real(name, value, 0.0, top))
        object.__setattr__(self, "cues", whole("cues", self.cues, 0, 10_000))
        if not isinstance(self.off, (tuple, list)) or not all(name in _CHANNELS for name in self.off):
            raise InvalidArgumentError("off", self.off, f"a tuple of names of channels: {', '.join(_CHANNELS)}")

    @cached_property
    def weights(self) -> Mapping[str, float]:
        """Channel → its weight, 0 where it is switched off."""
        return MappingProxyType({name: 0.0 if name in self.off else getattr(self, name) for name in _CHANNELS})


@attrs.frozen(kw_only=True)
class PatternsConfig:
    """When patterns are looked for.

    Attributes
    ----------
    on : bool
        Whether they are noticed while experiences come in before anybody has asked for one: remembering takes longer then.
        Once asked for, they are found in any case, and noticed from there on until the mind is closed.
    after : int
        Memories from which on that begins without being asked.
    recall : bool
        Whether recall asks them what a cue calls up: its channel `associations`. The first recall then waits until all is
        noticed. Off, because it found no more in the conversations it was measured on.

    Examples
    --------
    >>> PatternsConfig(on=True).on
    True
    """

    on: bool = False
    after: int = 4096
    recall: bool = False

    def __attrs_post_init__(self) -> None:
        for name in ("on", "recall"):
            if not isinstance(getattr(self, name), bool):
                raise InvalidArgumentError(name, getattr(self, name), "True or False")
        after = whole("after", self.after, 1, 1 << 62, "a whole number of at least 1")
        object.__setattr__(self, "after", after)


@attrs.frozen(kw_only=True)
class Config:
    """All settings of a mind, for ``te.open(path, config=...)``.

    Attributes
    ----------
    limits : Limits
        What it takes in at most.
    storage : StorageConfig
        How the bytes are kept.
    recall : RecallConfig
        How recall scores.
    patterns : PatternsConfig
        When patterns are looked for.

    Examples
    --------
    >>> Config(limits=Limits(tags=8)).limits.tags
    8
    """

    limits: Limits = attrs.field(factory=Limits)
    storage: StorageConfig = attrs.field(factory=StorageConfig)
    recall: RecallConfig = attrs.field(factory=RecallConfig)
    patterns: PatternsConfig = attrs.field(factory=PatternsConfig)

    def __attrs_post_init__(self) -> None:
        kinds = {"limits": Limits, "storage": StorageConfig, "recall": RecallConfig, "patterns": PatternsConfig}
        for name, kind in kinds.items():
            if not isinstance(getattr(self, name), kind):
                raise InvalidArgumentError(name, getattr(self, name), f"a te.{kind.__name__}(...)")
