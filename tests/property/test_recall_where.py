"""What the index selects is what a plain loop selects."""

from typing import Any

import attrs
from hypothesis import given
from hypothesis import strategies as st

from tests.indexes import memory, record
from tests.strategies import NOON, admits, experiences, wheres
from thoughtengine.config import RecallConfig
from thoughtengine.memory.index.entry import make_entry
from thoughtengine.memory.index.index import Index, Row
from thoughtengine.memory.moment import to_stored
from thoughtengine.memory.record import MarkRecord
from thoughtengine.memory.where import parse_where

NOW = to_stored("now", NOON)[0]


@given(
    st.lists(st.tuples(experiences(keyed=False), st.booleans(), st.booleans()), max_size=12),
    st.lists(wheres(), max_size=4),
    st.booleans(),
)
def test_select_and_count(
    taken: list[tuple[dict[str, Any], bool, bool]], filters: list[dict[str, Any]], in_order: bool
) -> None:
    index, seen = Index(RecallConfig(), None), {}
    rows = [
        (
            record(
                **{"at": NOON} | {name: value for name, value in fields.items() if name not in ("affect", "payload")}
            ),
            *marks,
        )
        for fields, *marks in taken
    ]
    if in_order:
        rows.sort(key=lambda row: row[0].at)
    for id_, (stored, hidden, pinned) in enumerate(rows, 1):
        mark = MarkRecord(forgotten=(1,) if hidden else (), pinned=(2,) if pinned else ())
        index.add(Row(id_, make_entry(stored), None, mark))
        if not hidden:
            of = memory(id_, stored)
            seen[id_] = attrs.evolve(of, layer="eternal") if pinned else of
    view = index.view()
    moments = [stored.at for stored, *_ in rows]
    assert view.totals.in_order == (moments == sorted(moments))
    for where in filters:
        expected = [id_ for id_, of in seen.items() if admits(of, where, NOON)]
        assert view.ids[view.select(parse_where(**where), NOW)].tolist() == expected
        assert view.count(parse_where(**where), NOW) == len(expected)
