"""Thousands of schedules, none of which violates a guarantee."""

import os
import subprocess
import sys
from dataclasses import replace

import pytest

from tests.simulation.checker import regressions
from tests.simulation.index import ALONE, LATE
from tests.simulation.plan import FAULTS, OUTAGES, plan
from tests.simulation.runner import report, tally
from tests.simulation.world import run

SCHEDULES = 500
BATCHES = 2  # .ci/run has `make simulate` go on from there, to 5,000


@pytest.mark.parametrize("batch", range(BATCHES))
def test_no_schedule_violates_a_guarantee(batch: int) -> None:
    """Whatever strikes, the guarantees and the matrix hold; and everything does strike."""
    total = tally(range(batch * SCHEDULES, (batch + 1) * SCHEDULES))
    assert not total.failed, report(min(total.failed))
    assert total.seen.keys() >= {*FAULTS, *OUTAGES}
    assert len(total.held_off) == 3  # each guard, and the inbox


def test_older_writes_can_win_where_the_matrix_says_so() -> None:
    """On plain tables, by a redelivery alone and by a paused process: the cells are no caution."""
    won: set[str | None] = set()
    for seed in range(400):
        harsh = replace(
            plan(seed),
            kinds=("plain",),
            inbox=False,
            other_queue=False,
            container=True,
            drainers=2,
            odd_rows=0.0,
            tags=0.0,
            rates={"pause": 0.05, "delete-entry": 0.2},
            outages=(),
        )
        won |= {found.cause for found in regressions(run(harsh).history)}
        if won >= {ALONE, LATE}:
            return
    pytest.fail(f"never seen: { ({ALONE, LATE} - won) }")


def test_a_seed_gives_the_same_trace_each_time() -> None:
    """Byte for byte, in another process with other hashes."""
    program = [sys.executable, "-m", "tests.simulation", "--trace", "--schedules=1", "--seed=226"]
    program += ["--processes=1"]
    traces = []
    for hashes in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": hashes}
        ran = subprocess.run(program, env=environment, capture_output=True, check=True)  # noqa: S603 - our own program
        traces.append(ran.stdout.partition(b"1 schedules")[0])
    assert traces[0] == traces[1]
    assert traces[0].count(b"\n") > 10
