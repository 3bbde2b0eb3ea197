"""ThoughtEngine: one short method per verb; opens, wires, closes."""

from __future__ import annotations

import contextlib
import datetime as dt
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, overload

import attrs
import numpy as np

from thoughtengine._types import Finding, Progress, SingleArray
from thoughtengine.checks import is_whole, real, whole
from thoughtengine.config import Config
from thoughtengine.encoders import Encoder, known_encoder
from thoughtengine.errors import (
    BatchError,
    DowngradeError,
    ForkedError,
    InvalidArgumentError,
    MemoryNotFoundError,
    StoreError,
    ThoughtEngineError,
    VectorDimensionError,
)
from thoughtengine.integration.events import Events
from thoughtengine.integration.health import Health, health_of
from thoughtengine.integration.monitor import Monitor, Stats, stats_of
from thoughtengine.memory.collection import Collection
from thoughtengine.memory.derive import forget_patterns, rebuild
from thoughtengine.memory.experience import LAYERS, Affect, Experience, Memory
from thoughtengine.memory.forget import Acted, act, find, is_of, undo, with_earlier
from thoughtengine.memory.index.coding import Recoding, codes_of
from thoughtengine.memory.moment import Clock, to_stored
from thoughtengine.memory.recall.answer import Answering, Asked
from thoughtengine.memory.recall.cues import Cues
from thoughtengine.memory.recall.hit import Cue
from thoughtengine.memory.recall.recollection import Recall
from thoughtengine.memory.receipt import Receipt
from thoughtengine.memory.record import MemoryRecord
from thoughtengine.memory.remember import Draft, Taken, check_size, draft, misfit, take
from thoughtengine.memory.where import Where, parse_where
from thoughtengine.migrations.hooks import Hooks
from thoughtengine.storage.folder import FolderStore
from thoughtengine.storage.incident import Incident
from thoughtengine.storage.pointer import EncoderIdentity

if TYPE_CHECKING:
    from thoughtengine.memory.recall.feeling import Feeling
    from thoughtengine.migrations.encoding import Encoding
    from thoughtengine.migrations.online import Background, UpgradeControl
    from thoughtengine.migrations.report import UpgradeReport
    from thoughtengine.patterns.manager import PatternManager
    from thoughtengine.patterns.pattern import Prediction
    from thoughtengine.storage.copies import Copy

__all__ = ["ThoughtEngine"]

_UNSET: Any = object()
_FEW = 256
"""Memories that are encoded while `open` waits, when they lack a vector of its encoder; more are, behind the calls."""
TakeBack = Callable[[str | int | None], "UpgradeReport | None"]
Behind = Callable[[Any], tuple["Background | None", TakeBack]]
"""``behind(mind)``: what upgrades the mind while it serves, if anything, and how to take an upgrade back."""


def _alone(mind: Any) -> tuple[None, TakeBack]:
    """Stand in where nobody upgrades: a mind that is only looked at."""

    def refuse(to: str | int | None) -> None:
        raise DowngradeError(mind.path, "this mind was not opened by te.open")

    return None, refuse


def _tell(message: str, *parts: object) -> None:
    """Log at level info, unless nobody has imported logging: then nobody would see it, and the import costs more than this."""
    if (logging := sys.modules.get("logging")) is not None:
        logging.getLogger("thoughtengine").info(message, *parts)


