"""What holds for every test: no network, reproducible random examples, long runs only when asked for."""

import logging
import os
import socket
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

REFUSED = {
    "socket.connect": "connect to",
    "socket.bind": "bind to",
    "socket.sendto": "send to",
    "socket.sendmsg": "send to",
}
LOOKUPS = {"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"}

# A shared machine is slow at times: no deadline and no health check that reads the clock.
settings.register_profile("dev", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("dev"), derandomize=True, database=None, print_blob=True)
settings.register_profile("long", settings.get_profile("dev"), max_examples=2_000, print_blob=True)


class NetworkBlockedError(RuntimeError):
    """A test, or what it tests, reached for the network."""


def refuse_network(event: str, arguments: tuple[Any, ...]) -> None:
    """Refuse every address that is not a local AF_UNIX socket; an audit hook also sees what C code does.

    The road not taken: replacing methods of `socket.socket`, which C extensions and `_socket` go round.
    """
    if event in LOOKUPS:
        raise NetworkBlockedError(f"thoughtengine uses no network, yet {event} was asked for {arguments[0]!r}")
    if event in REFUSED and arguments[0].family != socket.AF_UNIX:
        raise NetworkBlockedError(f"thoughtengine uses no network, yet it wants to {REFUSED[event]} {arguments[1]!r}")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="run the tests marked long too, with 2,000 random examples")


def pytest_configure(config: pytest.Config) -> None:
    sys.addaudithook(refuse_network)
    chosen = "long" if config.getoption("--long") else "ci" if os.environ.get("CI") else "dev"
    settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or chosen)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--long"):
        for item in items:
            if item.get_closest_marker("long"):
                item.add_marker(pytest.mark.skip(reason="takes minutes: run with --long"))


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    """Give the next test the logging this one found."""
    log = logging.getLogger("thoughtengine")
    before = log.level, log.propagate, list(log.handlers), logging.root.manager.disable
    yield
    log.setLevel(before[0])
    log.propagate, log.handlers[:] = before[1:3]
    logging.disable(before[3])
    for name, logger in logging.root.manager.loggerDict.items():  # `dictConfig` disables what it does not name
        if name.startswith("thoughtengine") and isinstance(logger, logging.Logger):
            logger.disabled = False
