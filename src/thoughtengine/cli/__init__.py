"""The command line: import, recall, feeling, patterns, stats, check, backup, restore, upgrades, export, demo."""

from __future__ import annotations

import argparse
import os
import sys

from thoughtengine.cli import ask, exchange, keep, upgrades
from thoughtengine.cli.command import BROKEN_PIPE, INTERRUPTED, WRONG_USE
from thoughtengine.cli.screen import tell, warnings

__all__ = ["main"]

_COMMANDS = exchange.COMMANDS | ask.COMMANDS | keep.COMMANDS | upgrades.COMMANDS
_DEMO = "demo"  # parses its own arguments


def main(argv: list[str] | None = None) -> int:
    """Run a command.

    Parameters
    ----------
    argv : list of str, optional
        The arguments. Default: those of the process.

    Returns
    -------
    int
        0: fine. 1: a check found something, a recall nothing, or a salvage lost something. 2: wrong use, or an error with
        what to do about it. 130: stopped with Ctrl-C. 141: whoever read the output went away.
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    given = sys.argv[1:] if argv is None else argv
    try:
        with warnings(at_once=given[:1] == [_DEMO]):
            code = _dispatch(given)
            sys.stdout.flush()
            return code
    except SystemExit as error:  # argparse has told what is wrong
        return error.code if isinstance(error.code, int) else WRONG_USE
    except KeyboardInterrupt:
        return tell("stopped", INTERRUPTED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except Exception as error:
        from thoughtengine.errors import ThoughtEngineError

        if not isinstance(error, (ThoughtEngineError, OSError)):
            raise
        from thoughtengine.wording import plainly

        return tell(plainly(error, command=given[0] if given else ""), WRONG_USE)


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
