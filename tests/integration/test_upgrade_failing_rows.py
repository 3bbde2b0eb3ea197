"""Rows of format 1 that the released step raises on: served as far as they can be, counted, and byte for byte on the way back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import thoughtengine as te
from tests.flat import read_flat, write_flat
from thoughtengine.migrations import lift, prove

GOOD = json.dumps({"timestamp": 1, "type": "t", "raw": "good"}).encode()
MOMENTS = [
    "NaN", "Infinity", "-Infinity", "1e400", "-1e400", "9" * 400, "-" + "9" * 400, "9" * 5000, '"noon"', "[1]", "{}", "null",
    "true", "1e308", "[" * 500 + "]" * 500,
]  # fmt: skip


def odd_rows() -> dict[bytes, bytes]:
    """Return rows of every layer with every odd moment, and an emotion beside an experience."""
    rows = {b"sensory:a": GOOD, b"emotion:sensory0": b'{"processed_at":NaN,"valence":NaN,"arousal":NaN}'}
    fields = {"sensory": "raw", "logic": "data", "dream": "source", "eternal": "data", "emotion": "text"}
    for layer, field in fields.items():
        when = {"emotion": "processed_at", "eternal": "created_at"}.get(layer, "timestamp")
        for n, moment in enumerate(MOMENTS):
            rows[f"{layer}:{layer}{n}".encode()] = (
                f'{{"{when}":{moment},"{field}":"moment {n}","importance":NaN}}'.encode()
            )
    return rows


@pytest.mark.parametrize("upgrade", ["auto", "wait"])
def test_odd_moments_cost_nothing_up_and_down(tmp_path: Path, upgrade: str) -> None:
    old, rows = tmp_path / "old", odd_rows()
    write_flat(old, rows)
    planned = te.plan(old)
    assert any("the step fails on 5 rows" in risk.impact for risk in planned.risks)
    with te.open(old, upgrade=upgrade) as mind:
        assert len(mind) == len(rows) - 1
        assert mind["sensory:sensory0"].text == "moment 0"
        assert mind["sensory:sensory0"].at.year == 1970
        assert mind.check() == []
        mind.remember("new", key="sensory:new")
    report = te.history(old)[-1]
    assert report.rows_quarantined == 5
    assert report.rows_in == report.rows_upgraded + report.rows_quarantined + report.rows_carried
    te.rollback(old)
    flat = read_flat(old)
    assert {key: flat[key] for key in rows} == rows
    assert b"sensory:new" in flat
    with te.open(old, upgrade="wait") as mind:
        assert mind["sensory:new"].text == "new"
    te.rollback(old)
    assert {key: read_flat(old)[key] for key in rows} == rows


def test_a_large_store_serves_such_a_row_while_it_is_upgraded_behind(tmp_path: Path) -> None:
    old = tmp_path / "old"
    rows = {b"sensory:%05d" % n: GOOD for n in range(2500)} | {b"sensory:b": b'{"timestamp":NaN,"raw":"x"}'}
    write_flat(old, rows, compact=True)
    with te.open(old) as mind:
        assert mind["sensory:b"].text == "x"
        assert mind.count() == len(rows)
        mind.remember("kept", key="sensory:kept")
    with te.open(old, upgrade="wait") as mind:
        assert mind["sensory:kept"].text == "kept"
        assert mind.check() == []
    te.rollback(old)
    assert {key: read_flat(old)[key] for key in rows} == rows


def test_a_row_that_no_part_of_can_be_made_is_served_as_its_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, right = tmp_path / "old", lift.layers_up
    rows = {b"sensory:a": GOOD, b"sensory:b": b'{"timestamp":1,"raw":"x"}', b"thought:patterns": b"[]"}
    write_flat(old, rows)

    def raising(key: bytes, *args: Any, **more: Any) -> Any:
        if key == b"sensory:b":
            raise RuntimeError("the step cannot")
        return right(key, *args, **more)

    monkeypatch.setattr(lift, "layers_up", raising)
    with te.open(old, upgrade="wait") as mind:
        assert mind["sensory:b"].payload == rows[b"sensory:b"]
        assert mind.check() == []
    assert te.history(old)[-1].rows_quarantined == 1
    te.rollback(old)
    assert read_flat(old) == rows


def test_where_it_raises_on_many_the_step_is_at_fault_and_the_store_stays_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, rows = tmp_path / "old", {b"sensory:%d" % n: GOOD for n in range(50)}
    write_flat(old, rows)
    monkeypatch.setattr(lift, "layers_up", lambda *given, **also: {}["a fault of ours"])
    with pytest.raises(te.UpgradeFailedError, match="raises on 50 rows"):
        te.open(old)
    assert read_flat(old) == rows
    monkeypatch.undo()
    with te.open(old, upgrade="wait") as mind:
        assert len(mind) == 50


def test_the_way_back_ends_where_the_step_cannot_even_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old, rows = tmp_path / "old", {b"sensory:%d" % n: GOOD for n in range(50)}
    write_flat(old, rows)
    with te.open(old, upgrade="wait"):
        pass
    monkeypatch.setattr(prove, "_recalled", lambda *given: {}["a fault of ours"])
    report = te.rollback(old)
    assert report.probes == report.probes_failed > 0
    assert read_flat(old) == rows


def test_a_fault_of_ours_in_the_way_back_leaves_a_mind_that_serves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = tmp_path / "old"
    write_flat(old, {b"sensory:a": GOOD})
    with te.open(old, upgrade="wait"):
        pass
    monkeypatch.setattr(prove, "_compare_rows", lambda *given: {}["a fault of ours"])
    with pytest.raises(te.UpgradeFailedError, match="KeyError"):
        te.rollback(old)
    with te.open(old) as mind:
        assert mind["sensory:a"].text == "good"
