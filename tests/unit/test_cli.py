"""Each command in this process: what it prints, what it returns, what it leaves on disk."""

import datetime as dt
import io
import json
import re
import stat
import sys
from pathlib import Path
from typing import Any

import pytest

import thoughtengine as te
from thoughtengine.cli import exchange, main

ROWS = [
    {
        "text": "I gave up coffee in March. Tea only now.",
        "source": "Dana",
        "at": "2024-03-05T14:10:00+01:00",
        "tags": ["drink"],
    },
    {"text": "The ferry to Lisbon was late.", "source": "Ben", "at": "2024-04-05T09:00:00+01:00", "episode": "trip"},
    {"text": "Tea with Ann.", "source": "Dana", "at": "2024-05-05T09:00:00+01:00", "key": "tea"},
]


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    file = tmp_path / "notes.jsonl"
    file.write_text("\n".join(map(json.dumps, ROWS)), encoding="utf-8")
    return file


@pytest.fixture
def mind(tmp_path: Path, notes: Path, capsys: pytest.CaptureFixture[str]) -> str:
    folder = str(tmp_path / "mind")
    assert main(["import", str(notes), folder]) == 0
    capsys.readouterr()
    return folder


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = main([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    return code, out, err


def test_import_tells_what_it_did(tmp_path: Path, notes: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "import", notes, tmp_path / "mind")
    assert (code, err) == (0, "")
    assert out.startswith(f"3 experiences of {notes} (jsonl) are in {tmp_path / 'mind'}, 3 of them new (")
    code, out, _ = run(capsys, "import", "--form", "jsonl", notes, tmp_path / "mind")
    assert code == 0
    assert ", 2 of them new (" in out  # the one with a key is known


def test_options_may_stand_anywhere(tmp_path: Path, notes: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "import", notes, "--form", "jsonl", tmp_path / "mind", "--skip", "2")[0] == 0
    with te.open(tmp_path / "mind", create=False) as mind:
        assert [memory.text for memory in mind.memories()] == ["Tea with Ann."]


def test_a_bad_file_imports_nothing(tmp_path: Path, notes: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with notes.open("a", encoding="utf-8") as file:
        file.write('\n{"text": 7}\n')
    code, out, err = run(capsys, "import", notes, tmp_path / "mind")
    assert (code, out) == (2, "")
    assert "notes.jsonl, line 4: text: expected text" in err
    assert not (tmp_path / "mind").exists()


def test_what_the_mind_refuses_tells_how_to_go_on(
    tmp_path: Path, notes: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchange, "_BATCH", 2)
    with notes.open("a", encoding="utf-8") as file:
        file.write('\n{"text": "x", "layer": "nonsense"}\n')
    code, _, err = run(capsys, "import", notes, tmp_path / "mind", "--skip", "1")
    assert code == 2
    assert "2 experiences are remembered; to go on behind them say --skip 3" in err
    assert "experience 2: layer" in err
    with te.open(tmp_path / "mind", create=False) as mind:
        assert len(mind) == 2


def test_what_failed_leaves_nothing_that_it_made(
    tmp_path: Path, notes: Path, mind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "bad.jsonl"
    bad.write_text('{"text": "x", "layer": "nonsense"}\n', encoding="utf-8")
    whole = tmp_path / "whole.jsonl"
    assert run(capsys, "export", mind, whole)[0] == 0
    torn = tmp_path / "torn.jsonl"
    torn.write_text(whole.read_text(encoding="utf-8") + "{torn\n", encoding="utf-8")
    empty = tmp_path / "empty"
    empty.mkdir()
    for arguments in (("import", bad), ("restore", notes), ("restore", torn)):
        for target in (tmp_path / "new", tmp_path / "deep" / "new", empty):
            assert run(capsys, *arguments, target)[0] == 2
        assert not (tmp_path / "new").exists()
        assert not (tmp_path / "deep").exists()
        assert list(empty.iterdir()) == []
    assert run(capsys, "import", torn, mind)[0] == 2
    with te.open(mind, create=False) as opened:
        assert len(opened) >= 3
    assert run(capsys, "restore", whole, empty)[0] == 0


def test_a_rate_is_told_of_many_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for n in (1, 200):
        file = tmp_path / f"{n}.jsonl"
        file.write_text("".join(f'{{"text": "note {i}"}}\n' for i in range(n)), encoding="utf-8")
        code, out, _ = run(capsys, "import", file, tmp_path / "mind")
        assert code == 0
        assert ("a second" in out) == (n == 200)
        assert out.startswith("1 experience of " if n == 1 else "200 experiences of ")


def test_ctrl_c_tells_how_to_go_on(
    tmp_path: Path, notes: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchange, "_BATCH", 1)
    remember_many, calls = te.ThoughtEngine.remember_many, list[int]()

    def stopped(self: te.ThoughtEngine, experiences: Any) -> list[int]:
        if calls:
            raise KeyboardInterrupt
        calls.append(1)
        return remember_many(self, experiences)

    monkeypatch.setattr(te.ThoughtEngine, "remember_many", stopped)
    code, out, err = run(capsys, "import", notes, tmp_path / "mind")
    assert (code, out) == (130, "")
    assert "1 experience is remembered; to go on behind it say --skip 1" in err


def test_zones_and_the_order_of_days(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "journal.md"
    file.write_text("# 05/03/2024\nTo the sea.\n", encoding="utf-8")
    code, _, err = run(capsys, "import", file, tmp_path / "a")
    assert code == 2
    assert "say --day-first or --month-first" in err
    assert "times without a zone are read as" in err
    for option, day in (("--day-first", "2024-03-05"), ("--month-first", "2024-05-03")):
        folder = tmp_path / option
        code, _, err = run(capsys, "import", file, folder, option, "--timezone", "+02:00")
        assert (code, err) == (0, "")
        with te.open(folder) as mind:
            assert mind[1].at.isoformat() == f"{day}T12:00:00+02:00"


def test_warnings_are_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text('{"text": "x", "mood": "fine"}', encoding="utf-8")
    code, _, err = run(capsys, "import", file, tmp_path / "mind")
    assert code == 0
    assert err == "thoughtengine: rows.jsonl, line 1: kept in the payload: mood\n"


def test_recall(mind: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "recall", mind, "coffee", "or", "tea?")
    assert (code, err) == (0, "")
    assert out.splitlines()[0].startswith("2024-0")
    assert "Tea" in out
    assert run(capsys, "recall", mind, "zebra")[0] == 1


@pytest.mark.parametrize(
    ("options", "texts"),
    [
        (["--source", "Ben"], ["ferry"]),
        (["--tag", "drink", "--tag", "other"], ["coffee"]),
        (["--episode", "trip"], ["ferry"]),
        (["--since", "2024-05-05"], ["Ann"]),
        (["--until", "2024-03-06"], ["coffee"]),
        (["--since", "2024-04-05T09:00:00+01:00", "--until", "2024-04-05T09:00:01+01:00"], ["ferry"]),
        (["--layer", "dream"], []),
        (["-k", "1"], ["Ann"]),
    ],
)
def test_recall_within(mind: str, capsys: pytest.CaptureFixture[str], options: list[str], texts: list[str]) -> None:
    code, out, _ = run(capsys, "recall", "--json", mind, "tea with Ann, ferry, coffee", *options)
    hits = json.loads(out)["hits"]
    assert len(hits) == len(texts)
    assert all(text in hit["text"] for text, hit in zip(texts, hits, strict=True))
    assert code == (0 if texts else 1)


def test_recall_as_a_model_reads_it(mind: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "recall", mind, "coffee", "--context", "200")
    assert code == 0
    assert any(line.startswith("[") and "coffee" in line for line in out.splitlines())
    assert len(out.split()) * 4 / 3 <= 200
    assert run(capsys, "recall", mind, "coffee", "--context", "0")[0] == 2


def test_feeling(mind: str, capsys: pytest.CaptureFixture[str]) -> None:
    with te.open(mind) as opened:
        opened.remember("A fine day.", source="Ann", affect=te.Affect(0.7))
    code, out, _ = run(capsys, "feeling", mind, "Ann")
    assert (code, out.startswith("Ann: perhaps good (+0.70")) == (0, True)
    code, out, _ = run(capsys, "feeling", mind, "zebra")
    assert (code, out) == (1, "zebra: nothing is known of how it feels\n")


def test_recall_as_json(mind: str, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "recall", mind, "coffee", "--json")
    told = json.loads(out)
    assert told["cue"] == "coffee"
    [hit] = told["hits"]
    assert (hit["source"], hit["tags"], hit["at"]) == ("Dana", ["drink"], "2024-03-05T14:10:00+01:00")
    assert sum(hit["why"].values()) == pytest.approx(hit["score"])


def test_stats(mind: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "stats", mind)
    assert code == 0
    assert out.startswith("3 memories")
    assert json.loads(run(capsys, "stats", mind, "--json")[1])["memories"] == 3


def test_check_backup_and_restore(mind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "check", mind) == (0, f"{mind}: sound\n", "")
    code, out, _ = run(capsys, "backup", mind, tmp_path / "backup")
    assert code == 0
    assert out.startswith(f"3 memories are in {tmp_path / 'backup'} (backup, ")
    assert run(capsys, "restore", tmp_path / "backup", tmp_path / "again")[0] == 0
    with te.open(tmp_path / "again", create=False) as again:
        assert len(again) == 3
    assert run(capsys, "restore", tmp_path / "backup", tmp_path / "again")[0] == 2


def test_check_tells_findings(mind: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    finding = te.Finding("orphan", "here", "look there")
    monkeypatch.setattr(te, "check", lambda *_, **__: [finding])
    assert run(capsys, "check", mind) == (1, f"orphan: here: look there\n{mind}: 1 finding\n", "")


def test_export_and_back(mind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "export", mind)
    assert (code, err) == (0, "thoughtengine: 3 memories exported\n")
    assert [json.loads(line)["text"] for line in out.splitlines()] == [row["text"] for row in ROWS]
    file = tmp_path / "export.jsonl"
    assert run(capsys, "export", mind, file)[0] == 0
    assert file.read_text(encoding="utf-8") == out
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    for verb, folder in (("restore", tmp_path / "a"), ("import", tmp_path / "b")):
        assert run(capsys, verb, file, folder)[0] == 0
        assert run(capsys, "export", folder)[1] == out
    assert run(capsys, "restore", file, tmp_path / "a")[0] == 2
    again = tmp_path / "again.jsonl"
    again.write_text(out.replace('"id":3', '"id":3,"kind":"other"'), encoding="utf-8")
    for source, new in ((file, 0), (again, 1), (again, 0)):
        assert (
            f"3 memories of {source} (export) are in {tmp_path / 'b'}, {new} of them new ("
            in run(capsys, "import", source, tmp_path / "b")[1]
        )


def test_an_export_never_writes_over_something_unasked(
    mind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "precious.txt"
    file.write_text("precious", encoding="utf-8")
    code, _, err = run(capsys, "export", mind, file)
    assert code == 2
    assert "--force" in err
    with monkeypatch.context() as patch:
        patch.setattr(te.ThoughtEngine, "export", lambda _: iter([{"payload": object()}]))
        with pytest.raises(TypeError):
            main(["export", mind, str(file), "--force"])
    assert file.read_text(encoding="utf-8") == "precious"
    assert run(capsys, "export", mind, file, "--force")[0] == 0
    assert len(file.read_text(encoding="utf-8").splitlines()) == 3
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mind", "notes.jsonl", "precious.txt"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["recall", "{0}/gone", "x"], "there is no mind here"),
        (["stats", "{0}/gone"], "there is no mind here"),
        (["check", "{0}/gone"], "there is no mind here"),
        (["export", "{0}/gone"], "there is no mind here"),
        (["backup", "{0}/gone", "{0}/to"], "there is no mind here"),
        (["restore", "{0}/gone", "{0}/to"], "there is no backup here"),
        (["import", "{0}/gone", "{0}/to"], "a file or folder that is there"),
        (["import", "{0}/to"], "either FILE MIND or --git REPO MIND"),
        (["import", "--git", "{0}", "{0}/to"], "git"),
        (["import", "--git", "{0}", "{0}", "{0}/to"], "either FILE MIND or --git REPO MIND"),
        (["import", "{0}/notes.jsonl", "{0}/notes.jsonl"], "notes.jsonl"),
        (["import", "{0}/notes.jsonl", "{0}/to", "--timezone", "Mars"], "time zone"),
        (["import", "{0}/notes.jsonl", "{0}/to", "--form", "csv"], "invalid choice"),
        (["import", "{0}/notes.jsonl", "{0}/to", "--skip", "-1"], "--skip"),
        (["recall", "{0}/mind"], "required: CUE"),
        (["recall", "{0}/mind", "x", "-k", "0"], "k: expected"),
        (["recall", "{0}/mind", " "], "text: expected"),
        (["recall", "{0}/mind", "x", "--since", "soon"], "--since: expected a day or a moment, such as 2024-03-05 or"),
        (["recall", "{0}/mind", "x", "--until", "2/3/2025"], "--until: expected a day or a moment, such as 2024-03-05"),
        (["recall", "{0}/mind", "x", "--since", "2025-01-02", "--until", "2025-01-01"], "before --until 2025-01-01"),
        (["recall", "{0}/gone", "x"], "`thoughtengine import FILE {0}/gone` makes one"),
        (["restore", "{0}/mind", "{0}/to"], "this is a mind, not a backup of one: it can be used as it is"),
        (["import", "{0}/notes.jsonl"], "MIND is missing: `thoughtengine import {0}/notes.jsonl my-mind`"),
        (["export", "{0}/mind", "{0}/gone/out.jsonl"], "a file in a folder that is there"),
        (["export", "{0}/mind", "{0}", "--force"], "a file in a folder that is there"),
        (["import", "{0}/empty.md", "{0}/to"], "the file is empty"),
        (["import", "{0}/empty.md", "{0}/to", "--form", "journal"], "nothing to import"),
        (["import", "{0}/latin.md", "{0}/to"], "expected text in UTF-8"),
        (["import", "{0}/wide.md", "{0}/to"], "UTF-16"),
        (["restore", "{0}/notes.jsonl", "{0}/to"], "line 1: expected a row of an export"),
        (["restore", "{0}/notes.jsonl", "{0}/to/be/there"], "line 1: expected a row of an export"),
        (["demo", "--from", "{0}/empty.md"], "the file is empty"),
        (["recall", "{0}/mind", "x", "--layer", "nonsense"], "layers"),
        (["nonsense"], "invalid choice"),
    ],
)
def test_wrong_use(mind: str, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str) -> None:
    folder = Path(mind).parent
    for name, content in (("empty.md", b""), ("latin.md", b"# 2024-05-05\nGr\xfc\xdfe\n"), ("wide.md", b"a\0b\0")):
        (folder / name).write_bytes(content)
    code, out, err = run(capsys, *(argument.format(folder) for argument in arguments))
    assert (code, out) == (2, "")
    assert message.format(folder) in err
    assert not re.search(r"te\.(?:open|fork|restore)|\((?:str|int|NoneType)\)|Errno", err)
    assert "Traceback" not in err
    assert not (Path(mind).parent / "to").exists()


def test_a_mind_that_is_open_elsewhere(mind: str, capsys: pytest.CaptureFixture[str]) -> None:
    with te.open(mind):
        code, _, err = run(capsys, "recall", mind, "tea")
    assert code == 2
    assert "open" in err


def test_help_and_no_command(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["--help"], ["import", "--help"], ["recall", "-h"], ["demo", "--help"]):
        code, out, _ = run(capsys, *arguments)
        assert code == 0
        assert "usage: thoughtengine" in out
    code, out, err = run(capsys)
    assert (code, out) == (2, "")
    assert "import" in err
    assert "restore" in err


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "--version") == (0, f"thoughtengine {te.__version__}\n", "")


def test_the_demo_gets_its_arguments(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[list[str]] = []
    monkeypatch.setattr("thoughtengine.demo.main", lambda argv: given.append(argv) or 1)
    assert run(capsys, "demo", "--from", "x", "--keep", "y")[0] == 1
    assert given == [["--from", "x", "--keep", "y"]]


class Terminal(io.StringIO):
    """A standard error that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("rich", [True, False])
def test_a_bar_on_a_terminal(
    tmp_path: Path, notes: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], rich: bool
) -> None:
    if rich:
        pytest.importorskip("rich")
    else:
        monkeypatch.setitem(sys.modules, "rich", None)
    monkeypatch.setattr(sys, "stderr", Terminal())
    assert main(["import", str(notes), str(tmp_path / "mind")]) == 0
    drawn = sys.stderr.getvalue()  # type: ignore[attr-defined]
    assert "remembering" in drawn
    assert "100%" in drawn
    assert drawn.endswith("\r" + " " * 78 + "\r") or rich
    assert capsys.readouterr().out.startswith("3 experiences")


@pytest.mark.parametrize(
    "command",
    [
        ["recall"],
        ["recall", "--context", "200"],
        ["recall", "--json"],
        ["feeling"],
        ["patterns"],
        ["patterns", "--json"],
    ],
)
def test_what_is_remembered_does_not_steer_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    wild, odd = "clear\x1b[2J", "bell\x07\x9b\u202e\na\rb"
    begin = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    with te.open(tmp_path / "mind") as mind:
        for number in range(24):
            tags, at = [wild, odd] if number % 2 else ["calm"], begin + dt.timedelta(hours=number)
            mind.remember(f"tea \x1b[31m red\x9b \u202e{number}", tags=tags, source=f"Ann{wild}", at=at)
    name, *more = command
    cue = [] if name == "patterns" else ["tea" if name == "recall" else wild]
    assert main([name, str(tmp_path / "mind"), *cue, *more]) in (0, 1)
    printed = capsys.readouterr()
    shown = printed.out + printed.err
    assert "\\u001b" in shown
    assert not {"\x1b", "\x07", "\x9b", "\u202e", "\r"} & set(shown)
    if "--json" in command:
        assert wild in json.dumps(json.loads(printed.out), ensure_ascii=False).replace("\\u001b", "\x1b")


def test_a_tag_of_two_lines_is_on_one_line_of_the_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with te.open(tmp_path / "mind") as mind:
        mind.remember_many(te.Experience(tags=[("one\ntwo", "calm", "late")[i % 3]], source="s") for i in range(60))
    assert main(["patterns", str(tmp_path / "mind")]) == 0
    assert "one\\ntwo → calm" in capsys.readouterr().out
