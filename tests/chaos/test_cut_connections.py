"""Connections are cut many times a second, at any point: each effect once, nothing lost."""

import os
import random
import threading
import time
from collections import Counter, deque
from typing import TYPE_CHECKING, Any, Self

import pytest

from durable_ingest import Inbox, MySQL, Retry
from durable_ingest.testing import TcpProxy
from tests.contract import store_kit
from tests.contract.store_kit import Bench
from tests.contract.test_commands import ADD, adding

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.chaos, pytest.mark.database]
bench = store_kit.bench
proxy = store_kit.proxy

SECONDS = float(os.environ.get("DURABLE_INGEST_CHAOS_SECONDS", "4"))
GROUPS = 7


class Cutter:
    """Cuts every connection after waits of 2 to 50 ms, while it is entered."""

    def __init__(self, proxy: TcpProxy, seed: int) -> None:
        self.cuts = 0
        self._proxy = proxy
        self._random = random.Random(seed)  # noqa: S311 - to be repeated, not to be secret
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        while not self._over.wait(self._random.uniform(0.002, 0.05)):
            self._proxy.cut()
            self.cuts += 1

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(10)


def messages(expected: "Counter[str]") -> "Iterator[dict[str, Any]]":
    """Make messages without end, counting what they should come to."""
    number = 0
    while True:
        number += 1
        counter = f"c{number % GROUPS}"
        expected[counter] += number
        yield adding(counter, number)


@pytest.mark.parametrize("seed", [1])
def test_each_effect_once(bench: Bench, proxy: TcpProxy, seed: int) -> None:
    """Whatever the connection was about to do when it ended.

    For longer: DURABLE_INGEST_CHAOS_SECONDS=60.
    """
    bench.sql("CREATE TABLE counters (counter VARCHAR(9) PRIMARY KEY, total BIGINT NOT NULL)")
    Inbox().create(MySQL(bench.url))
    expected: Counter[str] = Counter()
    source = messages(expected)
    drain = bench.drain(
        ADD, inbox=Inbox(), url=proxy.url(bench.url), retry=Retry(patience=0.2, reserve=0.1)
    )
    waiting: deque[dict[str, Any]] = deque()
    done = 0
    over = time.monotonic() + SECONDS
    with Cutter(proxy, seed) as cutter:
        while time.monotonic() < over:
            while len(waiting) < 10:
                waiting.append(next(source))
            batch = [waiting.popleft() for _ in range(10)]
            outcome = drain(*batch, timeout=5.0)
            waiting.extendleft(batch[place] for place in sorted(outcome.held, reverse=True))
            done += len(outcome.stored)
            assert outcome.dead == {}
    while waiting:
        batch = [waiting.popleft() for _ in range(min(10, len(waiting)))]
        outcome = drain(*batch)
        waiting.extendleft(batch[place] for place in sorted(outcome.held, reverse=True))
        done += len(outcome.stored)
    print(f"{done} messages, {cutter.cuts} cuts, {proxy.connections} connections")  # noqa: T201
    assert dict(bench.sql("SELECT counter, total FROM counters")) == expected
    assert bench.sql("SELECT COUNT(*) FROM durable_ingest_inbox") == [(done,)]
    assert cutter.cuts > 0
    assert done > 0
