"""What the documents say is run: code blocks of Markdown files, doctests of every module, links between files."""

import doctest
import importlib.util
import re
import sys
import textwrap
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src"
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
LINKED = sorted({*PAGES, *ROOT.glob("tests/*.md"), *ROOT.glob("examples/*.md"), *ROOT.glob("benchmarks/**/*.md")})
MODULES = sorted(
    ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__")
    for path in SOURCE.rglob("*.py")
    if path.name != "__main__.py"
)
DOCTEST_FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE

FENCE = re.compile(
    r"(?P<not_run><!-- not run -->\s*)?^(?P<indent> *)```(?P<language>\w*)[^\n]*\n(?P<code>.*?)^(?P=indent)```",
    re.MULTILINE | re.DOTALL,
)
LINK = re.compile(r"\[[^\]]*\]\(\s*<?([^)\s>]+)>?[^)]*\)")
HEADING = re.compile(r"^#{1,6} +(.+?) *#*$", re.MULTILINE)


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def code_blocks(page: Path) -> list[tuple[int, str]]:
    """Give the (line, code) of every Python block that is to be run; a line counts from 0 as `compile` needs it."""
    text = page.read_text(encoding="utf-8")
    return [
        (text.count("\n", 0, match.start("code")), textwrap.dedent(match["code"]))
        for match in FENCE.finditer(text)
        if match["language"] == "python" and not match["not_run"]
    ]


def anchors(page: Path) -> Iterator[str]:
    """Give the anchors of a page's headings, as code hosts make them."""
    seen: dict[str, int] = {}
    for heading in HEADING.findall(FENCE.sub("", page.read_text(encoding="utf-8"))):
        slug = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        yield f"{slug}-{seen[slug]}" if slug in seen else slug
        seen[slug] = seen.get(slug, 0) + 1


def is_broken(page: Path, target: str) -> bool:
    """Tell whether a relative link leads nowhere, in this page or another."""
    if re.match(r"[a-z][a-z0-9+.-]*:", target):
        return False
    file, _, anchor = target.partition("#")
    goal = (page.parent / file).resolve() if file else page
    return not goal.exists() or (bool(anchor) and goal.suffix == ".md" and anchor not in anchors(goal))


def optional_packages() -> set[str]:
    """Give the import names of what the extras bring, which need not be installed."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [line for extra in project["optional-dependencies"].values() for line in extra]
    return {re.split(r"[^\w.-]", line)[0].replace("-", "_").lower() for line in wanted}


@pytest.mark.parametrize("page", [page for page in PAGES if code_blocks(page)], ids=name_of)
def test_code_blocks_of_a_page_run_in_order(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    module = ModuleType(page.stem.lower())
    monkeypatch.setitem(sys.modules, module.__name__, module)
    for line, code in code_blocks(page):
        if ">>>" in code:
            example = doctest.DocTestParser().get_doctest(code, module.__dict__, page.name, str(page), line)
            assert doctest.DocTestRunner(optionflags=DOCTEST_FLAGS).run(example, clear_globs=False).failed == 0
        else:
            exec(compile("\n" * line + code, str(page), "exec"), module.__dict__)


@pytest.mark.parametrize("name", MODULES)
def test_doctests_of_a_module(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing.lower() not in optional_packages() or importlib.util.find_spec(missing):
            raise
        pytest.skip(f"the optional {missing} is not installed")
    assert doctest.testmod(module, optionflags=DOCTEST_FLAGS).failed == 0


@pytest.mark.parametrize("page", LINKED, ids=name_of)
def test_links_between_files_lead_somewhere(page: Path) -> None:
    prose = re.sub(r"`[^`\n]*`", "", FENCE.sub("", page.read_text(encoding="utf-8")))
    assert [target for target in LINK.findall(prose) if is_broken(page, target)] == []


@pytest.mark.parametrize("page", LINKED, ids=name_of)
def test_headings_and_tables_stand_by_themselves(page: Path) -> None:
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    assert re.findall(r"[^\n]\n#{1,6} .*", text) == []
    assert re.findall(r"\|\n\n\|(?!.*\n\|[ :|-]+\n).*", text) == []  # rows that an empty line cuts off their table
