"""How a command comes into a mind: a mere look begins no upgrade; and what a host's own code is called on the command line."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from thoughtengine._types import Progress
from thoughtengine.errors import InvalidArgumentError, ThoughtEngineError
from thoughtengine.formats import is_format_1
from thoughtengine.storage.files import folder_at
from thoughtengine.storage.keyspace import FORMAT
from thoughtengine.storage.pointer import STORE, read_pointer

if TYPE_CHECKING:
    from thoughtengine.encoders import Encoder
    from thoughtengine.engine import ThoughtEngine
    from thoughtengine.migrations.hooks import Upgrades

__all__ = ["begins", "encoder_named", "entered", "hooks_named", "way_back"]

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
    if old and how != "refuse":
        tell(begins(folder))
    if how == "wait" and (old or (root / STORE).exists()):
        from thoughtengine.upgrading import upgrade as lift

        report = lift(folder, encoder=encoder, progress=progress)
        if report is not None:
            tell(f"{folder} is upgraded ({report.seconds:.1f} s)")
    with open_mind(folder, create=create, encoder=encoder, upgrade=how) as mind:
        if how != "refuse":
            told = way_back(folder) if old else ""
            if mind.upgrade.status().stage == "UPGRADING":
                told = "its upgrade goes on behind, and where this command ends with the next one"
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


def way_back(folder: str | os.PathLike[str]) -> str:
    """Say until when an upgrade can be taken back; empty where there is nothing to take back."""
    root = folder_at(folder)
    points = read_pointer(root)[0].points if (root / STORE).exists() else ()
    if not points or not points[-1].until:
        return ""
    return f"`thoughtengine rollback {root}` takes it back, until {points[-1].until[:10]}"


def hooks_named(names: Sequence[str] | None) -> list[Upgrades]:
    """Return the hooks that ``MODULE:NAME`` are, each one `Upgrades` or a sequence of them."""
    hooks: list[Upgrades] = []
    for name in names or ():
        found = _named("--hooks", name)
        hooks += found if isinstance(found, (list, tuple)) else [found]
    return hooks


def encoder_named(name: str | None) -> Encoder | None:
    """Return the encoder that a name of `encoders` or ``MODULE:NAME`` is, or that is made by calling it."""
    if name is None:
        return None
    found = _named("--encoder", name if ":" in name else f"thoughtengine.encoders:{name}")
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


def _named(option: str, name: str) -> Any:
    """Import what a name stands for; modules in the working directory are found first."""
    module, _, attribute = name.partition(":")
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
