"""What tests hand to a mind: Hypothesis strategies, a clock, an encoder, and the slow twin of every filter."""

from __future__ import annotations

import datetime as dt
import math
import zlib
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st

import thoughtengine as te
from thoughtengine.memory.strength import retrievability

LAYERS = ("sensory", "emotion", "logic", "dream", "eternal")
HAPPENED = {"sensory", "eternal"}
NOON = dt.datetime(2024, 5, 8, 12, 0, tzinfo=dt.UTC)


def scaled(n: int) -> int:
    """Give how many examples a slow test draws: `n` in the everyday profile, more in the long one."""
    return max(1, n * settings.default.max_examples // 100)


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self, now: dt.datetime = NOON) -> None:
        self.now = now

    def __call__(self) -> dt.datetime:
        return self.now

    def move(self, **parts: float) -> None:
        """Go forward (or back) by a timedelta of these parts."""
        self.now += dt.timedelta(**parts)


class ToyEncoder:
    """A deterministic encoder: each word adds one to the coordinate that its CRC-32 names.

    `calls` counts the texts it has seen, so that a test can tell what was encoded again.
    """

    def __init__(self, dimension: int = 8, *, name: str = "toy", fingerprint: str = "toy-1") -> None:
        self.name, self.dimension, self.fingerprint = name, dimension, fingerprint
        self.calls: list[str] = []

    def __call__(self, texts: Sequence[str]) -> np.ndarray[Any, np.dtype[np.float32]]:
        self.calls += texts
        rows = np.zeros((len(texts), self.dimension), np.float32)
        for row, text in zip(rows, texts, strict=True):
            row[0] = 0.1
            for word in text.lower().split():
                row[zlib.crc32(f"{self.fingerprint} {word}".encode()) % self.dimension] += 1.0
        return rows


class ToyTokenEncoder:
    """A token encoder whose tokens are words: each has an axis of its own, in the order of `vocabulary`.

    Words outside the vocabulary have no token.
    """

    name, fingerprint = "toy tokens", "toy-tokens-1"

    def __init__(self, *vocabulary: str) -> None:
        self.vocabulary = vocabulary
        self.dimension = len(vocabulary)
        self.table = np.eye(self.dimension, dtype=np.float32)

    def tokens(self, texts: Sequence[str]) -> list[np.ndarray[Any, np.dtype[np.int32]]]:
        known = {word: token for token, word in enumerate(self.vocabulary)}
        return [np.array([known[word] for word in text.split() if word in known], np.int32) for text in texts]

    def __call__(self, texts: Sequence[str]) -> np.ndarray[Any, np.dtype[np.float32]]:
        return np.stack([self.table[mine].sum(axis=0) for mine in self.tokens(texts)])


# ------------------------------------------------------------------------------------------------ experiences

WORDS = ("tea", "coffee", "garden", "rain", "Dana", "meeting", "Zürich", "dog", "train", "yesterday", "月")
names = st.sampled_from(["Dana", "Bob", "dana", "Zoë", "a b", " x ", "nul\0l"])
keys = st.sampled_from(["drink", "car", "ключ", "k" * 200])
tag_lists = st.lists(st.sampled_from(["work", "home", "Work", "été", "a,b"]), max_size=4)
layers = st.sampled_from(LAYERS)
sentences = st.lists(st.sampled_from(WORDS), min_size=1, max_size=6).map(" ".join)
texts = st.one_of(sentences, st.text(min_size=1, max_size=40).filter(lambda text: not text.isspace()))
affects = st.builds(te.Affect, st.floats(-1, 1), st.floats(0, 1))
offsets = st.integers(-86_399, 86_399).map(lambda seconds: dt.timezone(dt.timedelta(seconds=seconds)))
moments = st.datetimes(dt.datetime(1, 1, 3), dt.datetime(9999, 12, 29), timezones=st.one_of(st.just(dt.UTC), offsets))
near_moments = st.integers(-400, 400).map(lambda days: NOON + dt.timedelta(days=days))
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(1 << 63), (1 << 64) - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=10),
    st.binary(max_size=10),
)
payloads = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def vectors(dimension: int = 3) -> st.SearchStrategy[list[float]]:
    """Give vectors that point somewhere."""
    number = st.floats(-100, 100, width=32)
    return st.lists(number, min_size=dimension, max_size=dimension).filter(lambda v: any(abs(x) > 1e-3 for x in v))


@st.composite
def experiences(
    draw: st.DrawFn, *, keyed: bool = True, times: st.SearchStrategy[dt.datetime] = near_moments
) -> dict[str, Any]:
    """Give the fields of an experience that every mind takes in, as `remember` gets them."""
    layer = draw(layers)
    fields: dict[str, Any] = {"text": draw(texts), "layer": layer, "tags": draw(tag_lists)}
    if layer == "emotion" or draw(st.booleans()):
        fields["affect"] = draw(affects)
    for name, strategy in (
        ("source", names),
        ("episode", names),
        ("kind", names),
        ("at", times),
        ("payload", payloads),
    ):
        if draw(st.booleans()):
            fields[name] = draw(strategy)
    if keyed and draw(st.booleans()):
        fields["key"] = draw(keys)
    return fields


