"""What comes into a mind and goes out of it: import, export."""

from __future__ import annotations

import argparse
import itertools
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from thoughtengine.cli.command import FINE, Command, encoder_argument, natural, opened, upgrade_option
from thoughtengine.cli.screen import bar, say, silent, tell

if TYPE_CHECKING:
    from thoughtengine._types import Progress
    from thoughtengine.engine import ThoughtEngine
    from thoughtengine.memory.experience import Experience

__all__ = ["COMMANDS", "are", "restore_export"]

_BATCH = 512
_UNZONED = ("journal", "whatsapp")
_ONE_PASS = ("git", "documents")
_RATED = 100  # experiences from which on a rate says something


def _import_arguments(parser: argparse.ArgumentParser) -> None:
    from thoughtengine.adapters import FORMS

    parser.epilog = "forms:\n" + "\n".join(f"  {name:13} {what}" for name, what in FORMS.items())
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("file", metavar="FILE", nargs="?", help="a file or folder to remember")
    parser.add_argument("mind", metavar="MIND", help="the mind's folder; made where there is none")
    parser.add_argument("--form", choices=FORMS, metavar="FORM", help="what FILE is; default: looked at")
    parser.add_argument("--git", metavar="REPO", help="remember the history of this Git repository")
    parser.add_argument("--timezone", metavar="ZONE", help="of times without one: Europe/Berlin, +02:00; default: here")
    encoder_argument(parser, "make vectors with it, from now on (needs the extra `semantic`)")
    order = parser.add_mutually_exclusive_group()
    order.add_argument(
        "--day-first", dest="day_first", action="store_true", default=None, help="05/03/2024 is in March"
    )
    order.add_argument("--month-first", dest="day_first", action="store_false", help="05/03/2024 is in May")
    parser.add_argument("--skip", metavar="N", type=natural, default=0, help="leave out the first N, to go on")
    upgrade_option(parser)


def _import(given: argparse.Namespace) -> int:
    import thoughtengine as te
    from thoughtengine import adapters
    from thoughtengine.wording import counted

    if (given.file is None) == (given.git is None):
        raise te.InvalidArgumentError("import", given.mind, _wanted(given))
    origin = given.git or given.file
    form = "git" if given.git else given.form or adapters.detect(origin)
    if form == "export":
        return _take_export(origin, given.mind, given.upgrade)
    if form in _UNZONED and given.timezone is None:
        tell(f"times without a zone are read as {time.strftime('%Z, %z')}; --timezone says otherwise")

    def experiences(progress: Progress) -> Iterator[Experience]:
        zone, order = given.timezone, given.day_first
        found = adapters.read(origin, form=form, timezone=zone, day_first=order, progress=progress)
        return itertools.islice(found, given.skip, None)

    with bar() as progress:
        checked = form not in _ONE_PASS
        total = sum(1 for _ in experiences(progress)) if checked else None
        found = experiences(silent if checked else progress)
        first = list(itertools.islice(found, 1))  # a source that cannot be read makes no mind
        if not first and not given.skip:
            raise te.ImportFormatError(origin, None, f"there is nothing to import in it (as {form})")
        known = {"upgrade": given.upgrade, "encoder": given.encoder}
        with _made(given.mind, progress=progress, **known) as mind:
            before, begun = len(mind), time.perf_counter()
            found = itertools.chain(first, found)
            n = _remember(mind, found, given.skip, (lambda done: progress("remembering", done, total)))
            seconds, new = time.perf_counter() - begun, len(mind) - before
            told = f"{counted(n, 'experience')} of {origin} ({form}) {are(n)} in {given.mind}, {new:,} of them new"
    rate = f", {n / max(seconds, 1e-9):,.0f} a second" if n >= _RATED else ""
    say(f"{told} ({seconds:.1f} s{rate})")
    return FINE


def _wanted(given: argparse.Namespace) -> str:
    """Say how an import is called where one of its names is missing or too many."""
    wanted = "either FILE MIND or --git REPO MIND"
    if given.file is not None:
        return f"{wanted}, not both"
    return f"{wanted}; MIND is missing: `thoughtengine import {given.mind} my-mind`"


def are(n: int) -> str:
    """Return "is" or "are"."""
    return "is" if n == 1 else "are"


@contextmanager
def _made(
    folder: str, *, upgrade: str | None, progress: Progress, encoder: str | None = None
) -> Iterator[ThoughtEngine]:
    """Open a mind, made where there is none; what this made is gone again after an error, unless it holds any."""
    from thoughtengine.entering import encoder_named, entered

    place = Path(os.path.realpath(folder))
    missing = _missing(place)
    made, kept = bool(missing) or (place.is_dir() and not any(place.iterdir())), True
    try:
        taken = encoder_named(encoder)
        with entered(folder, upgrade, taken, tell=tell, progress=progress, create=True) as mind:
            try:
                yield mind
            except BaseException:
                kept = _held(mind) > 0
                raise
    except BaseException:
        if made and not kept:
            _clear(place)
            _remove(missing)
        raise


def _held(mind: ThoughtEngine) -> int:
    """Return how many memories a mind holds, forgotten ones too."""
    return len(mind) + mind.stats().forgotten


