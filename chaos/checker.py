"""Outside both sides: is what was acknowledged what is stored, by the matrix of guarantees?

Order is SQS' own: the sequence numbers of a key's messages. With the queues empty, every message
known, acknowledged or delivered, has been settled. So, of the writes that the table can take:

- `sequence`: the row is that of the highest sequence number.
- `version`: the row is that of the highest version.
- `plain`: the row is that of the highest sequence number. An older one is accepted only where the
  matrix says "older may win" and the deliveries show that it could: one of it, without a newer
  one settled in the same batch, was not over when the last delivery that settled a newer one
  began. One that ended without settling it may have left a statement behind, which the server
  carries out up to `LATE` seconds later.

Of the writes that the table can never take, each message has one dead letter, and no other has.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from chaos.facts import Delivery, Facts, Message
from chaos.workload import Content, Write, content, refusal

LATE = 15.0
"""The longest that a statement whose client has gone is held by any fault, in seconds."""
KINDS = (
    "lost", "older", "doubled", "altered", "out of order", "wrongly dead-lettered",
    "unaccounted", "stuck",
)  # fmt: skip


@dataclass(frozen=True)
class DeadLetter:
    """A message of a dead-letter queue."""

    write_id: str
    message_id: str
    """Of the message that it is a copy of."""
    reason: str


@dataclass
class Stored:
    """What a run has left behind."""

    rows: dict[str, Content] = field(default_factory=dict)
    """By key, over all tables of all lanes."""
    sequences: dict[str, int] = field(default_factory=dict)
    """The guard of each row of a `sequence` table."""
    dead_letters: list[DeadLetter] = field(default_factory=list)
    waiting: int = 0
    """Messages in the queues."""


@dataclass(frozen=True)
class Violation:
    """A broken guarantee."""

    kind: str
    """One of `KINDS`."""
    key: str
    """Whose: "" if it is nobody's."""
    what: str


def check(seed: int, facts: Facts, stored: Stored) -> list[Violation]:
    """Compare the history of a run with what it has left behind."""
    return [
        *_check_queues(facts, stored),
        *_check_order(facts),
        *_check_dead_letters(seed, facts, stored),
        *_check_rows(seed, facts, stored),
    ]


def _check_queues(facts: Facts, stored: Stored) -> Iterable[Violation]:
    if stored.waiting:
        yield Violation("stuck", "", f"{stored.waiting} messages are still in the queues")
    delivered = {message_id for d in facts.deliveries for message_id in d.messages}
    for message_id in sorted(facts.acknowledged - delivered):
        write = facts.messages[message_id].write
        yield Violation("unaccounted", write.key, f"{write} was acknowledged and never delivered")


def _check_order(facts: Facts) -> Iterable[Violation]:
    for key, sequences in facts.stored_in_order.items():
        if _table(key) == "version":
            continue  # its messages may come in any order
        if any(earlier >= later for earlier, later in pairwise(sequences)):
            yield Violation("out of order", key, "its receipts' sequence numbers do not rise")


def _check_dead_letters(seed: int, facts: Facts, stored: Stored) -> Iterable[Violation]:
    letters = Counter(letter.message_id for letter in stored.dead_letters)
    for letter in stored.dead_letters:
        message = facts.messages.get(letter.message_id)
        write = Write.parse(letter.write_id)
        if message is None or message.write != write or not refusal(seed, write):
            what = f"{write} was dead-lettered: {letter.reason}"
            yield Violation("wrongly dead-lettered", write.key, what)
    for message_id, count in letters.items():
        if count > 1 and message_id in facts.messages:
            write = facts.messages[message_id].write
            yield Violation("doubled", write.key, f"{write} has {count} dead letters")
    for key, messages in _by_key(facts).items():
        for message in messages:
            missing = refusal(seed, message.write) and not letters[message.id]
            if missing and not _was_stale(message, messages):
                yield Violation("lost", key, f"{message.write} was refused without a dead letter")


def _was_stale(refused: Message, messages: Sequence[Message]) -> bool:
    """Say whether a newer version was in the queue before it: the guard settles it then."""
    return refused.write.table == "version" and any(
        m.write.n > refused.write.n and m.sequence < refused.sequence for m in messages
    )


def _check_rows(seed: int, facts: Facts, stored: Stored) -> Iterable[Violation]:
    by_key = _by_key(facts)
    deliveries = facts.deliveries_of()
    for key in sorted(by_key.keys() | stored.rows.keys()):
        good = [m for m in by_key.get(key, []) if not refusal(seed, m.write)]
        row = stored.rows.get(key)
        if row is None:
            if good:
                yield Violation("lost", key, f"{len(good)} messages are settled, and no row")
        elif not _is_sent(seed, key, row, good):
            yield Violation("altered", key, "the row is none that was in the queue")
        elif (what := _older(row, good, deliveries, stored.sequences.get(key))) is not None:
            yield Violation("older", key, what)


def _is_sent(seed: int, key: str, row: Content, good: Sequence[Message]) -> bool:
    write = Write(key, row.n)
    return any(m.write == write for m in good) and row == content(seed, write)


def _older(
    row: Content,
    good: Sequence[Message],
    deliveries: dict[str, list[Delivery]],
    sequence: int | None,
) -> str | None:
    """Say what is wrong with a row's age; None where nothing is."""
    table = good[0].write.table
    newest = max(good, key=lambda m: m.write.n if table == "version" else m.sequence)
    if row.n == newest.write.n and (table != "sequence" or sequence == newest.sequence):
        return None
    if table == "plain" and _could_be_last(row.n, good, deliveries):
        return None
    return f"the row is that of write {row.n}; the newest is {newest.write.n}"


def _could_be_last(
    n: int, messages: Sequence[Message], deliveries: dict[str, list[Delivery]]
) -> bool:
    return any(
        _could_come_last(delivery, message, messages, deliveries)
        for message in messages
        if message.write.n == n
        for delivery in deliveries[message.id]
    )


def _could_come_last(
    delivery: Delivery,
    message: Message,
    messages: Sequence[Message],
    deliveries: dict[str, list[Delivery]],
) -> bool:
    """Say whether a delivery may have written a message after every newer one was settled."""
    newer = [m for m in messages if m.sequence > message.sequence]
    if any(m.id in delivery.settled for m in newer):
        return False
    over = delivery.end + (0.0 if message.id in delivery.settled else LATE)
    return not any(
        m.id in other.settled and other.begin > over for m in newer for other in deliveries[m.id]
    )


def _by_key(facts: Facts) -> dict[str, list[Message]]:
    found: dict[str, list[Message]] = defaultdict(list)
    for message in facts.messages.values():
        found[message.write.key].append(message)
    return found


def _table(key: str) -> str:
    return Write(key, 0).table
