"""Asking: what a host asks the patterns with, checked."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Set

import numpy as np

from thoughtengine._types import IntArray
from thoughtengine.errors import InvalidArgumentError
from thoughtengine.memory.remember import check_size
from thoughtengine.patterns.finders import TAG, item
from thoughtengine.patterns.kernels.sequences import DEPTH

__all__ = ["check_name", "check_now", "history_of", "names_in"]


def history_of(given: Iterable[str | Iterable[str]]) -> IntArray:
    """Return what came before as the sequences take it: its newest tags first, those of one experience by the alphabet.

    Raises
    ------
    InvalidArgumentError
        For what is no sequence of names, or has no order.
    """
    if isinstance(given, str | bytes | Set | Mapping) or not isinstance(given, Iterable):
        raise InvalidArgumentError("given", given, "a sequence of str, or of sequences of str for what came at once")
    history, names = np.zeros(DEPTH, np.int64), list[str]()
    for one in given:
        names += sorted(names_in("given", (one,) if isinstance(one, str) else one))
    recent = [item(TAG, tag) for tag in reversed(names[-DEPTH:])]
    history[: len(recent)] = recent
    return history


def names_in(argument: str, values: Iterable[str]) -> tuple[str, ...]:
    """Return names, checked."""
    if isinstance(values, str | bytes) or not isinstance(values, Iterable):
        raise InvalidArgumentError(argument, values, "a sequence of str")
    names = tuple(values)
    for name in names:
        if not isinstance(name, str):
            raise InvalidArgumentError(argument, name, "a sequence of str")
        check_size(argument, name, sys.maxsize)
    return names


def check_name(argument: str, value: object) -> None:
    """Refuse what is no name, and None."""
    if value is not None:
        if not isinstance(value, str):
            raise InvalidArgumentError(argument, value, "a str")
        check_size(argument, value, sys.maxsize)


def check_now(now: object) -> None:
    """Refuse what is no moment of a mind's clock."""
    if isinstance(now, bool) or not isinstance(now, int) or abs(now) >= 1 << 62:
        raise InvalidArgumentError("now", now, "microseconds since 1970")
