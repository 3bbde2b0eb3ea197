"""What the command line says to somebody who has read nothing: what was given, what was expected, what to do; each thing once."""

import json
from pathlib import Path

import pytest

import thoughtengine as te
from tests.flat import write_flat
from tests.host_code import CODE
from tests.tables import largest, newest
from thoughtengine import upgrading
from thoughtengine.cli import main
from thoughtengine.migrations import plan
from thoughtengine.migrations.hooks import Hooks


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
    table = newest(path)
    data = bytearray(table.read_bytes())
    data[5000] ^= 4
    table.write_bytes(data)
    return path


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    given = main([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    return given, out, err


@pytest.mark.parametrize("to", ["inside", ""])
def test_where_a_backup_goes_is_no_option(tmp_path: Path, capsys: pytest.CaptureFixture[str], to: str) -> None:
    te.open(tmp_path / "mind").close()
    found, _, err = run(capsys, "backup", tmp_path / "mind", to and tmp_path / "mind" / to)
    assert found == 2
    assert "TO: expected " in err
    assert "--to" not in err


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


def status(capsys: pytest.CaptureFixture[str], path: Path) -> str:
    found, out, err = run(capsys, "status", path)
    assert (found, err) == (0, "")
    return out


def test_status_tells_where_a_mind_stands_and_touches_nothing(
    tmp_path: Path, code: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = flat(tmp_path / "mind")
    before = {file.name: file.read_bytes() for file in path.iterdir()}
    assert status(capsys, path) == (
        f"{path}: format 1, and this release serves format 2\n"
        f"`thoughtengine plan {path}` tells what an upgrade would do, `thoughtengine upgrade {path}` does it\n"
    )
    assert {file.name: file.read_bytes() for file in path.iterdir()} == before
    run(capsys, "upgrade", path, "--encoder", f"{code}:Vowels")
    told = status(capsys, path).splitlines()
    assert told[0] == f"{path}: format 2, encoder vowels"
    assert told[1].startswith(f"done: encoder none to vowels; `thoughtengine rollback {path}` takes it back, until 20")
    assert told[2].startswith("behind that: format 1 to 2, which can be taken back next, until 20")
    with te.open(path) as mind:  # held: looking is still free
        assert status(capsys, path).splitlines() == told
        mind.upgrade.commit()
    assert "nothing is under way, and nothing can be taken back" in status(capsys, path)


def test_status_of_what_was_begun_says_how_to_go_on_and_back(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = flat(tmp_path / "mind", 100)
    upgrading._broken_off(path, Hooks(()), 60)
    told = status(capsys, path)
    assert "an upgrade, format 1 to 2, begun 20" in told
    assert f"is not finished: `thoughtengine upgrade {path}` goes on with it" in told
    assert f"`thoughtengine rollback {path}` takes it back" in told
    found, out, err = run(capsys, "rehearse", path)
    assert (found, out) == (2, "")
    assert f"an upgrade is not finished: `thoughtengine upgrade {path}` goes on with it" in err


def test_status_of_nothing_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found, out, err = run(capsys, "status", tmp_path / "nowhere")
    assert (found, out) == (2, "")
    assert "there is no mind here" in err


def test_the_status_of_an_open_mind_names_the_encoder_beneath(tmp_path: Path, code: str) -> None:
    import host_that_told as host  # type: ignore[import-not-found]

    with te.open(tmp_path / "mind") as mind:
        mind.remember("a note", kind="acme.note", payload={"text": "tea"})
    te.upgrade(tmp_path / "mind", encoder=host.Vowels())
    te.upgrade(tmp_path / "mind", hooks=[host.hooks])
    with te.open(tmp_path / "mind", hooks=[host.hooks]) as mind:
        told = mind.upgrade.status()
        assert len(told.beneath) == 1
        assert told.beneath[0].startswith("encoder none until 20")
        assert str(told).startswith("done, and can be taken back until 20")
        assert "encoder none until 20" in str(told)


def test_history_is_in_plain_words(tmp_path: Path, code: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = flat(tmp_path / "mind")
    run(capsys, "upgrade", path, "--encoder", f"{code}:Vowels")
    run(capsys, "rollback", path)
    run(capsys, "rollback", path)
    found, out, _ = run(capsys, "history", path)
    assert found == 0
    lines = out.splitlines()
    assert [line[20:] for line in lines[::2]] == [
        " upgrade, format 1 to 2: done",
        " upgrade, encoder none to vowels: done",
        " rollback, encoder vowels to none: done (as asked)",
        " rollback, format 2 to 1: done (as asked)",
    ]
    assert all(line[16:20] == " UTC" for line in lines[::2])
    assert "40 rows: 40 upgraded, none lost" in lines[1]
    assert "40 rows: 40 gone back, none lost" in lines[7]
    assert " 0 " not in out


def test_an_upgrade_of_several_things_tells_each(tmp_path: Path, code: str, capsys: pytest.CaptureFixture[str]) -> None:
    found, out, err = run(capsys, "upgrade", flat(tmp_path / "mind"), "--encoder", f"{code}:Vowels")
    assert found == 0
    assert out.count(": done") == 2
    assert "encoder none to vowels" in out
    assert "takes it back, until" in err


@pytest.mark.parametrize(
    ("to", "told"),
    [
        ("acme.nte=1", "no payloads of kind 'acme.nte' were upgraded here"),
        ("acme.note=2", "--to: expected for 'acme.note' a version from 1 on and below 2, at which it is"),
        ("2", "it is of format 2 already: nothing was done"),
        ("3", "there is no way from format 2 to 3: the only one goes down to 1"),
        ("x", "--to: expected one FORMAT such as 1, or KIND=VERSION such as acme.note=1; given 'x'"),
    ],
)
def test_a_goal_that_is_none_is_told_with_those_there_are(
    tmp_path: Path, code: str, to: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with te.open(tmp_path / "mind") as mind:
        mind.remember("a note", kind="acme.note", payload={"text": "tea"})
    run(capsys, "upgrade", tmp_path / "mind", "--hooks", f"{code}:hooks")
    with te.open(tmp_path / "mind") as mind:
        mind.upgrade.commit()
    found, out, err = run(capsys, "rollback", tmp_path / "mind", "--to", to, "--hooks", f"{code}:hooks")
    assert (found, out) == (2, "")
    assert told in err
    found, _, err = run(capsys, "rollback", tmp_path / "mind")
    assert "name the format to go down to (--to 1) or, with --hooks, the versions of payloads (--to acme.note=1)" in err


def test_hooks_and_encoders_that_are_none_are_told_as_they_were_given(
    tmp_path: Path, code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    te.open(tmp_path / "mind").close()
    _, _, err = run(capsys, "plan", tmp_path / "mind", "--hooks", "json:loads")
    assert (
        err
        == "thoughtengine: --hooks: expected MODULE:NAME of te.Upgrades(...), or a list of such; given 'json:loads'\n"
    )
    _, _, err = run(capsys, "plan", tmp_path / "mind", "--encoder", "nope")
    assert err.endswith("; given 'nope'\n")


def test_a_plan_of_another_encoder_has_figures(tmp_path: Path, code: str, capsys: pytest.CaptureFixture[str]) -> None:
    with te.open(tmp_path / "mind") as mind:
        mind.remember("tea in the garden")
    _, out, _ = run(capsys, "plan", tmp_path / "mind", "--encoder", f"{code}:Vowels")
    assert out.startswith(f"{tmp_path / 'mind'}: format 2 stays, 1 records of ")
    assert " of 0 bytes" not in out
    assert "0 bytes of 0 free" not in out
    assert "`thoughtengine rehearse MIND`" in out
    path = flat(tmp_path / "old")
    import host_that_told as host

    planned = te.plan(path, encoder=host.Vowels())
    assert planned.needed_bytes > te.plan(path).needed_bytes
    assert planned.seconds > te.plan(path).seconds


def test_a_plan_with_hooks_that_are_too_old_tells_what_is_in_the_way(
    tmp_path: Path, code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with te.open(tmp_path / "mind") as mind:
        mind.remember("a note", kind="acme.note", payload={"text": "tea"})
    later = te.Upgrades("acme")
    for version in (1, 2):
        later.step("note", from_version=version, down=dict)(dict)
    te.upgrade(tmp_path / "mind", hooks=[later])
    _, out, _ = run(capsys, "plan", tmp_path / "mind", "--hooks", f"{code}:hooks")
    assert "nothing to do" in out
    assert "newer hook (blocks): acme.note is stored at version 3, the hook knows 2" in out
    _, _, err = run(capsys, "rollback", tmp_path / "mind", "--to", "acme.note=1", "--hooks", f"{code}:hooks")
    assert "the hooks of 'acme.note' know version 2, and it is at 3" in err


def test_down_to_format_1_a_change_of_encoder_is_taken_back_first_and_told(tmp_path: Path, code: str) -> None:
    import host_that_told as host

    path = flat(tmp_path / "mind")
    te.upgrade(path, encoder=host.Vowels())
    te.rollback(path, to=1)
    assert [(report.kind, report.moved) for report in te.history(path)[2:]] == [
        ("rollback", "encoder vowels to none"),
        ("rollback", "format 2 to 1"),
    ]


def test_a_rehearsal_without_cues_says_that_none_were_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found, out, _ = run(capsys, "rehearse", flat(tmp_path / "old"))
    assert found == 0
    assert "it would hold" in out
    assert "no answers compared, as nothing was recalled here yet" in out


def test_a_store_that_is_back_says_where_the_rest_lies(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = flat(tmp_path / "mind")
    with te.open(path) as mind:
        mind.remember("since", tags=["new"])
    run(capsys, "rollback", path)
    aside = path / ".te"
    assert f"what format 1 cannot hold is kept in {aside}, and comes back with an upgrade" in status(capsys, path)


def test_a_plan_reads_a_folder_that_cannot_be_written(
    tmp_path: Path, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import host_that_told as host

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with te.open(tmp_path / "mind") as mind:
        mind.remember("a note", kind="acme.note", payload={"text": "tea"})
    for path in (flat(tmp_path / "old"), tmp_path / "mind"):
        before = {file.name for file in path.rglob("*")}
        with monkeypatch.context() as patch:
            patch.setattr(plan.os, "access", lambda *_: False)
            planned = te.plan(path, encoder=host.Vowels(), hooks=[host.hooks])
        assert planned.records > 0
        assert {file.name for file in path.rglob("*")} == before
    assert list((tmp_path / "cache" / "thoughtengine").iterdir()) == []


def test_damage_that_a_way_down_meets_names_no_folder_of_ours(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with te.open(tmp_path / "mind") as mind:
        for n in range(1000):
            mind.remember(f"said {n}")
        mind._store.compact(b"", b"\xff")
    table = largest((tmp_path / "mind").glob("gen-*"))
    data = bytearray(table.read_bytes())
    data[5000] ^= 4
    table.write_bytes(data)
    found, out, err = run(capsys, "rollback", tmp_path / "mind", "--to", "1")
    assert (found, out, ".part" in err) == (2, "", False)
    assert err.count("LevelDB found damage") == 1
    assert "damage was met: the next opening salvages what is readable" in status(capsys, tmp_path / "mind")
    assert run(capsys, "stats", tmp_path / "mind")[0] == 0
    assert run(capsys, "rollback", tmp_path / "mind", "--to", "1")[0] == 0