def _missing(folder: Path) -> list[Path]:
    """Return which of a folder and those above it are not there, from the innermost."""
    return [path for path in (folder, *folder.parents) if not path.exists()]


def _clear(folder: Path) -> None:
    """Remove what is in a folder."""
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def _remove(made: list[Path]) -> None:
    """Remove the folders that were made for a mind, from the innermost."""
    for path in made:
        with suppress(OSError):  # not made after all, or somebody else put something there
            path.rmdir()


def _remember(mind: ThoughtEngine, found: Iterator[Experience], skipped: int, done: Callable[[int], None]) -> int:
    """Remember batch by batch; whatever stops it, tell how to go on."""
    from thoughtengine.errors import BatchError

    ids: list[int] = []
    try:
        while batch := list(itertools.islice(found, _BATCH)):
            try:
                ids += mind.remember_many(batch)
            except BatchError as error:
                reason = error.__cause__ if isinstance(error.__cause__, Exception) else error
                raise BatchError(len(ids) + error.index, tuple(ids), reason) from error
            done(len(ids))
    except BaseException:
        if n := skipped + len(ids):
            from thoughtengine.wording import counted

            told = f"{counted(len(ids), 'experience')} {are(len(ids))} remembered"
            tell(f"{told}; to go on behind {'it' if len(ids) == 1 else 'them'} say --skip {n}")
        raise
    return len(ids)


def _take_export(file: str, folder: str, upgrade: str | None) -> int:
    """Remember all of an export in a mind, made where there is none."""
    from thoughtengine.adapters import export

    begun = time.perf_counter()
    with bar() as progress, _made(folder, upgrade=upgrade, progress=progress) as mind:
        before = _held(mind)
        n = export.restore(mind, Path(file), progress=progress)
        new = _held(mind) - before
    return _taken(n, file, f"{folder}, {new:,} of them new", begun)


def restore_export(file: str, folder: str) -> int:
    """Make a mind of an export: under another name, which nobody takes for a mind, until it is whole and verified."""
    from thoughtengine.adapters import export
    from thoughtengine.config import StorageConfig
    from thoughtengine.opening import open_mind
    from thoughtengine.storage.checkpoint import verify
    from thoughtengine.storage.files import PART, building, folder_at
    from thoughtengine.storage.folder import generation_name

    begun, place, n = time.perf_counter(), folder_at(folder), 0

    def build(beside: Path) -> None:
        nonlocal n
        with open_mind(beside) as mind:
            n = export.restore(mind, Path(file), progress=progress)
        verify(beside / generation_name(1), beside / ("verify" + PART), StorageConfig())

    missing = _missing(place)
    try:
        with bar() as progress:
            building(place, build)
    except BaseException:
        _remove(missing)
        raise
    return _taken(n, file, folder, begun)


def _taken(n: int, file: str, where: str, begun: float) -> int:
    from thoughtengine.wording import counted

    told = f"{counted(n, 'memory', 'memories')} of {file} (export) {are(n)} in {where}"
    say(f"{told} ({time.perf_counter() - begun:.1f} s)")
    return FINE


def _export_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("mind", metavar="MIND")
    parser.add_argument("file", metavar="FILE", nargs="?", default="-", help="where to; default and -: standard output")
    parser.add_argument("--force", action="store_true", help="write over FILE")
    upgrade_option(parser)


def _export(given: argparse.Namespace) -> int:
    from thoughtengine.adapters import export
    from thoughtengine.wording import counted

    with bar() as progress, opened(given, progress) as mind:
        rows = _counted(mind.export(), progress, _held(mind))
        with _writing(given.file, force=given.force) as file:
            n = export.write(rows, file)
    tell(f"{counted(n, 'memory', 'memories')} exported" + ("" if given.file == "-" else f" to {given.file}"))
    return FINE


def _counted(rows: Iterator[dict[str, Any]], progress: Progress, total: int) -> Iterator[dict[str, Any]]:
    for number, row in enumerate(rows, start=1):
        yield row
        if number % _BATCH == 0:
            progress("exporting", number, total)


@contextmanager
def _writing(name: str, *, force: bool) -> Iterator[TextIO]:
    """Open standard output, or a file that only its owner reads and that appears whole or not at all."""
    from thoughtengine.errors import InvalidArgumentError, StoreExistsError

    if name == "-":
        if hasattr(sys.stdout, "reconfigure"):
            sys.stdout.reconfigure(encoding="utf-8", errors="strict", newline="\n")
        yield sys.stdout
        return
    if os.path.isdir(name) or not Path(name).parent.is_dir():
        raise InvalidArgumentError("FILE", name, "a file in a folder that is there (make the folder first)")
    if os.path.exists(name) and not force:
        raise StoreExistsError(name, "something is already there: give another name, or --force to write over it")
    part = f"{name}.part"
    try:
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(handle, "w", encoding="utf-8", newline="\n") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, name)
    finally:
        Path(part).unlink(missing_ok=True)


COMMANDS = {
    "import": Command("remember a file, a folder, or a repository's history", _import_arguments, _import),
    "export": Command("write every memory as a line of JSON, without loss", _export_arguments, _export),
}
