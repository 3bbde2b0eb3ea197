"""What the command line says to somebody who has read nothing: what was given, what was expected, what to do; each thing once."""

import json
from pathlib import Path

import pytest

from tests.flat import write_flat
from thoughtengine.cli import main

CODE = """
import numpy
import thoughtengine as te

hooks = te.Upgrades("acme")


@hooks.step("note", from_version=1, down=lambda note: {"text": note["body"]})
def note_1_to_2(note):
    return {"body": note["text"]}


class Vowels:
    name = fingerprint = "vowels"
    dimension = 5

    def __call__(self, texts):
        return numpy.array([[1 + text.count(vowel) for vowel in "aeiou"] for text in texts], numpy.float32)
"""


@pytest.fixture
def code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A module of a host, in the working directory."""
    (tmp_path / "host_that_told.py").write_text(CODE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    return "host_that_told"


def flat(path: Path, n: int = 40) -> Path:
    rows = {
        f"sensory:note-{i:05d}".encode(): json.dumps({"timestamp": i, "type": "sensory", "raw": f"tea {i}"}).encode()
        for i in range(n)
    }
    write_flat(path, rows, compact=True)
    return path


def damaged(path: Path) -> Path:
    flat(path, 3000)
    table = max(path.glob("*.ldb"))
    data = bytearray(table.read_bytes())
    data[5000] ^= 4
    table.write_bytes(data)
    return path


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    given = main([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    return given, out, err


def test_a_salvage_that_lost_something_says_what_and_is_no_success(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old = damaged(tmp_path / "old")
    found, out, err = run(capsys, "upgrade", old, "--into", tmp_path / "new", "--salvage")
    assert found == 1
    assert "done" in out
    assert f"{tmp_path / 'new'}: what is damaged did not come over" in err
    assert "a block does not verify" in err
    assert ".part" not in err
    assert err.count("a block does not verify") == 1


def test_a_salvage_of_a_sound_store_lost_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found, _, err = run(capsys, "upgrade", flat(tmp_path / "old"), "--into", tmp_path / "new", "--salvage")
    assert (found, "did not come over" in err) == (0, False)


def test_a_salvage_without_a_new_folder_names_the_option(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found, out, err = run(capsys, "upgrade", damaged(tmp_path / "old"), "--salvage")
    assert (found, out) == (2, "")
    assert err == "thoughtengine: --salvage: expected --into FOLDER with it, as the damaged store is only read\n"


def test_an_error_is_told_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from thoughtengine.migrations import run as running

    monkeypatch.setattr(running.Upgrade, "_probed", lambda self: ["the probe p gives 1, and before 2"])
    old = flat(tmp_path / "old")
    found, out, err = run(capsys, "upgrade", old)
    assert (found, out) == (2, "")
    assert err.count("the probe p gives 1") == 1
    assert err.count("does not hold") == 1


def test_damage_is_told_once_and_names_the_folder_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old = damaged(tmp_path / "old")
    found, _, err = run(capsys, "upgrade", old)
    assert found == 2
    assert err.count("LevelDB found damage") == 1
    assert "gen-000001" not in err
    assert err.endswith(("(nothing was touched)\n", "(its files are given back as they were)\n"))
