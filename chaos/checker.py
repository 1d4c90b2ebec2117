"""Outside both sides: is what was acknowledged what is stored, by the matrix of guarantees?

The queues are empty, so every message that is known, acknowledged or delivered, is settled:

- none is left in a queue, and each acknowledged one was delivered;
- the receipts of a key rise in the order in which its writes were sent;
- each write that its table can never take has one dead letter, and no other write has any;
- the rows, and each change on the way to them, are what `rows` says;
- effects behind an inbox are what `once` says;
- each invocation has answered within the function's time, if its process was not stopped, and has
  raised nothing but what it may.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise

from chaos.facts import Facts, Message
from chaos.once import check_effects
from chaos.rows import check_rows
from chaos.verdict import Stored, Violation
from chaos.workload import Write, refusal


def check(seed: int, facts: Facts, stored: Stored, *, function_timeout: float) -> list[Violation]:
    """Compare the history of a run with what it has left behind."""
    return [
        *_check_queues(facts, stored),
        *_check_order(facts),
        *_check_dead_letters(seed, facts, stored),
        *check_rows(seed, facts, stored),
        *check_effects(seed, facts, stored),
        *_check_invocations(facts, function_timeout),
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
        if Write(key, 0).table == "version":
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
    for key, messages in facts.by_key().items():
        for message in messages:
            missing = refusal(seed, message.write) and not letters[message.id]
            if missing and not was_stale(message, messages):
                yield Violation("lost", key, f"{message.write} was refused without a dead letter")


def _check_invocations(facts: Facts, function_timeout: float) -> Iterable[Violation]:
    for delivery in facts.deliveries:
        took = delivery.end - delivery.begin
        late = delivery.overran or (delivery.answered and took > function_timeout)
        if delivery.raised:
            yield Violation("raised", "", f"{delivery.who}: {delivery.raised}")
        if late and not delivery.stopped:
            yield Violation("late", "", f"{delivery.who} took {took:.1f} s for an invocation")


def was_stale(message: Message, of_key: Sequence[Message]) -> bool:
    """Say whether a newer version was in the queue before it: the guard may have settled it."""
    return message.write.table == "version" and any(
        m.write.n > message.write.n and m.sequence < message.sequence for m in of_key
    )
