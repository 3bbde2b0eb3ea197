"""A home's log: readings with tags and payload, questions by filter, notes by words."""

import datetime as dt
import tempfile
from collections.abc import Iterator
from pathlib import Path

import thoughtengine as te

START = dt.datetime(2026, 1, 5, tzinfo=dt.timezone(dt.timedelta(hours=1)))


def readings(days: int) -> Iterator[te.Experience]:
    """Give one reading an hour; the key makes sending one twice harmless."""
    for hour in range(24 * days):
        at = START + dt.timedelta(hours=hour)
        celsius = 19.5 if 6 <= at.hour < 22 else 16.0
        yield te.Experience(
            key=f"kitchen/temperature/{at.isoformat()}", at=at, source="thermometer 1",
            tags=["kitchen", "temperature", *(["cold"] if celsius < 17 else [])],
            kind="home.reading", payload={"celsius": celsius, "battery": 0.93},
        )  # fmt: skip


def main(folder: Path) -> None:
    """Log a week and look at it."""
    with te.open(folder) as mind:
        mind.remember_many(readings(7))
        mind.remember_many(readings(7))  # the hub sent all of it again
        mind.remember("The boiler was serviced; pressure set to 1.5 bar.", at=START, source="Ola", tags=["boiler"])
        mind.remember("Front door left open.", at=START + dt.timedelta(days=2), tags=["door", "night"])
        mind.remember("Front door left open.", at=START + dt.timedelta(days=5), tags=["door"])

        week = {"since": START, "until": START + dt.timedelta(days=7)}
        print(f"{mind.count(kind='home.reading')} readings, {mind.count(tags=te.All('kitchen', 'cold'))} of them cold")
        warm = mind.memories(tags=["kitchen", te.Not("cold")], **week)
        print(f"warmest: {max(reading.payload['celsius'] for reading in warm)} degrees")
        print(f"door at night: {mind.count(tags=te.All('door', 'night'), **week)} time")

        boiler = mind.recall("what pressure has the boiler?", kind=te.Not("home.reading"))[0]
        print(f"{boiler.at:%d %B}, {boiler.source}: {boiler.text}")

        receipt = mind.forget(kind="home.reading", until=START + dt.timedelta(days=5))
        print(f"{receipt}; {len(mind)} memories to be seen, {mind.stats().forgotten} hidden")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:  # in your program: a folder that stays
        main(Path(scratch, "mind"))
