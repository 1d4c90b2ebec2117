"""A whole schedule: producers, the queue, drainers and the server, under a seed's faults."""

from __future__ import annotations

import itertools
import json
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from durable_ingest.mysql import cutoff
from durable_ingest.testing.memory_queue import MemoryQueueService
from tests.simulation.connection import Cutoff
from tests.simulation.contracts import contract, inbox_model, table_model
from tests.simulation.database import Server
from tests.simulation.drainers import Worker
from tests.simulation.faults import Faults
from tests.simulation.history import History, Invocation
from tests.simulation.producers import Producer
from tests.simulation.queueing import Service
from tests.simulation.scheduler import EPOCH, Scheduler, VirtualTime

if TYPE_CHECKING:
    from collections import Counter

    from tests.simulation.plan import Outage, Plan


@dataclass(frozen=True)
class Outcome:
    """A schedule that has been run."""

    history: History
    seen: Counter[str]
    """Which faults struck, and how often."""
    trace: list[tuple[float, str, str]]
    """Moment, actor and what it did."""
    stuck: str | None
    """Why it did not come to its end; None if it did."""


class World:
    """What the actors of a schedule share."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.scheduler = Scheduler(plan.seed, 200_000 + int(plan.heals_at * 2))
        self.time = VirtualTime(self.scheduler)
        self.faults = Faults(plan, self.scheduler)
        self.contracts = [contract(kind, shared_group=plan.shared_group) for kind in plan.kinds]
        self.history = History(
            kinds={kind: kind for kind in plan.kinds}, inbox=plan.inbox, retention=plan.retention
        )
        self.history.order_free = frozenset(c.name for c in self.contracts if c.order_free)
        tables = [table_model(kind, lambda: self.faults.healed) for kind in plan.kinds]
        self.server = Server(self.scheduler, [*tables, inbox_model()], self.history)
        self._queues = MemoryQueueService(self.time.now)
        self.queue = self._queues.create_queue(
            "main", visibility_timeout=plan.visibility, retention=plan.retention
        )
        self.other_queue = self._queues.create_queue("other", visibility_timeout=plan.visibility)
        self.dead_letter_queue_url = str(self.queue.dead_letter_url)
        self.service = Service(
            self._queues.client(),
            self.history,
            self.scheduler,
            {self.queue.url: "main", self.other_queue.url: "other"},
            self.dead_letter_queue_url,
        )
        self.producing = plan.producers
        self._invocations = itertools.count(1)

    def run(self) -> Outcome:
        """Run to the end."""
        for outage in self.plan.outages:
            self.scheduler.at(outage.begins, lambda o=outage: self._begin(o))  # type: ignore[misc]
            self.scheduler.at(outage.begins + outage.lasts, lambda o=outage: self._end(o))  # type: ignore[misc]
        for n in range(self.plan.producers):
            self.scheduler.spawn(f"producer-{n}", lambda n=n: self._produce(f"p{n}"))  # type: ignore[misc]
        for n in range(self.plan.drainers):
            worker = Worker(self, f"drainer-{n}", self.queue.url, self.queue.arn)
            self.scheduler.spawn(f"drainer-{n}", worker.run)
        self.scheduler.at(self.plan.heals_at, lambda: self.faults.tell("all is mended"))
        if self.plan.other_queue:
            other = Worker(self, "drainer-other", self.other_queue.url, self.other_queue.arn)
            self.scheduler.spawn("drainer-other", other.run)
        if self.plan.redrives:
            self.producing += 1
            self.scheduler.spawn("operator", self._redrive, self.plan.heals_at + 30.0)
        stuck = None
        try:
            with patch.object(cutoff, "Cutoff", Cutoff):
                self.scheduler.run()
        except TimeoutError as error:
            stuck = str(error)
        self.history.inbox_ids = self.server.inbox_ids()
        self.history.left = [
            message.message_id
            for queue in (self.queue, self.other_queue)
            for message in self._queues.stored(queue.url)
        ]
        return Outcome(self.history, self.faults.seen, self.faults.trace, stuck)

    def is_over(self) -> bool:
        """Whether all is sent and nothing is left to drain."""
        if not self.faults.healed or self.producing:
            return False
        return not any(self._queues.depth(q.url) for q in (self.queue, self.other_queue))

    def idle(self) -> None:
        """Wait until there may be something to receive."""
        seconds = self.scheduler.random.uniform(0.05, 2.0)
        moment = self._queues.next_visible_at()
        if self.producing == 0:
            mended = EPOCH + self.plan.heals_at
            seconds += max((mended if moment is None else moment) - self.time.now(), 0.0)
        self.scheduler.sleep(seconds)

    def next_invocation(self, process: str) -> Invocation:
        """Number the next invocation."""
        return Invocation(next(self._invocations), process, 0.0, 0.0)

    def named(self, messages: list[dict[str, Any]]) -> str:
        """Name messages by their writes."""
        return ", ".join(
            f"{json.loads(m['Body'])['value']}#{m['Attributes']['ApproximateReceiveCount']}"
            for m in messages
        )

    def _produce(self, name: str) -> None:
        Producer(self, name, self.queue.url).run()
        self.producing -= 1

    def _redrive(self) -> None:
        """Send the dead letters back, but for those of plain tables, whose older ones would win."""
        url = self.dead_letter_queue_url
        while messages := self.service.dead_letters():
            for message in messages:
                name = message["MessageAttributes"]["ingest.name"]["StringValue"]
                if self.plan.inbox or self.history.kinds[name] != "plain":
                    self.service.send_message_batch(
                        QueueUrl=self.queue.url, Entries=[_sent_back(message)]
                    )
                    self.faults.note("redriven")
                self._queues.client().delete_message(
                    QueueUrl=url, ReceiptHandle=message["ReceiptHandle"]
                )
            self.scheduler.sleep(self.faults.latency())
        self.producing -= 1

    def _begin(self, outage: Outage) -> None:
        self.faults.note(outage.what)
        match outage.what:
            case "stopped":
                self.server.stop()
            case "read-only":
                self.server.read_only = True
            case "table-missing":
                self.server.missing.add(self.plan.kinds[0])
            case "queue-away":
                self.faults.queue_away = True

    def _end(self, outage: Outage) -> None:
        self.faults.tell(f"no longer {outage.what}")
        match outage.what:
            case "stopped":
                self.server.start()
            case "read-only":
                self.server.read_only = False
            case "table-missing":
                self.server.missing.clear()
            case "queue-away":
                self.faults.queue_away = False


def _sent_back(message: dict[str, Any]) -> dict[str, Any]:
    """Make of a dead letter what is sent again."""
    attributes = {n: v for n, v in message["MessageAttributes"].items() if n != "ingest.dead"}
    return {
        "Id": "0",
        "MessageBody": message["Body"],
        "MessageGroupId": message["Attributes"]["MessageGroupId"],
        "MessageDeduplicationId": f"redriven-{message['MessageId']}",
        "MessageAttributes": attributes,
    }


def run(plan: Plan) -> Outcome:
    """Run a schedule, without its log."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        return World(plan).run()
    finally:
        logging.disable(before)
