import copy
import inspect
import pickle
import re
from pathlib import Path
from typing import Any

import pytest

import thoughtengine as te
from tests.strategies import LONE, Odd
from thoughtengine import errors

SAMPLES: list[te.ThoughtEngineError] = [
    te.ThoughtEngineError("no"),
    te.InvalidArgumentError("k", 0, "a whole number"),
    te.VectorDimensionError("vector", 3, 4),
    errors.ImportFormatError("a.jsonl", "line 3", "not JSON"),
    te.BatchError(3, (1, 2), te.InvalidArgumentError("text", "", "text")),
    te.MemoryNotFoundError(7, "it was erased"),
    te.RecordError("damaged"),
    te.RecordUpgradeError(7, "acme.note 1 to 2", "KeyError('text')"),
    te.StoreError("/mind", "no"),
    te.StoreNotFoundError("/mind", "nothing there"),
    te.StoreExistsError("/mind", "something there"),
    te.StoreLockedError("/mind", "open elsewhere", pid=5, host="here", since="2024-05-08T12:00:00+00:00"),
    te.StoreNewerError("/mind", have=2, need=3, written_by="thoughtengine 9"),
    te.StoreTooOldError("/mind", "format 1"),
    te.StoreDamagedError("/mind", "torn", file="000005.ldb"),
    te.StoreFullError("/mind", "no space"),
    te.UpgradeRequiredError("/mind", "format 1"),
    te.UpgradeRunningError("/mind", "wait"),
    te.UpgradeFailedError("/mind", "does not hold"),
    te.DowngradeError("/mind", "no way down"),
    te.StoreClosedError("closed"),
    te.ForkedError("forked"),
    te.MissingPackageError("wordllama", "semantic", "it is not installed"),
]


DOCS = Path(__file__).parents[2] / "docs" / "errors.md"


def drawn_tree(text: str) -> dict[str, tuple[str, set[str]]]:
    """Read a tree that is drawn: name → (parent, builtin bases)."""
    tree: dict[str, tuple[str, set[str]]] = {}
    above: list[str] = []
    for line in text.splitlines():
        found = re.match(r"^([│├└─ ]*)(\w+Error)(?: \((\w+)\))?", line)
        if found:
            depth = len(found[1]) // 4
            above[depth:] = [found[2]]
            tree[found[2]] = (above[depth - 1] if depth else "Exception", {found[3]} if found[3] else set())
    return tree


@pytest.mark.parametrize(
    "text",
    [inspect.cleandoc(errors.__doc__ or "").replace("\n    ", "\n"), DOCS.read_text().split("```")[1]],
    ids=["docstring", "docs"],
)
def test_the_tree_that_is_drawn_is_the_tree(text: str) -> None:
    drawn = drawn_tree(text)
    assert sorted(drawn) == sorted(errors.__all__)
    for name, (parent, builtin) in drawn.items():
        kind = getattr(errors, name)
        assert parent in {base.__name__ for base in kind.__bases__}, name
        assert builtin == {base.__name__ for base in kind.__bases__} - {parent}, name


def test_every_kind_has_a_sample() -> None:
    assert sorted(type(sample).__name__ for sample in SAMPLES) == sorted(errors.__all__)


@pytest.mark.parametrize("error", SAMPLES, ids=lambda error: type(error).__name__)
def test_every_error_can_be_caught_as_ours_and_tells_itself(error: te.ThoughtEngineError) -> None:
    assert isinstance(error, te.ThoughtEngineError)
    assert str(error)
    assert inspect.getdoc(type(error))
    assert type(error).__name__.endswith("Error")


@pytest.mark.parametrize("error", SAMPLES, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("give", [copy.copy, lambda error: pickle.loads(pickle.dumps(error))], ids=["copy", "process"])
def test_every_error_crosses_to_another_process(error: te.ThoughtEngineError, give: Any) -> None:
    other = give(error)
    assert type(other) is type(error)
    assert str(other) == str(error)
    assert {name: str(part) for name, part in vars(other).items()} == {n: str(p) for n, p in vars(error).items()}


@pytest.mark.parametrize(
    ("kind", "builtin"),
    [
        (te.InvalidArgumentError, ValueError),
        (te.MemoryNotFoundError, KeyError),
        (te.MissingPackageError, ImportError),
        (te.StoreError, OSError),
        (te.StoreNotFoundError, FileNotFoundError),
        (te.StoreExistsError, FileExistsError),
        (te.VectorDimensionError, te.InvalidArgumentError),
    ],
)
def test_a_caller_may_catch_the_builtin(kind: type, builtin: type) -> None:
    assert issubclass(kind, builtin)


def test_a_wrong_argument_is_named_with_what_was_given_and_expected() -> None:
    error = te.InvalidArgumentError("k", 0, "a whole number from 1 to 10")
    assert str(error) == "k: expected a whole number from 1 to 10; given 0 (int)"
    assert (error.argument, error.given) == ("k", 0)


@pytest.mark.parametrize(
    "given",
    [Odd(), 10**5000, "x" * 20_000_000, b"x" * 10_000, list(range(10_000)), LONE],
    ids=["odd", "int", "str", "bytes", "list", "surrogate"],
)
def test_whatever_was_given_the_message_can_be_made_and_is_short(given: Any) -> None:
    for error in (te.InvalidArgumentError("text", given, "tea"), te.MemoryNotFoundError(given)):
        assert len(str(error)) < 250
        str(error).encode()
    assert te.InvalidArgumentError("text", given, "tea").given is given


def test_a_deep_tree_can_be_told() -> None:
    deep: list[Any] = []
    for _ in range(20_000):
        deep = [deep]
    assert "payload: expected less" in str(te.InvalidArgumentError("payload", deep, "less"))
    while deep:  # taken apart slowly: a deep tree overflows the stack when it goes at once
        deep = deep.pop()


def test_parts_stay_on_the_error() -> None:
    locked, newer, batch = SAMPLES[11], SAMPLES[12], SAMPLES[4]
    assert isinstance(locked, te.StoreLockedError)
    assert (locked.pid, locked.host, locked.path) == (5, "here", "/mind")
    assert isinstance(newer, te.StoreNewerError)
    assert (newer.have, newer.need) == (2, 3)
    assert "install that release or a later one" in str(newer)
    assert isinstance(batch, te.BatchError)
    assert (batch.index, batch.written, batch.ids) == (3, 2, (1, 2))
    assert "go on from number 2" in str(batch)


def test_a_missing_memory_is_told_without_the_quotes_of_a_key_error() -> None:
    assert str(te.MemoryNotFoundError("drink")) == "no memory with key 'drink'"
    assert str(te.MemoryNotFoundError(7, "it was erased")) == "no memory with id 7: it was erased"
