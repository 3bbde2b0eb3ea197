"""The command line as a user runs it: in processes of its own, with files of every form."""

import contextlib
import json
import os
import pty
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import thoughtengine as te

SOURCE = Path(te.__file__).resolve().parents[1]
ENVIRONMENT = os.environ | {"PYTHONPATH": str(SOURCE), "TZ": "UTC"}
COMMAND = [sys.executable, "-m", "thoughtengine"]

CONVERSATION = {
    "name": "talk",
    "turns": [
        {
            "id": 1,
            "episode": "s1",
            "at": "2023-05-08T13:56:00+00:00",
            "source": "Ann",
            "text": "I adopted a puppy!",
            "caption": "",
        },
        {
            "id": 2,
            "episode": "s1",
            "at": "2023-05-08T13:57:00+00:00",
            "source": "Ben",
            "text": "Look!",
            "caption": "a red kite",
        },
    ],
    "questions": [],
}
FILES = {
    "talk.json": json.dumps(CONVERSATION),
    "diary.jsonl": '{"at": "1660-01-11", "label": "1st", "text": "To the puppy market."}\n',
    "journal.md": "# Journal\n\n## 5 March 2024\n- walked the puppy\n",
    "chat.txt": "[05.03.24, 14:10:22] Dana: the puppy sleeps\n",
    "result.json": json.dumps(
        {
            "name": "Dana",
            "type": "personal_chat",
            "id": 9,
            "messages": [{"id": 1, "type": "message", "date": "2024-03-05T14:10:00", "from": "Dana", "text": "puppy"}],
        }
    ),
    "slack/general/2024-03-05.json": json.dumps(
        [{"type": "message", "user": "U1", "ts": "1709647800.1", "text": "puppy"}]
    ),
    "conversations.json": json.dumps(
        [
            {
                "id": "c",
                "title": "t",
                "create_time": 1709647800,
                "mapping": {
                    "m": {
                        "id": "m",
                        "message": {"id": "m", "author": {"role": "user"}, "content": {"parts": ["puppy"]}},
                    }
                },
            }
        ]
    ),
    "messages.json": json.dumps([{"role": "user", "content": "puppy?", "timestamp": 1709647800}]),
    "docs/guide.md": "# Guide\nHow to feed a puppy.\n",
}


def run(*arguments: object, code: int = 0, text: str | None = None) -> subprocess.CompletedProcess[str]:
    command = [*COMMAND, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT, input=text, encoding="utf-8")
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return done


@pytest.fixture
def files(tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    for name, content in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content, encoding="utf-8")
    return folder


def many(folder: Path, n: int) -> Path:
    file = folder / "many.jsonl"
    file.write_text(
        "".join(json.dumps({"text": f"number {i}", "key": f"k{i}"}) + "\n" for i in range(n)), encoding="utf-8"
    )
    return file


def test_a_life(tmp_path: Path, files: Path) -> None:
    mind = tmp_path / "mind"
    places = dict.fromkeys(name.split("/")[0] for name in FILES)
    for name in places:
        assert ", 0 of them new" not in run("import", files / name, mind).stdout
    told = json.loads(run("recall", mind, "puppy", "-k", "20", "--json").stdout)
    assert sum("puppy" in hit["text"] for hit in told["hits"]) == len(places)
    assert run("recall", mind, "red", "kite").stdout.startswith("2023-05-08 13:57 Ben: Look! [a red kite]")
    assert json.loads(run("stats", mind, "--json").stdout)["memories"] == len(places) + 1
    for name in ("talk.json", "journal.md", "chat.txt"):
        assert ", 0 of them new" in run("import", files / name, mind).stdout
    assert run("check", mind).stdout == f"{mind}: sound\n"

    exported = run("export", mind).stdout
    run("export", mind, tmp_path / "export.jsonl")
    assert (tmp_path / "export.jsonl").read_text(encoding="utf-8") == exported
    run("restore", tmp_path / "export.jsonl", tmp_path / "second")
    assert run("export", tmp_path / "second").stdout == exported

    run("backup", mind, tmp_path / "backup")
    shutil.rmtree(mind)
    run("recall", mind, "puppy", code=2)
    assert not mind.exists()
    run("restore", tmp_path / "backup", mind)
    assert run("export", mind).stdout == exported


@pytest.mark.parametrize(
    ("there", "place"),
    [(True, "adapters.export._Taking.end"), (False, "adapters.export._Taking.end"), (False, "storage.files.sync_tree")],
)
def test_a_restore_of_an_export_that_is_killed_leaves_no_mind(tmp_path: Path, there: bool, place: str) -> None:
    mind, file = tmp_path / "mind", tmp_path / "export.jsonl"
    run("import", many(tmp_path, 30), tmp_path / "first")
    run("export", tmp_path / "first", file)
    if there:
        mind.mkdir()
    killed = f"""
import os, pkgutil, signal, sys
from thoughtengine.__main__ import main
owner, _, name = {place!r}.rpartition(".")
def die(folder):
    if name == "end" or os.path.basename(folder).startswith(".mind."):  # not when the mind is made that takes the rows in
        os.kill(os.getpid(), signal.SIGKILL)
setattr(pkgutil.resolve_name("thoughtengine." + owner), name, die)
sys.argv = ["thoughtengine", "restore", {str(file)!r}, {str(mind)!r}]
main()
"""
    died = subprocess.run([sys.executable, "-c", killed], env=ENVIRONMENT, check=False, capture_output=True)
    assert died.returncode == -signal.SIGKILL, died.stderr
    run("stats", mind, code=2)
    assert mind.exists() == there
    run("restore", file, mind)
    assert run("export", mind).stdout == file.read_text(encoding="utf-8")
    assert run("check", mind).stdout == f"{mind}: sound\n"
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_dir()) == ["first", "mind"]
    assert not list(mind.glob("*.part"))


