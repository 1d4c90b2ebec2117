"""What the library asks of SQS is what the security page says that its roles may do."""

import json
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from durable_ingest import Enqueuer, MySQL
from durable_ingest.reading import Reading, dead_letters_of
from durable_ingest.redrive import Redrive
from durable_ingest.sqs_letters import SqsLetterQueue
from durable_ingest.testing.waiting import free_port
from tests.contract import drainer_kit as kit
from tests.contract.accounts import PAGE
from tests.contract.drainer_kit import TOO_LONG, Desk, Item, World, handled, item

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

    from durable_ingest.report import PollReport

pytestmark = [pytest.mark.database, pytest.mark.queue]
desk = kit.desk_fixture
world = kit.world_fixture


THE_MAPPINGS_OWN = {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"}
"""What Lambda asks with the function's role (its managed policy AWSLambdaSQSQueueExecutionRole)."""


@dataclass
class Calls:
    """Every operation that a client was asked for, as an action on a queue."""

    client: "SQSClient"
    made: set[tuple[str, str]] = field(default_factory=set)

    def note(self, params: dict[str, Any], model: Any, **_: object) -> None:  # noqa: ANN401 - botocore's
        """Note one call before it is made; SQS checks a batch under the single one's name."""
        queue = str(params["QueueUrl"]).rpartition("/")[2]
        self.made.add((f"sqs:{model.name.removesuffix('Batch')}", queue))


@pytest.fixture
def calls(desk: Desk, world: World) -> Iterator[Calls]:
    """Give a client of its own to what is watched."""
    del world
    with closing(desk.queue_service.client()) as client:
        calls = Calls(client)
        client.meta.events.register("provide-client-params.sqs", calls.note)
        yield calls


def documented(whose: str, queues: dict[str, str]) -> set[tuple[str, str]]:
    """Read a policy of the page, by the words before it, with a test's queues for its own."""
    policy = rf"^{whose}.*?^```json\n(.*?)^```$"
    found = re.search(policy, PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert found is not None, whose
    allowed: set[tuple[str, str]] = set()
    for statement in json.loads(found[1])["Statement"]:
        actions = statement["Action"]
        queue = queues[statement["Resource"].rpartition(":")[2]]
        allowed |= {(a, queue) for a in ([actions] if isinstance(actions, str) else actions)}
    return allowed


def names(world: World) -> dict[str, str]:
    """Name the test's queues by those of the page."""
    dead = world.queue.dead_letter_url or ""
    return {
        "writes.fifo": world.queue.url.rpartition("/")[2],
        "dead.fifo": dead.rpartition("/")[2],
    }


def test_a_producer_sends_and_nothing_else(world: World, calls: Calls) -> None:
    """One record and many."""
    table = kit.contract("plain")
    enqueuer = Enqueuer(world.queue.url, table, client=calls.client)
    enqueuer.enqueue(Item(item_id=1, note="n", revision=1))
    enqueuer.enqueue_many([Item(item_id=n, note="n", revision=1) for n in range(25)])
    assert calls.made == documented("The producer's", names(world))


@pytest.mark.parametrize("acknowledge", kit.MODES)
def test_a_drainer_asks_for_no_more_than_its_role(
    world: World, calls: Calls, acknowledge: str
) -> None:
    """Stored, held, hidden, deleted and dead-lettered messages; a row, an outage, a wrong body."""
    table = world.table()
    down = MySQL(f"mysql://u:p@127.0.0.1:{free_port()}/db")
    batches: list[list[Mapping[str, object] | str]] = [
        [item(1, "good")],
        [item(1, "good"), item(2, TOO_LONG), "no JSON", {"unknown": 1}],
        [item(3, "good"), {"unknown": 1}],
    ]
    for mysql in (None, down):
        drainer = world.drainer(table, client=calls.client, acknowledge=acknowledge, mysql=mysql)
        for bodies in batches:
            records = [world.record(body, group=f"{n}") for n, body in enumerate(bodies)]
            handled(drainer, {"Records": records}, seconds=20)
    allowed = documented("The drainer's", names(world))
    assert calls.made <= allowed
    unused = {action for action, _ in allowed - calls.made}
    assert unused <= THE_MAPPINGS_OWN
    assert ("sqs:DeleteMessage" in unused) == (acknowledge == "report")


def test_a_poller_asks_for_no_more_than_its_role(world: World, calls: Calls) -> None:
    """Received, stored, held, hidden, deleted and dead-lettered; extended, and given back."""
    table = world.table()
    bodies: list[Mapping[str, object] | str] = [
        item(1, "good"),
        item(2, TOO_LONG),
        "no JSON",
        {"unknown": 1},
    ]
    for n, body in enumerate(bodies):
        world.send(body, group=f"{n}")
    stop = threading.Event()

    def progress(so_far: "PollReport") -> None:
        if (so_far.settled, so_far.dead_lettered) == (1, 2) and so_far.held:
            stop.set()

    report = world.drainer(table, client=calls.client).poll(
        world.queue.url, until_empty=True, stop=stop, on_progress=progress
    )
    assert (report.settled, report.dead_lettered, report.left) == (1, 2, 1)
    assert calls.made == documented("The drainer's", names(world))


def test_an_operator_asks_for_no_more_than_the_role(world: World, calls: Calls) -> None:
    """Letters that go back, one that stays and is given back, and one that is deleted."""
    table = world.table("version")
    drainer = world.drainer(table)
    for place, note in enumerate([TOO_LONG, TOO_LONG, TOO_LONG]):
        world.send(item(place, note), f"g{place}")
        world.step(drainer)
    dead = SqsLetterQueue(calls.client, world.queue.dead_letter_url or "", 3.0)
    queue = SqsLetterQueue(calls.client, world.queue.url, 3.0)
    facts = dead_letters_of(dead, queue, None)
    with Reading(dead, facts, drainer.contracts) as reading:
        redrive = Redrive(reading, queue, limit=1)
        redrive.run()
    with Reading(dead, facts, drainer.contracts) as reading:
        [letter, *_] = next(iter(reading))
        reading.mailbox.delete([letter])
    assert calls.made == documented("An operator's", names(world))
