"""`durable-ingest inbox`, on a real database."""

import json
import subprocess
import sys

import pytest
from click.testing import CliRunner, Result

from durable_ingest.cli.commands import cli
from tests.contract import store_kit
from tests.contract.store_kit import Bench

pytestmark = pytest.mark.database
bench = store_kit.bench


def told(url: str, *words: str) -> Result:
    """Run the command."""
    return CliRunner().invoke(cli, ["inbox", *words], env={"DURABLE_INGEST_MYSQL_URL": url})


def test_the_inbox_is_made_once(bench: Bench) -> None:
    """A second time changes nothing."""
    for _ in range(2):
        result = told(bench.url, "create", "--table", "seen")
        assert (result.exit_code, result.output) == (0, "the inbox seen is there\n")
    assert bench.sql("SELECT COUNT(*) FROM seen") == [(0,)]


def test_old_messages_are_forgotten(bench: Bench) -> None:
    """And counted."""
    told(bench.url, "create")
    bench.sql(
        "INSERT INTO durable_ingest_inbox (dedup_id, stored_at) VALUES"
        " (UNHEX(SHA2('a', 256)), UTC_TIMESTAMP(6) - INTERVAL 3 DAY),"
        " (UNHEX(SHA2('b', 256)), UTC_TIMESTAMP(6) - INTERVAL 1 DAY)"
    )
    result = told(bench.url, "prune", "--keep-days", "2", "--json")
    assert json.loads(result.output) == {"table": "durable_ingest_inbox", "pruned": 1}


def test_a_missing_inbox_is_a_plain_error(bench: Bench) -> None:
    """Without a traceback, exit code 1."""
    result = told(bench.url, "prune")
    assert result.exit_code == 1
    assert "does not exist" in result.output


@pytest.mark.parametrize("words", [["create", "--table", "a.b.c"], ["prune", "--keep-days", "0"]])
def test_wrong_arguments(words: list[str]) -> None:
    """Are named."""
    result = told("mysql://user:secret@127.0.0.1:1/app", *words)
    assert result.exit_code in (1, 2)
    assert words[1].strip("-").split("-")[0] in result.output
    assert "secret" not in result.output


def test_without_a_url() -> None:
    """The variable is named."""
    result = CliRunner(env={"DURABLE_INGEST_MYSQL_URL": None}).invoke(cli, ["inbox", "create"])
    assert result.exit_code == 1
    assert "DURABLE_INGEST_MYSQL_URL" in result.output


@pytest.mark.parametrize("words", [[], ["inbox"], ["inbox", "create"], ["inbox", "prune"]])
def test_every_command_has_help(words: list[str]) -> None:
    """Those that do something have an example."""
    result = CliRunner().invoke(cli, [*words, "--help"])
    assert result.exit_code == 0
    assert ("Example:" in result.output) == (len(words) == 2)


def test_the_entry_point_runs() -> None:
    """As an installed program would."""
    program = (
        "import sys; from durable_ingest.cli import main; sys.argv[1:] = ['--version']; main()"
    )
    ran = subprocess.run(  # noqa: S603 - this very interpreter
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    assert "version" in ran.stdout


def test_without_click_the_remedy_is_named() -> None:
    """The extra is not installed."""
    program = "import sys; sys.modules['click'] = None; from durable_ingest.cli import main; main()"
    ran = subprocess.run(  # noqa: S603 - this very interpreter
        [sys.executable, "-c", program], check=False, capture_output=True, text=True
    )
    assert ran.returncode == 1
    assert "durable-ingest[cli]" in ran.stderr
