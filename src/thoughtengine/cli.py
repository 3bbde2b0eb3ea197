"""The command line: import, recall, feeling, patterns, stats, check, backup, restore, upgrades, export, demo."""

from __future__ import annotations

import argparse
import itertools
import json
import logging
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TextIO

if TYPE_CHECKING:
    import datetime as dt

    from thoughtengine._types import Progress
    from thoughtengine.engine import ThoughtEngine
    from thoughtengine.memory.experience import Experience
    from thoughtengine.patterns.pattern import Prediction
    from thoughtengine.storage.copies import Copy

__all__ = ["main"]

FINE, FOUND_WRONG, WRONG_USE, INTERRUPTED, BROKEN_PIPE = 0, 1, 2, 130, 141
_DEMO = "demo"  # parses its own arguments
_BATCH = 512
_HEATED = 20_000  # experiences in the map of the week
_DATED = 64  # memories of a tag, the newest, that are looked at to tell whether it is their date
_COMING = 5  # things that may come next, at most
_RATED = 100  # experiences from which on a rate says something
_TELL_EVERY_SECONDS = 0.1
_UNZONED = ("journal", "whatsapp")
_ONE_PASS = ("git", "documents")


class Command(NamedTuple):
    """One word of the command line: what it is for, its arguments, and what it does."""

    summary: str
    arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]


def main(argv: list[str] | None = None) -> int:
    """Run a command.

    Parameters
    ----------
    argv : list of str, optional
        The arguments. Default: those of the process.

    Returns
    -------
    int
        0: fine. 1: a check found something, or a recall nothing. 2: wrong use, or an error with what to do about it.
        130: stopped with Ctrl-C. 141: whoever read the output went away.
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        with _warnings():
            code = _dispatch(sys.argv[1:] if argv is None else argv)
            sys.stdout.flush()
            return code
    except SystemExit as error:  # argparse has told what is wrong
        return error.code if isinstance(error.code, int) else WRONG_USE
    except KeyboardInterrupt:
        return _tell("stopped", INTERRUPTED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except Exception as error:
        from thoughtengine.errors import ThoughtEngineError

        if not isinstance(error, (ThoughtEngineError, OSError)):
            raise
        from thoughtengine.wording import plainly

        return _tell(plainly(error), WRONG_USE)


def _dispatch(argv: list[str]) -> int:
    if not argv:
        _parser().print_help(sys.stderr)
        return WRONG_USE
    chosen = _parser().parse_args(argv)
    if chosen.command == _DEMO:
        from thoughtengine.demo import main as demo

        return demo(chosen.arguments)
    command = _COMMANDS[chosen.command]
    parser = argparse.ArgumentParser(prog=f"thoughtengine {chosen.command}", description=f"{command.summary}.")
    command.arguments(parser)
    return command.run(parser.parse_intermixed_args(chosen.arguments))


def _parser() -> argparse.ArgumentParser:
    """Make the parser of the first word; each command parses the rest, so that options may stand between its names."""
    summaries = {name: command.summary for name, command in _COMMANDS.items()} | {_DEMO: "see it work on your own data"}
    listed = "\n".join(f"  {name:{max(map(len, summaries))}}  {summary}" for name, summary in summaries.items())
    parser = argparse.ArgumentParser(
        prog="thoughtengine",
        description="Memory in one folder, with reasons for every answer. Nothing leaves this machine.",
        epilog=f"commands:\n{listed}\n\n`thoughtengine COMMAND --help` tells more.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version")
    parser.add_argument("command", metavar="COMMAND", choices=summaries, help="one of those below")
    parser.add_argument("arguments", metavar="...", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    return parser


class _Version(argparse.Action):
    """Prints the version, which is looked up only then."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object, **__: object) -> None:
        import thoughtengine

        print(f"thoughtengine {thoughtengine.__version__}")
        parser.exit()


# import, export


