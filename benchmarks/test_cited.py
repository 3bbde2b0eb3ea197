"""What a reply used: `benchmarks.quality.cited` on a conversation of three turns."""

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.quality import cited, conversations
from benchmarks.test_conversations import QUESTIONS, TURNS


def test_both_rules_have_their_rows(tmp_path: Path) -> None:
    path = tmp_path / "three.json"
    answered = [row | {"answer": answer} for row, answer in zip(QUESTIONS, ["Dana", "red", "never", None], strict=True)]
    path.write_text(json.dumps({"turns": TURNS, "questions": answered}), encoding="utf-8")
    conversation = conversations.read(path)
    table, calibrated = cited.rows([conversation, conversation])
    assert {row[0] for row in table} >= {"thoughtengine, sure of 50%", "- held out, sure of 30%", "any word in common"}
    assert {row[1] for row in table} == {1, 3, 5}
    assert sum(int(str(row[1])) for row in calibrated) == sum(len(one.used) for one in cited.ask(conversation, 0)) * 2


def test_figures_are_what_they_say() -> None:
    used = np.array([1.0, 1.0, 0.0, 0.0])
    assert cited.auroc(np.array([0.9, 0.4, 0.4, 0.1]), used) == pytest.approx(0.875)
    assert cited.error(np.array([0.55, 0.55, 0.05, 0.05]), used) == pytest.approx(0.25)
    low, high = cited.calibration(np.array([0.9, 1.0, 0.0, 0.02]), used)
    assert (low, high) == (["0% to 5%", 2, "1.0", "0.0"], ["80% to 100%", 2, "95.0", "100.0"])
