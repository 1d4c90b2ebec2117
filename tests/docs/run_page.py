"""Run the blocks of a page, in their order: a program, given a JSON file of them.

All of them share the working directory, the environment, the database that
DURABLE_INGEST_MYSQL_URL names, and one namespace for Python. What fails is raised, with the page's
line.
"""

import importlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from durable_ingest.testing.connection import connect
from tests.docs.blocks import Block

NAMESPACE: Final[dict[str, Any]] = {"__name__": "docs"}
_PYTHON_FILE = re.compile(r"# ([\w./-]+\.py)\b")
_SQL_FILE = re.compile(r"-- ([\w./-]+\.sql)\b")
_STATEMENT_ENDS = re.compile(r";[ \t]*(?:--.*)?$", re.MULTILINE)


class UnexpectedOutputError(AssertionError):
    """A command printed something else than the page says."""


def python(block: Block) -> None:
    """Execute it; or, if it begins with a file's name, write and import that, or test it."""
    named = _PYTHON_FILE.match(block.text)
    if named is None:
        placed = "\n" * (block.line - 1) + block.text
        exec(compile(placed, block.page, "exec", dont_inherit=True), NAMESPACE)  # noqa: S102 - our own text
        return
    path = written(named[1], block)
    if path.name.startswith("test_"):
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(path)]
        subprocess.run(command, check=True)  # noqa: S603 - our own text
    elif path.name != "conftest.py":
        module = ".".join(path.with_suffix("").parts)
        importlib.invalidate_caches()
        sys.modules.pop(module, None)  # a page may show a file twice, before and after a change
        importlib.import_module(module)


def written(name: str, block: Block) -> Path:
    """Write a block as a file."""
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(block.text)
    return path


def sql(block: Block) -> None:
    """Execute its statements, each of which ends a line.

    If it begins with a file's name, it is written as that file too.
    """
    if named := _SQL_FILE.match(block.text):
        written(named[1], block)
    connection = connect(os.environ["DURABLE_INGEST_MYSQL_URL"])
    with connection, connection.cursor() as cursor:
        for statement in _STATEMENT_ENDS.split(block.text):
            if statement.strip():
                cursor.execute(statement)


def shell(block: Block) -> None:
    """Run it as a script that ends at the first error."""
    subprocess.run(["bash", "-euo", "pipefail", "-c", block.text], check=True)  # noqa: S603, S607 - our own text


def console(block: Block) -> None:
    """Run what stands behind a `$`, and compare what it prints; a line `...` stands for any."""
    for command, expected in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block.text, re.MULTILINE):
        ran = subprocess.run(  # noqa: S603 - our own text
            ["bash", "-euo", "pipefail", "-c", command],  # noqa: S607
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
        lines = (".*" if line == "..." else re.escape(line) for line in expected.splitlines())
        if not re.fullmatch("\n".join(lines), ran.stdout.rstrip("\n"), re.DOTALL):
            message = f"{block.place}: {command!r} printed\n{ran.stdout}"
            raise UnexpectedOutputError(message)


RUN: Final[dict[str, Callable[[Block], None]]] = {
    "bash": shell,
    "console": console,
    "python": python,
    "sh": shell,
    "sql": sql,
}
"""How a block of each language is run."""


def main() -> None:
    """Run the blocks that the first argument's file holds."""
    sys.path.insert(0, str(Path.cwd()))
    for given in json.loads(Path(sys.argv[1]).read_text()):
        block = Block(**given)
        try:
            RUN[block.language](block)
        except BaseException as error:
            error.add_note(f"in the block at {block.place}")
            raise


if __name__ == "__main__":
    main()
