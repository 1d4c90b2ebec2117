"""What a cold start is said to load."""

import json
import sys
from pathlib import Path

import pytest

from benchmarks.cold_starts import AT_WORK, CONTRACT, STARTS, run
from benchmarks.writes import batch, create_table, event

_SHOWN = "\nimport sys\nprint(*sorted(n for n in sys.modules if n.startswith('durable_ingest')))"
_BATCH = (
    CONTRACT
    + """
import json, sys
from durable_ingest import Drainer, MySQL
Drainer(MySQL(sys.argv[1], ssl_mode="DISABLED"), customers).handle(json.loads(sys.argv[2]))
"""
)


@pytest.mark.database
def test_what_a_first_batch_loads_is_timed(database_url: str) -> None:
    """All of it, and nothing besides."""
    create_table(database_url)
    python = Path(sys.executable)
    given = json.dumps(event(batch(0)))
    timed = run(python, ["-c", STARTS[AT_WORK] + _SHOWN], {})
    needed = run(python, ["-c", _BATCH + _SHOWN, database_url, given], {})
    assert timed.split() == needed.split()
