"""How a command comes into a mind: a mere look begins no upgrade; and what a host's own code is called on the command line."""

from __future__ import annotations

import contextlib
import fcntl
import importlib
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from thoughtengine._types import Progress
from thoughtengine.errors import InvalidArgumentError, ThoughtEngineError
from thoughtengine.formats import is_format_1
from thoughtengine.migrations.points import minute, visible
from thoughtengine.storage.bare import BESIDE
from thoughtengine.storage.files import folder_at
from thoughtengine.storage.keyspace import FORMAT
from thoughtengine.storage.lock import LOCK
from thoughtengine.storage.pointer import STORE, EncodingNote, Pointer, UpgradeNote, read_pointer

if TYPE_CHECKING:
    from thoughtengine.encoders import Encoder
    from thoughtengine.engine import ThoughtEngine
    from thoughtengine.migrations.hooks import Upgrades

__all__ = ["begins", "encoder_named", "entered", "hooks_named", "standing", "told_first", "way_back"]

_ENCODER = "an encoder, or what makes one: callable, with `name`, `dimension` and `fingerprint`"


@contextmanager
def entered(
    folder: str,
    upgrade: str | None,
    encoder: Encoder | None,
    *,
    tell: Callable[[str], Any],
    progress: Progress,
    create: bool = False,
) -> Iterator[ThoughtEngine]:
    """Open a mind for a command.

    Parameters
    ----------
    folder : str
        Of the mind.
    upgrade : {"auto", "wait", "refuse"} or None
        None: no upgrade is begun, one that was begun goes on.
    encoder : Encoder or None
        Taken over first; None: the mind's own.
    tell : callable
        Told what is begun, what the way back is, and what is left to do.
    progress : callable
        ``progress(what, done, total)``.
    create : bool
        As for `open`.

    Raises
    ------
    UpgradeRequiredError
        When the mind is of an older format and nobody said that it may be upgraded; nothing was touched.
    """
    from thoughtengine.opening import open_mind

    root = folder_at(folder)
    old = is_format_1(root)
    how = upgrade or ("refuse" if old else "auto" if encoder is None else "wait")
    if old and how == "auto":
        tell(begins(folder))
    if how == "wait" and (old or (root / STORE).exists()):
        from thoughtengine.upgrading import upgrade as lift

        report = lift(folder, encoder=encoder, progress=told_first(folder, tell, progress) if old else progress)
        if report is not None:
            tell(f"{folder} is upgraded ({report.seconds:.1f} s)")
    with open_mind(folder, create=create, encoder=encoder, upgrade=how) as mind:
        if how != "refuse":
            told = way_back(folder) if old else ""
            if (status := mind.upgrade.status()).stage == "UPGRADING":
                goes_on = "its upgrade goes on behind, and where this command ends with the next one"
                told = f"its upgrade is not finished: {status}" if status.waits else goes_on
            if told:
                tell(f"{folder}: {told}")
        yield mind


def begins(folder: str) -> str:
    """Say that an upgrade of format 1 is begun, and how to go back."""
    kept = os.path.join(folder, "rollback")
    return (
        f"{folder}: upgrading format 1 to {FORMAT}; what is there now is kept in {kept}, and `thoughtengine rollback {folder}` "
        f"goes back to it"
    )


def told_first(folder: str, tell: Callable[[str], Any], progress: Progress) -> Progress:
    """Return what tells that an upgrade is begun when it is: one that is refused tells that nothing was touched."""
    told = False

    def show(what: str, done: int, total: int | None) -> None:
        nonlocal told
        if not told:
            told = True
            tell(begins(folder))
        progress(what, done, total)

    return show


def way_back(folder: str | os.PathLike[str]) -> str:
    """Say until when an upgrade can be taken back; empty where there is nothing to take back."""
    root = folder_at(folder)
    done = _done(root, read_pointer(root)[0]) if (root / STORE).exists() else []
    if not done or done[0][2]:
        return ""
    return f"`thoughtengine rollback {root}` takes it back, until {done[0][1][:10]}"


def _done(root: Path, pointer: Pointer) -> list[tuple[str, str, str]]:
    """Return what was done and can be taken back, newest first, each with the moment until when, and what hinders that."""
    going = pointer.upgrade if pointer.stage == "ROLLING_BACK" else None  # told as what is under way
    found = [(note.begun, _moved(note), note.until, visible(root, note)) for note in pointer.points if note != going]
    if (encoding := pointer.encoding) is not None:
        found.append((encoding.begun, _encoders(pointer, encoding), encoding.until, ""))
    return [(what, until, wrong) for _, what, until, wrong in sorted(found, reverse=True) if until]


def _moved(note: UpgradeNote) -> str:
    kinds = ", ".join(f"{kind} {before} to {after}" for kind, (before, after) in note.namespaces.items())
    return f"payloads {kinds}" if kinds else f"format {note.source} to {note.target}"


def _encoders(pointer: Pointer, note: EncodingNote) -> str:
    former, present = (each.name if each is not None else "none" for each in (note.former, pointer.encoder))
    return f"encoder {former} to {present}"