def _import_arguments(parser: argparse.ArgumentParser) -> None:
    from thoughtengine.adapters import FORMS

    parser.epilog = "forms:\n" + "\n".join(f"  {name:13} {what}" for name, what in FORMS.items())
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("file", metavar="FILE", nargs="?", help="a file or folder to remember")
    parser.add_argument("mind", metavar="MIND", help="the mind's folder; made where there is none")
    parser.add_argument("--form", choices=FORMS, metavar="FORM", help="what FILE is; default: looked at")
    parser.add_argument("--git", metavar="REPO", help="remember the history of this Git repository")
    parser.add_argument("--timezone", metavar="ZONE", help="of times without one: Europe/Berlin, +02:00; default: here")
    _encoder_argument(parser, "make vectors with it, from now on (needs the extra `semantic`)")
    order = parser.add_mutually_exclusive_group()
    order.add_argument(
        "--day-first", dest="day_first", action="store_true", default=None, help="05/03/2024 is in March"
    )
    order.add_argument("--month-first", dest="day_first", action="store_false", help="05/03/2024 is in May")
    parser.add_argument("--skip", metavar="N", type=_natural, default=0, help="leave out the first N, to go on")
    _upgrade_option(parser)


def _natural(written: str) -> int:
    if not written.isdecimal():
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 0, given {written!r}")
    return int(written)


def _import(given: argparse.Namespace) -> int:
    import thoughtengine as te
    from thoughtengine import adapters
    from thoughtengine.wording import counted

    if (given.file is None) == (given.git is None):
        raise te.InvalidArgumentError("import", given.mind, _wanted(given))
    origin = given.git or given.file
    form = "git" if given.git else given.form or adapters.detect(origin)
    if form == "export":
        return _take_export(origin, given.mind, keep=True, upgrade=given.upgrade)
    if form in _UNZONED and given.timezone is None:
        _tell(f"times without a zone are read as {time.strftime('%Z, %z')}; --timezone says otherwise")

    def experiences(progress: Progress) -> Iterator[Experience]:
        zone, order = given.timezone, given.day_first
        found = adapters.read(origin, form=form, timezone=zone, day_first=order, progress=progress)
        return itertools.islice(found, given.skip, None)

    with _bar() as progress:
        checked = form not in _ONE_PASS
        total = sum(1 for _ in experiences(progress)) if checked else None
        found = experiences(_silent if checked else progress)
        first = list(itertools.islice(found, 1))  # a source that cannot be read makes no mind
        if not first and not given.skip:
            raise te.ImportFormatError(origin, None, f"there is nothing to import in it (as {form})")
        known = {"upgrade": given.upgrade, "encoder": given.encoder}
        with _made(given.mind, keep=True, progress=progress, **known) as mind:
            before, begun = len(mind), time.perf_counter()
            found = itertools.chain(first, found)
            n = _remember(mind, found, given.skip, (lambda done: progress("remembering", done, total)))
            seconds, new = time.perf_counter() - begun, len(mind) - before
            told = f"{counted(n, 'experience')} of {origin} ({form}) {_are(n)} in {given.mind}, {new:,} of them new"
    rate = f", {n / max(seconds, 1e-9):,.0f} a second" if n >= _RATED else ""
    _say(f"{told} ({seconds:.1f} s{rate})")
    return FINE


def _wanted(given: argparse.Namespace) -> str:
    """Say how an import is called where one of its names is missing or too many."""
    wanted = "either FILE MIND or --git REPO MIND"
    if given.file is not None:
        return f"{wanted}, not both"
    return f"{wanted}; MIND is missing: `thoughtengine import {given.mind} my-mind`"


def _are(n: int) -> str:
    return "is" if n == 1 else "are"


