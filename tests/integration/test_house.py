"""The rules of the house that a machine holds better than memory."""

import ast
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "thoughtengine"
SOURCES = sorted(PACKAGE.rglob("*.py"))
KERNELS = sorted(PACKAGE.rglob("kernels.py"))

# Brackets keep these patterns from finding themselves.
FORBIDDEN_BYTES = {
    "a path of one machine": rb"/(?:roo[t]|hom[e]/\w+|User[s]/\w+)/",
    "the host of a package index": rb"pyp[i]\.org|pythonhoste[d]\.org|registry\.npmj[s]",
}
FORBIDDEN_IMPORTS = {"pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib", "urllib.request", "http", "ssl"}
KERNEL_IMPORTS = {"__future__", "math", "numpy", "thoughtengine._jit", "thoughtengine._types"}
FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "common", "misc", "core"}
OTHER_CONFIGURATION = {
    *("setup.py", "setup.cfg", "tox.ini", "mypy.ini", ".mypy.ini", "pytest.ini", "ruff.toml", ".ruff.toml", ".flake8"),
    *(".coveragerc", ".importlinter", "MANIFEST.in", "uv.lock", "uv.toml", "pylock.toml", "poetry.lock", "Pipfile"),
    *(".python-version", "requirements.txt", "noxfile.py"),
}
NOT_OURS = {".git", ".venv", ".uv", "build", "dist", "htmlcov"}

Definition = ast.FunctionDef | ast.AsyncFunctionDef


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def repository_files() -> list[Path]:
    """List what is or would be committed: by git where there is a checkout, else by walking."""
    if (ROOT / ".git").exists() and shutil.which("git"):
        command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
        return [ROOT / name for name in names if name and (ROOT / name).is_file()]
    files = []
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [name for name in folders if name not in NOT_OURS and not re.search("cache|hypothesis|egg", name)]
        files += [Path(folder) / name for name in names if not name.startswith(".coverage")]
    return files


def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def imported_modules(path: Path) -> Iterator[str]:
    """Give the absolute name of every module, and of every name in it, that a file imports, anywhere in it."""
    package = path.relative_to(PACKAGE.parent).with_suffix("").parts[:-1]
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join([*above, *([node.module] if node.module else [])])
            yield from (f"{module}.{alias.name}" for alias in node.names)


def is_within(name: str, modules: set[str]) -> bool:
    return any(name == module or name.startswith(module + ".") for module in modules)


def is_public(name: str) -> bool:
    return not name.startswith("_")


def has_decorator(node: Definition, *names: str) -> bool:
    """Tell whether a function bears one of these decorators, written `name` or `something.name`."""
    return any(ast.unparse(item).rpartition(".")[2] in names for item in node.decorator_list)


def documented_methods() -> dict[str, set[str]]:
    """Map each class of the package to the methods that it or a class above it documents."""
    classes = {node.name: node for path in SOURCES for node in ast.walk(parse(path)) if isinstance(node, ast.ClassDef)}

    def gather(name: str) -> set[str]:
        if name not in classes:
            return set()
        own = {item.name for item in classes[name].body if isinstance(item, Definition) and ast.get_docstring(item)}
        return own.union(*(gather(base_name(base)) for base in classes[name].bases))

    return {name: gather(name) for name in classes}


def base_name(base: ast.expr) -> str:
    """Give the bare name of a base class: `Store` for `Store`, `contract.Store` and `Store[bytes]`."""
    return ast.unparse(base).partition("[")[0].rpartition(".")[2]


def undocumented(path: Path, inherited: dict[str, set[str]]) -> Iterator[str]:
    """Give what a file shows in public without a docstring; an overriding method may rest on the one it overrides."""
    tree = parse(path)
    if not ast.get_docstring(tree):
        yield f"{name_of(path)}: the module"
    for node in tree.body:
        if not isinstance(node, Definition | ast.ClassDef) or not is_public(node.name):
            continue
        if not ast.get_docstring(node) and not (isinstance(node, Definition) and has_decorator(node, "overload")):
            yield f"{name_of(path)}:{node.lineno} {node.name}"
        for item in node.body if isinstance(node, ast.ClassDef) else []:
            if not isinstance(item, Definition | ast.ClassDef) or not is_public(item.name) or ast.get_docstring(item):
                continue
            if isinstance(item, Definition) and has_decorator(item, "overload", "setter", "deleter"):
                continue
            if item.name not in inherited[node.name]:
                yield f"{name_of(path)}:{item.lineno} {node.name}.{item.name}"


def signatures(path: Path) -> dict[str, list[str]]:
    """Map the public functions of a file to the names of their arguments."""
    functions = [node for node in parse(path).body if isinstance(node, Definition) and is_public(node.name)]
    return {node.name: [argument.arg for argument in node.args.args + node.args.kwonlyargs] for node in functions}


@pytest.mark.parametrize("what", FORBIDDEN_BYTES)
def test_no_file_names(what: str) -> None:
    pattern = re.compile(FORBIDDEN_BYTES[what])
    found = [(name_of(path), match[0]) for path in repository_files() for match in pattern.finditer(path.read_bytes())]
    assert found == []


def test_nothing_is_pickled_or_fetched() -> None:
    found = [(name_of(path), name) for path in SOURCES for name in imported_modules(path)]
    assert [pair for pair in found if is_within(pair[1], FORBIDDEN_IMPORTS)] == []
    assert [name_of(path) for path in SOURCES if "allow_pickle=True" in ast.unparse(parse(path))] == []


def test_the_network_is_blocked_while_tests_run() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as stream:
        with pytest.raises(RuntimeError, match="uses no network"):
            stream.connect(("127.0.0.1", 9))
        with pytest.raises(RuntimeError, match="uses no network"):
            stream.bind(("127.0.0.1", 0))
    with pytest.raises(RuntimeError, match="uses no network"):
        socket.getaddrinfo("localhost", 80)
    near, far = socket.socketpair()
    with near, far:
        near.sendall(b"local")
        assert far.recv(5) == b"local"


def test_pyproject_is_the_only_configuration() -> None:
    assert sorted(name_of(path) for path in repository_files() if path.name in OTHER_CONFIGURATION) == []


def test_no_file_is_named_for_anything_at_all() -> None:
    parts = {path: {*path.relative_to(PACKAGE).with_suffix("").parts} for path in SOURCES}
    assert [name_of(path) for path, words in parts.items() if words & FORBIDDEN_NAMES] == []


def test_everything_public_has_a_docstring() -> None:
    inherited = documented_methods()
    assert [line for path in SOURCES for line in undocumented(path, inherited)] == []


def test_imports_point_downwards(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    linter = pytest.importorskip("importlinter.cli")
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(sys, "path", list(sys.path))
    broken = linter.lint_imports(no_cache=True, no_logo=True)
    assert not broken, capsys.readouterr().out


@pytest.mark.parametrize("path", KERNELS, ids=name_of)
def test_a_kernel_file_knows_arrays_and_nothing_else(path: Path) -> None:
    assert [name for name in imported_modules(path) if not is_within(name, KERNEL_IMPORTS)] == []


@pytest.mark.parametrize("path", KERNELS, ids=name_of)
def test_every_kernel_has_a_twin_with_the_same_arguments(path: Path) -> None:
    twins = signatures(path.with_name("arrays.py"))
    assert {name: twins.get(name) for name in signatures(path)} == signatures(path)
