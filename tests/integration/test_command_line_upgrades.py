"""The command line on minds of an older format: a mere look begins nothing, and what is begun is told with the way back."""

import json
from pathlib import Path

import pytest

import thoughtengine as te
from tests.flat import read_flat, write_flat
from tests.host_code import CODE
from thoughtengine import lifting
from thoughtengine.cli import main

ROWS = {
    f"sensory:note-{n}".encode(): json.dumps(
        {"timestamp": n, "type": "sensory", "raw": f"tea in the garden {n}"}
    ).encode()
    for n in range(8)
}
LOOKS = (["stats"], ["recall", "tea"], ["feeling", "tea"], ["patterns"], ["export"])


@pytest.fixture
def old(tmp_path: Path) -> Path:
    write_flat(tmp_path / "old", ROWS)
    return tmp_path / "old"


@pytest.fixture
def code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A module of a host, in the working directory."""
    (tmp_path / "host_of_notes.py").write_text(CODE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    return "host_of_notes"


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    given = main([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    return given, out, err


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: look[0])
def test_a_look_begins_no_upgrade(old: Path, look: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    before = {file.name: file.read_bytes() for file in old.iterdir()}
    found, out, err = run(capsys, look[0], old, *look[1:])
    assert (found, out) == (2, "")
    assert f"`thoughtengine upgrade {old}`" in err
    assert "--upgrade wait" in err
    assert {file.name: file.read_bytes() for file in old.iterdir()} == before


def test_neither_does_an_import(old: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "notes.jsonl").write_text('{"text": "new"}\n')
    assert run(capsys, "import", tmp_path / "notes.jsonl", old)[0] == 2
    assert read_flat(old) == ROWS
    found, _, err = run(capsys, "import", tmp_path / "notes.jsonl", old, "--upgrade", "wait")
    assert found == 0
    assert "goes back to it" in err
    assert te.history(old)[0].kind == "upgrade"


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: look[0])
@pytest.mark.parametrize("how", ["auto", "wait"])
def test_where_it_may_it_says_what_it_begins_and_how_to_go_back(
    old: Path, look: list[str], how: str, capsys: pytest.CaptureFixture[str]
) -> None:
    found, out, err = run(capsys, look[0], old, *look[1:], "--upgrade", how)
    assert found in (0, 1)
    assert out
    assert f"{old}: upgrading format 1 to 2; what is there now is kept in {old / 'rollback'}" in err
    assert f"`thoughtengine rollback {old}` takes it back, until 2" in err
    assert run(capsys, "rollback", old)[0] == 0
    assert read_flat(old) == ROWS


def test_one_that_was_begun_goes_on(
    old: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lifting, "SMALL", 2)
    mind = te.open(old)
    mind.upgrade.pause()
    mind.close()
    assert run(capsys, "stats", old, "--upgrade", "refuse")[0] == 2
    found, _, err = run(capsys, "stats", old)
    assert found == 0
    assert "upgrading format 1" not in err
    assert run(capsys, "stats", old, "--upgrade", "wait")[0] == 0
    assert te.history(old)[-1].succeeded


def test_upgrade_tells_what_it_begins_and_how_to_go_back(old: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found, out, err = run(capsys, "upgrade", old)
    assert found == 0
    assert "8 rows" in out
    assert "upgrading format 1 to 2" in err
    assert "takes it back, until 2" in err
    assert run(capsys, "upgrade", old) == (0, f"{old}: nothing to do\n", "")


def test_hooks_and_encoders_are_named_by_module(old: Path, code: str, capsys: pytest.CaptureFixture[str]) -> None:
    with te.open(old) as mind:
        mind.remember("noted", key="one", kind="acme.note", payload={"text": "noted"})
    taken = ["--hooks", f"{code}:hooks", "--encoder", f"{code}:Vowels"]
    _, out, _ = run(capsys, "plan", old, *taken)
    assert "P4 acme.note 1 to 2: 1 record\n" in out
    assert "P4 encoder: none to vowels" in out
    assert run(capsys, "rehearse", old, *taken)[0] == 0
    assert run(capsys, "upgrade", old, *taken)[0] == 0
    with te.open(old) as mind:
        assert mind["one"].payload == {"body": "noted"}
        mind.upgrade.commit()
    found, out, err = run(capsys, "rollback", old, "--to", "acme.note=1", "--hooks", f"{code}:hooks")
    assert found == 0, err
    with te.open(old) as mind:
        assert mind["one"].payload == {"text": "noted"}
    assert run(capsys, "rollback", old, "--to", "1", "--hooks", f"{code}:hooks")[0] == 0
    assert {key: read_flat(old)[key] for key in ROWS} == ROWS


@pytest.mark.parametrize(
    "wrong", [["--hooks", "nowhere"], ["--hooks", "nowhere:hooks"], ["--hooks", "json:nothing"], ["--encoder", ":x"]]
)
def test_what_cannot_be_imported_is_told(old: Path, wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    found, _, err = run(capsys, "upgrade", old, *wrong)
    assert found == 2
    assert "MODULE:NAME" in err
    assert read_flat(old) == ROWS


@pytest.mark.parametrize("wrong", [["--to", "one"], ["--to", "1", "--to", "2"], ["--to", "acme.note=x"]])
def test_what_cannot_be_gone_down_to_is_told(old: Path, wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    found, _, err = run(capsys, "rollback", old, *wrong)
    assert found == 2
    assert "KIND=VERSION" in err


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("broken", "RuntimeError: no model here"),
        ("NUMBER", "dimension"),
        ("hooks", "dimension"),
        ("nothing", "dimension"),
    ],
)
def test_what_makes_no_encoder_is_told_and_nothing_is_done(
    old: Path, code: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, told: str
) -> None:
    more = "\n\ndef broken():\n    raise RuntimeError('no model here')\n\n\ndef nothing():\n    return None\n\n\nNUMBER = 5\n"
    (tmp_path / "host_of_no_encoder.py").write_text(CODE + more)
    before = read_flat(old)
    for arguments in (["upgrade", old], ["plan", old]):
        given, _, err = run(capsys, *arguments, "--encoder", f"host_of_no_encoder:{name}")
        assert (given, "--encoder" in err, told in err, "Traceback" in err) == (2, True, True, False), (arguments, err)
    assert read_flat(old) == before
