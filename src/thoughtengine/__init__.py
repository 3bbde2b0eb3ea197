"""thoughtengine: memory that a program can embed. One folder remembers everything and answers with reasons.

The names below are loaded when they are first used: importing this package imports nothing else.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from thoughtengine import encoders, testing
    from thoughtengine._types import Event, Finding
    from thoughtengine.config import Config, Limits, PatternsConfig, RecallConfig, StorageConfig
    from thoughtengine.engine import ThoughtEngine
    from thoughtengine.errors import (
        BatchError,
        DowngradeError,
        ForkedError,
        ImportFormatError,
        InvalidArgumentError,
        MemoryNotFoundError,
        MissingPackageError,
        RecordError,
        RecordUpgradeError,
        StoreClosedError,
        StoreDamagedError,
        StoreError,
        StoreExistsError,
        StoreFullError,
        StoreLockedError,
        StoreNewerError,
        StoreNotFoundError,
        StoreTooOldError,
        ThoughtEngineError,
        UpgradeFailedError,
        UpgradeRequiredError,
        UpgradeRunningError,
        VectorDimensionError,
    )
    from thoughtengine.integration.health import Health
    from thoughtengine.integration.monitor import Stats
    from thoughtengine.integration.recovery import check_folder as check
    from thoughtengine.memory.experience import Affect, Experience, Memory
    from thoughtengine.memory.recall.cited import Cited
    from thoughtengine.memory.recall.feeling import Feeling
    from thoughtengine.memory.recall.hit import Cue, Hit
    from thoughtengine.memory.recall.recollection import Recall
    from thoughtengine.memory.receipt import Receipt
    from thoughtengine.memory.where import All, Not
    from thoughtengine.migrations.hooks import Upgrades
    from thoughtengine.migrations.planned import Rehearsal, UpgradePlan
    from thoughtengine.migrations.report import UpgradeReport
    from thoughtengine.opening import open_mind as open
    from thoughtengine.patterns.manager import PatternManager
    from thoughtengine.patterns.pattern import Association, Concept, Episode, Prediction, Rhythm, Sequence
    from thoughtengine.storage.copies import Copy, backup, fork, restore
    from thoughtengine.upgrading import history, plan, rehearse, rollback, upgrade

    __version__: str

_ERRORS = """BatchError DowngradeError ForkedError ImportFormatError InvalidArgumentError MemoryNotFoundError
MissingPackageError RecordError RecordUpgradeError StoreClosedError StoreDamagedError StoreError StoreExistsError StoreFullError
StoreLockedError StoreNewerError StoreNotFoundError StoreTooOldError ThoughtEngineError UpgradeFailedError
UpgradeRequiredError UpgradeRunningError VectorDimensionError"""

_WHERE = {
    "open": "opening:open_mind",
    "check": "integration.recovery:check_folder",
    **dict.fromkeys(("backup", "restore", "fork", "Copy"), "storage.copies"),
    **dict.fromkeys(("history", "plan", "rehearse", "rollback", "upgrade"), "upgrading"),
    "Upgrades": "migrations.hooks",
    **dict.fromkeys(("Rehearsal", "UpgradePlan"), "migrations.planned"),
    "UpgradeReport": "migrations.report",
    "ThoughtEngine": "engine",
    **dict.fromkeys(("Affect", "Experience", "Memory"), "memory.experience"),
    **dict.fromkeys(("Cue", "Hit"), "memory.recall.hit"),
    "Recall": "memory.recall.recollection",
    "Cited": "memory.recall.cited",
    "Feeling": "memory.recall.feeling",
    **dict.fromkeys(("All", "Not"), "memory.where"),
    "Receipt": "memory.receipt",
    "PatternManager": "patterns.manager",
    **dict.fromkeys(("Association", "Concept", "Episode", "Prediction", "Rhythm", "Sequence"), "patterns.pattern"),
    "Health": "integration.health",
    "Stats": "integration.monitor",
    **dict.fromkeys(("Event", "Finding"), "_types"),
    **dict.fromkeys(("Config", "Limits", "PatternsConfig", "RecallConfig", "StorageConfig"), "config"),
    **dict.fromkeys(_ERRORS.split(), "errors"),
    "encoders": "encoders:",
    "testing": "testing:",
}

__all__ = [
    "Affect",
    "All",
    "Association",
    "BatchError",
    "Cited",
    "Concept",
    "Config",
    "Copy",
    "Cue",
    "DowngradeError",
    "Episode",
    "Event",
    "Experience",
    "Feeling",
    "Finding",
    "ForkedError",
    "Health",
    "Hit",
    "ImportFormatError",
    "InvalidArgumentError",
    "Limits",
    "Memory",
    "MemoryNotFoundError",
    "MissingPackageError",
    "Not",
    "PatternManager",
    "PatternsConfig",
    "Prediction",
    "Recall",
    "RecallConfig",
    "Receipt",
    "RecordError",
    "RecordUpgradeError",
    "Rehearsal",
    "Rhythm",
    "Sequence",
    "Stats",
    "StorageConfig",
    "StoreClosedError",
    "StoreDamagedError",
    "StoreError",
    "StoreExistsError",
    "StoreFullError",
    "StoreLockedError",
    "StoreNewerError",
    "StoreNotFoundError",
    "StoreTooOldError",
    "ThoughtEngine",
    "ThoughtEngineError",
    "UpgradeFailedError",
    "UpgradePlan",
    "UpgradeReport",
    "UpgradeRequiredError",
    "UpgradeRunningError",
    "Upgrades",
    "VectorDimensionError",
    "__version__",
    "backup",
    "check",
    "encoders",
    "fork",
    "history",
    "open",
    "plan",
    "rehearse",
    "restore",
    "rollback",
    "testing",
    "upgrade",
]


def __getattr__(name: str) -> object:
    from importlib import import_module

    if name == "__version__":
        from importlib import metadata

        try:
            value: object = metadata.version("thoughtengine")
        except metadata.PackageNotFoundError:  # run from a checkout that was not installed
            value = "0+unknown"
    elif name in _WHERE:
        module, colon, attribute = _WHERE[name].partition(":")
        loaded = import_module("thoughtengine." + module)
        value = getattr(loaded, attribute or name) if attribute or not colon else loaded
    else:
        raise AttributeError(f"module 'thoughtengine' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
