"""The documentation says what is so."""

import re
import runpy
import tomllib
from pathlib import Path

import pytest

from durable_ingest import errors, metrics
from tests.measured import measured

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "durable_ingest"


def test_the_table_of_codes_is_the_codes_own() -> None:
    """Made by scripts/fault-table; run it again after a change."""
    script = runpy.run_path(str(ROOT / "scripts" / "fault-table"))
    assert (ROOT / "docs" / "faults.md").read_text().endswith(script["MARK"] + script["table"]())


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "docs/reliability.md"])
def test_the_tests_that_are_named_are_there(page: str) -> None:
    """A guarantee that names its tests can be looked into."""
    named = set(re.findall(r"\btest_\w+\.py\b", (ROOT / page).read_text()))
    assert named <= {path.name for path in (ROOT / "tests").rglob("test_*.py")}


def test_every_module_has_its_behaviour_named() -> None:
    """CONTRIBUTING's map and the tree agree."""
    rows = re.findall(r"^\| (`.*?`) \|", (ROOT / "CONTRIBUTING.md").read_text(), re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`([^`]+)`", row)}
    modules = {str(path.relative_to(SOURCE)) for path in SOURCE.rglob("*.py")}
    modules = {name for name in modules if not name.startswith("testing/")}
    modules = {name for name in modules if not name.endswith(("__init__.py", "_version.py"))}
    assert {name for name in named if name.endswith(".py")} == modules


def test_every_error_stands_in_the_tree_drawn_on_top() -> None:
    """`errors` draws its tree in its docstring."""
    raised = {
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, Exception)
    }
    assert raised == set(re.findall(r"\w+Error\b|\bReject\b", errors.__doc__ or "")) & set(
        vars(errors)
    )


def test_dependencies_stay_four() -> None:
    """A Lambda package must stay small; everything else lives in extras."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    names = {re.split(r"[<>=\[]", given)[0] for given in project["dependencies"]}
    assert names == {"boto3", "pydantic", "pymysql", "tenacity"}


def test_every_measured_error_is_made_by_a_test_or_says_why_not() -> None:
    """The test that a line names is there and names the code."""
    for given in measured():
        if given.made_by.startswith("no: "):
            continue
        text = (ROOT / "tests" / "contract" / given.made_by).read_text()
        assert str(given.code) in text, given


def test_every_metric_is_documented() -> None:
    """With its unit, in the order in which they are written."""
    page = (ROOT / "docs" / "metrics.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| (Count|Seconds) \|", page, re.MULTILINE)
    assert rows == list(metrics.METRICS.items())
