"""Every code block of the documentation is run, or says why not."""

import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
import yaml

from tests.docs.blocks import PAGES, ROOT, Block, blocks_of, is_quoted, read
from tests.docs.run_page import RUN

if TYPE_CHECKING:
    from durable_ingest.testing import DatabaseServer

ELSEWHERE: Final = {
    ("RELEASING.md", "bash"): "tests/docs/test_releasing.py",
    ("docs/commands.md", "python"): "tests/contract/test_command_examples.py",
    ("docs/security.md", "sql"): "tests/contract/test_store_grants.py",
    ("docs/tutorial.md", "bash"): "scripts/try-tutorial",
    ("docs/tutorial.md", "python"): "scripts/try-tutorial",
    ("docs/tutorial.md", "sql"): "scripts/try-tutorial",
}
"""Blocks that a test of their own runs, by page and language."""
NO_CODE: Final = ("text",)
"""Pictures, formats, and what programs print."""
LONGEST: Final = 300.0
"""Seconds that the blocks of a page may take together."""


class _Template(yaml.SafeLoader):
    """Reads CloudFormation's short forms, such as !Ref, as whatever they are applied to."""


def _tagged(loader: yaml.SafeLoader, _tag: str, node: yaml.Node) -> object:
    if isinstance(node, yaml.ScalarNode):
        return loader.construct_scalar(node)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node)
    assert isinstance(node, yaml.MappingNode)
    return loader.construct_mapping(node)


_Template.add_multi_constructor("!", _tagged)

PARSE: Final[dict[str, Callable[[str], Any]]] = {
    "json": json.loads,
    "toml": tomllib.loads,
    "yaml": lambda text: yaml.load(text, _Template),  # noqa: S506 - a child of the safe loader
}
"""How a block of data is read."""


def is_run_elsewhere(block: Block) -> bool:
    """Say whether a test of its own runs it."""
    return (block.page, block.language) in ELSEWHERE


def is_there(block: Block) -> bool:
    """Say whether the file that a block is quoted from is there and has it."""
    source = ROOT / block.said
    return source.is_file() and is_quoted(block.text, source.read_text())


def runnable(page: Path) -> list[Block]:
    """Give the blocks of a page that are to be run here, in order."""
    return [
        block
        for block in read(page)
        if block.language in RUN and not block.mark and not is_run_elsewhere(block)
    ]


BLOCKS: Final = [block for page in PAGES for block in read(page)]
PAGES_TO_RUN: Final = [page for page in PAGES if runnable(page)]


def test_every_block_is_run_or_says_why_not() -> None:
    """`<!-- not run: why -->` right above the fence, or a language that is run or read."""
    unrun = [
        block.place
        for block in BLOCKS
        if block.mark != "not run" and block.language not in {*RUN, *PARSE, *NO_CODE}
    ]
    assert unrun == []


