"""The comparison with alternatives, shortened."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from drill.alternatives.names import NAMES
from drill.main import main

if TYPE_CHECKING:
    from durable_ingest.testing import DatabaseServer

pytestmark = [pytest.mark.chaos, pytest.mark.database, pytest.mark.queue]


def test_a_short_comparison(
    database: "DatabaseServer",
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Each is sent the same; a proxy that holds clients has no answer for them in time.

    At this scale the gateway waits 1.5 s: a busy machine must not make it give up on a cold start,
    after which the client's next write could overtake the one that it was given no answer for.
    """
    arguments = (
        f"--compare --json --report {tmp_path} --rate 30 --customers 40 --scale 20"
        " --normal 0.5 --outage 2.5 --read-only 0.5 --after 0.5"
    )
    assert main(arguments.split(), server=database) == 0
    summary = json.loads(capsys.readouterr().out)
    direct, proxy, retry, storage, ours = summary["outcomes"]
    for outcome in summary["outcomes"]:
        assert outcome["requests"] == 105
        assert outcome["acknowledged"] == outcome["answered_2xx"] > 0
        assert outcome["acknowledged_and_lost"] == 0
        assert outcome["function_seconds"] > 0
    assert direct["refused"] > 0
    assert proxy["no_answer_in_time"] > 0
    assert retry["no_answer_in_time"] > 0
    assert storage["upgrade_2xx"] > 0
    assert ours["upgrade_2xx"] > 0
    assert json.loads((tmp_path / "comparison.json").read_text()) == summary
    assert {file.stem for file in tmp_path.glob("*.jsonl")} == {
        name.replace(" ", "-") for name in NAMES
    }
    # The server is left as it was found.
    assert database.running
    assert database.execute("SELECT @@global.read_only") == [(0,)]