@contextmanager
def _made(
    folder: str, *, keep: bool, upgrade: str | None, progress: Progress, encoder: str | None = None
) -> Iterator[ThoughtEngine]:
    """Open a mind, made where there is none; what this made is gone again after an error, or `keep` where it holds any."""
    from thoughtengine.entering import encoder_named, entered

    place = Path(os.path.realpath(folder))
    missing = [path for path in (place, *place.parents) if not path.exists()]
    made, kept = bool(missing) or (place.is_dir() and not any(place.iterdir())), True
    try:
        taken = encoder_named(encoder)
        with entered(folder, upgrade, taken, tell=_tell, progress=progress, create=True) as mind:
            try:
                yield mind
            except BaseException:
                kept = keep and len(mind) + mind.stats().forgotten > 0
                raise
    except BaseException:
        if made and not kept:
            _clear(place, missing)
        raise


def _clear(folder: Path, made: list[Path]) -> None:
    """Remove what is in a folder, and the folders that were made for it, from the innermost."""
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    with suppress(OSError):  # somebody else put something there
        for path in made:
            path.rmdir()


def _remember(mind: ThoughtEngine, found: Iterator[Experience], skipped: int, tell: Callable[[int], None]) -> int:
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
            tell(len(ids))
    except BaseException:
        if n := skipped + len(ids):
            from thoughtengine.wording import counted

            told = f"{counted(len(ids), 'experience')} {_are(len(ids))} remembered"
            _tell(f"{told}; to go on behind {'it' if len(ids) == 1 else 'them'} say --skip {n}")
        raise
    return len(ids)


def _take_export(file: str, folder: str, *, keep: bool, upgrade: str | None = None) -> int:
    from thoughtengine.adapters import export
    from thoughtengine.wording import counted

    with _bar() as progress, _made(folder, keep=keep, upgrade=upgrade, progress=progress) as mind:
        begun = time.perf_counter()
        n = export.restore(mind, Path(file), progress=progress)
        told = f"{counted(n, 'memory', 'memories')} of {file} (export) {_are(n)} in {folder}"
    _say(f"{told} ({time.perf_counter() - begun:.1f} s)")
    return FINE


def _export_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("mind", metavar="MIND")
    parser.add_argument("file", metavar="FILE", nargs="?", default="-", help="where to; default and -: standard output")
    parser.add_argument("--force", action="store_true", help="write over FILE")
    _upgrade_option(parser)


def _export(given: argparse.Namespace) -> int:
    from thoughtengine.adapters import export
    from thoughtengine.wording import counted

    with _bar() as progress, _entered(given, progress) as mind:
        rows = _counted(mind.export(), progress, len(mind) + mind.stats().forgotten)
        with _writing(given.file, force=given.force) as file:
            n = export.write(rows, file)
    _tell(f"{counted(n, 'memory', 'memories')} exported" + ("" if given.file == "-" else f" to {given.file}"))
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


# recall


def _recall_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("mind", metavar="MIND")
    parser.add_argument("cue", metavar="CUE", nargs="+", help="a question or words")
    parser.add_argument("-k", type=int, default=10, help="how many hits at most (default 10)")
    for name, what in (("source", "from"), ("tag", "with one of these tags"), ("layer", "of the layer")):
        parser.add_argument(f"--{name}", action="append", metavar=name.upper(), help=f"only {what} (may be repeated)")
    parser.add_argument("--episode", help="only of this episode")
    parser.add_argument("--since", metavar="WHEN", help="from then on: 2024-03-05, 2024-03-05T14:10+01:00")
    parser.add_argument("--until", metavar="WHEN", help="before then")
    shape = parser.add_mutually_exclusive_group()
    shape.add_argument("--json", action="store_true", help="print JSON")
    shape.add_argument("--context", type=int, metavar="TOKENS", help="print what a model would read, within a budget")
    _upgrade_option(parser)


def _recall(given: argparse.Namespace) -> int:
    import thoughtengine as te

    where = {"sources": given.source, "tags": given.tag, "layers": given.layer, "episode": given.episode}
    where |= {"since": (since := _when("--since", given.since)), "until": (until := _when("--until", given.until))}
    if since is not None and until is not None and since > until:
        raise te.InvalidArgumentError("--since", given.since, f"a moment before --until {given.until}")
    chosen = {name: value for name, value in where.items() if value is not None}
    with _bar() as progress, _entered(given, progress) as mind:
        mind.count()  # waits until the index is whole: nobody comes back here for the rest
        recall = mind.recall(" ".join(given.cue), k=given.k, **chosen)
        if given.context is not None:
            _say(recall.context(given.context))
        else:
            _say(json.dumps(_plain(recall), ensure_ascii=False, indent=2) if given.json else recall)
    return FINE if recall else FOUND_WRONG


