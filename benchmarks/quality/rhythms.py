"""Rhythms: of the activities in a flat, of a diary's Sundays, and false ones on uniform times.

python -m benchmarks.quality.rhythms ACTIVITIES.txt DIARY.jsonl [--report]

Activities: start, end and name a line, separated by tabs, two lines of heading. Diary: "at" and "label" a line; a day whose
label says "Lord" is one event. Uniform: 2,000 series each of 10, 100 and 1,000 moments in 60 days and in five years. Days: as
many series of days drawn one by one, all at seven in the morning or without a time, where nothing else has another hour.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.page import Row, show
from thoughtengine import _jit
from thoughtengine.patterns.rhythms import PERIODS, Recurring, Rhythms

HASHES = np.random.default_rng(5).integers(-(2**63), 2**63 - 1, 1 << 12)
EPOCH = dt.datetime(1970, 1, 1)
DAY = 86_400


def microseconds(moment: dt.datetime) -> int:
    """Return a naive moment as the finder takes it."""
    return (moment - EPOCH) // dt.timedelta(microseconds=1)


def found(events: Sequence[tuple[int, int]]) -> Recurring:
    """Return the rhythms of (item, microseconds)."""
    finder = Rhythms()
    items, moments = HASHES[[item for item, _ in events]], np.array([t for _, t in events])
    finder.learn(items, np.arange(len(events) + 1), moments, np.arange(1, len(events) + 1))
    return finder.recurring()


def activities(path: Path) -> list[Row]:
    """Return the best period of each activity."""
    names: dict[str, int] = {}
    events = []
    for line in path.read_text().splitlines()[2:]:
        parts = [part.strip() for part in line.split("\t") if part.strip()]
        if len(parts) >= 3:
            events.append((names.setdefault(parts[2], len(names)), microseconds(dt.datetime.fromisoformat(parts[0]))))
    rhythms = found(events)
    at_a_day = int((rhythms.periods == DAY).sum())
    return [["activities at a day", at_a_day, len(names), f"q up to {rhythms.q_values.max():.1g}"]]


def diary(path: Path) -> list[Row]:
    """Return the best period of the Lord's day."""
    days = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    events = [(0, microseconds(dt.datetime.fromisoformat(day["at"]))) for day in days]
    events += [(1, t) for (_, t), day in zip(events, days, strict=True) if "Lord" in day["label"]]
    rhythms = found(sorted(events, key=lambda event: event[1]))
    (place,) = np.flatnonzero(rhythms.items == HASHES[1])
    days_, strength = rhythms.periods[place] / DAY, rhythms.strengths[place]
    told = f"period {days_:g} days, strength {strength:.3f}, {rhythms.phases[place] / DAY:.2f} days after Monday"
    return [["the Lord's day every week", int(rhythms.periods[place] == 7 * DAY), 1, told]]


def uniform(days: int) -> list[Row]:
    """Return how many series of moments without a rhythm are called rhythmic, each series as if it were the only one."""
    rows: list[Row] = []
    for n in (10, 100, 1000):
        random, called, series = np.random.default_rng(n), 0, 2000
        for _ in range(series):
            moments = np.sort(random.uniform(0, days * DAY, n) * 1e6).astype(np.int64)
            called += len(found([(0, t) for t in moments.tolist()]).items)
        rows.append(
            [f"uniform times, {n:,} in {days:,} days: called", called, series, f"{100 * called / series:.1f} %"]
        )
    return rows


def any_days(hour: int) -> list[Row]:
    """Return how many series of days without a rule are called rhythmic, each as if it were the only one."""
    rows: list[Row] = []
    for n, share in ((10, 0.3), (30, 0.1), (100, 0.5), (1000, 0.3)):
        random, called, series = np.random.default_rng(n), 0, 2000
        for _ in range(series):
            days = np.flatnonzero(random.uniform(size=round(n / share)) < share)
            called += len(days) and len(
                found([(0, (day * DAY + hour * 3600) * 1_000_000) for day in days.tolist()]).items
            )
        told = f"any days at {hour:02}:00, {n:,} in {n / share:,.0f}: called"
        rows.append([told, called, series, f"{100 * called / series:.1f} %"])
    return rows


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("activities", type=Path)
    parser.add_argument("diary", type=Path)
    parser.add_argument("--report", action="store_true", help="add the table to results/patterns.md")
    given = parser.parse_args(arguments)
    _jit.warm_up()
    table = [*activities(given.activities), *diary(given.diary), *uniform(60), *uniform(1826)]
    table += [*any_days(0), *any_days(7)]
    notes = [f"periods tried: {', '.join(f'{p / 3.6e9:g} h' for p in PERIODS)}; q 0.005 over all that was tested"]
    show("rhythms", ("what", "n", "of", "told"), table, notes=notes, report="patterns" if given.report else None)


if __name__ == "__main__":
    main()
