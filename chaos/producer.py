"""A producer: `python -m chaos.producer FOLDER NUMBER` sends writes until it is told to end.

It owns some keys of every table, so that the writes of a key have one order. What was not stored
for certain is sent again before anything newer of its key, with the key that the library gave for
that; now and then it gives up instead, as clients do, and the write stays in doubt.
"""

import random
import sys
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from chaos.contracts import CONTRACTS, record
from chaos.facts import IDENTITY
from chaos.history import Log
from chaos.orders import ending
from chaos.plan import Lane, Plan
from chaos.workload import Write, content, slots
from durable_ingest import Enqueuer
from durable_ingest.errors import EnqueueError, Failure
from durable_ingest.receipt import Receipt
from durable_ingest.testing.queue_service import depth, make_client

BATCH = 20
CALL_WITHIN = 4.0
GIVES_UP = 0.2
"""Of the writes that are in doubt."""
SENDS_AGAIN = 0.03
"""Of the writes that were acknowledged."""
SENDS_LATE = 0.002
"""Of them, when the deduplication window is over."""
REMEMBERED_FOR = 120.0
WINDOW = 300.0
LOOKS_EVERY = 1.0
LAST_TRIES = 30.0


@dataclass(frozen=True)
class Item:
    """A write on its way, with the idempotency key that it is sent with."""

    write: Write
    idempotency_key: str | None
    again: bool = False
    """It was acknowledged before."""


class Sender:
    """Sends the writes of one lane."""

    def __init__(self, plan: Plan, lane: Lane, number: int, log: Log) -> None:
        """Choose the keys; nothing is sent."""
        self._plan = plan
        self._log = log
        self._enqueuer = Enqueuer(lane.queue_url, *CONTRACTS[lane.kind], timeout=CALL_WITHIN)
        self._chance = random.Random(f"{plan.seed} {lane.number} {number}")  # noqa: S311  repeats
        self._slots = sorted(
            (
                slot
                for contract in CONTRACTS[lane.kind]
                for slot in slots(lane.number, contract.name, plan.keys)[number :: plan.producers]
            ),
            key=lambda slot: slot.number,
        )
        self._acknowledged: deque[tuple[float, Item]] = deque()
        self.backlog: list[Item] = []
        """What has to be sent before anything newer, in order."""

    def send_next(self) -> None:
        """Send what is left over and a batch of new writes."""
        new = [self._new() for _ in range(BATCH)] if len(self.backlog) < BATCH else []
        self.send([*self.backlog, *self._again(), *new])

    def send(self, items: Sequence[Item]) -> None:
        """Send writes in one call, and write down what came of it."""
        self._log.note("send", writes=[[str(i.write), i.idempotency_key, i.again] for i in items])
        records = [record(i.write, content(self._plan.seed, i.write)) for i in items]
        failures: dict[int, Failure] = {}
        receipts: Sequence[Receipt | None]
        try:
            receipts = self._enqueuer.enqueue_many(
                records, idempotency_keys=[item.idempotency_key for item in items]
            )
        except EnqueueError as error:
            receipts = error.receipts
            failures = {failure.index: failure for failure in error.failures}
        self._log.note(
            "sent",
            results=[_result(item, receipts[n], failures.get(n)) for n, item in enumerate(items)],
        )
        now = time.monotonic()
        self._acknowledged += [
            (now, item)
            for n, item in enumerate(items)
            if receipts[n] and item.idempotency_key and not item.again
        ]
        self.backlog = [
            replace(items[n], idempotency_key=failure.idempotency_key)
            for n, failure in sorted(failures.items())
            if not items[n].again and not self._gives_up(failure)
        ]

    def _gives_up(self, failure: Failure) -> bool:
        return failure.in_doubt and self._chance.random() < GIVES_UP

    def _new(self) -> Item:
        # Low numbers change more often than high ones: a few busy keys, many quiet ones.
        slot = self._slots[int(len(self._slots) * self._chance.random() ** 2)]
        write = slot.next_write(self._chance)
        return Item(write, str(write) if self._chance.random() < 0.5 else None)  # noqa: PLR2004

    def _again(self) -> list[Item]:
        """Choose acknowledged writes that a client sends again."""
        now = time.monotonic()
        while self._acknowledged and now - self._acknowledged[0][0] > WINDOW + REMEMBERED_FOR:
            self._acknowledged.popleft()
        chosen = []
        for share, oldest, youngest in (
            (SENDS_AGAIN, REMEMBERED_FOR, 0.0),
            (SENDS_LATE, WINDOW + REMEMBERED_FOR, WINDOW + 10),
        ):
            if self._acknowledged and self._chance.random() < share * BATCH:
                at, item = self._chance.choice(self._acknowledged)
                if youngest <= now - at <= oldest:
                    chosen.append(replace(item, again=True))
        return chosen


def _result(item: Item, receipt: Receipt | None, failure: Failure | None) -> list[object]:
    name = str(item.write)
    if receipt is not None:
        identity = receipt.dedup_id[:IDENTITY]
        return [name, "stored", receipt.sequence_number, receipt.message_id, identity, item.again]
    state = "in doubt" if failure is None or failure.in_doubt else "not stored"
    return [name, state, failure.code if failure else "", "", "", item.again]


class Producer:
    """Sends the writes of all lanes in turn, at the plan's rate."""

    def __init__(self, plan: Plan, number: int, log: Log, over: threading.Event) -> None:
        """Make the senders."""
        self._plan = plan
        self._over = over
        endpoint = urlsplit(plan.lanes[0].direct_queue_url)
        self._client = make_client(f"{endpoint.scheme}://{endpoint.netloc}")
        self._senders = [(lane, Sender(plan, lane, number, log)) for lane in plan.lanes]
        self._looked = dict.fromkeys(plan.lanes, (0.0, False))

    def run(self) -> None:
        """Send until it is told to end."""
        pause = BATCH / self._plan.rate
        due = time.monotonic()
        while not self._over.is_set():
            for lane, sender in self._senders:
                if not self._is_full(lane):
                    sender.send_next()
                due = max(due + pause, time.monotonic() - 1.0)
                if self._over.wait(max(0.0, due - time.monotonic())):
                    break
        self._send_the_rest()

    def _send_the_rest(self) -> None:
        until = time.monotonic() + LAST_TRIES
        for _, sender in self._senders:
            while sender.backlog and time.monotonic() < until:
                sender.send(sender.backlog)

    def _is_full(self, lane: Lane) -> bool:
        looked, full = self._looked[lane]
        if time.monotonic() - looked > LOOKS_EVERY:
            full = depth(self._client, lane.direct_queue_url) > self._plan.most_waiting
            self._looked[lane] = (time.monotonic(), full)
        return full


def main(folder: Path, number: int) -> None:
    """Run one producer; SIGTERM ends it."""
    over = ending()
    plan = Plan.load(folder)
    with Log(folder, f"producer-{number}") as log:
        log.note("started")
        Producer(plan, number, log, over).run()
        log.note("ended")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