def _when(option: str, written: str | None) -> Any:
    """Read a moment; a day alone begins at midnight here."""
    import datetime as dt

    from thoughtengine.adapters.intake import Reading
    from thoughtengine.adapters.stamps import StampError, moment
    from thoughtengine.errors import InvalidArgumentError

    if written is None:
        return None
    try:
        at = moment(written, Reading())
    except StampError as error:
        known = "a day or a moment, such as 2024-03-05 or 2024-03-05T14:10+01:00"
        raise InvalidArgumentError(option, written, known) from error
    return at if ":" in written else Reading().aware(at.date(), dt.time())


def _plain(recall: Any) -> dict[str, Any]:
    hits = [
        {
            "id": hit.id,
            "key": hit.memory.key,
            "layer": hit.memory.layer,
            "at": hit.at.isoformat(),
            "source": hit.source,
            "tags": list(hit.memory.tags),
            "episode": hit.memory.episode,
            "text": hit.text,
            "score": hit.score,
            "why": dict(hit.why),
            "n_repeats": hit.n_repeats,
            "chance": hit.chance,
        }
        for hit in recall
    ]
    told = {"cue": recall.cue.text, "seconds": recall.seconds, "n_candidates": recall.n_candidates, "fits": recall.fits}
    return told | {"coverage": recall.coverage, "hits": hits}


def _feeling_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("mind", metavar="MIND")
    parser.add_argument("about", metavar="ABOUT", nargs="+", help="a source, a tag, or a topic")
    _upgrade_option(parser)


def _feeling(given: argparse.Namespace) -> int:
    with _bar() as progress, _entered(given, progress) as mind:
        feeling = mind.feeling(" ".join(given.about))
    _say(feeling)
    return FINE if feeling else FOUND_WRONG


# patterns


def _patterns_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("mind", metavar="MIND")
    parser.add_argument("-k", type=_natural, default=10, help="lines of each kind at most (default 10)")
    parser.add_argument("--rebuild", action="store_true", help="learn everything anew from the memories")
    _encoder_argument(parser, "take this encoder over first, without which nothing belongs together")
    _upgrade_option(parser)
    parser.add_argument("--dates", action="store_true", help="show labels that are dates, too")
    parser.add_argument("--json", action="store_true", help="print JSON, with q-values and evidence")


def _encoder_argument(parser: argparse.ArgumentParser, what: str) -> None:
    parser.add_argument("--encoder", metavar="NAME", help=f"{what}; `wordllama`, or MODULE:NAME")


def _patterns(given: argparse.Namespace) -> int:
    from thoughtengine.patterns.page import page

    with _bar() as progress, _entered(given, progress) as mind:
        mind.events.subscribe(
            "progress", lambda event: progress(event.data["what"], event.data["done"], event.data["total"])
        )
        if given.rebuild:
            mind.patterns.rebuild()
        following = mind.anticipate(k=min(max(given.k, 1), _COMING))

        def dated(tag: str) -> Iterator[dt.datetime]:
            newest = mind.memories(newest_first=True, tags=[tag])
            return (memory.at for memory in itertools.islice(newest, _DATED))

        moments_of = None if given.dates else dated
        if given.json:
            told = json.dumps(_noticed(mind, following, given.k, moments_of), ensure_ascii=False, indent=2)
        else:
            newest = itertools.islice(mind.memories(newest_first=True), _HEATED)
            moments = [memory.at for memory in newest]
            told = page(
                mind.patterns, following, moments, k=given.k, read=lambda id_: mind[id_].text,
                count=lambda names: _having(mind, names), moments_of=moments_of,
            )  # fmt: skip
    _say(told)
    return FINE