@pytest.mark.skipif(shutil.which("git") is None, reason="needs the git program")
def test_the_history_of_a_repository(tmp_path: Path) -> None:
    def git(*arguments: str) -> None:
        names = ["-c", "user.name=Zoë", "-c", "user.email=z@te.example", "-c", "commit.gpgSign=false"]
        subprocess.run(["git", "-C", str(tmp_path), *names, *arguments], check=True, capture_output=True)

    git("init", "-q")
    run("import", "--git", tmp_path, tmp_path / "mind", code=2)
    assert not (tmp_path / "mind").exists()
    for n in range(3):
        (tmp_path / f"file{n}.py").write_text("x", encoding="utf-8")
        git("add", f"file{n}.py")
        git("commit", "-q", "-m", f"Mend the parser, part {n}")
    assert ", 3 of them new" in run("import", "--git", tmp_path, tmp_path / "mind").stdout
    git("commit", "-q", "--allow-empty", "-m", "Document the parser")
    assert "4 experiences" in (out := run("import", tmp_path / "mind", "--git", tmp_path).stdout)
    assert ", 1 of them new" in out
    [hit] = json.loads(run("recall", tmp_path / "mind", "part 2", "--tag", "file2.py", "--json").stdout)["hits"]
    assert (hit["source"], hit["tags"], hit["key"][:7]) == ("Zoë", ["file2.py"], "commit:")


def test_whoever_reads_may_go_away(tmp_path: Path) -> None:
    run("import", many(tmp_path, 3000), tmp_path / "mind")
    command = [*COMMAND, "export", str(tmp_path / "mind")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENVIRONMENT) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.wait() == 141
        assert process.stderr.read() == b""
    assert run("check", tmp_path / "mind").returncode == 0


def logged(mind: Path) -> int:
    """Return the bytes in the logs of a mind that another process writes to: one may go while it is looked at."""
    n = 0
    for path in mind.glob("gen-*/*.log"):
        with contextlib.suppress(FileNotFoundError):
            n += path.stat().st_size
    return n


def test_ctrl_c_stops_an_import_that_can_go_on(tmp_path: Path) -> None:
    n, mind = 40_000, tmp_path / "mind"  # seconds: on a busy machine it must not be done before it is interrupted
    file = many(tmp_path, n)
    command = [*COMMAND, "import", str(file), str(mind)]
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell lets what it starts behind it ignore it
    try:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENVIRONMENT, text=True)
    finally:
        signal.signal(signal.SIGINT, before)
    while process.poll() is None and logged(mind) < 200_000:
        time.sleep(0.001)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate()
    assert process.returncode == 130, told
    assert "Traceback" not in told
    skip = int(told.partition("--skip ")[2].split()[0])
    assert run("check", mind).stdout == f"{mind}: sound\n"
    with te.open(mind, create=False) as opened:
        assert 0 < skip <= len(opened) < n
    run("import", file, mind, "--skip", skip)
    with te.open(mind, create=False) as opened:
        assert len(opened) == n


def test_standard_input_may_be_closed(tmp_path: Path, files: Path) -> None:
    command = " ".join([*COMMAND, "import", str(files / "talk.json"), str(tmp_path / "mind"), "<&-"])
    subprocess.run(["sh", "-c", command], check=True, env=ENVIRONMENT, capture_output=True)


def test_a_terminal_that_knows_no_utf8(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text('{"text": "Grüße 🙂"}', encoding="utf-8")
    run("import", file, tmp_path / "mind")
    plain = ENVIRONMENT | {"PYTHONIOENCODING": "ascii"}
    command = [*COMMAND, "recall", str(tmp_path / "mind"), "grüße"]
    done = subprocess.run(command, capture_output=True, env=plain, check=True)
    assert b"Gr\\xfc\\xdfe" in done.stdout
    command = [*COMMAND, "export", str(tmp_path / "mind")]
    done = subprocess.run(command, capture_output=True, env=plain, check=True)
    assert json.loads(done.stdout.decode("utf-8"))["text"] == "Grüße 🙂"


def test_progress_on_a_terminal_only(tmp_path: Path) -> None:
    file = many(tmp_path, 2000)
    assert run("import", file, tmp_path / "a").stderr == ""
    inner, outer = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, "import", str(file), str(tmp_path / "b")],
        stdout=subprocess.PIPE,
        stderr=outer,
        env=ENVIRONMENT,
        text=True,
    )
    os.close(outer)
    drawn = b""
    while True:
        try:
            piece = os.read(inner, 4096)
        except OSError:  # Linux says so when the other side is closed
            break
        if not piece:
            break
        drawn += piece
    os.close(inner)
    out, _ = process.communicate()
    assert process.returncode == 0
    assert out.startswith("2,000 experiences")
    assert b"remembering" in drawn


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["import", "--help"], ["recall", "--help"]])
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    script = (
        "import sys; from thoughtengine.cli import main; code = main(sys.argv[1:]); "
        "heavy = {'numpy', 'numba', 'attrs', 'attr', 'msgspec', 'plyvel', 'rich'} & set(sys.modules); "
        "print('heavy', sorted(heavy)); sys.exit(code)"
    )
    command = [sys.executable, "-c", script, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT, check=True)
    assert done.stdout.endswith("heavy []\n")
