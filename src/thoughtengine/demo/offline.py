"""No network: sockets are refused, and counted, for as long as the demo runs."""

from __future__ import annotations

import os
import socket
import sys
from types import TracebackType
from typing import Any, ClassVar

__all__ = ["NetworkBlockedError", "Offline"]

_NAMES = frozenset(
    {
        "socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr", "socket.getnameinfo",
        "socket.connect", "socket.bind", "socket.sendto", "socket.sendmsg",
    }
)  # fmt: skip
_LOCAL = getattr(socket, "AF_UNIX", None)


class NetworkBlockedError(OSError):
    """Tell that a socket was asked for while the network was blocked."""


class Offline:
    """Refuse every socket that could leave the machine, in this process and in the programs it starts.

    Python calls an audit hook before it makes or uses a socket; what the hook raises stops the call, whoever made it.
    A hook cannot be taken away again, so there is one for the process, which lets everything pass outside of the block.
    Git, the only program the demo starts besides Python, is forbidden every transport through its environment.

    Attributes
    ----------
    attempts : list of str
        What was asked for and refused, except by `prove`.
    """

    _current: ClassVar[Offline | None] = None
    _hooked: ClassVar[bool] = False

    def __init__(self) -> None:
        self.attempts: list[str] = []
        self._before: Offline | None = None
        self._environment: dict[str, str | None] = {}

    def __enter__(self) -> Offline:
        if not Offline._hooked:
            sys.addaudithook(_hook)
            Offline._hooked = True
        self._before, Offline._current = Offline._current, self
        for name, value in (("GIT_ALLOW_PROTOCOL", "none"), ("GIT_TERMINAL_PROMPT", "0"), ("GIT_NO_LAZY_FETCH", "1")):
            self._environment[name] = os.environ.get(name)
            os.environ[name] = value
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        Offline._current = self._before
        for name, value in self._environment.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value

    def prove(self) -> bool:
        """Try to open a socket on purpose.

        Returns
        -------
        bool
            Whether it was refused. The attempt is not counted.
        """
        before = len(self.attempts)
        try:
            socket.socket(socket.AF_INET, socket.SOCK_STREAM).close()
        except NetworkBlockedError:
            return True
        finally:
            del self.attempts[before:]
        return False


def _hook(event: str, args: tuple[Any, ...]) -> None:
    """Refuse a socket while a block is on; called for every audited event, so it leaves early."""
    if not event.startswith("socket.") or (guard := Offline._current) is None:
        return
    if event == "socket.__new__":
        if len(args) > 1 and args[1] != _LOCAL:
            guard.attempts.append(f"socket of family {args[1]}")
            raise NetworkBlockedError("the network is blocked while the demo runs: no socket is opened")
    elif event in _NAMES and not _is_local(args):
        guard.attempts.append(event.removeprefix("socket."))
        raise NetworkBlockedError(f"the network is blocked while the demo runs: no {event.removeprefix('socket.')}")


def _is_local(args: tuple[Any, ...]) -> bool:
    return bool(args) and isinstance(args[0], socket.socket) and args[0].family == _LOCAL
