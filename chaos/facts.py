"""What the history says of each message: who acknowledged it, and when it was delivered where."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from chaos.history import Event
from chaos.workload import Write

IDENTITY = 16


@dataclass(frozen=True)
class Message:
    """One message of a queue."""

    id: str
    sequence: int
    """SQS' sequence number: the order of its group."""
    write: Write
    identity: str = ""
    """The beginning of its deduplication id, in hex: `IDENTITY` digits."""


@dataclass
class Delivery:
    """One invocation of a drainer."""

    who: str
    begin: float
    messages: list[str]
    """Message ids in the batch's order."""
    end: float = float("inf")
    """When it answered, or its process ended."""
    settled: set[str] = field(default_factory=set)
    """Messages that it said are settled."""
    answered: bool = False
    stopped: bool = False
    """Its process was stopped meanwhile."""
    overran: bool = False
    """It was killed as a function that takes too long, and not by a fault."""
    raised: str = ""
    """What the handler raised that it should not."""


@dataclass
class Facts:
    """A history, read."""

    messages: dict[str, Message] = field(default_factory=dict)
    """All that are known to have been in a queue, by id."""
    acknowledged: set[str] = field(default_factory=set)
    """Messages for which a producer has a receipt."""
    stored_in_order: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    """Sequence numbers of each key's receipts, in the order in which the writes were sent."""
    in_doubt: set[Write] = field(default_factory=set)
    """Writes whose last answer left open whether they are stored."""
    attempted: set[Write] = field(default_factory=set)
    deliveries: list[Delivery] = field(default_factory=list)

    def by_key(self) -> dict[str, list[Message]]:
        """Give each key's messages."""
        found: dict[str, list[Message]] = defaultdict(list)
        for message in self.messages.values():
            found[message.write.key].append(message)
        return found

    def deliveries_of(self) -> dict[str, list[Delivery]]:
        """Give each message's deliveries."""
        found: dict[str, list[Delivery]] = defaultdict(list)
        for delivery in self.deliveries:
            for message_id in delivery.messages:
                found[message_id].append(delivery)
        return found


def read_facts(events: Iterable[Event]) -> Facts:
    """Read a history, in order of time."""
    facts = Facts()
    running: dict[str, Delivery] = {}
    for event in events:
        match event["what"]:
            case "send":
                facts.attempted |= {Write.parse(name) for name, *_ in event["writes"]}
            case "sent":
                _sent(facts, event)
            case "given":
                running[event["who"]] = delivery = Delivery(event["who"], event["at"], [])
                _given(facts, delivery, event)
            case "answered" if event["who"] in running:
                delivery = running.pop(event["who"])
                delivery.end = event["at"]
                delivery.answered = True
                if event["held"] is None:
                    delivery.raised = event["why"]
                else:
                    delivery.settled = set(delivery.messages) - set(event["held"])
            case "SIGSTOP" if event["whom"] in running:
                running[event["whom"]].stopped = True
            case "timed out" | "ended":
                ended = running.pop(str(event.get("whom", event["who"])), None)
                if ended is not None:
                    ended.end = event["at"]
                    ended.overran = not event.get("doomed", True)
    return facts


def _sent(facts: Facts, event: Event) -> None:
    for name, state, sequence, message_id, identity, again in event["results"]:
        write = Write.parse(name)
        if state == "stored":
            message = Message(message_id, int(sequence), write, identity)
            facts.messages.setdefault(message_id, message)
            facts.acknowledged.add(message_id)
            facts.in_doubt.discard(write)
            if not again:
                facts.stored_in_order[write.key].append(int(sequence))
        elif state == "in doubt":
            facts.in_doubt.add(write)


def _given(facts: Facts, delivery: Delivery, event: Event) -> None:
    for message_id, sequence, _, name, identity in event["messages"]:
        delivery.messages.append(message_id)
        message = Message(message_id, int(sequence), Write.parse(name), identity)
        facts.messages.setdefault(message_id, message)
    facts.deliveries.append(delivery)
