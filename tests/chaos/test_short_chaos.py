"""The chaos run, shortened: it passes, and it can fail."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from chaos.main import main

if TYPE_CHECKING:
    from durable_ingest.testing import DatabaseServer

pytestmark = [pytest.mark.chaos, pytest.mark.database, pytest.mark.queue]


def run(
    server: "DatabaseServer", folder: Path, *arguments: str | float
) -> tuple[int, dict[str, Any]]:
    """Run two lanes for a while; return exit status and summary."""
    summary = folder / "summary.json"
    given = [
        "--lanes", "2", "--drainers", "4", "--producers", "1", "--rate", "100", "--keys", "40",
        "--folder", folder, "--json", summary, *arguments,
    ]  # fmt: skip
    status = main([str(argument) for argument in given], server=server)
    return status, json.loads(summary.read_text())


def test_a_short_run_finds_nothing_wrong(
    database: "DatabaseServer", tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every kind of lane and every track of faults is in it."""
    status, summary = run(database, tmp_path, "--seconds", 35, "--gap", 2, "--seed", 1)
    assert summary["violations"] == dict.fromkeys(summary["violations"], 0)
    assert (status, summary["passed"]) == (0, True)
    assert "PASSED" in capsys.readouterr().out
    assert summary["acknowledged"] > 300
    assert summary["deliveries"] > summary["acknowledged"]
    assert summary["dead_letters"] > 0
    assert summary["impossible"] == ["disk full"]  # on a server that others use too
    assert sum(summary["strikes"].values()) > 20
    # The server is left as it was found.
    assert database.running
    assert database.execute("SELECT @@global.read_only") == [(0,)]
    assert database.execute("SELECT user FROM mysql.user WHERE user = 'chaos'") == []


def test_a_drainer_that_drops_batches_is_found_out(
    database: "DatabaseServer", tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The seed is printed, and the history of a key."""
    status, summary = run(
        database,
        tmp_path,
        *("--seconds", 4, "--seed", 5, "--only", "SQS throttles"),
        *("--drainer", "tests.chaos.broken_drainer"),
    )
    printed = capsys.readouterr().out
    assert (status, summary["passed"]) == (1, False)
    assert summary["violations"]["lost"] > 0
    assert "FAILED with seed 5" in printed
    assert " given " in printed
