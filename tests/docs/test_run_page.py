"""What runs the documentation's blocks notices what is wrong with them."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pymysql
import pytest

from tests.docs import run_page
from tests.docs.blocks import Block


def block(text: str, language: str = "python") -> Block:
    """Make a block of a page."""
    return Block(page="page.md", line=7, language=language, text=text, mark="", said="")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Work in an empty folder, as the program does, and forget what was imported from it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        del sys.modules[name]


def test_python_shares_a_namespace() -> None:
    """And errors have the page's line."""
    run_page.python(block("first = 1\n"))
    run_page.python(block("assert first == 1\n"))
    with pytest.raises(ZeroDivisionError) as raised:
        run_page.python(block("\nfirst / 0\n"))
    last = raised.traceback[-1]
    assert (str(last.path).endswith("page.md"), last.lineno + 1) == (True, 8)


def test_files_are_imported_as_they_are_now() -> None:
    """A page may show one before and after a change."""
    run_page.python(block("# inner/contract.py: first\nVALUE = 1\n"))
    run_page.python(block("from inner.contract import VALUE\nassert VALUE == 1\n"))
    run_page.python(block("# inner/contract.py\nVALUE = 2\n"))
    run_page.python(block("from inner.contract import VALUE\nassert VALUE == 2\n"))


def test_tests_are_run() -> None:
    """One that fails is an error; what it shares with others is written for it."""
    run_page.python(block("# conftest.py\nimport pytest\n\n@pytest.fixture\ndef one(): return 1\n"))
    run_page.python(block("# tests/test_one.py\ndef test_one(one): assert one == 1\n"))
    with pytest.raises(subprocess.CalledProcessError):
        run_page.python(block("# tests/test_one.py\ndef test_one(one): assert one == 2\n"))


def test_shell_ends_at_the_first_error() -> None:
    """An unknown variable and a failing pipe are errors as well."""
    run_page.shell(block("echo one >file\nls file\n", "sh"))
    for wrong in ("false\ntrue\n", "echo $NO_SUCH_NAME\n", "false | true\n"):
        with pytest.raises(subprocess.CalledProcessError):
            run_page.shell(block(wrong, "sh"))


def test_consoles_print_what_the_page_says() -> None:
    """A line of three dots stands for any."""
    run_page.console(
        block("$ echo one; echo two\none\ntwo\n$ true\n$ seq 9\n1\n...\n9\n", "console")
    )
    with pytest.raises(run_page.UnexpectedOutputError, match=r"(?s)page\.md:7.*printed\none"):
        run_page.console(block("$ echo one\ntwo\n", "console"))


@pytest.mark.database
def test_sql_is_executed_and_written(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Statement by statement; as a file as well, if it names one."""
    monkeypatch.setenv("DURABLE_INGEST_MYSQL_URL", database_url)
    text = "-- tables/a.sql\nCREATE TABLE a (x INT); -- one\n\nINSERT INTO a VALUES (1),\n(2);\n"
    run_page.sql(block(text, "sql"))
    assert Path("tables/a.sql").read_text() == text
    run_page.sql(block("ALTER TABLE a ADD UNIQUE (x)", "sql"))
    with pytest.raises(pymysql.err.IntegrityError):
        run_page.sql(block("INSERT INTO a VALUES (2);\n", "sql"))


def test_a_failure_says_where(monkeypatch: pytest.MonkeyPatch) -> None:
    """The block, for a reader of the test's output."""
    given = [block("1 + 1\n").as_json(), block("1 / 0\n").as_json()]
    Path("blocks.json").write_text(json.dumps(given))
    monkeypatch.setattr(sys, "argv", ["run_page", "blocks.json"])
    with pytest.raises(ZeroDivisionError) as raised:
        run_page.main()
    assert raised.value.__notes__ == ["in the block at page.md:7: python"]