def standing(folder: str) -> list[str]:
    """Say where a mind stands, by its pointer file and a look at the files it names: nothing is opened, touched or waited for.

    Raises
    ------
    StoreNotFoundError, StoreNewerError, StoreDamagedError
        When there is none, or its pointer file cannot be read.
    """
    root = folder_at(folder)
    if is_format_1(root):
        from thoughtengine.migrations.kept import is_kept

        plan, upgrade = f"`thoughtengine plan {folder}`", f"`thoughtengine upgrade {folder}`"
        first = f"{folder}: format 1, and this release serves format {FORMAT}"
        beside = os.path.join(folder, BESIDE)
        aside = f"what format 1 cannot hold is kept in {beside}, and comes back with an upgrade"
        told = f"{plan} tells what an upgrade would do, {upgrade} does it"
        return [first, told, *([aside] if is_kept(root) else [])]
    pointer, _ = read_pointer(root)
    kinds = "".join(f", {kind} at version {version}" for kind, version in pointer.namespaces.items() if version > 1)
    encoder = f", encoder {pointer.encoder.name}" if pointer.encoder is not None else ""
    lines = [f"{folder}: format {pointer.format}{encoder}{kinds}", *_under_way(folder, pointer)]
    if pointer.state == "DAMAGED":
        lines.append("damage was met: the next opening salvages what is readable")
    taken = f"`thoughtengine rollback {folder}` takes it back"
    for place, (what, until, wrong) in enumerate(_done(root, pointer)):
        told = f"done: {what}; {taken}" if not place else f"behind that: {what}, which can be taken back next"
        if wrong:
            named = f"{'behind that' if place else 'done'}: {what}; its rollback point is damaged ({wrong})"
            lines.append(f"{named}: `thoughtengine rollback {folder}` tells what leads back without it")
        else:
            lines.append(f"{told}, until {minute(until)}")
    return lines if len(lines) > 1 else [*lines, "nothing is under way, and nothing can be taken back"]


def _under_way(folder: str, pointer: Pointer) -> Iterator[str]:
    """Say what was begun and has not ended."""
    note, encoding = pointer.upgrade, pointer.encoding
    if note is not None and pointer.unfinished:
        hooks = " --hooks MODULE:NAME" if note.namespaces else ""
        what = f"{_moved(note)}, begun {minute(note.begun)}"
        if pointer.stage == "ROLLING_BACK":
            why = f" ({note.why})" if note.why else ""
            yield f"a way back, {what}, is not finished{why}: the next opening ends it"
        elif holder := _holder(folder):
            yield f"an upgrade, {what}, is not finished: it goes on in the program that has the mind open ({holder})"
        else:
            down = [f" --to {kind}={after}" for kind, (before, after) in note.namespaces.items() if before > after]
            verb = f"rollback {folder}{''.join(down)}" if down else f"upgrade {folder}"
            goes_on = f"`thoughtengine {verb}{hooks}` goes on with it"
            yield f"an upgrade, {what}, is not finished: {goes_on}, `thoughtengine rollback {folder}{hooks}` takes it back"
    if encoding is not None and not encoding.until:
        what = f"a change of {_encoders(pointer, encoding)}, begun {minute(encoding.begun)}, is not finished"
        goes_on = f"`thoughtengine upgrade {folder} --encoder NAME` goes on with it"
        yield f"{what}: {goes_on}, `thoughtengine rollback {folder}` takes it back"


def _holder(folder: str) -> str:
    """Say which process has a mind open, empty where none has: asked for as a reader, so that nothing is written."""
    try:
        descriptor = os.open(os.path.join(folder, LOCK), os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:
        return ""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return ""
    except OSError:
        with contextlib.suppress(ValueError, KeyError, TypeError):
            told = json.loads(os.pread(descriptor, 4096, 0))
            return f"process {int(told['pid'])}, since {minute(str(told['since']))}"
        return "of which no process is known"
    finally:
        os.close(descriptor)


def hooks_named(names: Sequence[str] | None) -> list[Upgrades]:
    """Return the hooks that ``MODULE:NAME`` are, each one `Upgrades` or a sequence of them."""
    from thoughtengine.migrations.hooks import Upgrades

    hooks: list[Upgrades] = []
    for name in names or ():
        found = _named("--hooks", name)
        several = list(found) if isinstance(found, (list, tuple)) else [found]
        if not all(isinstance(each, Upgrades) for each in several):
            raise InvalidArgumentError("--hooks", name, "MODULE:NAME of te.Upgrades(...), or a list of such")
        hooks += several
    return hooks


def encoder_named(name: str | None) -> Encoder | None:
    """Return the encoder that a name of `encoders` or ``MODULE:NAME`` is, or that is made by calling it."""
    if name is None:
        return None
    found = _named("--encoder", name, within="" if ":" in name else "thoughtengine.encoders")
    if not hasattr(found, "fingerprint") or isinstance(found, type):
        if not callable(found):
            raise InvalidArgumentError("--encoder", name, _ENCODER)
        try:
            found = found()
        except ThoughtEngineError:
            raise
        except Exception as error:
            told = f"what makes an encoder when it is called ({type(error).__name__}: {error})"
            raise InvalidArgumentError("--encoder", name, told) from error
    if not callable(found) or not all(hasattr(found, part) for part in ("name", "dimension", "fingerprint")):
        raise InvalidArgumentError("--encoder", name, _ENCODER)
    encoder: Encoder = found
    return encoder


def _named(option: str, name: str, *, within: str = "") -> Any:
    """Import what a name stands for, `within` a module where it names none; those in the working directory are found first."""
    module, attribute = (within, name) if within else name.partition(":")[::2]
    if not module or not attribute:
        raise InvalidArgumentError(option, name, "MODULE:NAME, such as acme.memory:hooks")
    if (here := os.getcwd()) not in sys.path:
        sys.path.insert(0, here)
    try:
        found = importlib.import_module(module)
        for part in attribute.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError) as error:
        raise InvalidArgumentError(option, name, f"MODULE:NAME that can be imported ({error})") from error
    return found
