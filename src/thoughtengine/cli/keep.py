"""What keeps a mind safe: check, backup, restore."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from thoughtengine.cli.command import FINE, FOUND_WRONG, Command, mind_argument
from thoughtengine.cli.exchange import are, restore_export
from thoughtengine.cli.screen import bar, say

if TYPE_CHECKING:
    from thoughtengine.storage.copies import Copy

__all__ = ["COMMANDS"]


def _check(given: argparse.Namespace) -> int:
    import thoughtengine as te
    from thoughtengine.wording import counted

    with bar() as progress:
        findings = te.check(given.mind, progress=progress)
    for finding in findings:
        say(finding)
    say(f"{given.mind}: {counted(len(findings), 'finding') if findings else 'sound'}")
    return FOUND_WRONG if findings else FINE


def _backup_arguments(parser: argparse.ArgumentParser) -> None:
    mind_argument(parser)
    parser.add_argument("to", metavar="TO", help="a new folder")


def _backup(given: argparse.Namespace) -> int:
    import thoughtengine as te

    return _copied(te.backup(given.mind, given.to))


def _restore_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("backup", metavar="BACKUP", help="a backup's folder, or the file of an export")
    parser.add_argument("mind", metavar="MIND", help="a new folder")


def _restore(given: argparse.Namespace) -> int:
    import thoughtengine as te
    from thoughtengine.storage.files import folder_at, is_free

    if not Path(given.backup).is_file():
        return _copied(te.restore(given.backup, given.mind))
    if not is_free(folder_at(given.mind, argument="MIND")):
        message = "something is already there: name a new folder, or add to that mind with `thoughtengine import`"
        raise te.StoreExistsError(given.mind, message)
    return restore_export(given.backup, given.mind)


def _copied(copy: Copy) -> int:
    from thoughtengine.wording import counted

    told = f"{counted(copy.memories, 'memory', 'memories')} {are(copy.memories)} in {copy.path}"
    say(f"{told} ({copy.kind}, {copy.bytes:,} bytes, verified: {copy.digest})")
    return FINE


COMMANDS = {
    "check": Command("read everything and tell what is wrong", mind_argument, _check),
    "backup": Command("copy a mind, verified, to a new folder", _backup_arguments, _backup),
    "restore": Command("make a mind of a backup or an export", _restore_arguments, _restore),
}
