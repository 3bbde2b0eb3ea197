import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

import thoughtengine.demo
from thoughtengine.demo.offline import NetworkBlockedError, Offline


def test_sockets_are_refused_and_counted() -> None:
    with Offline() as guard:
        for family in (socket.AF_INET, socket.AF_INET6):
            with pytest.raises(NetworkBlockedError):
                socket.socket(family, socket.SOCK_DGRAM)
        with pytest.raises(NetworkBlockedError):
            socket.getnameinfo(("127.0.0.1", 80), 0)
    assert len(guard.attempts) == 3


def test_names_and_sockets_from_before_are_refused_too() -> None:
    """In a process of its own: here the tests' own block is faster."""
    code = """if True:
        import socket
        from thoughtengine.demo.offline import NetworkBlockedError, Offline
        early = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with Offline() as guard:
            for call in (
                lambda: early.sendto(b"tea", ("127.0.0.1", 9)),
                lambda: early.connect(("127.0.0.1", 9)),
                lambda: socket.getaddrinfo("localhost", 80),
            ):
                try:
                    call()
                except NetworkBlockedError:
                    continue
                raise SystemExit("not refused")
            assert guard.attempts == ["sendto", "connect", "getaddrinfo"], guard.attempts
    """
    environment = {**os.environ, "PYTHONPATH": str(Path(thoughtengine.demo.__file__).parents[2])}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True, timeout=60)


def test_local_sockets_pass() -> None:
    with Offline() as guard:
        near, far = socket.socketpair()
        with near, far:
            near.sendall(b"tea")
            assert far.recv(3) == b"tea"
    assert guard.attempts == []


def test_the_proof_is_not_counted_and_the_block_ends() -> None:
    with Offline() as guard:
        assert guard.prove()
        assert guard.attempts == []
    assert not guard.prove()


def test_git_may_use_no_transport_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_TERMINAL_PROMPT", "1")
    monkeypatch.delenv("GIT_ALLOW_PROTOCOL", raising=False)
    with Offline():
        assert os.environ["GIT_ALLOW_PROTOCOL"] == "none"
    assert "GIT_ALLOW_PROTOCOL" not in os.environ
    assert os.environ["GIT_TERMINAL_PROMPT"] == "1"
