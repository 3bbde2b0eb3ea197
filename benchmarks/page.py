"""Tables on the screen and in `results/`: every table with the command, the machine and the versions it came from."""

from __future__ import annotations

import datetime as dt
import importlib.metadata
import os
import platform
import sys
from collections.abc import Sequence
from pathlib import Path

RESULTS = Path(__file__).parent / "results"
PARTS = (
    "numpy", "msgspec", "plyvel", "plyvel-next", "plyvel-ci", "numba", "wordllama",
    "chromadb", "lancedb", "bm25s", "tantivy", "usearch", "hnswlib",
)  # fmt: skip

Row = Sequence[object]


def table(heads: Sequence[str], rows: Sequence[Row]) -> str:
    """Return a Markdown table, its columns aligned; all but the first are right-aligned.

    Examples
    --------
    >>> print(table(["who", "ms"], [["we", 1.25], ["they", 20]]))
    | who  |   ms |
    | :--- | ---: |
    | we   | 1.25 |
    | they |   20 |
    """
    cells = [[str(head) for head in heads]] + [[_cell(value) for value in row] for row in rows]
    widths = [max(4, *(len(line[column]) for line in cells)) for column in range(len(heads))]
    rule = [":" + "-" * (width - 1) if not i else "-" * (width - 1) + ":" for i, width in enumerate(widths)]
    return "\n".join(_line(line, widths) for line in [cells[0], rule, *cells[1:]])


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = [
        cell.rjust(width) if i else cell.ljust(width) for i, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
    return f"| {' | '.join(padded)} |"


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def machine() -> str:
    """Return one line about where and with what this runs."""
    versions = []
    for name in PARTS:
        try:
            versions.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    python = f"{platform.python_implementation()} {platform.python_version()}"
    system = f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPUs{load}"
    return f"{python}, {system}; {', '.join(versions)}"


def show(
    title: str, heads: Sequence[str], rows: Sequence[Row], *, notes: Sequence[str] = (), report: str | None = None
) -> None:
    """Print a table; with `report`, also add it to `results/REPORT.md`.

    Parameters
    ----------
    title : str
        What was measured.
    heads, rows : sequence
        The table.
    notes : sequence of str
        What one has to know to read it.
    report : str, optional
        Name of the file in `results/`, without suffix.
    """
    body = "\n".join([f"## {title}", "", table(heads, rows), "", *(f"- {note}" for note in notes)])
    print(body, flush=True)
    if report is not None:
        RESULTS.mkdir(exist_ok=True)
        command = " ".join(["python -m", _module(), *(Path(word).name or word for word in sys.argv[1:])])
        stamp = f"{dt.datetime.now(dt.UTC):%Y-%m-%d %H:%M} UTC"
        with (RESULTS / f"{report}.md").open("a", encoding="utf-8") as file:
            file.write(f"{body}\n- `{command}`, {stamp}\n- {machine()}\n\n")


def _module() -> str:
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    return spec.name if spec is not None else Path(sys.argv[0]).stem
