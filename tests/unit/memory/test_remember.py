import datetime as dt
import enum
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given

from tests.strategies import LONE, Odd, payloads
from thoughtengine.config import Limits
from thoughtengine.errors import InvalidArgumentError, MemoryNotFoundError
from thoughtengine.memory.experience import Affect, Experience
from thoughtengine.memory.record import AppraisalRecord, MarkRecord, MemoryRecord, NameRecord, VectorRecord
from thoughtengine.memory.remember import Taken, as_vector, draft, take
from thoughtengine.storage.keyspace import APPRAISAL, CODE, MARK, MEMORY, NAME, TERMS, VECTOR
from thoughtengine.storage.ram import RamStore

NOW = (1_700_000_000_000_000, 3600)
LIMITS = Limits()


@pytest.fixture
def store() -> RamStore:
    return RamStore()


def remember(store: RamStore, *many: Experience, code: Any = None, **fields: Any) -> tuple[list[int], list[Taken]]:
    drafts = [draft(one, now=NOW, limits=LIMITS) for one in (many or [Experience(**fields)])]
    codes = [None if code is None else np.array(code, np.float32)] * len(drafts)
    return take(store, drafts, codes, fingerprint="toy" if code else "")


def record_of(store: RamStore, id_: int) -> MemoryRecord:
    record = store.get(MEMORY, id_, MemoryRecord)
    assert record is not None
    return record


def names_of(store: RamStore, key: str) -> int:
    name = store.get(NAME, key, NameRecord)
    assert name is not None
    return name.id


# ------------------------------------------------------------------------------------------------ what is refused

WRONG: dict[str, list[Any]] = {
    "text": ["", " ", "\n\t\u3000", b"tea", 5, ["tea"], Odd(), LONE, "a" + LONE, "x" * ((16 << 20) + 1)],
    "key": ["", " ", b"k", 5, LONE, "k" * 1025, "é" * 513, ["k"]],
    "source": ["", "\t", 5, LONE, "s" * 1025, Affect()],
    "episode": ["", " ", 5, LONE, "e" * 1025],
    "kind": ["", " ", 5, LONE, "k" * 1025],
    "tags": [
        "work", b"work", 5, [""], [" "], [5], [None], [LONE], ["t" * 1025], [str(i) for i in range(257)], [["a"]],
        Odd(), np.array([1, 2]), {"a", 5},
    ],
    "at": [5, "yesterday", "2023-05-08", dt.datetime(2023, 5, 8), dt.date(2023, 5, 8), LONE, "", np.datetime64("2023")],
    "affect": [0.5, (0.5, 0.5), {"valence": 1}, "happy", Odd(), False],
    "vector": [
        [], [[1.0, 2.0]], "abc", [1, "a"], [None], [math.nan], [math.inf], [1e300], [0, 0], [1j], 5, {}, [True],
        [[1], [2, 3]], np.zeros((2, 2)), np.array([object()]), [1e-60], np.zeros(0), Odd(), [1] * 8193, [10**400],
    ],
    "layer": ["", "Sensory", "limbo", None, 5, ["sensory"], Odd()],
    "derived_from": [5, "1", b"1", [0], [-1], [True], ["1"], [1.0], [None], range(1, 65_538), Odd(), None],
}  # fmt: skip
CASES = [
    pytest.param(name, value, id=f"{name}-{i}") for name, values in WRONG.items() for i, value in enumerate(values)
]


@pytest.mark.parametrize(("name", "value"), CASES)
def test_what_cannot_be_used_is_refused(name: str, value: Any) -> None:
    fields = {"text": "tea", "layer": "logic" if name == "derived_from" else "sensory"} | {name: value}
    with pytest.raises(InvalidArgumentError, match="expected") as raised:
        draft(Experience(**fields), now=NOW, limits=LIMITS)
    assert raised.value.argument == name


@pytest.mark.parametrize("fields", [{}, {"source": "Dana"}, {"tags": []}, {"affect": Affect(1, 1), "kind": "note"}])
def test_an_experience_has_something_in_it(fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgumentError, match="at least one of text, tags, vector, payload"):
        draft(Experience(**fields), now=NOW, limits=LIMITS)


@pytest.mark.parametrize(
    "fields", [{"text": "tea"}, {"tags": ["tea"]}, {"vector": [1]}, {"payload": 0}, {"payload": {}}]
)
def test_any_one_of_them_is_enough(store: RamStore, fields: dict[str, Any]) -> None:
    assert remember(store, **fields)[0] == [1]


