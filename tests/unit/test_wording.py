"""What is told at a terminal has no Python in it."""

import pytest

from thoughtengine.errors import BatchError, InvalidArgumentError, StoreNotFoundError, ThoughtEngineError
from thoughtengine.wording import counted, plainly


def test_types_are_left_out_also_of_an_error_that_is_quoted() -> None:
    inner = InvalidArgumentError("layer", "x", "a layer")
    assert plainly(inner) == "layer: expected a layer; given 'x'"
    outer = BatchError(0, (), inner)
    outer.__cause__ = inner
    assert "(str)" in str(outer)
    assert "(str)" not in plainly(outer)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (
            StoreNotFoundError("m", "there is no mind here (te.open(path) makes one, unless create=False)"),
            "m: there is no mind here; `thoughtengine import FILE m` makes one",
        ),
        (
            StoreNotFoundError("b", "this is a backup or snapshot: te.restore(this, path) makes a mind of it"),
            "b: this is a backup or snapshot: `thoughtengine restore BACKUP MIND` makes a mind of it",
        ),
        (PermissionError(13, "Permission denied", "out"), "out: Permission denied"),
        (OSError("odd"), "odd"),
        (ThoughtEngineError("plain (very)"), "plain (very)"),
    ],
)
def test_what_to_type(error: Exception, told: str) -> None:
    assert plainly(error) == told


def test_one_is_no_many() -> None:
    assert [counted(n, "memory", "memories") for n in (0, 1, 2)] == ["0 memories", "1 memory", "2 memories"]
