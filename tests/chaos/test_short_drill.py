"""The upgrade drill, shortened: it passes, and it can fail."""

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from drill.main import main
from drill.stage import HANDLERS

if TYPE_CHECKING:
    from durable_ingest.testing import DatabaseServer

pytestmark = [pytest.mark.chaos, pytest.mark.database, pytest.mark.queue]

PNG = b"\x89PNG\r\n\x1a\n"


def drill(
    server: "DatabaseServer",
    report: Path,
    capsys: pytest.CaptureFixture[str],
    handlers: Path = HANDLERS,
    **lengths: float,
) -> tuple[int, dict[str, Any]]:
    """Run a drill at 30 requests a second; return exit status and summary."""
    arguments = ["--json", "--rate", "30", "--customers", "40", "--report", str(report)]
    for name, value in lengths.items():
        arguments += [f"--{name.replace('_', '-')}", str(value)]
    status = main(arguments, server=server, handlers=handlers)
    return status, json.loads(capsys.readouterr().out)


def handlers_with(drainer: str, folder: Path) -> Path:
    """Copy the handlers, with another drainer."""
    shutil.copytree(HANDLERS, folder)
    (folder / "drainer.py").write_text(drainer, encoding="utf-8")
    return folder


def test_a_short_drill_loses_nothing(
    database: "DatabaseServer", tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every acknowledged write outlives a real shutdown, at its latest value."""
    status, summary = drill(
        database, tmp_path, capsys, normal=3, outage=4, read_only=1, after=1, catch_up=60
    )
    verdict = summary["verdict"]
    assert verdict["problems"] == []
    assert status == 0
    assert verdict["requests"] == verdict["acknowledged"] > 100
    assert verdict["refused"] == verdict["left_in_queue"] == 0
    assert verdict["lost"] == verdict["older"] == verdict["altered"] == []
    assert verdict["dead_lettered"] == []
    assert summary["deliveries"]["timed_out"] == 0
    assert set(summary["deliveries"]["errors"]) <= {"BatchHeldError"}
    phases = {phase["name"]: phase for phase in summary["phases"]}
    assert phases["upgrade: down"]["depth_at_end"] > 0
    assert phases["whole drill"]["stored_at_end"] == verdict["acknowledged"]
    # The report on disk is the one that was printed.
    assert json.loads((tmp_path / "summary.json").read_text()) == summary
    assert (tmp_path / "timeline.png").read_bytes().startswith(PNG)
    history = [json.loads(line) for line in (tmp_path / "history.jsonl").read_text().splitlines()]
    assert sum(entry["kind"] == "request" for entry in history) == verdict["requests"]
    assert {e["database"] for e in history if e["kind"] == "sample"} >= {"up", "down"}
    # The server is left as it was found.
    assert database.running
    assert database.execute("SELECT @@global.read_only") == [(0,)]


def test_a_drainer_that_drops_writes_fails_the_drill(
    database: "DatabaseServer", tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its answer acknowledges every batch, and nothing is stored."""
    drops = "def handler(event, context):\n    return {'batchItemFailures': []}\n"
    handlers = handlers_with(drops, tmp_path / "handlers")
    status, summary = drill(
        database, tmp_path, capsys, handlers, normal=0.5, outage=1, read_only=0.3, after=0
    )
    verdict = summary["verdict"]
    assert status == 1
    assert verdict["acknowledged"] > 0
    assert len(verdict["lost"]) > 0
    assert verdict["older"] == verdict["dead_lettered"] == []
    assert verdict["left_in_queue"] == 0


def test_a_drainer_that_only_fails_fails_the_drill(
    database: "DatabaseServer", tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The catch-up ends at its limit, and what is still in the queue is told."""
    fails = "def handler(event, context):\n    raise RuntimeError\n"
    handlers = handlers_with(fails, tmp_path / "handlers")
    status, summary = drill(
        database,
        tmp_path,
        capsys,
        handlers,
        normal=0.5,
        outage=1,
        read_only=0.3,
        after=0,
        catch_up=0.5,
    )
    assert status == 1
    assert summary["verdict"]["left_in_queue"] == summary["verdict"]["acknowledged"] > 0
    assert set(summary["deliveries"]["errors"]) == {"RuntimeError"}
