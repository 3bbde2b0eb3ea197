"""The demo on small, made-up material of every kind: what each scene finds out, not how long it takes."""

import datetime as dt
import io
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs
import pytest

import thoughtengine as te
from thoughtengine import demo
from thoughtengine.demo import arrive, ask, close, crash, damage, material, scoreboard
from thoughtengine.demo.material import Material, gather
from thoughtengine.demo.offline import Offline
from thoughtengine.demo.page import Page, cells
from thoughtengine.demo.stage import Promise, Scene, Stage

SOURCE = Path(te.__file__).resolve().parents[1]
AUTHORS = ("Ada Lovelace", "Grace Hopper", "Barbara Liskov")
FILES = ("src/parser.py", "src/socket.py", "docs/index.rst", "tests/test_parser.py", "README.md")
VERBS = ("Repair", "Rewrite", "Document", "Simplify", "Measure")
THINGS = ("timeouts", "quoting", "escapes", "retries", "headers", "cookies", "locales", "buffers", "redirects", "dates")
WHY = ("because users stumbled", "after the review", "for slower machines", "so that nothing is lost", "as announced")

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="needs the git program")


def fast_import(n: int) -> bytes:
    """Write a history of n commits as `git fast-import` reads it."""
    parts: list[bytes] = []
    for i in range(n):
        thing, other = THINGS[i % 10], THINGS[(i * 7 + i // 10 + 3) % 10]
        message = f"{VERBS[i % 5]} {thing} and {other} number{i} {WHY[(i // 3) % 5]}".encode()
        who, when = AUTHORS[i % 3].encode(), 1_600_000_000 + i * 86_400
        parts.append(b"commit refs/heads/main\ncommitter %s <a@example.org> %d +0200\n" % (who, when))
        parts.append(b"data %d\n%s\n" % (len(message), message))
        for name in {FILES[i % 5], FILES[(i * i) % 4]}:
            body = b"line %d\n" % i
            parts.append(b"M 100644 inline %s\ndata %d\n%s\n" % (name.encode(), len(body), body))
    return b"".join(parts)


def make_repository(folder: Path, n: int) -> Path:
    folder.mkdir()
    subprocess.run(["git", "init", "-q", "-b", "main", folder], check=True)
    subprocess.run(["git", "-C", folder, "fast-import", "--quiet"], input=fast_import(n), check=True)
    subprocess.run(["git", "-C", folder, "reset", "-q", "--hard"], check=True)
    return folder


def make_journal(folder: Path) -> Path:
    path = folder / "journal.md"
    day = dt.date(2024, 1, 1)
    lines = [
        f"## {day + dt.timedelta(days=i)}\n\n{VERBS[i % 5]} the {THINGS[i % 10]} with Dana, talked about "
        f"{THINGS[(i * 3 + 1) % 10]} near the harbour number{i}.\n"
        for i in range(40)
    ]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def make_conversation(folder: Path) -> Path:
    """Write a conversation file with questions, one of them adversarial."""
    path = folder / "talk.json"
    turns = [
        {
            "id": f"D{i // 10}:{i % 10}",
            "episode": f"session-{i // 10}",
            "at": f"2023-05-{1 + i // 10:02d}T10:{i % 10:02d}:00+00:00",
            "source": ("Ann", "Bo")[i % 2],
            "text": f"{VERBS[i % 5]} {THINGS[i % 10]}, I said, and mind the {THINGS[(i * 3 + i // 10) % 10]} thing{i}.",
            "caption": "",
        }
        for i in range(40)
    ]
    questions = [
        {"question": f"Who spoke of thing{i}?", "category": 1, "answer": "", "evidence": [turns[i]["id"]]}
        for i in range(0, 40, 4)
    ]
    questions.append({"question": "Who never spoke?", "category": 5, "answer": "", "evidence": [turns[1]["id"]]})
    path.write_text(json.dumps({"name": "talk", "turns": turns, "questions": questions}), encoding="utf-8")
    return path


@pytest.fixture
def set_stage(tmp_path: Path) -> Iterator[Callable[[Material], Stage]]:
    """Make a stage for a material, with the network blocked until the test ends."""
    with Offline() as guard:

        def make(found: Material) -> Stage:
            folder = tmp_path / "stage"
            folder.mkdir()
            return Stage(folder=folder, material=found, guard=guard, chance=random.Random(1))

        yield make


def run(arguments: list[str], **settings: object) -> subprocess.CompletedProcess[str]:
    """Run the demo in a process of its own, far from the checkout's own folder."""
    call = f"import sys; from thoughtengine.demo import main; sys.exit(main({arguments!r}))"
    environment = {**os.environ, "PYTHONPATH": str(SOURCE), "NO_COLOR": "1"}
    options: dict[str, object] = {"env": environment, "capture_output": True, "text": True, "timeout": 120}
    return subprocess.run([sys.executable, "-c", call], **{**options, **settings})  # type: ignore[call-overload]


@needs_git
def test_on_a_repository_every_promise_holds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    repository = make_repository(tmp_path / "project", 60)
    assert demo.main(["--from", str(repository), "--keep", str(tmp_path / "kept")]) == 0
    page = capsys.readouterr().out
    assert [scene.title in page for scene in demo.scenes()] == [True] * len(demo.scenes())
    assert str(tmp_path / "kept") in page
    assert "\x1b" not in page
    assert max(cells(line) for line in page.splitlines() if str(tmp_path) not in line) <= 80
    assert sorted(p.name for p in (tmp_path / "kept").iterdir()) == ["backup", "damaged-copy", "mind"]
    with te.open(tmp_path / "kept" / "mind", create=False) as mind:
        assert len(mind) == 60
        assert mind.check() == []


@needs_git
def test_scenes_on_a_repository(tmp_path: Path, set_stage: Callable[[Material], Stage]) -> None:
    stage = set_stage(gather(make_repository(tmp_path / "project", 60)))
    assert (stage.material.kind, len(stage.material.commits)) == ("history", 60)

    arrival = arrive.play(stage)
    assert (arrival.n_read, arrival.n_stored, arrival.n_sources, arrival.sound) == (60, 60, 3, True)
    assert arrival.n_tags == len(FILES)
    assert arrival.disk_bytes > 0

    answers = ask.play(stage).answers
    assert len(answers) >= 3
    assert all(answer.shown and answer.explained for answer in answers)
    assert all(answer.rank for answer in answers if "rarest" in answer.made_from)

    kills = crash.play(stage)
    assert kills.n_acknowledged == kills.n_found > 0
    assert all(promise.held for promise in kills.promises)

    found = damage.play(stage)
    assert found.n_altered == 0
    assert found.n_restored == found.n_memories == 60
    assert all(promise.held for promise in found.promises)

    files, items, dated = scoreboard.play(stage).boards
    assert (files.n, files.measures, len(files.rows)) == (30, ("hit@1", "hit@5"), 5)
    assert (items.measures, len(items.rows)) == (("hit@1", "hit@10"), 4)
    assert items.n >= 40
    assert dated.n >= 40
    assert {row.name for row in files.rows} > {"thoughtengine", "most frequent files", "last edited files"}
    assert items.rows[0].rates[1].value > items.rows[-1].rates[1].value

    closing = close.play(stage)
    assert closing.proven
    assert closing.attempts == ()
    assert not (stage.folder / "scratch").exists()
    with te.open(stage.mind) as mind:
        assert len(mind) == 60


@needs_git
def test_a_short_history_brings_the_documents(tmp_path: Path) -> None:
    repository = make_repository(tmp_path / "project", 4)
    (repository / "README.md").write_text("# Parser\n\nIt parses what others refuse.\n\n## Speed\n\nFast enough.\n")
    found = gather(repository)
    assert found.kind == "history and documents"
    assert len(found.commits) == 4
    assert any("parses what others refuse" in text for text in found.texts)
    assert any("short history" in note for note in found.notes)


@needs_git
def test_without_a_git_program_the_documents_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repository = make_repository(tmp_path / "project", 40)
    (repository / "README.md").write_text("# Parser\n\nIt parses what others refuse.\n")
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    found = gather(repository)
    assert found.kind == "documents"
    assert found.commits == ()
    assert any("no git program" in note for note in found.notes)
    done = run(["--from", str(repository), "--keep", str(tmp_path / "kept")])
    assert (done.returncode, done.stderr) == (0, "")


def test_on_a_journal(tmp_path: Path, set_stage: Callable[[Material], Stage]) -> None:
    stage = set_stage(gather(make_journal(tmp_path)))
    assert (stage.material.kind, len(stage.material.experiences)) == ("journal", 40)
    assert arrive.play(stage).n_stored == 40
    assert all(answer.shown for answer in ask.play(stage).answers)
    (items,) = scoreboard.play(stage).boards
    assert items.rows[0].rates[1].hits >= 0.6 * items.n


def test_on_a_conversation_with_questions(tmp_path: Path, set_stage: Callable[[Material], Stage]) -> None:
    stage = set_stage(gather(make_conversation(tmp_path)))
    assert len(stage.material.experiences) == 40
    assert len(stage.material.asked) == 10
    arrive.play(stage)
    answers = ask.play(stage).answers
    assert any("the file itself" in answer.made_from for answer in answers)
    evidence, items = scoreboard.play(stage).boards
    assert (evidence.n, evidence.rows[0].rates[1].value) == (10, 1.0)
    assert items.n > 0


def test_with_standard_input_closed_and_an_output_that_knows_ascii_alone(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(SOURCE), "PYTHONIOENCODING": "ascii"}
    arguments = ["--from", str(make_journal(tmp_path)), "--keep", str(tmp_path / "kept")]
    done = run(arguments, env=environment, preexec_fn=lambda: os.close(0))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.isascii()
    assert "promises held" in done.stdout


def test_on_an_empty_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    assert demo.main(["--from", str(empty), "--keep", str(tmp_path / "kept")]) == 2
    assert demo.main(["--from", str(tmp_path / "nowhere"), "--keep", str(tmp_path / "kept")]) == 2
    assert "repository" in capsys.readouterr().err
    assert not (tmp_path / "kept").exists()
    assert gather(None, here=empty).experiences


def test_where_there_is_nothing_pythons_own_help_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(material, "__file__", str(tmp_path / "site" / "thoughtengine" / "demo" / "material.py"))
    monkeypatch.setattr(material, "_repository_above", lambda folder: None)
    found = gather(None, here=tmp_path)
    assert found.kind == "documents"
    assert "Python's help" in found.what
    assert len(found.experiences) > 100


def test_the_folder_to_keep_must_be_free(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    journal = make_journal(tmp_path)
    assert demo.main(["--from", str(journal), "--keep", str(tmp_path)]) == 2
    assert "--keep" in capsys.readouterr().err
    assert sorted(p.name for p in tmp_path.iterdir()) == ["journal.md"]


def test_a_broken_promise_and_a_scene_that_fails_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Broken:
        promises = (Promise("water runs uphill", held=False),)

    def fail(stage: Stage) -> Broken:
        raise te.ThoughtEngineError("the stage is on fire")

    scenes = (Scene("One", lambda stage: Broken(), lambda outcome, page: None), Scene("Two", fail, lambda *_: None))
    monkeypatch.setattr(demo, "scenes", lambda: scenes)
    assert demo.main(["--from", str(make_journal(tmp_path)), "--keep", str(tmp_path / "kept")]) == 1
    page = capsys.readouterr().out
    assert "✗ water runs uphill" in page
    assert "the stage is on fire" in page
    assert "0 of 2 promises held" in page


def test_questions_are_not_made_of_little_words(tmp_path: Path, set_stage: Callable[[Material], Stage]) -> None:
    file = tmp_path / "journal.md"
    file.write_text(
        "# 2025-05-07\nAbout what was about, and before.\n\nTea in the harbour with boats.\n", encoding="utf-8"
    )
    stage = set_stage(gather(file))
    arrive.play(stage)
    answers = ask.play(stage)
    assert [answer.cue for answer in answers.answers] == ["what was that about harbour and boats?"]
    assert answers.n_found == 1
    assert attrs.evolve(answers, answers=(attrs.evolve(answers.answers[0], rank=None),)).n_found == 0


def test_what_the_damage_cost_is_told(tmp_path: Path, set_stage: Callable[[Material], Stage]) -> None:
    file = tmp_path / "journal.md"
    file.write_text("# 2025-05-07\nTea in the harbour with boats.\n", encoding="utf-8")
    stage = set_stage(gather(file))
    arrive.play(stage)
    page = Page(output := io.StringIO())
    damage.show(damage.play(stage), page)
    told = " ".join(output.getvalue().split())
    assert "lost every memory, from this copy: all of this mind is one block" in told
    assert "all came back from the backup" in told
    assert "listed until you delete its file in incidents/" in told


def test_a_journal_whose_dates_cannot_be_read_is_a_document(tmp_path: Path) -> None:
    file = tmp_path / "tagebuch.md"
    file.write_text("# 5. Mai 2025\nTee am Hafen.\n", encoding="utf-8")
    found = gather(file)
    assert found.kind == "documents"
    assert any("dates cannot be read" in note for note in found.notes)


def test_when_nobody_reads_on_nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def hang_up(*_: object) -> bool:
        raise BrokenPipeError

    monkeypatch.setattr(demo, "perform", hang_up)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with pytest.raises(BrokenPipeError):
        demo.main(["--from", str(make_journal(tmp_path))])
    assert [p.name for p in tmp_path.iterdir()] == ["journal.md"]


def test_a_flip_never_reaches_the_original(tmp_path: Path) -> None:
    with te.open(tmp_path / "mind") as mind:
        mind.remember("Tea only now, and no coffee after dark.", source="Dana")
    te.fork(tmp_path / "mind", tmp_path / "copy")
    with te.open(tmp_path / "mind") as mind:
        contents = {m.id: (m.text,) for m in mind.memories()}
    flip = damage.flip_where_it_hurts(tmp_path / "copy", contents)
    assert 0 <= flip.offset < flip.size
    assert te.check(tmp_path / "mind") == []


def test_the_writer_stops_when_its_parent_is_gone(tmp_path: Path) -> None:
    te.open(tmp_path / "mind").close()
    command = ["-m", "thoughtengine.demo.writer", str(tmp_path / "mind"), "0"]
    parent = (
        "import os, subprocess, sys, time\n"
        f"output = open({str(tmp_path / 'output')!r}, 'wb')\n"
        f"subprocess.Popen([sys.executable, *{command!r}, str(os.getpid())], stdout=output)\n"
        "while not os.fstat(output.fileno()).st_size: time.sleep(0.01)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(SOURCE), "PYTHONWARNINGS": "ignore"}
    subprocess.run([sys.executable, "-c", parent], env=environment, check=True, timeout=60)
    for _ in range(600):
        try:
            with te.open(tmp_path / "mind", create=False) as mind:
                assert len(mind) > 0
            return
        except te.StoreLockedError:
            time.sleep(0.05)
    pytest.fail("the writer went on without its parent")