# ------------------------------------------------------------------------------------------------ filters


def _choices(values: Sequence[str], *, all_too: bool = False) -> st.SearchStrategy[Any]:
    value = st.sampled_from([*values, "nobody"])
    several = st.lists(value, max_size=3)
    parts: list[st.SearchStrategy[Any]] = [value, several, several.map(lambda v: te.Not(*v))]
    parts.append(st.tuples(value, value).map(lambda pair: [pair[0], te.Not(pair[1])]))
    parts.append(several.map(lambda v: [te.Not(*v)]))
    if all_too:
        parts += [
            several.map(lambda v: te.All(*v)),
            st.tuples(value, value).map(lambda p: [te.All(p[0]), te.Not(p[1])]),
        ]
    return st.one_of(parts)


@st.composite
def wheres(draw: st.DrawFn) -> dict[str, Any]:
    """Give filters, none of them often."""
    options: dict[str, st.SearchStrategy[Any]] = {
        "layers": _choices(LAYERS).filter(_known_layers),
        "sources": _choices(["Dana", "Bob", "dana", "Zoë"]),
        "tags": _choices(["work", "home", "Work", "été"], all_too=True),
        "episode": _choices(["Dana", "a b", " x "]),
        "kind": _choices(["Bob", "nul\0l"]),
        "since": near_moments,
        "until": near_moments.map(dt.datetime.isoformat),
        "min_strength": st.sampled_from([0, 0.0, 0.5, 0.75, 1, 1.0]),
    }
    chosen = draw(st.lists(st.sampled_from(sorted(options)), max_size=3, unique=True))
    return {name: draw(options[name]) for name in chosen}


def _known_layers(given: Any) -> bool:
    parts = given if isinstance(given, list) else [given]
    return all("nobody" not in (part.values if isinstance(part, te.Not) else {part}) for part in parts)


def admits(memory: te.Memory, where: dict[str, Any], now: dt.datetime) -> bool:
    """Tell whether a memory passes filters: what the index does, the slow way."""
    if memory.layer not in HAPPENED and "layers" not in where:
        return False
    for name, have in (
        ("layers", {memory.layer}),
        ("sources", {memory.source}),
        ("tags", set(memory.tags)),
        ("episode", {memory.episode}),
        ("kind", {memory.kind}),
    ):
        if name in where and not _chosen(where[name], have):
            return False
    if "since" in where and memory.at < _moment(where["since"]):
        return False
    if "until" in where and memory.at >= _moment(where["until"]):
        return False
    return _strength(memory, now) >= where.get("min_strength", 0.0)


def _chosen(given: Any, have: set[str | None]) -> bool:
    parts = list(given) if isinstance(given, Iterable) and not isinstance(given, str) else [given]
    plain = {part for part in parts if isinstance(part, str)}
    for part in parts:
        if isinstance(part, te.Not) and have & part.values:
            return False
        if isinstance(part, te.All) and not part.values <= have:
            return False
    return (bool(parts) and not plain) or bool(plain & have)


def _moment(value: dt.datetime | str) -> dt.datetime:
    return dt.datetime.fromisoformat(value) if isinstance(value, str) else value


def _strength(memory: te.Memory, now: dt.datetime) -> float:
    if memory.layer == "eternal":
        return 1.0
    return retrievability(max(0.0, (now - memory.at) / dt.timedelta(days=1)))


# ------------------------------------------------------------------------------------------------ what cannot be used


class Odd:
    """An object that nothing expects, and whose repr fails."""

    def __repr__(self) -> str:
        raise RuntimeError("no repr")


NOT_A_NUMBER: tuple[Any, ...] = (True, "1", None, [], math.nan, 1j, b"1", object())
LONE = "\ud800"
"""Half of a surrogate pair: a str that no UTF-8 can hold."""

junk = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([10**5000, -(10**400), 1 << 63, 1 << 64, -1, 0, 1]),
    st.floats(),
    st.complex_numbers(),
    st.text(st.characters(), max_size=5),
    st.sampled_from(["", " ", "\0", LONE, "a" + LONE, "2024-05-08", "2024-05-08T12:00:00+00:00", "sensory", "*"]),
    st.binary(max_size=5),
    st.dates(),
    st.datetimes(),
    st.datetimes(timezones=st.just(dt.UTC)),
    st.timedeltas(),
    st.lists(st.one_of(st.integers(), st.text(max_size=3), st.none(), st.floats()), max_size=4),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
    st.sets(st.one_of(st.integers(), st.text(max_size=3)), max_size=3),
    st.sampled_from([np.zeros(3), np.ones(3), np.array(["a", "b"]), np.array([1, "a", None], object)]),
    st.sampled_from([np.float32(1), np.int64(1)]),
    st.sampled_from(
        [len, object, object(), Odd(), te.Not("a"), te.All("a"), te.Affect(), te.Experience(text="x"), ...]
    ),
    st.builds(te.Not, st.text(st.characters(), max_size=3)),
)
