"""Recollection: what a recall gives back, and what it may still be asked."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple, overload

import attrs

from thoughtengine.checks import real, whole
from thoughtengine.errors import InvalidArgumentError
from thoughtengine.memory.experience import Memory
from thoughtengine.memory.recall.chance import Calibration
from thoughtengine.memory.recall.hit import Cue, Hit
from thoughtengine.memory.recall.signs import NO_SIGNS, Signs

if TYPE_CHECKING:
    from thoughtengine.memory.recall.cited import Cited

__all__ = ["Access", "Recall"]

_MOST_TOKENS = 10**9
_NUMBER = "a callable that returns how many tokens a text is, a number of at least 0"


class Access(NamedTuple):
    """What a recall may still ask of its mind: plain functions, each an error once the mind is closed.

    Attributes
    ----------
    present : callable
        Ids → the memories of those that are still there, by id.
    more : callable
        n, least score → up to n hits beyond those there are, of what was there at the recall and still is.
    rarity : callable
        Words → how rare each is in the mind, in [0, 1].
    """

    present: Callable[[Sequence[int]], Mapping[int, Memory]]
    more: Callable[[int, float], Sequence[Hit]]
    rarity: Callable[[Sequence[str]], Sequence[float]]

    def __reduce__(self) -> tuple[type[None], tuple[()]]:
        """Be None where it is pickled: a recall that went elsewhere knows what it found, and has no mind to ask."""
        return type(None), ()

    def __deepcopy__(self, _: object) -> Access:
        return self


@attrs.frozen(repr=False, eq=False)
class Recall(Sequence[Hit]):
    """What a recall found, best first: a sequence of `Hit`.

    Attributes
    ----------
    id : str
        Name of this recall.
    hits : tuple of Hit
        Best first.
    n_candidates : int
        Memories that were weighed against each other.
    seconds : float
        How long it took.
    cue : Cue
        What was asked.
    n_memories : int
        Memories there are.
    coverage : float
        Share of the memories that it could look at: below 1 only while a lost index is made again, or an upgrade
        indexes, behind the calls.
    fits : float
        How likely it is that the answer is among the hits, in [0, 1]; 0 where there is none.
    calibration : Calibration
        What `fits` and the chances rest on: the shipped prior, or what this mind made of it.
    signs : Signs
        What they were computed from, of all hits that were found.
    """

    id: str
    hits: tuple[Hit, ...]
    n_candidates: int
    seconds: float
    cue: Cue
    n_memories: int = 0
    coverage: float = 1.0
    fits: float = 0.0
    calibration: Calibration = attrs.field(factory=Calibration)
    signs: Signs = NO_SIGNS
    _access: Access | None = attrs.field(default=None, kw_only=True)
    _added: dict[int, Hit] = attrs.field(factory=dict, init=False)

    @property
    def shown(self) -> tuple[Hit, ...]:
        """The hits, and behind them what a `context` of this recall has shown beyond them."""
        return self.hits + tuple(self._added.values())

    def context(self, tokens: int = 800, *, count: Callable[[str], float] | None = None) -> str:
        """Return what a model should read: as much of what was found as fits, dated, oldest first, ids in brackets.

        It looks beyond the hits: the budget decides how many memories there are, not `k`. Long texts that do not fit are
        cut to the sentences that say what is asked for.

        Parameters
        ----------
        tokens : int
            The budget, 1 to a thousand million.
        count : callable, optional
            The host's tokenizer: text → tokens. Default: words × 4/3.

        Returns
        -------
        str
            Empty where nothing was found, or nothing fits.

        Raises
        ------
        InvalidArgumentError
            For a budget that is no such number, or a `count` that cannot be called or gives no number of tokens.
        StoreClosedError
            When the mind is closed: it is read here, so that what was forgotten since is left out.
        """
        from thoughtengine.memory.recall.context import DEEPEST, FLOOR, LINE, in_tokens, newer_of, pack

        tokens = whole("tokens", tokens, 1, _MOST_TOKENS)
        if count is not None and not callable(count):
            raise InvalidArgumentError("count", count, "a callable: text → how many tokens it is")
        hits = self._standing(min(tokens // LINE + 1, DEEPEST), FLOOR)
        newer = {} if self._access is None else newer_of(hits, self._access.present)
        packed = pack(hits, tokens, newer=newer, count=in_tokens if count is None else _numbers(count))
        mine = {hit.id for hit in self.hits}
        self._added.update((hit.id, hit) for hit in packed.hits if hit.id not in mine)
        return packed.text

    def _standing(self, n: int, floor: float) -> list[Hit]:
        """Return the hits that are still there, as they stand now, and up to `n` behind them that score enough."""
        if self._access is None:
            return list(self.hits)
        present = self._access.present([hit.id for hit in self.hits])
        if not self.hits:
            return []
        hits = [attrs.evolve(hit, memory=present[hit.id]) for hit in self.hits if hit.id in present]
        return hits + list(self._access.more(n, floor * self.hits[0].score))

    def cited(self, reply: str, *, min_sure: float = 0.5) -> tuple[Cited, ...]:
        """Tell which of the memories that were shown a reply used, the surest first.

        Shown are the hits, and what a `context` of this recall put in beyond them. An id in brackets is certain; else the
        rare words, numbers, names and dates of the reply decide, as far as the cue did not bring them.

        Parameters
        ----------
        reply : str
            What was answered.
        min_sure : float
            In [0, 1]: the least chance that is told of.

        Raises
        ------
        InvalidArgumentError
            For a reply that is no string, or a chance out of range.
        StoreClosedError
            When the mind is closed: it knows which words are rare.
        """
        from thoughtengine.memory.recall.cited import cited

        if not isinstance(reply, str):
            raise InvalidArgumentError("reply", reply, "a string")
        min_sure = real("min_sure", min_sure, 0.0, 1.0)
        rarity = None
        if self._access is not None:
            self._access.present(())  # an error where the mind is closed, even for a reply without a word
            rarity = self._access.rarity
        return tuple(one for one in cited(reply, self.shown, self.cue, rarity) if one.sure >= min_sure)

    def __len__(self) -> int:
        return len(self.hits)

    def __iter__(self) -> Iterator[Hit]:
        return iter(self.hits)

    @overload
    def __getitem__(self, index: int) -> Hit: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Hit, ...]: ...
    def __getitem__(self, index: int | slice) -> Hit | tuple[Hit, ...]:
        return self.hits[index]

    def __repr__(self) -> str:
        return (
            f"Recall({len(self.hits)} of {self.n_candidates} candidates, fits={self.fits:.2f}, "
            f"{1e3 * self.seconds:.2f} ms, id={self.id!r})"
        )

    def __str__(self) -> str:
        told = [str(hit) for hit in self.hits]
        if not told:
            found = "likely enough" if len(self.signs.hits) else "found"
            told = [f"nothing {found} among {self.n_memories} memories"]
        if self.coverage < 1.0:
            told.append(f"({self.coverage:.0%} of the memories could be looked at so far: their index is being made)")
        return "\n".join(told)


def _numbers(count: Callable[[str], object]) -> Callable[[str], float]:
    """Return a host's tokenizer whose answers are looked at: of NaN a budget would never be spent."""
    return lambda text: real("count", count(text), 0.0, sys.float_info.max, _NUMBER)