def _having(mind: ThoughtEngine, names: Sequence[str]) -> int:
    """Return how many memories have all of some names: as tags, or one of them as the source."""
    import thoughtengine as te

    if n := mind.count(tags=te.All(*names)):
        return n
    rests = ([other for other in names if other != name] for name in names)
    return max(mind.count(tags=te.All(*rest), sources=[name]) for name, rest in zip(names, rests, strict=True))


def _noticed(
    mind: ThoughtEngine,
    following: list[Prediction],
    k: int,
    moments_of: Callable[[str], Iterator[dt.datetime]] | None,
) -> dict[str, Any]:
    """Return what a mind noticed as JSON has it."""
    import attrs

    from thoughtengine.patterns.page import undated

    found = mind.patterns
    kinds: dict[str, list[Any]] = {
        "associations": found.associations(),
        "sequences": found.sequences(),
        "rhythms": found.rhythms(),
        "next": following,
    }
    if moments_of is not None:
        kinds = {name: undated(several, moments_of) for name, several in kinds.items()}
    kinds = {"concepts": found.concepts(), **kinds}
    rows = {name: [attrs.asdict(one) for one in several[:k]] for name, several in kinds.items()}
    return rows | {"next": [row | {"at": row["at"] and row["at"].isoformat()} for row in rows["next"]]}


# looking after it


def _mind_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("mind", metavar="MIND")


def _stats_arguments(parser: argparse.ArgumentParser) -> None:
    _mind_argument(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")
    _upgrade_option(parser)


def _stats(given: argparse.Namespace) -> int:
    import attrs

    with _bar() as progress, _entered(given, progress) as mind:
        stats = mind.stats()
    _say(json.dumps(attrs.asdict(stats), indent=2) if given.json else stats)
    return FINE


def _check(given: argparse.Namespace) -> int:
    import thoughtengine as te
    from thoughtengine.wording import counted

    with _bar() as progress:
        findings = te.check(given.mind, progress=progress)
    for finding in findings:
        _say(finding)
    _say(f"{given.mind}: {counted(len(findings), 'finding') if findings else 'sound'}")
    return FOUND_WRONG if findings else FINE


def _backup_arguments(parser: argparse.ArgumentParser) -> None:
    _mind_argument(parser)
    parser.add_argument("to", metavar="TO", help="a new folder")


def _backup(given: argparse.Namespace) -> int:
    import thoughtengine as te

    return _copied(te.backup(given.mind, given.to))


def _restore_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("backup", metavar="BACKUP", help="a backup's folder, or the file of an export")
    parser.add_argument("mind", metavar="MIND", help="a new folder")


def _restore(given: argparse.Namespace) -> int:
    import thoughtengine as te

    if not Path(given.backup).is_file():
        return _copied(te.restore(given.backup, given.mind))
    if os.path.exists(given.mind) and not (os.path.isdir(given.mind) and not os.listdir(given.mind)):
        message = "something is already there: name a new folder, or add to that mind with `thoughtengine import`"
        raise te.StoreExistsError(given.mind, message)
    return _take_export(given.backup, given.mind, keep=False)


def _copied(copy: Copy) -> int:
    from thoughtengine.wording import counted

    told = f"{counted(copy.memories, 'memory', 'memories')} {_are(copy.memories)} in {copy.path}"
    _say(f"{told} ({copy.kind}, {copy.bytes:,} bytes, verified: {copy.digest})")
    return FINE


# upgrades


def _upgrade_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--upgrade",
        choices=("auto", "wait", "refuse"),
        help="a mind of an older format: serve at once and upgrade behind, upgrade first, or refuse; default: refuse to "
        "begin an upgrade, go on with one that was begun",
    )


def _entered(given: argparse.Namespace, progress: Progress) -> AbstractContextManager[ThoughtEngine]:
    """Open the mind that a command looks at; no upgrade is begun unless that was said."""
    from thoughtengine.entering import encoder_named, entered

    encoder = encoder_named(getattr(given, "encoder", None))
    return entered(given.mind, given.upgrade, encoder, tell=_tell, progress=progress)


