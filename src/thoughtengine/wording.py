"""How errors and numbers are told to whoever types commands: without Python in them."""

from __future__ import annotations

import os
import re

from thoughtengine.errors import ImportFormatError, InvalidArgumentError, StoreError

__all__ = ["counted", "harmless", "plainly", "typed"]

_CODE = re.compile(r"\s*\((?:te\.|in a program )(?:[^()]|\([^()]*\))*\)|\s*\((?:form|day_first)=[^()]*\)")
_TYPED = (
    (re.compile(r"te\.fork\(this, path\) copies it"), "it can be used as it is; `thoughtengine backup` copies it"),
    (re.compile(r"te\.restore\((?:this|backup), path\)"), "`thoughtengine restore BACKUP MIND`"),
    (re.compile(r"te\.restore a backup"), "`thoughtengine restore BACKUP MIND` a backup to a new folder"),
    (re.compile(r"te\.check\(path\)"), "`thoughtengine check MIND`"),
    (
        re.compile(r"te\.plan\(path\) tells what te\.upgrade\(path\) does"),
        "`thoughtengine plan MIND` tells what `thoughtengine upgrade MIND` does, and so does this command with --upgrade wait",
    ),
    (re.compile(r"te\.upgrade\(path\), or te\.open\(path\)"), "`thoughtengine upgrade MIND` upgrades it"),
    (
        re.compile(r"te\.open\(path\) goes on with it, te\.rollback\(path\)"),
        "`thoughtengine upgrade MIND` goes on with it, `thoughtengine rollback MIND`",
    ),
    (re.compile(r"te\.open\(path\) goes on with it"), "`thoughtengine upgrade MIND` goes on with it"),
    (re.compile(r"te\.rehearse\(path, cues=\[\.\.\.\]\)"), "`thoughtengine rehearse MIND`"),
    (re.compile(r"open it with hooks=\[\.\.\.\]"), "name hooks (--hooks MODULE:NAME)"),
    (
        re.compile(r", with hooks=, the versions of payloads \(to=\{'([^']*)': (\d+).*?\}\)"),
        r", with --hooks, the versions of payloads (--to \1=\2)",
    ),
    (re.compile(r"\(to=1\)"), "(--to 1)"),
    (
        re.compile(r"te\.upgrade\(path, into=NEW, salvage=True\)"),
        "`thoughtengine upgrade MIND --into NEW --salvage`",
    ),
    (re.compile(r"te\.rollback\(path, to=1\)"), "`thoughtengine rollback MIND --to 1`"),
    (re.compile(r"te\.rollback\(path\)"), "`thoughtengine rollback MIND`"),
)
_MIND = re.compile(r"(?<=`thoughtengine )(check|plan|upgrade|rollback|rehearse) MIND")
_OPTIONS = ("to", "hooks", "encoder", "into")
_BY_PLACE = {("backup", "to")}  # and no option there
_STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
_NO_MIND = ("there is no mind here", "the folder is empty: there is no mind in it")


def counted(n: int, one: str, many: str = "") -> str:
    """Say how many, in the singular for one.

    Examples
    --------
    >>> counted(1, "memory", "memories"), counted(2000, "source")
    ('1 memory', '2,000 sources')
    """
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def harmless(text: str) -> str:
    r"""Write out what would steer a terminal, or turn the order of its letters: what was remembered may hold it.

    Line ends and tabs stay; JSON stays JSON.

    Examples
    --------
    >>> print(harmless("red\x1b[31m, back\u202e"))
    red\u001b[31m, back\u202e
    """
    return _STEERING.sub(lambda found: f"\\u{ord(found[0]):04x}", text.replace("\r\n", "\n"))


def plainly(error: BaseException, *, command: str = "") -> str:
    """Tell an error of a command without the types, calls and numbers that mean something to programs alone.

    Examples
    --------
    >>> plainly(InvalidArgumentError("k", "x", "a number"))
    "k: expected a number; given 'x'"
    >>> plainly(FileNotFoundError(2, "No such file or directory", "nowhere/out"))
    'nowhere/out: No such file or directory'
    """
    if isinstance(error, OSError) and not isinstance(error, StoreError):
        return f"{error.filename}: {error.strerror}" if error.filename and error.strerror else str(error)
    told = typed(_CODE.sub("", _untyped(str(error), error)))
    if isinstance(error, StoreError) and _is_mind(path := str(error.path)):
        told = _MIND.sub(lambda found: f"{found[1]} {path}", told)
    if isinstance(error, InvalidArgumentError) and error.argument in _OPTIONS:
        name = error.argument
        told = told.replace(name, name.upper(), 1) if (command, name) in _BY_PLACE else f"--{told}"
    if isinstance(error, StoreError) and told.endswith(_NO_MIND):
        told += f"; `thoughtengine import FILE {error.path}` makes one"
    return told


def _is_mind(path: str) -> bool:
    """Tell whether a folder, and nothing within it, is what an error names."""
    bare = os.path.exists(os.path.join(path, "CURRENT")) and not os.path.basename(path).startswith("gen-")
    return bare or os.path.exists(os.path.join(path, "STORE"))


def typed(told: str) -> str:
    """Name the commands instead of the calls.

    Examples
    --------
    >>> typed("te.check(path) names the file")
    '`thoughtengine check MIND` names the file'
    """
    for pattern, command in _TYPED:
        told = pattern.sub(command, told)
    return told


def _untyped(told: str, error: BaseException | None) -> str:
    """Take the type of what was given out of a message, also of the error that another one quotes."""
    while error is not None:
        if isinstance(error, InvalidArgumentError) and not isinstance(error, ImportFormatError):
            told = told.replace(f" ({type(error.given).__name__})", "", 1)
        error = error.__cause__
    return told
