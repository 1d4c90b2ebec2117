"""Clients: they enqueue, send again what failed, give up, and die in between."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from durable_ingest import Enqueuer
from durable_ingest.errors import EnqueueError
from tests.simulation.contracts import FATAL, TOO_LONG, TOO_LONG_YET, UNKNOWN, Item
from tests.simulation.faults import Process
from tests.simulation.history import Acknowledged, NotStored, Write
from tests.simulation.queueing import Client
from tests.simulation.scheduler import KilledError

if TYPE_CHECKING:
    from durable_ingest.contract import Contract
    from durable_ingest.receipt import Receipt
    from tests.simulation.world import World

_TRIES: Final = 3
_ODD: Final = (TOO_LONG, TOO_LONG_YET, TOO_LONG_YET, UNKNOWN, FATAL)


class Producer:
    """A client and the function that it calls; writes rows that nobody else writes."""

    def __init__(self, world: World, name: str, url: str) -> None:
        self._world = world
        self._name = name
        self._url = url
        self._process = Process(name)
        self._began: dict[int, float] = {}
        self._enqueuer = self._start(self._url)

    def run(self) -> None:
        """Make every call of the plan."""
        world, random = self._world, self._world.scheduler.random
        for _ in range(world.plan.calls):
            world.scheduler.sleep(random.choice((0.01, 0.5, 3.0, 10.0)))
            contract = random.choice(world.contracts)
            items = [self._item(contract) for _ in range(random.choice((1, 1, 2, 4)))]
            has_key = random.random() < 0.5
            keys = [f"key-{item.value}" if has_key else None for item in items]
            self._insist(contract, items, keys)
            if has_key and world.plan.other_queue and random.random() < 0.5:
                world.faults.note("sent through another queue")
                self._send_again(contract, items, keys, world.other_queue.url)
            elif has_key and world.faults.strikes("sends-again-late"):
                self._send_again(contract, items, keys, self._url)

    def _start(self, url: str) -> Enqueuer:
        world = self._world
        client = Client(world.service, world.scheduler, world.faults, self._process, 2.25)
        return Enqueuer(url, *world.contracts, client=client, clock=world.time)

    def _item(self, contract: Contract) -> Item:
        world, random = self._world, self._world.scheduler.random
        number = len(world.history.writes) + 1
        odd = random.random() < world.plan.odd_rows
        note = random.choice(_ODD) if odd else ""
        key = f"{self._name}-{random.choice('ab')}"
        tag = None
        if contract.name != "command" and random.random() < world.plan.tags:
            tag = f"{self._name}-{random.choice('xy')}"
        world.history.writes[number] = Write(
            number,
            contract.name,
            key,
            refused=note == TOO_LONG,
            odd=note != "",
            tagged=bool(tag),
        )
        return Item(id=key, owner=self._name, value=number, note=note, tag=tag)

    def _insist(self, contract: Contract, items: list[Item], keys: list[str | None]) -> None:
        """Enqueue; send again what failed, in its order."""
        world, random = self._world, self._world.scheduler.random
        for _ in range(_TRIES):
            items, keys = self._enqueue(contract, items, keys)
            if not items:
                return
            if world.faults.strikes("gives-up"):
                break
            world.scheduler.sleep(random.choice((0.1, 5.0, 400.0)))

    def _send_again(
        self, contract: Contract, items: list[Item], keys: list[str | None], url: str
    ) -> None:
        """Let the client repeat a call after SQS' five minutes, or through another queue."""
        world = self._world
        delay = 310.0 if url == self._url else world.scheduler.random.choice((0.1, 5.0, 310.0))

        def again() -> None:
            self._enqueue(contract, items, keys, self._start(url))
            world.producing -= 1

        world.producing += 1
        world.scheduler.spawn(f"{self._name}-again", again, delay)

    def _enqueue(
        self,
        contract: Contract,
        items: list[Item],
        keys: list[str | None],
        enqueuer: Enqueuer | None = None,
    ) -> tuple[list[Item], list[str | None]]:
        """Call once; give what is not stored for certain."""
        world = self._world
        now = world.scheduler.now
        new = {item.value for item in items} - self._began.keys()
        for item in items:
            self._began.setdefault(item.value, now)
        world.faults.tell(f"enqueues {', '.join(map(_described, items))} for {contract.name}")
        try:
            receipts: list[Receipt | None] = [
                *(enqueuer or self._enqueuer).enqueue_many(
                    items, to=contract, idempotency_keys=keys
                )
            ]
        except EnqueueError as error:
            receipts = error.receipts
            for failure in error.failures:
                keys[failure.index] = failure.idempotency_key
                write = items[failure.index].value
                if write in new and not failure.in_doubt:
                    world.history.not_stored.append(NotStored(world.scheduler.now, write))
        except KilledError:
            if world.scheduler.failure is not None:
                raise
            world.scheduler.current.killed = False
            self._enqueuer = self._start(self._url)
            if None in keys:  # what it would be sent again with died with it
                return [], []
            return items, keys
        for item, receipt in zip(items, receipts, strict=True):
            if receipt is not None:
                self._acknowledge(item.value, receipt)
        left = [n for n, receipt in enumerate(receipts) if receipt is None]
        return [items[n] for n in left], [keys[n] for n in left]

    def _acknowledge(self, write: int, receipt: Receipt) -> None:
        world = self._world
        world.faults.tell(f"has a receipt for {write}")
        world.history.acknowledged.append(
            Acknowledged(
                began=self._began[write],
                time=world.scheduler.now,
                write=write,
                message=receipt.message_id,
                sequence=int(receipt.sequence_number),
            )
        )


def _described(item: Item) -> str:
    return f"{item.value} of {item.id}" + (f" ({item.note})" if item.note else "")