class Node:
    """Something that MessagePack has no word for."""


def cycle() -> list[Any]:
    ring: list[Any] = []
    ring.append({"ring": ring})
    return ring


def deep(levels: int, kind: type = list) -> Any:
    node: Any = 1
    for _ in range(levels):
        node = [node] if kind is list else {"k": node}
    return node


BAD_PAYLOADS = {
    "tuple": (1, 2), "set": {1}, "object": Node(), "type": int, "bytearray": bytearray(b"x"), "numpy": np.float32(1),
    "array": np.ones(2), "decimal": 1j, "date": dt.date(2023, 5, 8), "key": {1: "a"}, "bytes key": {b"a": 1},
    "too large": 1 << 64, "too small": -(1 << 63) - 1, "nan": math.nan, "infinity": -math.inf, "surrogate": LONE,
    "surrogate key": {LONE: 1}, "cycle": cycle(), "deep": deep(65), "deep dict": deep(65, dict),
    "very deep": deep(5000),
    "inside": {"a": [1, {"b": (1,)}]}, "oversized": "x" * (16 << 20), "oversized bytes": [b"x" * (8 << 20)] * 2,
}  # fmt: skip


@pytest.mark.parametrize("what", BAD_PAYLOADS)
def test_what_no_payload_can_hold_is_refused(what: str) -> None:
    with pytest.raises(InvalidArgumentError, match=r"^payload.*expected"):
        draft(Experience(payload=BAD_PAYLOADS[what]), now=NOW, limits=LIMITS)


def test_a_small_object_that_unfolds_without_end_is_refused() -> None:
    bomb: list[Any] = [1]
    for _ in range(60):
        bomb = [bomb, bomb]
    with pytest.raises(InvalidArgumentError, match=r"^payload"):
        draft(Experience(payload=bomb), now=NOW, limits=Limits(payload_bytes=1 << 16))


def test_the_place_in_a_payload_is_told() -> None:
    with pytest.raises(InvalidArgumentError, match=r"payload\['a'\]\[1\]\['b'\]"):
        draft(Experience(payload={"a": [1, {"b": {1, 2}}]}), now=NOW, limits=LIMITS)


# ------------------------------------------------------------------------------------------------ what is stored


@given(payloads)
def test_a_payload_comes_back_as_it_was(payload: Any) -> None:
    store = RamStore()
    remember(store, text="tea", payload=payload)
    back = record_of(store, 1).payload
    assert back == payload
    assert repr(sort(back)) == repr(sort(payload))  # 1, 1.0 and True are equal, and not the same


def sort(tree: Any) -> Any:
    if isinstance(tree, dict):
        return {key: sort(tree[key]) for key in sorted(tree)}
    return [sort(item) for item in tree] if isinstance(tree, list) else tree


@pytest.mark.parametrize("payload", [1 << 63, (1 << 64) - 1, -(1 << 63), deep(64), deep(64, dict), b"\x00\xff", -0.0])
def test_the_edges_of_a_payload(store: RamStore, payload: Any) -> None:
    remember(store, payload=payload)
    assert record_of(store, 1).payload == payload


def test_a_moment_that_is_not_given_is_now_with_the_offset_of_the_clock(store: RamStore) -> None:
    remember(store, text="tea")
    record = record_of(store, 1)
    assert (record.at, record.offset, record.added) == (NOW[0], NOW[1], NOW[0])


def test_a_moment_that_is_given_keeps_its_offset(store: RamStore) -> None:
    remember(store, text="the plague", at="1665-09-03T08:00:00-00:01:15")
    record = record_of(store, 1)
    assert (record.at, record.offset) == (-9603590325000000, -75)
    assert record.added == NOW[0]


@pytest.mark.parametrize(
    ("tags", "kept"),
    [
        (("b", "a", "b"), ("b", "a")),
        (["b", "a"], ("b", "a")),
        (iter(["b"]), ("b",)),
        ({"b": 1, "a": 2}, ("b", "a")),
        ({"c", "b", "a"}, ("a", "b", "c")),
        (frozenset({"b", "a"}), ("a", "b")),
        (np.array(["b", "a"]), ("b", "a")),
        (np.array([]), ()),
        (None, ()),
        ([], ()),
    ],
    ids=["tuple", "list", "iterator", "dict", "set", "frozenset", "array", "empty array", "none", "nothing"],
)
def test_tags_keep_their_order_and_a_set_gets_one(store: RamStore, tags: Any, kept: tuple[str, ...]) -> None:
    remember(store, text="tea", tags=tags)
    assert record_of(store, 1).tags == kept


