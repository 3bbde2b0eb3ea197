"""Every example is run as its reader would run it: alone, without arguments, in an empty folder, without a network."""

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"

# An audit hook sees what C code does too; a local socket is none that leaves the machine.
OFFLINE = """
import runpy, socket, sys

def refuse(event, arguments):
    if event == "socket.__new__" and arguments[1] != socket.AF_UNIX or event == "socket.getaddrinfo":
        raise RuntimeError(f"an example reached for the network: {event}")

sys.addaudithook(refuse)
runpy.run_path(sys.argv[1], run_name="__main__")
"""

PRINTED = {
    "assistant.py": [
        "[2] 09 March 2026, Dana: My sister Iris is allergic to nuts.",
        "assistant: No nuts for Iris, and green tea for you.",
        "6 memories, 2 of them from this talk",
    ],
    "export_import.py": [
        "4 lines written",
        "4 lines taken in",
        "nothing lost: True",
        "The boiler man comes on Friday. | earlier: The boiler man comes on Thursday. | superseded by 2",
        r"pinned: eternal | payload: {'jpeg': b'\xff\xd8\xff', 'size': [4, 3]} | forgotten: True",
        "check: []",
    ],
    "game_character.py": [
        "Good to see you, Mira. Mira carried the miller's boy out of the fire.",
        "You again, Rook. Rook left without paying.",
        "Welcome, stranger. Anselm, is it?",
        "after 30 days 1 of 4 memories are fresh; the debt's strength is 0.67",
        "Rook pays: Good to see you, Rook. Rook told a good story about the sea.",
        "The coin was false: You again, Rook. Rook left without paying.",
    ],
    "home_log.py": [
        "168 readings, 56 of them cold",
        "warmest: 19.5 degrees",
        "door at night: 1 time",
        "05 January, Ola: The boiler was serviced; pressure set to 1.5 bar.",
        "receipt 1: forget 120 memories; 51 memories to be seen, 120 hidden",
    ],
    "journal.py": [
        "4 entries",
        "1 new entry, the others were known",
        "19 May 2024: Moved into the house on Mill Lane.",
        "05 March 2024: Planted the broad beans.",
        "She has the job in Porto.",
        "June: ['02.06. First broad beans. The cellar is dry since the drain was cleared.', '09.06. Ines visited.",
    ],
    "robot_log.py": [
        "charging dock beside the stairs: x 0.4, y 7.9",
        "found by meaning",
        "this scan looks like place 4: ('place', 'gate')",
        "battery at 15 percent, turned back",
        "'trigrams', which was not given to open: recall is lexical",
    ],
}


def run(example: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", "-c", OFFLINE, str(example)]
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, encoding="utf-8", stdin=subprocess.DEVNULL
    )


def test_every_example_is_run_here() -> None:
    assert sorted(path.name for path in EXAMPLES.glob("*.py")) == sorted(PRINTED)


@pytest.mark.parametrize("name", PRINTED)
def test_an_example_prints_what_it_promises_and_leaves_nothing(name: str, tmp_path: Path) -> None:
    ended = run(EXAMPLES / name, tmp_path)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert [line for line in PRINTED[name] if line not in ended.stdout] == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", PRINTED)
def test_an_example_fits_on_a_screen(name: str) -> None:
    assert len((EXAMPLES / name).read_text(encoding="utf-8").splitlines()) < 60


def test_an_example_that_reaches_for_the_network_fails(tmp_path: Path) -> None:
    reaching = tmp_path / "reaching.py"
    reaching.write_text("import socket\nsocket.create_connection(('127.0.0.1', 9))\n", encoding="utf-8")
    ended = run(reaching, tmp_path)
    assert ended.returncode != 0
    assert "an example reached for the network" in ended.stderr
