"""Damage every file of every specimen in every way, and print a table of what came of it.

`python -m tests.damage` takes some minutes; `--each 5` less; `--write` puts the table into docs/durability.md.
"""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tests.damage.harms import KINDS, harms
from tests.damage.oracle import OUTCOMES, SILENT, Verdict, judge
from tests.damage.specimens import SPECIMENS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "durability.md"
BEGIN, END = "<!-- damage: begin -->", "<!-- damage: end -->"
PARTS = ("log", "table", "table, data", "table, filter", "table, index", "table, footer")


def run(names: Sequence[str], *, each: int, seed: int = 0, loud: bool = False) -> list[Verdict]:
    """Damage specimens and judge what comes of it.

    Parameters
    ----------
    names
        Of the specimens.
    each
        Flips, cuts and zeroed blocks per part of a specimen.
    seed
        Of the choice of places.
    loud
        Print what must not be, as it is found.
    """
    verdicts = []
    ram = Path("/dev/shm")
    log = logging.getLogger("thoughtengine")
    level = log.level
    log.setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory(dir=ram if ram.is_dir() else None) as folder:
        for name in names:
            specimen = SPECIMENS[name](Path(folder))
            for harm in harms(specimen, n=each, seed=seed):
                verdict = judge(specimen, harm, Path(folder))
                verdicts.append(verdict)
                if loud and verdict.wrong:
                    print(f"SILENT {name}: {harm}: {verdict.wrong[:2]}", file=sys.stderr, flush=True)
    log.setLevel(level)
    return verdicts


def as_markdown(verdicts: Sequence[Verdict]) -> str:
    """Give the table: a row for each part and kind of damage, the outcomes counted."""
    lines = [f"| file | damage | cases | {' | '.join(OUTCOMES)} |", f"|{' --- |' * (3 + len(OUTCOMES))}"]
    for part in dict.fromkeys(verdict.harm.part for verdict in verdicts):
        for kind in KINDS:
            found = Counter(v.outcome for v in verdicts if (v.harm.part, v.harm.kind) == (part, kind))
            if found:
                cells = [part, kind, str(found.total()), *(str(found[outcome] or "") for outcome in OUTCOMES)]
                lines.append(f"| {' | '.join(cells)} |")
    total = Counter(verdict.outcome for verdict in verdicts)
    lines.append(f"| all | | {len(verdicts)} | {' | '.join(str(total[outcome]) for outcome in OUTCOMES)} |")
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the command line asks for; 1 if anything was silent."""
    parser = argparse.ArgumentParser(prog="python -m tests.damage", description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--specimen", action="append", choices=sorted(SPECIMENS), help="only this one (repeatable)")
    parser.add_argument("--each", type=int, default=40, help="flips, cuts and zeroed blocks per part (default: 40)")
    parser.add_argument("--seed", type=int, default=0, help="of the places")
    parser.add_argument("--write", action="store_true", help="put the table into docs/durability.md")
    asked = parser.parse_args(arguments)
    begun = time.monotonic()
    verdicts = run(asked.specimen or list(SPECIMENS), each=asked.each, seed=asked.seed, loud=True)
    table = as_markdown(verdicts)
    print(table + f"\n{len(verdicts)} damaged minds in {time.monotonic() - begun:.0f} s.")
    if asked.write:
        before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
        PAGE.write_text(f"{before}{BEGIN}\n\n{table}\n{END}{rest.partition(END)[2]}", encoding="utf-8")
    return int(any(verdict.outcome == SILENT for verdict in verdicts))


if __name__ == "__main__":
    sys.exit(main())
