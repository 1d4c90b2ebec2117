"""The documentation says what is so."""

import re
import runpy
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import durable_ingest
from durable_ingest import errors
from tests.measured import measured

ROOT = Path(__file__).parents[2]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
SOURCE = ROOT / "src" / "durable_ingest"


def blocks(page: Path, language: str) -> list[str]:
    """Give a page's code blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)


def test_readmes_three_files_work_together(tmp_path: Path) -> None:
    """Contract, producer and drainer are imported as they stand, without any I/O."""
    for block in blocks(ROOT / "README.md", "python"):
        name = re.match(r"# (\w+\.py)", block)
        assert name is not None
        (tmp_path / name[1]).write_text(block)
    program = "import producer, drainer; print(callable(producer.handler), drainer.drainer)"
    queue = "https://sqs.eu-west-1.amazonaws.com/123456789012/customers.fifo"
    ran = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={
            "QUEUE_URL": queue,
            "DLQ_URL": queue.replace("customers", "dead"),
            "DURABLE_INGEST_MYSQL_URL": "mysql://user:secret@db.example/app",
        },
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout.startswith("True <durable_ingest.drainer.Drainer")


def test_the_contracts_page_is_python() -> None:
    """The example is run."""
    for block in blocks(ROOT / "docs" / "contracts.md", "python"):
        namespace: dict[str, object] = {"__name__": "docs"}
        exec(compile(block, "contracts.md", "exec"), namespace)  # noqa: S102 - our own text
        assert isinstance(namespace["orders"], durable_ingest.Table)


def test_the_connecting_page_is_python() -> None:
    """The example is run: it does no I/O."""
    [block] = blocks(ROOT / "docs" / "connecting.md", "python")
    namespace: dict[str, object] = {"__name__": "docs"}
    exec(compile(block, "connecting.md", "exec"), namespace)  # noqa: S102 - our own text
    for name in ("by_url", "by_secret", "by_iam"):
        assert isinstance(namespace[name], durable_ingest.MySQL)


def test_the_table_of_codes_is_the_codes_own() -> None:
    """Made by scripts/fault-table; run it again after a change."""
    script = runpy.run_path(str(ROOT / "scripts" / "fault-table"))
    assert (ROOT / "docs" / "faults.md").read_text().endswith(script["MARK"] + script["table"]())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    """Every relative link names a file that is there."""
    links = re.findall(r"\]\(([^)#\s]+)", page.read_text())
    missing = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_tests_that_are_named_are_there(page: Path) -> None:
    """A guarantee that names its tests can be looked into; a page may make tests of its own."""
    named = set(re.findall(r"\btest_\w+\.py\b", page.read_text()))
    own = {name for text in blocks(page, "python") for name in re.findall(r"\A# (\S+)", text)}
    assert named - own <= {path.name for path in (ROOT / "tests").rglob("test_*.py")}


def test_every_module_has_its_behaviour_named() -> None:
    """CONTRIBUTING's map and the tree agree."""
    rows = re.findall(r"^\| (`.*?`) \|", (ROOT / "CONTRIBUTING.md").read_text(), re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`([^`]+)`", row)}
    modules = {str(path.relative_to(SOURCE)) for path in SOURCE.rglob("*.py")}
    modules = {name for name in modules if not name.startswith("testing/")}
    modules -= {"__init__.py", "cli/__init__.py", "mysql/__init__.py", "_version.py"}
    assert {name for name in named if name.endswith(".py")} == modules


def test_every_public_name_is_documented() -> None:
    """Each has a docstring, and stands in the documentation."""
    text = "".join(page.read_text() for page in PAGES)
    for name in set(durable_ingest.__all__) - {"__version__"}:
        assert getattr(durable_ingest, name).__doc__
        assert f"`{name}" in text or f"{name}(" in text, name


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