def _hooked_arguments(parser: argparse.ArgumentParser) -> None:
    _mind_argument(parser)
    parser.add_argument(
        "--hooks", action="append", metavar="MODULE:NAME", help="the te.Upgrades of a host's payloads (may be repeated)"
    )


def _taken_over_arguments(parser: argparse.ArgumentParser) -> None:
    _hooked_arguments(parser)
    parser.add_argument("--encoder", metavar="NAME", help="an encoder to take over: `wordllama`, or MODULE:NAME")


def _taken_over(given: argparse.Namespace) -> dict[str, Any]:
    from thoughtengine.entering import encoder_named, hooks_named

    return {"hooks": hooks_named(given.hooks), "encoder": encoder_named(given.encoder)}


def _plan(given: argparse.Namespace) -> int:
    import thoughtengine as te

    _say(te.plan(given.mind, **_taken_over(given)))
    return FINE


def _upgrade_arguments(parser: argparse.ArgumentParser) -> None:
    _taken_over_arguments(parser)
    parser.add_argument("--into", metavar="FOLDER", help="a new folder for the upgraded mind; the old one is only read")
    parser.add_argument("--salvage", action="store_true", help="with --into: carry what can be read of a damaged store")


def _upgrade(given: argparse.Namespace) -> int:
    import thoughtengine as te
    from thoughtengine.entering import begins, way_back
    from thoughtengine.formats import is_format_1

    how = _taken_over(given)
    if given.into is None and not given.salvage and is_format_1(Path(given.mind)):
        _tell(begins(given.mind))
    with _bar() as progress:
        report = te.upgrade(given.mind, into=given.into, salvage=given.salvage, progress=progress, **how)
    _say(report if report is not None else f"{given.mind}: nothing to do")
    if report is not None and (told := way_back(given.into or given.mind)):
        _tell(told)
    return FINE


def _rehearse(given: argparse.Namespace) -> int:
    import thoughtengine as te

    with _bar() as progress:
        rehearsal = te.rehearse(given.mind, progress=progress, **_taken_over(given))
    _say(rehearsal)
    return FINE if rehearsal or not rehearsal.plan else FOUND_WRONG


def _rollback_arguments(parser: argparse.ArgumentParser) -> None:
    _hooked_arguments(parser)
    parser.add_argument(
        "--to",
        action="append",
        metavar="FORMAT|KIND=VERSION",
        help="a format, or the version of a kind of payload (may be repeated); default: what was before the last upgrade",
    )


def _rollback(given: argparse.Namespace) -> int:
    import thoughtengine as te
    from thoughtengine.entering import hooks_named, way_back

    _say(te.rollback(given.mind, to=_goal(given.to), hooks=hooks_named(given.hooks)))
    if told := way_back(given.mind):
        _tell(f"an earlier upgrade is kept: {told}")
    return FINE


def _goal(written: list[str] | None) -> int | dict[str, int] | None:
    """Read what to go down to: a format, or versions by kind."""
    from thoughtengine.errors import InvalidArgumentError

    if written is None:
        return None
    if len(written) == 1 and written[0].isdecimal():
        return int(written[0])
    parts = [each.rpartition("=") for each in written]
    if not all(kind and version.isdecimal() for kind, _, version in parts):
        raise InvalidArgumentError(
            "--to", " ".join(written), "one FORMAT such as 1, or KIND=VERSION such as acme.note=1"
        )
    return {kind: int(version) for kind, _, version in parts}