class Mood(enum.StrEnum):
    GOOD = "good"


class Label(str):
    """A str of the host's own."""


@pytest.mark.parametrize("value", [Mood.GOOD, Label("good"), np.str_("good")], ids=["enum", "subclass", "numpy"])
def test_whatever_is_a_str_is_stored_as_one(store: RamStore, value: str) -> None:
    remember(store, text=value, key=value, source=value, tags=[value], episode=value, kind=value)
    record = record_of(store, 1)
    assert (record.text, record.key, record.source, record.tags, record.episode, record.kind) == (
        "good", "good", "good", ("good",), "good", "good"
    )  # fmt: skip
    assert names_of(store, "good") == 1


def test_each_part_lies_in_its_area_under_one_id(store: RamStore) -> None:
    remember(store, text="tea", affect=Affect(0.5, 0.25), vector=[3, 4], key="k")
    assert store.get(APPRAISAL, 1, AppraisalRecord) == AppraisalRecord(valence=0.5, arousal=0.25)
    vector = store.get(VECTOR, 1, VectorRecord)
    assert vector is not None
    assert (np.frombuffer(vector.data, "<f4").tolist(), vector.fingerprint) == ([3.0, 4.0], "")
    assert store.has(TERMS, 1)
    assert names_of(store, "k") == 1
    assert not store.has(CODE, 1)
    assert store.head.sequence == 1


def test_what_was_not_said_takes_no_row(store: RamStore) -> None:
    remember(store, text="tea")
    assert [store.has(area, 1) for area in (APPRAISAL, VECTOR, CODE, MARK)] == [False] * 4


def test_a_given_vector_wins_over_the_encoder(store: RamStore) -> None:
    remember(store, text="tea", vector=[3, 4], code=[1, 1])
    remember(store, text="tea", code=[1, 1])
    assert [store.has(VECTOR, 1), store.has(CODE, 1), store.has(VECTOR, 2), store.has(CODE, 2)] == [
        True,
        False,
        False,
        True,
    ]
    code = store.get(CODE, 2, VectorRecord)
    assert code is not None
    assert code.fingerprint == "toy"


@pytest.mark.parametrize(
    "value",
    [[1, 2], (1.0, 2.0), np.array([1, 2]), np.array([1, 2], np.float64), np.array([1, 2], ">f4"), np.array([1, 0,
    2])[::2], range(1, 3)],
    ids=["list", "tuple", "int64", "float64", "big endian", "strided", "range"],
)  # fmt: skip
def test_a_vector_may_come_in_many_forms(value: Any) -> None:
    vector = as_vector(value, LIMITS)
    assert vector.dtype == np.float32
    assert vector.dtype.isnative
    assert vector.flags.c_contiguous
    assert vector.tolist() == [1.0, 2.0]


@pytest.mark.parametrize("size", [1e-45, 1e-20, 1e19, 3.4e38])
def test_a_vector_may_be_of_any_length(size: float) -> None:
    assert as_vector([size, -size, size], LIMITS).tolist() == np.float32([size, -size, size]).tolist()


def test_the_hosts_buffer_is_not_kept() -> None:
    buffer = np.array([1, 2], np.float32)
    made = draft(Experience(vector=buffer), now=NOW, limits=LIMITS)
    buffer[:] = 9
    assert made.vector is not None
    assert made.vector.tolist() == [1.0, 2.0]


def test_a_payload_that_changes_later_was_taken_as_it_was(store: RamStore) -> None:
    shared: dict[str, Any] = {"n": 0, "list": []}

    def reused() -> Iterator[Experience]:
        for n in range(3):
            shared["n"] = n
            shared["list"].append(n)
            yield Experience(payload=shared)

    drafts = [draft(one, now=NOW, limits=LIMITS) for one in reused()]
    take(store, drafts, [None] * 3, fingerprint="")
    assert [record_of(store, i).payload for i in (1, 2, 3)] == [
        {"n": 0, "list": [0]}, {"n": 1, "list": [0, 1]}, {"n": 2, "list": [0, 1, 2]}
    ]  # fmt: skip


# ------------------------------------------------------------------------------------------------ keys