@pytest.mark.database
@pytest.mark.parametrize("page", PAGES_TO_RUN, ids=lambda page: page.name)
def test_the_blocks_of_a_page_run_in_order(
    page: Path, database: "DatabaseServer", database_url: str, tmp_path: Path
) -> None:
    """In a folder, a namespace and a database of their own."""
    given = tmp_path / "blocks.json"
    given.write_text(json.dumps([block.as_json() for block in runnable(page)]))
    folder = tmp_path / "work"
    folder.mkdir()
    queue = "https://sqs.eu-west-1.amazonaws.com/123456789012/writes.fifo"
    ran = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-W", "error", "-m", "tests.docs.run_page", str(given)],
        cwd=folder,
        env={
            **{
                n: v for n, v in os.environ.items() if not n.startswith(("AWS_", "DURABLE_INGEST_"))
            },
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(tmp_path),
            "PYTHONPATH": str(ROOT),
            # Two versions of a file in one second would share their compiled code.
            "PYTHONDONTWRITEBYTECODE": "1",
            "AWS_ACCESS_KEY_ID": "none",
            "AWS_SECRET_ACCESS_KEY": "none",
            "AWS_DEFAULT_REGION": "eu-west-1",
            "QUEUE_URL": queue,
            "DLQ_URL": queue.replace("writes", "dead"),
            "DURABLE_INGEST_MYSQL_URL": database_url,
            "DURABLE_INGEST_TEST_MYSQL_URL": database.url,
            "DURABLE_INGEST_TEST_MYSQL_ADMIN_URL": database.admin_url,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=LONGEST,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout


def test_python_that_is_not_run_is_python() -> None:
    """It can be compiled."""
    for block in BLOCKS:
        if block.language == "python" and block.mark == "not run":
            compile(block.text, block.place, "exec")


@pytest.mark.parametrize(
    "block",
    [block for block in BLOCKS if block.language in PARSE and block.mark != "not run"],
    ids=lambda block: block.place,
)
def test_data_is_well_formed(block: Block) -> None:
    """JSON, TOML and YAML can be read."""
    assert PARSE[block.language](block.text) is not None


def test_what_is_quoted_stands_in_its_file() -> None:
    """`<!-- from: examples/… -->`: the lines are there, at whatever indentation.

    And the file is run: it belongs to an example with tests of its own, or is one of the pages.
    """
    quoted = {block.said for block in BLOCKS if block.mark == "from"}
    pages = {str(page.relative_to(ROOT)) for page in PAGES}
    assert [file for file in quoted - pages if not file.startswith("examples/")] == []
    wrong = [block.place for block in BLOCKS if block.mark == "from" and not is_there(block)]
    assert wrong == []


@pytest.mark.parametrize(
    ("page", "language", "test"), [(*where, test) for where, test in ELSEWHERE.items()]
)
def test_what_is_run_elsewhere_is_there(page: str, language: str, test: str) -> None:
    """The page has such blocks, and the test names the page."""
    assert any(block.language == language for block in read(ROOT / page))
    assert Path(page).name in (ROOT / test).read_text()


def test_blocks_are_found_with_what_is_said_above_them() -> None:
    """Also indented, in comments and with other fences in them."""
    text = """
<!-- not run: it would
end the world -->

```sh
halt
```

- In a list:

  ~~~~python
  if a:
      b = "~~~"

  ~~~~

<!-- from: a/file.py -->
``` yaml
x:
  y: ```
```
A `word` and ```a span```.
<!-- prepared:
```sql
SELECT 1;
```
-->
"""
    found = blocks_of("page.md", text)
    assert [(b.line, b.language, b.mark, b.said) for b in found] == [
        (6, "sh", "not run", "it would\nend the world"),
        (12, "python", "", ""),
        (19, "yaml", "from", "a/file.py"),
        (25, "sql", "", ""),
    ]
    assert [b.text for b in found] == [
        "halt\n",
        'if a:\n    b = "~~~"\n\n',
        "x:\n  y: ```\n",
        "SELECT 1;\n",
    ]


def test_templates_are_yaml() -> None:
    """With CloudFormation's short forms."""
    text = "a: !Ref B\nc: !If [D, 1, 2]\ne: !Sub {f: g}\n"
    assert PARSE["yaml"](text) == {"a": "B", "c": ["D", 1, 2], "e": {"f": "g"}}


def test_an_open_fence_is_an_error() -> None:
    """It would swallow the rest of the page."""
    with pytest.raises(ValueError, match=r"page\.md:1"):
        blocks_of("page.md", "```python\nx = 1\n")


@pytest.mark.parametrize(
    ("block", "there"),
    [
        ("b:\n  c: 1\n", True),
        ("    b:\n      c: 1\n", True),
        ("b:\n  # ...\n  d: 2\n", True),
        ("b:\n# ...\nd: 2\n", True),
        ("d: 2\n# ...\nb:\n", False),
        ("b:\nc: 1\n", False),
        ("c: 2\n", False),
        ("# ...\n", False),
    ],
)
def test_quotations(block: str, there: bool) -> None:  # noqa: FBT001 - a case's answer
    """Lines in order, at any indentation of each piece."""
    assert is_quoted(block, "a:\n  b:\n    c: 1\n\n    d: 2\n") is there
