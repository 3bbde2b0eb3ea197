"""What is done to a mind of an older format, and the way back: plan, upgrade, rehearse, rollback, history."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from thoughtengine.cli.command import FINE, FOUND_WRONG, WRONG_USE, Command, mind_argument
from thoughtengine.cli.screen import bar, say, tell

__all__ = ["COMMANDS"]


def _hooked_arguments(parser: argparse.ArgumentParser) -> None:
    mind_argument(parser)
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
    from thoughtengine.wording import typed

    say(typed(str(te.plan(given.mind, **_taken_over(given)))))
    return FINE


def _status(given: argparse.Namespace) -> int:
    from thoughtengine.entering import standing

    say("\n".join(standing(given.mind)))
    return FINE


def _upgrade_arguments(parser: argparse.ArgumentParser) -> None:
    _taken_over_arguments(parser)
    parser.add_argument("--into", metavar="FOLDER", help="a new folder for the upgraded mind; the old one is only read")
    parser.add_argument("--salvage", action="store_true", help="with --into: carry what can be read of a damaged store")


def _upgrade(given: argparse.Namespace) -> int:
    import thoughtengine as te
    from thoughtengine.entering import told_first, way_back
    from thoughtengine.formats import is_format_1

    if given.salvage and given.into is None:
        return tell("--salvage: expected --into FOLDER with it, as the damaged store is only read", WRONG_USE)
    how = _taken_over(given)
    old = given.into is None and is_format_1(Path(given.mind))
    known, lies = _reported(given.mind), given.into or given.mind
    with bar() as shown:
        progress = told_first(given.mind, tell, shown) if old else shown
        report = te.upgrade(given.mind, into=given.into, salvage=given.salvage, progress=progress, **how)
    if report is None:
        say(f"{given.mind}: nothing to do")
    for each in te.history(lies) if report is not None else ():
        if each.id not in known:
            say(each)
    if report is not None and (told := way_back(lies)):
        tell(told)
    return _lost(given.into) if given.salvage else FINE


def _reported(folder: str) -> set[str]:
    """Return the names of the reports that are there already."""
    import thoughtengine as te
    from thoughtengine.errors import StoreError

    try:
        return {report.id for report in te.history(folder)}
    except StoreError:  # what is wrong is told by what comes next
        return set()


def _lost(folder: str) -> int:
    """Say that a salvage has lost something, where it has: its incident is told too, and says what."""
    from thoughtengine.storage.incident import read_incidents

    if not any(incident.kind == "damage" for incident in read_incidents(Path(folder))):
        return FINE
    return tell(f"{folder}: what is damaged did not come over; {folder}/incidents tells of it too", FOUND_WRONG)


def _rehearse(given: argparse.Namespace) -> int:
    import thoughtengine as te

    with bar() as progress:
        rehearsal = te.rehearse(given.mind, progress=progress, **_taken_over(given))
    say(rehearsal)
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

    say(te.rollback(given.mind, to=_goal(given.to), hooks=hooks_named(given.hooks)))
    if told := way_back(given.mind):
        tell(f"an earlier upgrade is kept: {told}")
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
    mind_argument(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")


def _history(given: argparse.Namespace) -> int:
    import attrs

    import thoughtengine as te
    from thoughtengine.migrations.points import minute

    found = te.history(given.mind)
    if given.json:
        say(json.dumps([attrs.asdict(report) for report in found], indent=2))
    else:
        told = (f"{minute(report.ended)} {report.kind}, {report.told()}".replace("\n", "\n    ") for report in found)
        say("\n".join(told) or f"{given.mind}: no upgrade yet")
    return FINE


COMMANDS = {
    "plan": Command("tell what an upgrade would do and what could go wrong", _taken_over_arguments, _plan),
    "status": Command("tell where a mind stands: what runs, and what can be taken back", mind_argument, _status),
    "upgrade": Command("upgrade a mind of an older format, verified", _upgrade_arguments, _upgrade),
    "rehearse": Command("do the upgrade on a copy, broken off and taken back", _taken_over_arguments, _rehearse),
    "rollback": Command("take a mind back to the format before", _rollback_arguments, _rollback),
    "history": Command("show the upgrades and rollbacks of a mind", _history_arguments, _history),
}
