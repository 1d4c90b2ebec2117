"""A drainer: `python -m chaos.drainer FOLDER LANE NAME` is one execution environment of a function.

A poller of Lambda's (`durable_ingest.testing.EventSource`) gives it batches of its lane's queue.
Like Lambda, it is killed where an invocation runs longer than the function may.
"""

import json
import os
import random
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from chaos.contracts import CONTRACTS, INBOX
from chaos.facts import IDENTITY
from chaos.history import Log
from chaos.orders import ending
from chaos.plan import Lane, Plan
from durable_ingest import Drainer, MySQL
from durable_ingest.errors import BatchHeldError
from durable_ingest.testing import EventSource, LambdaContext
from durable_ingest.testing.connection import Address
from durable_ingest.testing.queue_service import make_client

KILLED = 124
TICK = 0.25
SOONEST, LATEST = 0.0, 0.06
"""Seconds into an invocation at which a doomed one is killed."""
CONNECT_WITHIN = 1.0
READ_WITHIN = 2.0


class SecretFile:
    """Stands in for Secrets Manager: the plan's file has the current password."""

    def __init__(self, folder: Path, lane_number: int) -> None:
        """Keep the place."""
        self._folder = folder
        self._lane = lane_number

    def get_secret_value(self, **_: object) -> dict[str, str]:
        """Give the secret, as RDS writes it."""
        address = Address.parse(Plan.load(self._folder).lanes[self._lane].mysql_url)
        secret = {
            "username": address.user,
            "password": address.password,
            "host": address.host,
            "port": address.port,
            "dbname": address.database,
        }
        return {"SecretString": json.dumps(secret)}


class Watchdog:
    """Ends the process where an invocation runs for too long.

    It counts its own ticks, so that a process which was stopped goes on where it was: its late
    writes are what the run is after.
    """

    def __init__(self, limit: float, kill: Callable[[], None]) -> None:
        """Start watching; nothing runs yet."""
        self._ticks = round(limit / TICK)
        self._left: int | None = None
        self._kill = kill
        threading.Thread(target=self._watch, daemon=True).start()

    def begin(self) -> None:
        """An invocation begins."""
        self._left = self._ticks

    def end(self) -> None:
        """It has ended."""
        self._left = None

    def _watch(self) -> None:
        never = threading.Event()
        while not never.wait(TICK):
            if self._left is not None:
                self._left -= 1
                if self._left <= 0:
                    self._kill()


class Environment:
    """One imported handler that writes down what it is given and what it answers."""

    def __init__(self, plan: Plan, lane: Lane, secrets: "SecretFile", log: Log) -> None:
        """Make the drainer; it connects with its first batch."""
        self._log = log
        self._numbers = count(1)
        self._chance = random.Random(log.who)  # noqa: S311  no secret
        self._watchdog = Watchdog(plan.function_timeout, partial(self._time_out, doomed=False))
        self.doomed = False
        """The next invocation is killed in its midst."""
        mysql = MySQL.from_secret(
            "chaos",
            client=secrets,
            ssl_mode="DISABLED",  # so that the proxy sees which request is a COMMIT
            connect_timeout=CONNECT_WITHIN,
            read_timeout=READ_WITHIN,
        )
        self._drainer = Drainer(
            mysql,
            *CONTRACTS[lane.kind],
            dead_letter_queue_url=lane.dead_letter_url,
            inbox=INBOX if lane.kind == "inbox" else None,
        )

    def handle(self, event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
        """Be the function's handler."""
        number = next(self._numbers)
        self._log.note("given", invocation=number, messages=[_given(r) for r in event["Records"]])
        self._watchdog.begin()
        if self.doomed:
            self.doomed = False
            timer = threading.Timer(
                self._chance.uniform(SOONEST, LATEST), partial(self._time_out, doomed=True)
            )
            timer.daemon = True
            timer.start()
        began = time.monotonic()
        try:
            answer = self._drainer.handle(event, context)
        except BatchHeldError as error:
            self._answered(number, began, held=list(error.held), why=str(error))
            raise
        except BaseException as error:
            self._answered(number, began, held=None, why=f"{type(error).__name__}: {error}")
            raise
        finally:
            self._watchdog.end()
        self._answered(number, began, held=[], why="")
        return answer

    def _answered(self, number: int, began: float, held: list[str] | None, why: str) -> None:
        took = round(time.monotonic() - began, 3)
        self._log.note("answered", invocation=number, held=held, why=why, took=took)

    def _time_out(self, *, doomed: bool) -> None:
        self._log.note("timed out", doomed=doomed)
        os._exit(KILLED)


def _given(record: dict[str, Any]) -> list[object]:
    body = record["body"]
    system = record["attributes"]
    return [
        record["messageId"],
        system["SequenceNumber"],
        int(system["ApproximateReceiveCount"]),
        body[body.find('"write_id":"') + 12 :].partition('"')[0],
        record["messageAttributes"]["ingest.dedup"]["stringValue"][:IDENTITY],
    ]


def main(folder: Path, lane_number: int, name: str) -> None:
    """Run one environment until SIGTERM; SIGUSR1 dooms its next invocation."""
    over = ending()
    plan = Plan.load(folder)
    lane = plan.lanes[lane_number]
    endpoint = lane.queue_url.rpartition("/")[0].rpartition("/")[0]
    with Log(folder, name) as log, closing(make_client(endpoint)) as client:
        environment = Environment(plan, lane, SecretFile(folder, lane_number), log)
        signal.signal(signal.SIGUSR1, lambda *_: setattr(environment, "doomed", True))
        log.note("started")
        source = EventSource(
            client,
            lane.queue_url,
            lambda: environment.handle,
            concurrency=1,
            function_timeout=plan.function_timeout,
        )
        with source:
            over.wait()
        log.note("ended")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
