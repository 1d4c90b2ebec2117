"""Drainers at work: functions behind an event source mapping, and containers that poll."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from durable_ingest import Drainer
from durable_ingest.mysql.inbox import Inbox
from durable_ingest.mysql.store import MySQLStore
from durable_ingest.mysql.target import MySQL
from durable_ingest.testing.event_source import settled_ids
from durable_ingest.testing.events import LambdaContext, record_from_message, sqs_event
from tests.simulation.connection import Connection
from tests.simulation.faults import Process
from tests.simulation.queueing import Client, Queues
from tests.simulation.scheduler import KilledError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from durable_ingest.clock import Clock
    from durable_ingest.contract import Contract
    from durable_ingest.deadline import Deadline
    from durable_ingest.ports import RememberingTable, RetryPolicy
    from tests.simulation.history import Invocation
    from tests.simulation.world import World

RESERVE = 1.0
_NOBODY = MySQL("mysql://nobody@127.0.0.1/model")


class ModelMySQL:
    """Implements `ports.Database` with the shipped store on model connections."""

    def __init__(self, world: World, process: Process) -> None:
        self._world = world
        self._process = process

    def open(
        self,
        contracts: Sequence[Contract],
        clock: Clock,
        retry: RetryPolicy,
        inbox: RememberingTable | None = None,
    ) -> MySQLStore:
        """Make a store."""
        return MySQLStore(_NOBODY, contracts, clock, retry, inbox=inbox, connect=self._connect)  # type: ignore[arg-type] # a model

    def _connect(self, target: MySQL, *, autocommit: bool, deadline: Deadline) -> Connection:
        del target
        world = self._world
        return Connection(
            world.server,
            world.scheduler,
            world.faults,
            self._process,
            autocommit=autocommit,
            deadline=deadline,
            dialect="row alias" if world.plan.row_alias else "VALUES()",
        )


class Worker:
    """Receives from a queue and has a drainer handle what came; starts it anew when it dies."""

    def __init__(self, world: World, name: str, url: str, arn: str) -> None:
        self._world = world
        self._name = name
        self._url = url
        self._arn = arn
        self._start()

    def run(self) -> None:
        """Work until the queue stays empty."""
        while not self._world.is_over():
            try:
                self._step()
            except KilledError:
                if self._world.scheduler.failure is not None:
                    raise
                self._die()

    def _step(self) -> None:
        world = self._world
        invocation = world.next_invocation(self._name)
        try:
            messages = self._polling.receive(self._url, invocation.number)
        except (BotoCoreError, ClientError):
            messages = []
        if messages:
            self._invoke(invocation, messages)
        else:
            world.idle()

    def _invoke(self, invocation: Invocation, messages: list[dict[str, Any]]) -> None:
        world, scheduler = self._world, self._world.scheduler
        timeout = world.plan.function_timeout
        event = sqs_event(*(record_from_message(m, self._arn) for m in messages))
        invocation.began, invocation.due = scheduler.now, scheduler.now + timeout - RESERVE
        world.history.invocations[invocation.number] = invocation
        world.faults.tell(f"handles {world.named(messages)}")
        self._process.invocation = invocation
        end = self._time_out_after(timeout)
        try:
            answer = self._drainer.handle(event, LambdaContext(timeout, lambda: scheduler.now))
        except Exception as error:  # noqa: BLE001 - Lambda reports whatever a handler raises
            world.faults.tell(f"fails: {type(error).__name__}: {error}")
            settled: Sequence[str] = ()
        else:
            ids = [message["MessageId"] for message in messages]
            settled = settled_ids(answer, ids, reports=world.plan.acknowledge == "report")
        finally:
            if end is not None:
                end.called_off = True
        invocation.ended = scheduler.now
        handles = [m["ReceiptHandle"] for m in messages if m["MessageId"] in set(settled)]
        if handles:
            self._delete(handles)

    def _delete(self, handles: list[str]) -> None:
        entries = [{"Id": str(n), "ReceiptHandle": handle} for n, handle in enumerate(handles)]
        try:
            self._deleting.delete_message_batch(QueueUrl=self._url, Entries=entries)
        except (BotoCoreError, ClientError):
            self._world.faults.tell("could not delete its batch")

    def _start(self) -> None:
        world = self._world
        self._process = Process(self._name)
        client = Client(world.service, world.scheduler, world.faults, self._process)
        self._polling = Client(world.service, world.scheduler, world.faults, None)
        self._deleting = client if world.plan.container else self._polling  # nobody stops a mapping
        self._drainer = Drainer(
            ModelMySQL(world, self._process),
            *world.contracts,
            dead_letter_queue_url=world.dead_letter_queue_url,
            inbox=Inbox() if world.plan.inbox else None,
            acknowledge=world.plan.acknowledge,
            clock=world.time,
        )
        self._drainer._handling.queues = Queues(client, world.dead_letter_queue_url)  # type: ignore[assignment] # without threads

    def _time_out_after(self, seconds: float) -> Any:  # noqa: ANN401 - an Event or None
        """Kill a function that runs too long; containers may."""
        scheduler, faults = self._world.scheduler, self._world.faults
        if self._world.plan.container:
            return None
        actor = scheduler.current

        def end() -> None:
            faults.note("function time-out")
            self._process.dead = True
            scheduler.kill(actor)

        return scheduler.after(seconds, end)

    def _die(self) -> None:
        """Leave connections behind, which the server learns of or not, and start anew."""
        world = self._world
        world.scheduler.current.killed = False
        world.faults.tell("is dead; another takes its place")
        for connection in list(self._process.connections):
            if world.scheduler.random.random() < 0.7:
                connection.vanish()
        self._start()
