import ast
import inspect
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

import thoughtengine as te
from thoughtengine import adapters

NOT_YET = [
    "Minds",
    "DreamReport",
    "Insight",
    "LearningSystem",
    "DreamProcessor",
    "aopen",
]
NOT_YET_OF_A_MIND = [
    "feedback",
    "dream",
    "insights",
    "learning",
    "dreaming",
    "tools",
    "recalls",
]

PUBLIC = [
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

VERBS = [
    "anticipate",
    "check",
    "close",
    "count",
    "created",
    "events",
    "export",
    "feeling",
    "forget",
    "get",
    "health",
    "memories",
    "path",
    "patterns",
    "pin",
    "recall",
    "remember",
    "remember_many",
    "revise",
    "snapshot",
    "stats",
    "sync",
    "undo",
    "upgrade",
]


def public_members(kind: type) -> list[str]:
    return [name for name in dir(kind) if not name.startswith("_")]


def test_the_public_names_are_exactly_these() -> None:
    assert sorted(te.__all__) == sorted(PUBLIC)
    assert dir(te) == sorted(PUBLIC)


@pytest.mark.parametrize("name", PUBLIC)
def test_each_resolves_and_is_documented(name: str) -> None:
    thing = getattr(te, name)
    if name != "__version__":
        assert (inspect.getdoc(thing) or "").strip()
    assert getattr(te, name) is thing


def test_a_star_import_gives_them_all() -> None:
    space: dict[str, object] = {}
    exec("from thoughtengine import *", space)
    assert set(PUBLIC) <= set(space)


@pytest.mark.parametrize("name", NOT_YET)
def test_what_is_not_built_is_not_there(name: str) -> None:
    assert not hasattr(te, name)


@pytest.mark.parametrize("name", NOT_YET_OF_A_MIND)
def test_nor_is_it_on_a_mind(name: str) -> None:
    assert not hasattr(te.ThoughtEngine, name)


def test_the_verbs_of_a_mind_are_exactly_these() -> None:
    instance_attributes = {"created", "path", "events"}
    assert set(public_members(te.ThoughtEngine)) | instance_attributes == set(VERBS)


@pytest.mark.parametrize("name", sorted(set(VERBS) - {"created", "path", "events", "patterns", "upgrade"}))
def test_each_verb_is_documented_with_its_arguments(name: str) -> None:
    verb = getattr(te.ThoughtEngine, name)
    told = inspect.getdoc(verb) or ""
    assert told.split("\n")[0].rstrip().endswith((".", "]``"))
    for argument in inspect.signature(verb).parameters.values():
        if argument.name not in ("self", "progress", "default", "receipt", "id_or_key", "ids", "where"):
            assert argument.name in told, argument.name


@pytest.mark.parametrize("name", [name for name in PUBLIC if inspect.isclass(getattr(te, name))])
def test_everything_public_of_a_public_class_is_documented(name: str) -> None:
    kind = getattr(te, name)
    own = [attribute for attribute in public_members(kind) if attribute in vars(kind)]
    slots = getattr(kind, "__slots__", ())
    told = inspect.getdoc(te.ThoughtEngine.remember if kind is te.Experience else kind) or ""
    for attribute in own:
        if attribute in slots:
            assert attribute in told, attribute
        else:
            assert inspect.getdoc(getattr(kind, attribute)), attribute


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'thoughtengine' has no attribute 'nonsense'"):
        _ = te.nonsense  # type: ignore[attr-defined]


def test_what_adapters_name_is_there_when_it_is_asked_for() -> None:
    asked = """
import sys
from thoughtengine import adapters
assert "thoughtengine.adapters.export" not in sys.modules
print(adapters.export.write([], sys.stdout), *sorted(adapters.__all__))
"""
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=False)
    assert done.stdout == "0 FORMS detect export read\n", done.stderr
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        _ = adapters.nonsense


def test_the_version_is_that_of_the_installed_package(monkeypatch: pytest.MonkeyPatch) -> None:
    try:
        installed = metadata.version("thoughtengine")
    except metadata.PackageNotFoundError:
        installed = "0+unknown"
    assert te.__version__ == installed

    def missing(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", missing)
    monkeypatch.delitem(vars(te), "__version__", raising=False)
    assert te.__version__ == "0+unknown"
    monkeypatch.delitem(vars(te), "__version__", raising=False)


def test_type_checkers_see_the_same_names() -> None:
    tree = ast.parse(Path(te.__file__).read_text(encoding="utf-8"))
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    imports = [node for node in block.body if isinstance(node, ast.ImportFrom)]
    assert sorted(alias.asname or alias.name for node in imports for alias in node.names) == sorted(
        set(PUBLIC) - {"__version__"}
    )
