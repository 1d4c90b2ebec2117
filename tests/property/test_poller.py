"""Drainer.poll in schedules that a seed decides: nothing is lost, every group keeps its order."""

from __future__ import annotations

import json
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from durable_ingest.errors import BatchHeldError
from durable_ingest.testing import LambdaContext, sqs_event
from durable_ingest.testing.events import record_from_message
from durable_ingest.testing.queue_faults import lost_answer, server_fault, throttled, unreachable
from tests.poll_kit import AWAY, LOCKED, REJECTED, Shore, Shuffled, Stop, in_order, number_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from durable_ingest import Drainer
    from durable_ingest.rows import Refusal, Row

HEALED = 1500.0
FAULTY = (
    "ReceiveMessage",
    "DeleteMessageBatch",
    "ChangeMessageVisibilityBatch",
    "SendMessageBatch",
    "GetQueueAttributes",
)


class Schedule:
    """What a seed makes of a run."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)  # noqa: S311 - repeats on purpose
        self.shore = Shore(visibility_timeout=60)
        self.shore.workers = lambda _count: Shuffled(self.random, self.pause)
        self.sent: dict[str, list[int]] = {}
        self.odd: set[int] = set()
        self.within_write = False
        groups = self.random.choice((1, 5, 40))
        for _ in range(self.random.choice((30, 120, 300))):
            self.send(f"g{self.random.randrange(groups)}")
        self.pauses = self.random.choice((0.0, 0.02, 0.1))
        self.likely = self.random.choice((0.0, 0.05, 0.2))
        self.outages = [
            (begin := self.random.uniform(0, 800), begin + self.random.choice((3, 40, 300, 700)))
            for _ in range(self.random.randrange(3))
        ]
        store = self.shore.store
        store.refuse = self.refuse
        store.before = self.before
        store.seconds = lambda rows: self.random.choice((0.01, 0.01, 0.5, 8.0)) + 0.001 * len(rows)
        reach = store.reach

        def reached(deadline: Any) -> Refusal | None:  # noqa: ANN401
            self.shore.server.away = self.away()
            return reach(deadline)

        store.reach = reached  # type: ignore[method-assign]
        write = store.write

        def watched(rows: Sequence[Row], deadline: Any) -> dict[int, Refusal | None]:  # noqa: ANN401
            results = write(rows, deadline)
            self.check([row for row in rows if results.get(row.index, AWAY) is None])
            return results

        store.write = watched  # type: ignore[method-assign]
        self.others = [self.shore.drainer_of(store) for _ in range(2)]
        for effect in ("none", "done", "late"):
            for error in (lost_answer, server_fault, unreachable, throttled):
                if (error in (unreachable, throttled)) == (effect == "none"):
                    self.shore.service.faults.fail_calls(error, self.strikes, effect=effect)
        for done in (False, True):
            self.shore.service.faults.fail_entries(self.strikes, done=done)

    def check(self, stored: Sequence[Row]) -> None:
        """See that nothing is written after the queue has let go of a newer one of its group."""
        messages = self.shore.service.stored(self.shore.pair.url)
        here = {int(json.loads(message.body)["email"]) for message in messages}
        for row in stored:
            number = number_of(row)
            newer = [n for n in self.sent[row.group] if n > number and n not in here]
            assert not newer, f"{number} is written after {newer} were deleted"

    def send(self, group: str) -> None:
        """Send a message; one in thirty can never be stored."""
        numbers = self.shore.send(group)
        self.sent.setdefault(group, []).extend(numbers)
        if self.random.random() < 1 / 30:
            self.odd.update(numbers)

    @property
    def healed(self) -> bool:
        """Whether the time of faults is over."""
        return self.shore.clock.elapsed > HEALED

    def strikes(self, operation: str, _: Mapping[str, Any]) -> bool:
        """Say whether a fault strikes."""
        return not self.healed and operation in FAULTY and self.random.random() < self.likely / 10

    def away(self) -> Refusal | None:
        """Say whether the database is."""
        now = self.shore.clock.elapsed
        is_away = any(begin <= now < end for begin, end in self.outages)
        return AWAY if is_away and not self.healed else None

    def refuse(self, row: Row) -> Refusal | None:
        """Refuse what can never be stored, and now and then what met a lock."""
        if number_of(row) in self.odd:
            return REJECTED
        return LOCKED if not self.healed and self.random.random() < self.likely / 10 else None

    def before(self, _rows: Sequence[Row]) -> None:
        """Let others be at work while a batch is about to be written."""
        self.shore.server.away = self.away()
        if self.within_write or self.healed:
            return
        self.within_write = True
        try:
            chance = self.random.random()
            if chance < 0.1:
                self.handle(self.others[0])
            elif chance < 0.15:
                self.poll(self.others[1], self.random.uniform(0, 30))
            elif chance < 0.2:
                self.shore.service.carry_out_late()
            elif chance < 0.22:
                self.shore.let_pass(self.random.choice((10, 100, 400)))
            elif chance < 0.4:
                self.send(self.random.choice(list(self.sent)))
        finally:
            self.within_write = False

    def pause(self) -> None:
        """Stop the process for a while, now and then; others go on."""
        if self.healed or self.random.random() > self.pauses:
            return
        self.shore.let_pass(self.random.choice((20, 60, 120, 160, 300)))
        if not self.within_write:
            self.within_write = True
            for _ in range(self.random.choice((0, 1, 3))):
                self.handle(self.others[0])
            self.within_write = False

    def handle(self, drainer: Drainer) -> None:
        """Let a function handle a batch."""
        shore = self.shore
        try:
            found = shore.client.receive_message(
                QueueUrl=shore.pair.url,
                MaxNumberOfMessages=10,
                AttributeNames=["All"],
                MessageAttributeNames=["All"],
            ).get("Messages", [])
            if not found:
                return
            event = sqs_event(*(record_from_message(m, shore.pair.arn) for m in found))
            drainer.handle(event, LambdaContext(9.0, shore.clock.monotonic))
            for gone in found:  # its mapping would delete them at once, and some perhaps not
                handle = gone["ReceiptHandle"]
                shore.client.delete_message(QueueUrl=shore.pair.url, ReceiptHandle=handle)
        except BatchHeldError:
            return
        except Exception as error:
            if type(error).__module__.startswith("botocore"):
                return
            raise

    def poll(self, drainer: Drainer, seconds: float) -> None:
        """Let a poller work for a while."""
        end = self.shore.clock.elapsed + seconds
        receivers = self.random.choice((1, 2, 5))
        stop = Stop(lambda: self.shore.clock.elapsed >= end)
        report = drainer.poll(self.shore.pair.url, stop=stop, receivers=receivers)
        assert report.received == (
            report.settled + report.dead_lettered + report.held + report.dropped + report.given_back
        )

    def run(self) -> None:
        """Poll in turns, each of which ends at some moment, until all is well and done."""
        shore = self.shore
        while not self.healed:
            if self.random.random() < 0.2:
                shore.restart()
            self.poll(shore.drainer, self.random.choice((0.0, 3.0, 60.0, 500.0)))
        shore.service.carry_out_late()
        end = shore.clock.elapsed + 40_000
        stop = Stop(lambda: shore.depth == 0 or shore.clock.elapsed > end)
        shore.drainer.poll(shore.pair.url, stop=stop)


@pytest.mark.parametrize("chunk", range(6))
def test_schedules(chunk: int) -> None:
    """Faults of SQS and the database, slow writes, pauses, others on the same queue, and ends."""
    for seed in range(chunk * 40, chunk * 40 + 40):
        check(seed)


def check(seed: int) -> None:
    """Run one schedule."""
    schedule = Schedule(seed)
    schedule.run()
    shore = schedule.shore
    say = partial("seed {}: {}".format, seed)
    assert shore.depth == 0, say("messages are left")
    sent = {number for numbers in schedule.sent.values() for number in numbers}
    stored = set(shore.server.written())
    dead = set(shore.dead)
    assert stored | dead == sent, say("messages are lost")
    assert dead == schedule.odd & sent, say("wrong dead letters")
    in_order(
        shore.server,
        {g: [n for n in numbers if n not in dead] for g, numbers in schedule.sent.items()},
    )