class ThoughtEngine:
    """A mind: what it remembers lies in one folder; every verb may be called from any thread.

    Made by ``te.open(path)``; a context manager.

    Attributes
    ----------
    created : bool
        Whether `open` made it.
    path : str
        Its folder, absolute.
    events : Events
        ``events.subscribe(kind, handler)``.
    """

    def __init__(
        self,
        store: FolderStore,
        config: Config,
        clock: Clock,
        *,
        encoder: Encoder | None,
        sync: bool,
        created: bool,
        hooks: Hooks | None = None,
        behind: Behind = _alone,
        approve: Callable[[Any], bool] | None = None,
        progress: Progress | None = None,
    ) -> None:
        self._store, self._config, self._clock, self._sync = store, config, clock, sync
        self._encoder, self._hooks = encoder, hooks or Hooks()
        self.created, self.path = created, str(store.root)
        self.events = Events(clock, store.ready)
        self._monitor = Monitor()
        self._listener = progress
        self._patterns: PatternManager | None = None
        self._encoding: Encoding | None = None
        store.on_incident = self._incident
        if store.must_rebuild:
            with store.writing:
                rebuild(store, at=self._now()[0], progress=self._progress)
                forget_patterns(store)
                store.settle()
        if store.pointer.encoding is not None:
            from thoughtengine.migrations.encoding import go_on_back

            go_on_back(store)
        dimension, fingerprint = self._adopt(encoder)
        read = self._hooks.read if self._hooks.chains else None
        self._memories = Collection(store, config.recall, dimension=dimension, fingerprint=fingerprint, read=read)
        store.on_return = self._memories.live.dropped
        self._cues = Cues(store.root, config.recall.cues)
        self._answers = Answering(self._memories, config.recall, encoder, store.ready)
        if config.patterns.recall:
            self._answers.associate = lambda cue, vector: self.patterns.called_up(text=cue.text, vector=vector)
        if encoder is not None:
            few = store.counted and store.head.memories <= _FEW
            former = store.pointer.former
            if former is not None:
                self._answers.former = known_encoder(former.name, former.fingerprint)
            note = store.pointer.encoding
            recoding = Recoding(
                store, encoder, self._progress, former=note.former.fingerprint if note and note.former else None
            )
            if note is not None and not note.until:
                from thoughtengine.migrations.encoding import Encoding

                self._encoding = Encoding(
                    store, recoding, self._memories.live.upkeep.wake, approve, self._progress, self.events.emit,
                    self._monitor.calls,
                )  # fmt: skip
                recoding.progress = self._encoding.progress
            self._memories.live.on_recoded = self._recoded
            try:
                self._memories.live.recode(
                    recoding,
                    now=few,
                    former=None if former is None else (former.fingerprint, former.dimension),
                )
            except BaseException:
                self._memories.live.close()
                raise
        self._control: UpgradeControl | None = None
        self._background, self._take_back = behind(self)
        if self._background is not None:
            self._background.start()
        _tell("%s the mind at %s: %d memories", "made" if created else "opened", self.path, store.head.memories)

    def _adopt(self, encoder: Encoder | None) -> tuple[int | None, str]:
        """Note the encoder's identity in the store; return the dimension and fingerprint that count."""
        pointer = self._store.pointer
        if encoder is None:
            known = pointer.encoder
            return pointer.dimension or (known.dimension if known else None), known.fingerprint if known else ""
        if pointer.dimension not in (None, encoder.dimension):
            raise VectorDimensionError("encoder", encoder.dimension, pointer.dimension or 0)
        identity = EncoderIdentity(name=encoder.name, dimension=encoder.dimension, fingerprint=encoder.fingerprint)
        if identity != pointer.encoder:
            from thoughtengine.migrations.encoding import adopt

            adopt(self._store, identity)
        return encoder.dimension, encoder.fingerprint

    def _recoded(self) -> None:
        """Take note that every memory has a vector of the encoder that counts."""
        self._answers.former = None
        if self._encoding is not None and not self._encoding.over:
            self._encoding.finish()

    @property
    def upgrade(self) -> UpgradeControl:
        """The upgrade of this mind: ``.status() .pause() .resume() .limit(duty) .commit() .rollback()``."""
        if self._control is None:
            from thoughtengine.migrations.online import UpgradeControl

            self._control = UpgradeControl(self._store, self._background, self._encoding, self._hooks, self._take_back)
        return self._control

    def _draft(self, experience: Experience, *, version: int | None = None) -> Draft:
        """Check an experience; its payload gets the version that the host's hooks know, or `version` where it is not new."""
        kind, versions = experience.kind, None
        if experience.payload is not None and version is not None:
            versions = {str(kind): version}
        elif experience.payload is not None:
            versions = self._hooks.versions
            stored = (
                self._store.pointer.namespaces.get(kind, 1) if isinstance(kind, str) and kind not in versions else 1
            )
            if stored > 1:
                told = f"the hooks of that kind: its payloads are at version {stored} here; te.open(path, hooks=[...])"
                raise InvalidArgumentError("kind", kind, told)
            if self._hooks.held:
                experience = attrs.evolve(experience, payload=self._hooks.written(kind, experience.payload))
        return draft(experience, now=self._now(), limits=self._config.limits, versions=versions)

    def _now(self) -> tuple[int, int]:
        return to_stored("clock", self._clock())

    def _progress(self, what: str, done: int, total: int | None) -> None:
        self.events.emit("progress", what=what, done=done, total=total)
        if self._listener is not None:
            self._listener(what, done, total)

    def _incident(self, incident: Incident) -> None:
        self.events.emit("incident", what=incident.kind, message=incident.message, files=incident.files)

    # remember

    def remember(
        self,
        text: str | None = None,
        *,
        key: str | None = None,
        at: dt.datetime | str | None = None,
        source: str | None = None,
        tags: Iterable[str] = (),
        episode: str | None = None,
        affect: Affect | None = None,
        vector: Any = None,
        payload: Any = None,
        kind: str | None = None,
        layer: str = "sensory",
        derived_from: Iterable[int] = (),
    ) -> int:
        """Remember one experience; the very next recall sees it.

        Parameters
        ----------
        text : str, optional
            What was said or seen, up to 16 MiB. At least one of text, tags, vector and payload is needed.
        key : str, optional
            The host's own name: the same key with the same content gives the same id (a safe retry), with new content a
            revision.
        at : datetime or str, optional
            When, aware, or ISO 8601 text with offset (kept); default: now.
        source : str, optional
            Who or what it came from.
        tags : iterable of str
            Up to 256.
        episode : str, optional
            The run of experiences it belongs to.
        affect : Affect, optional
            How it felt.
        vector : array-like of float, shape (dimension,), optional
            Wins over the encoder.
        payload : tree of str, int, float, bool, bytes, None, list, dict, optional
            Kept and given back; not searched.
        kind : str, optional
            Name of the payload's type.
        layer : {"sensory", "emotion", "logic", "dream", "eternal"}
            Inferred layers (logic, dream) are recalled only when named.
        derived_from : iterable of int
            For logic and dream: the memories it rests on.

        Returns
        -------
        int
            The id; ids grow with arrival.

        Raises
        ------
        InvalidArgumentError, VectorDimensionError, MemoryNotFoundError
            Before anything is written.
        StoreFullError, StoreError
            When it could not be written; it is not there then.
        """
        experience = Experience(
            text=text, key=key, at=at, source=source, tags=tags, episode=episode, affect=affect, vector=vector,
            payload=payload, kind=kind, layer=layer, derived_from=derived_from,
        )  # fmt: skip
        with self._monitor.timed("remember"):
            self._store.ready()
            made = self._draft(experience)
            return self._take([made], codes_of(self._encoder, [made]))[0]

    def remember_many(self, experiences: Iterable[Experience]) -> list[int]:
        """Remember many, in atomic batches of up to 512.

        Parameters
        ----------
        experiences : iterable of Experience
            Taken as they come; may be endless as far as memory goes.

        Returns
        -------
        list of int
            Their ids, in order.

        Raises
        ------
        BatchError
            At a bad one: those of earlier batches are written, its own batch is not.
        StoreFullError, StoreError
            When a batch could not be written; ``error.ids`` are those of the batches before.
        """
        self._store.ready()
        if isinstance(experiences, (str, bytes, Experience)) or not isinstance(experiences, Iterable):
            raise InvalidArgumentError("experiences", experiences, "an iterable of te.Experience")
        limits, ids, chunk, size = self._config.limits, list[int](), list[Draft](), 0
        for index, experience in enumerate(experiences):
            try:
                if not isinstance(experience, Experience):
                    raise InvalidArgumentError("experiences", experience, "te.Experience(...)")
                made = self._draft(experience)
            except ThoughtEngineError as error:
                raise BatchError(index, tuple(ids), error) from error
            chunk.append(made)
            size += made.bytes
            if len(chunk) >= limits.batch or size >= limits.batch_bytes:
                self._take_chunk(chunk, ids)
                chunk, size = [], 0
        if chunk:
            self._take_chunk(chunk, ids)
        return ids

    def _take_chunk(self, chunk: list[Draft], ids: list[int]) -> None:
        with self._monitor.timed("remember_many"):
            try:
                ids += self._take(chunk, codes_of(self._encoder, chunk))
            except (InvalidArgumentError, MemoryNotFoundError) as error:
                found = misfit(self._store, chunk, self._memories.live.dimension)
                raise BatchError(len(ids) + (found[0] if found else 0), tuple(ids), error) from error
            except StoreError as error:
                error.ids = tuple(ids)
                raise

    def _take(
        self, drafts: list[Draft], codes: list[SingleArray | None], *, supersedes: int | None = None
    ) -> list[int]:
        encoder = self._encoder
        with self._memories.changing():
            if (found := misfit(self._store, drafts, self._memories.live.dimension)) is not None:
                raise found[1]
            self._fix_dimension(drafts)
            ids, taken = take(
                self._store,
                drafts,
                codes,
                fingerprint=encoder.fingerprint if encoder else "",
                supersedes=supersedes,
                sync=self._sync,
            )
            self._memories.live.added(taken)
            if taken:  # told under the lock, so that nobody hears of a memory's end before its beginning
                self.events.emit("remembered", ids=tuple(t.id for t in taken))
                revised = {t.superseded: t.id for t in taken if t.superseded is not None}
                if revised:
                    self.events.emit("revised", ids=tuple(revised), by=tuple(revised.values()))
                self._noticed(drafts, ids, taken)
        return ids

    def _noticed(self, drafts: list[Draft], ids: list[int], taken: list[Taken]) -> None:
        """Tell the pattern manager that memories were stored, once there are enough for one; what it fails at, it does later."""
        settings = self._config.patterns
        if self._patterns is None and (not settings.on or self._store.head.memories < settings.after):
            return
        try:
            records = dict(zip(ids, (made.record for made in drafts), strict=True))
            self._pattern_manager().told(
                (new.id, records[new.id] if new.superseded is None else None, new.vector) for new in taken
            )
        except Exception as error:  # noqa: BLE001 - the memories are stored: whoever remembers must not hear of anything else
            _tell("patterns were not noticed: %s: %s", type(error).__name__, error)

    def _fix_dimension(self, drafts: list[Draft]) -> None:
        """Note the dimension of the host's very first vector in the pointer file, before the vector is there."""
        if self._store.pointer.dimension is None:
            dimension = next((made.vector.size for made in drafts if made.vector is not None), None)
            if dimension is not None:
                self._store.update_pointer(dimension=dimension)
                self._memories.live.dimension = dimension

    def revise(
        self,
        id_or_key: int | str,
        text: str | None = _UNSET,
        *,
        at: dt.datetime | str | None = None,
        source: str | None = _UNSET,
        tags: Iterable[str] = _UNSET,
        episode: str | None = _UNSET,
        affect: Affect | None = None,
        vector: Any = None,
        payload: Any = _UNSET,
        kind: str | None = _UNSET,
    ) -> int:
        """Put a new memory in the place of an earlier one, which stays and never ranks above it.

        Parameters
        ----------
        id_or_key : int or str
            The earlier one; if it was revised before, its newest revision is meant.
        text, source, tags, episode, payload, kind
            As in `remember`; what is left out stays as it was. Key and layer always do.
        at, affect, vector
            As in `remember`; they belong to the new memory alone.

        Returns
        -------
        int
            Id of the new one; the earlier one's `superseded_by`.

        Raises
        ------
        MemoryNotFoundError
            When there is no such memory.
        InvalidArgumentError
            When nothing is given to change, or a field cannot be used.
        """
        with self._monitor.timed("revise"):
            return self._revise(
                id_or_key, at=at, affect=affect, vector=vector, text=text, source=source, tags=tags, episode=episode,
                payload=payload, kind=kind,
            )  # fmt: skip

    def _revise(self, id_or_key: int | str, *, at: Any, affect: Any, vector: Any, **fields: Any) -> int:
        self._store.ready()
        changes = {name: value for name, value in fields.items() if value is not _UNSET}
        if not changes and at is None and affect is None and vector is None:
            raise InvalidArgumentError("text", None, "at least one field that changes")
        id_ = None
        while id_ is None:  # the encoder is asked without the lock; when another revision came first, once more
            old = self._current(id_or_key)
            made = self._revised(old, changes, at=at, affect=affect, vector=vector)
            codes = codes_of(self._encoder, [made])
            with self._memories.changing():
                if self._current(id_or_key) == old:
                    id_ = self._take([made], codes, supersedes=old)[0]
        return id_

    def _current(self, id_or_key: int | str) -> int:
        """Return the newest revision of a memory that may be revised."""
        named = find(self._store, id_or_key)
        id_ = self._newest(named)
        if self._memories.mark(id_).forgotten:
            what = "it" if id_ == named else f"its newest revision, [{id_}],"
            raise MemoryNotFoundError(id_or_key, f"{what} was forgotten; mind.undo(receipt) shows it again")
        return id_

    def _revised(self, old: int, changes: dict[str, Any], *, at: Any, affect: Affect | None, vector: Any) -> Draft:
        """Return the draft of a revision: what changes, the rest as it was."""
        record = self._memories.record(old)
        if record is None:
            raise MemoryNotFoundError(old)
        kept = {name: getattr(record, name) for name in ("text", "source", "tags", "episode", "kind")}
        kept["payload"] = self._memories.payload(old, record)
        experience = Experience(
            **(kept | changes), key=record.key, at=at, vector=vector,
            affect=self._felt(old, record) if affect is None else affect,
            layer=LAYERS[record.layer], derived_from=record.derived_from,
        )  # fmt: skip
        as_is = not changes.keys() & {"payload", "kind"} and kept["payload"] is record.payload  # no step read it
        return self._draft(experience, version=record.payload_version if as_is else None)

    def _felt(self, id_: int, record: MemoryRecord) -> Affect | None:
        """Return the affect that a revision keeps: a feeling on its own must have one, elsewhere it is the old memory's alone."""
        memory = self._memories.memory(id_, 0) if LAYERS[record.layer] == "emotion" else None
        return None if memory is None else memory.affect

    def _newest(self, id_: int) -> int:
        """Follow revisions to the last."""
        while (after := self._memories.mark(id_).superseded_by) is not None:
            id_ = after
        return id_

    # recall

    def recall(
        self,
        cue: str | Any,
        *,
        k: int = 10,
        min_chance: float | None = None,
        feeling: str | Affect | None = None,
        **where: Any,
    ) -> Recall:
        """Find the memories that a cue calls up, best first, each with its reasons. Looking changes no later answer.

        Parameters
        ----------
        cue : str, array-like of float, or Cue
            A question or words; a vector; or both with a moment and an episode.
        k : int
            How many hits at most, 1 to 10,000.
        min_chance : float, optional
            Leave out hits that are less likely than this to be of use, in [0, 1].
        feeling : {"positive", "negative"} or Affect, optional
            Memories that felt so count more.
        **where
            Which memories may be found: ``layers, sources, tags, episode, kind, since, until, min_strength``, as in
            `memories`.

        Returns
        -------
        Recall
            A sequence of `Hit`; ``print(recall)`` shows one line a hit.

        Raises
        ------
        InvalidArgumentError, VectorDimensionError
            For a cue or filter that cannot be used.
        """
        with self._monitor.timed("recall"):
            self._store.ready()
            asked, chosen = self._checked(_cue(cue)), _filters(where)
            k = whole("k", k, 1, self._config.limits.k)
            least = (
                None if min_chance is None else real("min_chance", min_chance, 0.0, 1.0, "a number in [0, 1], or None")
            )
            recall = self._answers.recall(Asked(asked, chosen, k, self._now(), least, _feeling(feeling)))
            if asked.text is not None:
                self._cues.add(asked.text)
            return recall

    def _checked(self, cue: Cue) -> Cue:
        """Return a cue that is within the limits."""
        limits = self._config.limits
        if cue.text is not None:
            check_size("cue", cue.text, limits.text_bytes)
        if cue.vector is not None and cue.vector.size > limits.vector_dimension:
            raise InvalidArgumentError("vector", f"{cue.vector.size} numbers", f"at most {limits.vector_dimension}")
        return cue

    def feeling(self, about: str, **where: Any) -> Feeling:
        """Tell how things stand with a source, a tag or a topic, from the affect of the memories; the present counts most.

        Parameters
        ----------
        about : str
            The exact name of a source or a tag (or both); else a topic, looked for as `recall` does.
        **where
            Filters as in `recall`. Without `layers`: what happened and feelings (sensory, emotion, eternal).

        Returns
        -------
        Feeling
            False where nothing is known.

        Raises
        ------
        InvalidArgumentError
            For an `about` that is no text, or a filter that cannot be used.
        """
        from thoughtengine.memory.recall.feeling import READ, feel, felt_about, felt_named

        self._store.ready()
        if not isinstance(about, str) or not about.strip():
            raise InvalidArgumentError(
                "about", about, "a source, a tag, or words: a string that is more than white space"
            )
        cue = self._checked(Cue(about))
        chosen = _filters({"layers": ("sensory", "emotion", "eternal"), **where})
        with self._monitor.timed("feeling"):
            now = self._now()
            view, read = self._memories.view(), partial(self._memories.memory, now=now[0])
            found = felt_named(view, about, chosen, now[0], read)
            if found is None:
                found = felt_about(self._answers.rank(Asked(cue, chosen, READ, now), view), view, read)
            return feel(about, found)

    @overload
    def get(self, id_or_key: int | str) -> Memory | None: ...
    @overload
    def get(self, id_or_key: int | str, default: Any) -> Any: ...
    def get(self, id_or_key: int | str, default: Any = None) -> Any:
        """Return the memory with this id or key, `default` where there is none (or it was forgotten)."""
        try:
            return self[id_or_key]
        except MemoryNotFoundError:
            return default

    def __getitem__(self, id_or_key: int | str) -> Memory:
        """Return the memory with this id or key; a key names the newest revision.

        Raises
        ------
        MemoryNotFoundError
            A `KeyError`; tells whether it was forgotten, erased or lost.
        """
        with self._monitor.timed("get"):
            self._store.ready()
            id_ = find(self._store, id_or_key)
            memory = self._memories.memory(id_, self._now()[0])
            if memory is None:
                raise MemoryNotFoundError(id_or_key, "it was forgotten; mind.undo(receipt) shows it again")
            return memory

    def __contains__(self, id_or_key: object) -> bool:
        self._store.ready()
        try:
            return not self._memories.mark(find(self._store, id_or_key)).forgotten
        except (MemoryNotFoundError, InvalidArgumentError):
            return False

    def __len__(self) -> int:
        """Return how many memories there are in all layers, forgotten ones not counted."""
        self._store.ready()
        return self._store.total - self._store.head.hidden

    def __bool__(self) -> bool:
        return True

    def __iter__(self) -> Iterator[Memory]:
        return self.memories()

    def memories(self, *, newest_first: bool = False, after: int | None = None, **where: Any) -> Iterator[Memory]:
        """Yield the memories that match, in order of id.

        Parameters
        ----------
        newest_first : bool
            Reverse the order.
        after : int, optional
            Begin behind this id (in front of it when newest first): the last id of the page before.
        layers, sources, episode, kind : str or iterable of str, or Not(...)
            Any of these. Without `layers`: what happened (sensory, eternal); inferred layers only when named.
        tags : str, All(...), Not(...), or iterable of them
            Any of these, all of these, none of these.
        since, until : datetime or str
            From the first moment on, before the second; aware, or ISO 8601 text with offset.
        min_strength : float
            In [0, 1].

        Raises
        ------
        InvalidArgumentError
            For a filter that cannot be used.
        """
        self._store.ready()
        chosen, now = _filters(where), self._now()[0]
        if not isinstance(newest_first, bool):
            raise InvalidArgumentError("newest_first", newest_first, "True or False")
        if after is not None and not is_whole(after):
            raise InvalidArgumentError("after", after, "the id of a memory")
        ids = self._memories.select(chosen, now)
        if after is not None:
            ids = ids[ids < after] if newest_first else ids[ids > after]
        return self._memories.memories(ids[::-1] if newest_first else ids, now)

    def count(self, **where: Any) -> int:
        """Return how many memories match; the filters are those of `memories`."""
        with self._monitor.timed("count"):
            self._store.ready()
            return self._memories.view(whole=True).count(_filters(where), self._now()[0])

    def export(self) -> Iterator[dict[str, Any]]:
        """Yield every memory in order of id as a dict of plain values, forgotten ones too: all that is needed elsewhere.

        The keys are the fields of `Experience`, and ``id``, ``supersedes``, ``origin``, ``pinned``, ``forgotten``; `at` is
        ISO 8601 with offset, `affect` [valence, arousal], `layer` as it was remembered.
        """
        self._store.ready()
        return self._memories.export()

    # patterns

    @property
    def patterns(self) -> PatternManager:
        """What was noticed: ``.concepts() .associations() .sequences() .rhythms() .concept_of(id) .rebuild()``."""
        self._store.ready()
        with self._store.writing:
            return self._pattern_manager()

    def _pattern_manager(self) -> PatternManager:
        if self._patterns is None:
            from thoughtengine.patterns.manager import PatternManager

            self._patterns = PatternManager(
                self._store, self._memories, self.events.emit,
                now=lambda: self._now()[0], zone=lambda: self._clock().tzinfo, sync=self._sync,
            )  # fmt: skip
        return self._patterns

    def anticipate(
        self,
        *,
        given: Sequence[str | Sequence[str]] | None = None,
        episode: str | None = None,
        at: dt.datetime | str | None = None,
        k: int = 5,
    ) -> list[Prediction]:
        """Tell which tag comes next (or concept, where there are no tags), most probable first.

        Parameters
        ----------
        given : sequence of str or of sequences of str, optional
            Recent tags, oldest first; several of one experience one by one or together. Default: those of
            the latest experiences of `episode`, else of the source that last spoke.
        episode : str, optional
            Of which the latest experiences count; not together with `given`.
        at : datetime or str, optional
            The moment that is meant, aware, or ISO 8601 text with offset: its part of the day matters, and nothing is
            expected before; of what is `given`, it is when that came. Default: now.
        k : int
            How many at most.

        Returns
        -------
        list of Prediction
            Empty where nothing was noticed yet.

        Raises
        ------
        InvalidArgumentError
            For an argument that cannot be used.
        """
        self._store.ready()
        k = whole("k", k, 1, self._config.limits.k)
        if episode is not None and not isinstance(episode, str):
            raise InvalidArgumentError("episode", episode, "the name of an episode")
        with self._monitor.timed("anticipate"):
            return self.patterns.anticipate(given=given, episode=episode, at=at, now=self._now()[0], k=k)

    # forget

    def forget(self, *ids: int | str, erase: bool = False, **where: Any) -> Receipt:
        """Hide memories, or erase them for good.

        What is forgotten by id or key takes its earlier wordings along, which would else answer in its place. Filters touch
        only what they match, and an erasure, which cannot be undone, only what is named: the earlier wording stands again.

        Parameters
        ----------
        *ids : int or str
            Ids or keys: a key means what its memory's id means. Either these or `where`.
        erase : bool
            False: hidden from every verb until ``mind.undo(receipt)``; nothing is removed. True: the bytes go, with those of
            what was made from them; the store is written anew without them (writers wait for it, about 5 microseconds a
            memory kept), so are snapshots inside the folder; the receipt carries how, and names the copies that are out of
            reach. With `where`, forgotten and inferred memories are erased too.
        **where
            Filters as in `memories`.

        Raises
        ------
        InvalidArgumentError
            When nothing is given, or both ids and filters.
        MemoryNotFoundError
            When one is not there; nothing is done then.
        """
        self._store.ready()
        if not isinstance(erase, bool):
            raise InvalidArgumentError("erase", erase, "True or False")
        if where:
            self._memories.view()  # whole, before writers have to wait
        whole = self._memories.live.loaded
        with self._monitor.timed("erase" if erase else "forget"), self._alone(erase), self._memories.changing():
            self._store.ready()
            found = self._chosen(ids, where, everything=erase)
            if erase:
                from thoughtengine.memory.erase import erase as erase_memories

                self._store.settled("an erasure")
                self._cues.drop()  # first: a kill in between must not leave what quotes an erased text
                with self._points_without(found) as pointer:
                    receipt = erase_memories(self._store, found, at=self._now()[0], pointer=pointer)
                self._memories.live.dropped()
                if whole:
                    self._memories.view()  # again before anybody looks: nobody is to miss what was not erased
                if self._patterns is not None:
                    self._patterns.dropped()
                self.events.emit("erased", ids=receipt.ids, receipt=receipt.id)
                return receipt
            return self._hide(with_earlier(self._store, found) if ids else found)

    def _points_without(self, ids: Sequence[int]) -> contextlib.AbstractContextManager[dict[str, Any]]:
        """Return what makes rollback points that an erasure has reached, and how the pointer file is to name them."""
        if self._store.pointer.stage != "SOAK":
            return contextlib.nullcontext({})
        from thoughtengine.memory.erase import goes_from, plan_erasure
        from thoughtengine.migrations.purge import purged

        return purged(self._store, plan_erasure(self._store, ids).ids, goes_from)

    def _hide(self, ids: Sequence[int]) -> Receipt:
        """Forget these memories and no others."""
        with self._memories.changing():
            return self._acted("forgotten", act(self._store, "forget", ids, at=self._now()[0], sync=self._sync))

    @contextlib.contextmanager
    def _alone(self, erase: bool) -> Iterator[None]:
        """Let an erasure wait for copies and index files that are being made, which it would not reach, and them for it."""
        if not erase:
            yield
            return
        with self._store.copying, self._memories.live.upkeep.quiet():
            yield

    def pin(self, *ids: int | str) -> Receipt:
        """Make memories eternal: same id, layer eternal, strength 1, until ``mind.undo(receipt)``.

        Raises
        ------
        InvalidArgumentError, MemoryNotFoundError
            When nothing is given, or one is not there; nothing is done then.
        """
        self._store.ready()
        with self._monitor.timed("pin"), self._memories.changing():
            self._store.ready()
            found = self._chosen(ids, {}, everything=False)
            return self._acted("pinned", act(self._store, "pin", found, at=self._now()[0], sync=self._sync))

    def undo(self, receipt: Receipt | int) -> Receipt:
        """Take a forgetting or pinning back, also after a restart by the receipt's id.

        Returns
        -------
        Receipt
            `ids`: what it took back; `kept`: what stays as it was, and why.

        Raises
        ------
        InvalidArgumentError
            For what is no receipt of this mind, or cannot be taken back (an erasure, an undo).
        """
        self._store.ready()
        number = receipt.id if isinstance(receipt, Receipt) else receipt
        if not is_whole(number) or number < 1:
            raise InvalidArgumentError("receipt", receipt, "a te.Receipt, or its id")
        with self._monitor.timed("undo"), self._memories.changing():
            self._store.ready()
            if isinstance(receipt, Receipt) and not is_of(self._store, receipt):
                raise InvalidArgumentError("receipt", receipt, "a receipt of this mind, not of another one")
            return self._acted("undone", undo(self._store, number, at=self._now()[0], sync=self._sync))

    def _acted(self, kind: str, acted: Acted) -> Receipt:
        self._memories.live.marked(acted.marks)
        if self._patterns is not None:
            self._patterns.marked()
        self.events.emit(kind, ids=acted.receipt.ids, receipt=acted.receipt.id)
        return acted.receipt

    def _chosen(self, ids: tuple[int | str, ...], where: dict[str, Any], *, everything: bool) -> list[int]:
        """Return the ids that are meant: those named, or those that match."""
        where = {name: value for name, value in where.items() if value is not None}  # None would mean: whatever
        if bool(ids) == bool(where):
            expected = "either ids (or keys) or filters such as sources=..., not both and not none"
            raise InvalidArgumentError("ids", ids or None, expected)
        if not where:
            found = list(dict.fromkeys(find(self._store, id_, argument="ids") for id_ in ids))
            for id_ in found:
                if not everything and self._memories.mark(id_).forgotten:
                    raise MemoryNotFoundError(id_, "it was forgotten already; mind.undo(receipt) shows it again")
            return found
        if everything and "layers" not in where:
            where = {**where, "layers": LAYERS}
        chosen = _filters(where, hidden=everything)
        matching: list[int] = self._memories.select(chosen, self._now()[0]).tolist()
        return matching

    # looking after it

    def check(self, *, progress: Progress | None = None) -> list[Finding]:
        """Read everything and compare what is derived with what it comes from; ``[]`` is sound.

        Works on a linked copy of one moment, so the mind goes on meanwhile. Rollback points that are kept are read too.
        Cost: about 60 microseconds a memory; 10 to 15 more for each rollback point.
        """
        from thoughtengine.integration.recovery import check_open

        self._store.ready()
        with self._memories.live.upkeep.quiet():  # so that files of the index do not change under the look
            findings = check_open(self._store, progress=progress)
            self._memories.live.checked()
            return findings

    def health(self) -> Health:
        """Tell whether the mind is fit to serve, and if not, why and what to do."""
        self._store.ready()
        reasons = []
        known = self._store.pointer.encoder
        if self._encoder is None and known is not None:
            reasons.append(
                f"the vectors are of the encoder {known.name!r}, which was not given to open: recall is lexical"
            )
        if trouble := self._memories.live.trouble:
            reasons.append(f"behind the calls: {trouble}; recall answers with what there is, and it is tried again")
        failed = self.upgrade.status().failed if self._background or self._encoding else ""
        if failed:
            goes = self._store.pointer.stage == "ROLLING_BACK" or bool(self._encoding and self._encoding.failed)
            then = "is taken back when this mind is closed" if goes else "stands still until it is opened again"
            reasons.append(f"{failed}; the upgrade {then}")
        return health_of(self._store, reasons=reasons, encoder=self._encoder.name if self._encoder else None)

    def stats(self) -> Stats:
        """Return figures of use and performance."""
        self._store.ready()
        return stats_of(
            self._store, self._memories, self._now()[0], calls=self._monitor.timings(), dropped=self.events.n_dropped
        )

    def sync(self) -> None:
        """Wait until the disk holds all that was acknowledged."""
        self._store.ready()
        self._store.sync()

    def snapshot(self, name: str) -> Copy:
        """Keep the present state inside the folder, by hard links, verified; ``te.restore(mind.path + "/snapshots/NAME", path)``.

        Parameters
        ----------
        name : str
            1 to 64 letters, digits, dots, dashes and underscores.

        Raises
        ------
        InvalidArgumentError, StoreExistsError
            For a name that cannot be used or is taken.
        """
        from thoughtengine.storage.copies import snapshot

        self._store.ready()
        return snapshot(self._store, name)

    def close(self) -> None:
        """Sync and let go of the folder; a second call does nothing."""
        if self._store.closed:
            return
        try:
            if self._background is not None or self._encoding is not None:
                self.upgrade.close()
        finally:  # what cannot be taken back now is by the next opening, which needs the folder
            self._close()

    def _close(self) -> None:
        if self._store.closed:
            self._memories.live.close()
            self.events.close()
            return
        with contextlib.suppress(ForkedError):  # a forked child has none of the threads that could tell
            self._store.ready()
            if self._patterns is not None:
                with contextlib.suppress(StoreError):  # it is learned again
                    self._patterns.save()
            self._cues.save()
            self.events.emit("closed")
            self.events.close()
            self._memories.live.close()
        self._store.close()

    def __enter__(self) -> ThoughtEngine:
        self._store.ready()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        head = self._store.head  # not len: a forked child has a repr too
        count = head.memories - head.hidden
        state = "closed" if self._store.closed else f"{count:,} memor{'y' if count == 1 else 'ies'}"
        return f"<ThoughtEngine {self.path!r}: {state}>"


def _filters(where: dict[str, Any], *, hidden: bool = False) -> Where:
    """Check the filters of a host, who does not get to see what was forgotten."""
    if "hidden" in where:
        raise InvalidArgumentError(
            "hidden", where["hidden"], "a filter of `memories`: forgotten ones come back by undo"
        )
    return parse_where(**where, hidden=hidden)


def _feeling(feeling: Any) -> tuple[float, float | None] | None:
    """Return valence and arousal that a feeling stands for."""
    if isinstance(feeling, Affect):
        return feeling.valence, feeling.arousal
    if feeling is None or feeling in ("positive", "negative"):
        return None if feeling is None else (1.0 if feeling == "positive" else -1.0, None)
    raise InvalidArgumentError("feeling", feeling, '"positive", "negative", or te.Affect(valence, arousal)')


def _cue(cue: Any) -> Cue:
    """Return the cue that a text, a vector or a cue stands for."""
    if isinstance(cue, Cue):
        return cue
    if isinstance(cue, str):
        return Cue(cue)
    if isinstance(cue, (list, tuple, np.ndarray)):
        return Cue(vector=cue)
    raise InvalidArgumentError("cue", cue, "a text, a vector, or te.Cue(...)")
