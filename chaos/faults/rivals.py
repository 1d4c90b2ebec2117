"""Other sessions that lock the drainers' rows, each in an order of its own."""

import contextlib
import random
import threading
from typing import TYPE_CHECKING

import pymysql

from chaos.contracts import CONTRACTS, locked_table
from chaos.schedule import Strike
from chaos.workload import slots
from durable_ingest.testing.connection import connect

if TYPE_CHECKING:
    from chaos.plan import Lane
    from chaos.stage import Stage

RIVALS = 4
ROWS = 5
BUSY_SLOTS = 12
"""The slots whose keys are written most: the first ones."""
WEIGHT = 60
"""Rows that a rival inserts, so that the server ends the drainer's transaction and not its own."""
PAUSES = (0.02, 0.02, 0.02, 1.2)
"""Seconds that a rival waits between two locks: one is longer than drainers wait for a lock."""


def storm(stage: "Stage", strike: Strike) -> int:
    """Let rivals loose; return how many deadlocks and vain waits the server has seen."""
    before = _conflicts(stage)
    over = threading.Event()
    threads = [
        threading.Thread(target=_rival, args=(stage, strike.seed + number, over), daemon=True)
        for number in range(RIVALS)
    ]
    for thread in threads:
        thread.start()
    stage.pause(strike.seconds)
    over.set()
    for thread in threads:
        thread.join()
    return _conflicts(stage) - before


def _rival(stage: "Stage", seed: int, over: threading.Event) -> None:
    chance = random.Random(seed)  # noqa: S311  has to repeat, not to be secret
    while not over.is_set():
        with contextlib.suppress(pymysql.err.Error, OSError):
            _lock_some_rows(chance.choice(stage.plan.lanes), chance, over)


def _lock_some_rows(lane: "Lane", chance: random.Random, over: threading.Event) -> None:
    busy = [
        (locked_table(contract), slot)
        for contract in CONTRACTS[lane.kind]
        for slot in slots(lane.number, contract.name, BUSY_SLOTS)
    ]
    with (
        contextlib.closing(connect(lane.direct_mysql_url, autocommit=False)) as connection,
        connection.cursor() as cursor,
    ):
        cursor.executemany("INSERT INTO rivals (n) VALUES (%s)", [(n,) for n in range(WEIGHT)])
        for table, slot in chance.sample(busy, ROWS):
            sql = f"SELECT 1 FROM `{table}` WHERE `key` LIKE %s FOR UPDATE"  # noqa: S608  own names
            cursor.execute(sql, (f"{slot.prefix}%",))
            over.wait(chance.choice(PAUSES))


def _conflicts(stage: "Stage") -> int:
    [(count,)] = stage.server.execute(
        "SELECT SUM(count) FROM information_schema.innodb_metrics"
        " WHERE name IN ('lock_deadlocks', 'lock_timeouts')"
    )
    return int(count)