def _history_arguments(parser: argparse.ArgumentParser) -> None:
    _mind_argument(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")


def _history(given: argparse.Namespace) -> int:
    import attrs

    import thoughtengine as te

    found = te.history(given.mind)
    if given.json:
        _say(json.dumps([attrs.asdict(report) for report in found], indent=2))
    else:
        _say("\n".join(f"{report.ended[:19]} {report}" for report in found) or f"{given.mind}: no upgrade yet")
    return FINE


# telling


def _tell(message: str, code: int = FINE) -> int:
    _say(f"thoughtengine: {message}", sys.stderr)
    return code


def _say(told: object, to: TextIO | None = None) -> None:
    """Print for whoever typed a command: everything but an export comes through here, for it may be of memories."""
    from thoughtengine.wording import harmless

    print(harmless(str(told)), file=to)


class _Harmless(logging.Formatter):
    """Formats a warning as what is printed."""

    def format(self, record: logging.LogRecord) -> str:
        from thoughtengine.wording import harmless

        return harmless(super().format(record))


@contextmanager
def _warnings() -> Iterator[None]:
    """Show on standard error what the library logs as a warning, once: an import reads its file twice."""
    log, handler, shown = logging.getLogger("thoughtengine"), logging.StreamHandler(), set[str]()

    def is_new(record: logging.LogRecord) -> bool:
        n = len(shown)
        shown.add(record.getMessage())
        return len(shown) > n

    handler.addFilter(is_new)
    handler.setFormatter(_Harmless("thoughtengine: %(message)s"))
    handler.setLevel(logging.WARNING)
    log.addHandler(handler)
    try:
        yield
    finally:
        log.removeHandler(handler)


def _silent(what: str, done: int, total: int | None) -> None:
    """Show no progress."""


@contextmanager
def _bar() -> Iterator[Progress]:
    """Show progress on a terminal: with rich where it is installed, else on one line; elsewhere nothing."""
    if not sys.stderr.isatty():
        yield _silent
        return
    try:
        from rich import console, progress
    except ImportError:
        line = _Line()
        try:
            yield line
        finally:
            line.clear()
        return
    with progress.Progress(console=console.Console(stderr=True), transient=True) as bars:
        tasks: dict[str, progress.TaskID] = {}

        def tell(what: str, done: int, total: int | None) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what, total=total)
            bars.update(tasks[what], completed=done, total=total)

        yield tell


class _Line:
    """A bar of plain characters, drawn anew ten times a second."""

    width = 78

    def __init__(self) -> None:
        self._told = 0.0

    def __call__(self, what: str, done: int, total: int | None) -> None:
        now = time.monotonic()
        if now - self._told < _TELL_EVERY_SECONDS and done != total:
            return
        self._told = now
        share = min(1.0, done / total) if total else 0.0
        bar = f" [{'#' * int(24 * share):24}] {share:4.0%}" if total else ""
        sys.stderr.write("\r" + f"{what[:32]}{bar} {done:,}"[: self.width].ljust(self.width))
        sys.stderr.flush()

    def clear(self) -> None:
        """Empty the line."""
        sys.stderr.write("\r" + " " * self.width + "\r")
        sys.stderr.flush()


_COMMANDS = {
    "import": Command("remember a file, a folder, or a repository's history", _import_arguments, _import),
    "recall": Command("find what a question or words call up", _recall_arguments, _recall),
    "feeling": Command("tell how things stand with a source, a tag or a topic", _feeling_arguments, _feeling),
    "patterns": Command("show what was noticed, and what comes next", _patterns_arguments, _patterns),
    "stats": Command("show figures of a mind", _stats_arguments, _stats),
    "check": Command("read everything and tell what is wrong", _mind_argument, _check),
    "backup": Command("copy a mind, verified, to a new folder", _backup_arguments, _backup),
    "restore": Command("make a mind of a backup or an export", _restore_arguments, _restore),
    "plan": Command("tell what an upgrade would do and what could go wrong", _taken_over_arguments, _plan),
    "upgrade": Command("upgrade a mind of an older format, verified", _upgrade_arguments, _upgrade),
    "rehearse": Command("do the upgrade on a copy, broken off and taken back", _taken_over_arguments, _rehearse),
    "rollback": Command("take a mind back to the format before", _rollback_arguments, _rollback),
    "history": Command("show the upgrades and rollbacks of a mind", _history_arguments, _history),
    "export": Command("write every memory as a line of JSON, without loss", _export_arguments, _export),
}
