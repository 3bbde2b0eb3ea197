"""Opening: from a path and settings to a mind."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Sequence

from thoughtengine.config import Config
from thoughtengine.encoders import Encoder, check_encoder
from thoughtengine.engine import ThoughtEngine
from thoughtengine.errors import InvalidArgumentError
from thoughtengine.formats import Approve, await_encoder, behind, open_store, refuse_encoder
from thoughtengine.memory.moment import Clock, clock_in
from thoughtengine.migrations.hooks import Hooks, Upgrades
from thoughtengine.storage.files import folder_at

__all__ = ["open_mind"]


def open_mind(
    path: str | os.PathLike[str],
    *,
    create: bool = True,
    upgrade: str = "auto",
    durability: str = "process",
    encoder: Encoder | None = None,
    hooks: Sequence[Upgrades] = (),
    approve: Approve | None = None,
    timezone: str | dt.tzinfo | None = None,
    config: Config | None = None,
    clock: Clock | None = None,
) -> ThoughtEngine:
    """Open the mind in a folder, or make one there.

    Parameters
    ----------
    path : path
        The folder. It is made where nothing or an empty folder is.
    create : bool
        False: a path without a mind is a `StoreNotFoundError`.
    upgrade : {"auto", "wait", "refuse"}
        Of a folder of an older format, or with payloads of an older version. "auto": under 2,000 memories it is upgraded
        before this returns, a larger one is served at once and upgraded behind (`ThoughtEngine.upgrade` tells how far);
        "wait": upgraded when this returns; "refuse": `UpgradeRequiredError`, and nothing is touched.
    durability : {"process", "power"}
        What an acknowledged write survives: the end of the process, however it comes (default: a write costs tens of
        microseconds, and only a power failure can take the last ones, always from the end and never in part); or loss of
        power too (each write waits for the disk, about a millisecond).
    encoder : Encoder, optional
        Turns text into vectors. Without one recall is lexical.
    hooks : sequence of Upgrades
        The steps of the host's own payloads: what is stored at an older version is upgraded by the same rules.
    approve : callable, optional
        Looks at the `UpgradeReport` of an upgrade before it counts; False takes it back.
    timezone : str or tzinfo, optional
        Zone of the clock: a name of the IANA data base, such as ``"Europe/Berlin"``. Default: the machine's.
    config : Config, optional
        Every other setting.
    clock : callable, optional
        Returns the present as an aware datetime.

    Returns
    -------
    ThoughtEngine
        ``mind.created`` tells whether it is new.

    Raises
    ------
    InvalidArgumentError
        For an argument that cannot be used.
    UpgradeRequiredError, UpgradeFailedError
        When an upgrade was refused, or did not hold; the store is of the old format.
    StoreNotFoundError, StoreLockedError, StoreNewerError, StoreTooOldError, StoreDamagedError, StoreFullError
        When the folder cannot be opened; it is left as it was.

    Examples
    --------
    >>> import tempfile
    >>> with open_mind(tempfile.mkdtemp() + "/mind") as mind:
    ...     id = mind.remember("I gave up coffee in March. Tea only now.", source="Dana")
    ...     mind.recall("what should I offer Dana?")[0].text
    'I gave up coffee in March. Tea only now.'
    """
    where = folder_at(path)
    if not isinstance(create, bool):
        raise InvalidArgumentError("create", create, "True or False")
    if not isinstance(durability, str) or durability not in ("process", "power"):
        raise InvalidArgumentError("durability", durability, '"process" or "power"')
    if not isinstance(upgrade, str) or upgrade not in ("auto", "wait", "refuse"):
        raise InvalidArgumentError("upgrade", upgrade, '"auto", "wait" or "refuse"')
    if approve is not None and not callable(approve):
        raise InvalidArgumentError("approve", approve, "a callable that takes an UpgradeReport")
    if config is not None and not isinstance(config, Config):
        raise InvalidArgumentError("config", config, "te.Config(...)")
    settings = config or Config()
    known = Hooks(hooks, settings.limits.payload_depth)
    if encoder is not None:
        check_encoder(encoder)
    ticks = clock_in(clock, timezone)
    opened = open_store(where, settings.storage, create=create, upgrade=upgrade, approve=approve, hooks=known)
    sync = durability == "power"
    try:
        if upgrade == "refuse":
            refuse_encoder(opened.store, encoder)
        mind = ThoughtEngine(
            opened.store, settings, ticks, encoder=encoder, sync=sync, created=opened.created, hooks=known,
            behind=behind(opened, known), approve=approve,
        )  # fmt: skip
    except BaseException:
        opened.store.close()
        raise
    if upgrade == "wait":
        try:
            await_encoder(mind)
        except BaseException:
            mind.close()
            raise
    return mind