def test_the_same_again_under_one_key_is_the_same_memory(store: RamStore) -> None:
    fields: dict[str, Any] = {
        "key": "k", "text": "tea", "source": "Dana", "tags": ("a", "b"), "episode": "e", "kind": "n",
        "payload": {"b": 1, "a": 2},
        "affect": Affect(1, 1), "vector": [1, 2],
    }  # fmt: skip
    assert remember(store, **fields)[0] == [1]
    ids, taken = remember(
        store, **fields | {"payload": {"a": 2, "b": 1}, "tags": ["a", "b"], "vector": np.array([1.0, 2.0])}
    )
    assert (ids, taken) == ([1], [])
    assert (store.head.memories, store.head.sequence) == (1, 1)


CHANGES: dict[str, Any] = {
    "text": "coffee", "source": "Bob", "tags": ("b", "a"), "episode": "f", "kind": "m", "payload": {"a": 2.0},
    "affect": Affect(1, 0),
    "vector": [2, 1], "at": "2024-05-08T12:00:00+00:00", "layer": "eternal",
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGES)
def test_anything_new_under_one_key_is_a_revision(store: RamStore, name: str) -> None:
    fields: dict[str, Any] = {
        "key": "k", "text": "tea", "tags": ("a", "b"), "payload": {"a": 2}, "affect": Affect(1, 1), "vector": [1, 2],
    }  # fmt: skip
    remember(store, **fields)
    ids, (taken,) = remember(store, **fields | {name: CHANGES[name]})
    assert ids == [2]
    assert (taken.superseded, record_of(store, 2).supersedes) == (1, 1)
    assert store.get(MARK, 1, MarkRecord) == MarkRecord(superseded_by=2)
    assert names_of(store, "k") == 2


def test_a_retry_with_the_same_moment_is_safe_and_without_one_too(store: RamStore) -> None:
    at = "2024-05-08T12:00:00+02:00"
    assert remember(store, key="k", text="tea", at=at)[0] == [1]
    assert remember(store, key="k", text="tea", at="2024-05-08T10:00:00+00:00")[0] == [1]
    assert remember(store, key="k", text="tea")[0] == [1]


def test_one_key_several_times_in_a_batch(store: RamStore) -> None:
    texts = ["tea", "tea", "coffee", "coffee", "tea"]
    ids, taken = remember(store, *[Experience(key="k", text=text) for text in texts])
    assert ids == [1, 1, 2, 2, 3]
    assert [(new.id, new.superseded) for new in taken] == [(1, None), (2, 1), (3, 2)]
    assert [store.get(MARK, i, MarkRecord) for i in (1, 2, 3)] == [
        MarkRecord(superseded_by=2), MarkRecord(superseded_by=3), None
    ]  # fmt: skip
    assert (store.head.memories, store.head.next_id) == (3, 4)


def test_without_a_key_a_repeat_is_a_new_memory(store: RamStore) -> None:
    assert [remember(store, text="tea")[0] for _ in range(3)] == [[1], [2], [3]]


def test_keys_differ_by_every_byte(store: RamStore) -> None:
    keys = ["k", "K", " k", "k\0", "ключ", "é", "e\u0301"]
    ids = [remember(store, key=key, text="tea")[0][0] for key in keys]
    assert ids == [1, 2, 3, 4, 5, 6, 7]
    assert [names_of(store, key) for key in keys] == ids


# ------------------------------------------------------------------------------------------------ derived_from


def test_evidence_must_be_there(store: RamStore) -> None:
    remember(store, text="tea")
    assert remember(store, text="likes tea", layer="logic", derived_from=[1])[0] == [2]
    for missing in (3, 4, 1 << 63, 1 << 64, 10**30):
        with pytest.raises(MemoryNotFoundError, match="derived_from names memories that are there"):
            remember(store, text="likes", layer="logic", derived_from=[1, missing])
    assert store.head.next_id == 3


def test_evidence_may_come_earlier_in_the_same_batch(store: RamStore) -> None:
    ids, _ = remember(store, Experience(text="tea"), Experience(text="likes tea", layer="dream", derived_from=[1]))
    assert ids == [1, 2]
    with pytest.raises(MemoryNotFoundError):
        remember(store, Experience(text="likes", layer="dream", derived_from=[4]), Experience(text="tea"))


def test_evidence_may_be_an_array_of_ids(store: RamStore) -> None:
    remember(store, Experience(text="tea"), Experience(text="cake"))
    remember(store, text="likes", layer="logic", derived_from=np.array([1, 2]).tolist())
    assert record_of(store, 3).derived_from == (1, 2)
