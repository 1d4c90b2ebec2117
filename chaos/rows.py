"""Rows and their changes, by the matrix of guarantees.

A row's place is that of its message: SQS' sequence number, or the version where its table has one.

- `sequence` and `version`: no change of a row goes back; the row is that of the newest message.
- `plain`: a change may go back, and the row may stay there, only where the matrix says "older may
  win" and the deliveries show that it could: see `_may_follow` and `_may_be_last`.
- A batch whose COMMIT's answer was lost is written again from its beginning: within one delivery
  a change may go back if the newer write follows again.
- Every message's write is among the changes of its row. Of a `version` table, one that came into
  the queue behind a newer version may be missing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from chaos.facts import Delivery, Facts, Message
from chaos.verdict import Step, Stored, Violation
from chaos.workload import TABLES_WITH_INBOX, Content, Write, content, refusal

LATE = 15.0
"""The longest that a fault holds a statement whose client has gone, in seconds."""


def check_rows(seed: int, facts: Facts, stored: Stored) -> Iterable[Violation]:
    """Compare rows and journal with the messages."""
    by_key = facts.by_key()
    deliveries = facts.deliveries_of()
    for key in sorted(by_key.keys() | stored.rows.keys() | stored.journal.keys()):
        if Write(key, 0).table in TABLES_WITH_INBOX:
            continue
        good = [m for m in by_key.get(key, []) if not refusal(seed, m.write)]
        history = _Key(key, good, stored.journal.get(key, []), deliveries)
        for kind, what in history.check(seed, stored.rows.get(key)):
            yield Violation(kind, key, what)


def older_plain_rows(seed: int, facts: Facts, stored: Stored) -> int:
    """Count the rows without a guard that are not those of their keys' newest messages."""
    older = 0
    for key, messages in facts.by_key().items():
        row = stored.rows.get(key)
        if Write(key, 0).table == "plain" and row is not None:
            good = [m for m in messages if not refusal(seed, m.write)]
            newest = max(good, key=lambda m: m.sequence)
            older += newest.write.n != row.n
    return older


@dataclass(frozen=True)
class _Key:
    """One key's messages, the refused ones aside, and what became of them."""

    key: str
    messages: Sequence[Message]
    steps: Sequence[Step]
    deliveries: dict[str, list[Delivery]]

    def check(self, seed: int, row: Content | None) -> Iterable[tuple[str, str]]:
        if row is None:
            if self.messages:
                yield "lost", f"{len(self.messages)} messages are settled, and there is no row"
            return
        if not self.steps or row.n != self.steps[-1].n:
            yield "altered", "the row is not the last one that its journal has"
        if row != content(seed, Write(self.key, row.n)) or not self._are_of(self.steps[-1:]):
            yield "altered", "the row is none that was in the queue"
            return
        yield from self._check_coverage()
        yield from self._check_steps()
        yield from self._check_last(row)

    def _are_of(self, steps: Sequence[Step]) -> bool:
        return all(self._messages_of(step) for step in steps)

    def _messages_of(self, step: Step) -> list[Message]:
        """Give the messages that a change may come from: several where a write was sent late."""
        return [
            m for m in self.messages if m.write.n == step.n and step.sequence in {None, m.sequence}
        ]

    def _place(self, message: Message) -> int:
        return message.write.n if message.write.table == "version" else message.sequence

    def _check_coverage(self) -> Iterable[tuple[str, str]]:
        changed = {m.id for step in self.steps for m in self._messages_of(step)}
        for message in self.messages:
            if message.id not in changed and not self._came_behind_a_newer_version(message):
                yield "lost", f"{message.write} (sequence {message.sequence}) was never written"

    def _came_behind_a_newer_version(self, message: Message) -> bool:
        return message.write.table == "version" and any(
            m.write.n > message.write.n and m.sequence < message.sequence for m in self.messages
        )

    def _check_steps(self) -> Iterable[tuple[str, str]]:
        """Follow the changes; of a write that was sent twice, either message may be the one."""
        before: list[Message] = []
        for number, step in enumerate(self.steps):
            possible = self._messages_of(step)
            if not possible:
                yield "altered", f"change {number} wrote {step.n}, which was not in the queue"
                continue
            later = self.steps[number:]
            now = [
                m
                for m in possible
                if not before or any(self._may_follow(b, m, later) for b in before)
            ]
            if not now:
                yield "older", f"change {number} went back from {before[0].write} to {step.n}"
            before = now or possible

    def _may_follow(self, before: Message, after: Message, later: Sequence[Step]) -> bool:
        """Say whether one message's write may come right after another's.

        In order, always. In a plain table the older one may, where some delivery of it was not
        over when some delivery of the newer one began: another one, or the same, and the newer
        follows again.
        """
        if self._place(before) <= self._place(after):
            return True
        if after.write.table != "plain":
            return False
        comes_again = any(before in self._messages_of(step) for step in later)
        return any(
            _over(older, after) >= newer.begin and (older is not newer or comes_again)
            for older in self.deliveries[after.id]
            for newer in self.deliveries[before.id]
        )

    def _check_last(self, row: Content) -> Iterable[tuple[str, str]]:
        newest = max(self.messages, key=self._place)
        last = self._messages_of(self.steps[-1])
        if newest in last or (newest.write.table == "version" and row.n == newest.write.n):
            return
        if newest.write.table == "plain" and any(map(self._may_be_last, last)):
            return
        yield "older", f"the row is that of write {row.n}; the newest is {newest.write.n}"

    def _may_be_last(self, message: Message) -> bool:
        """Say whether a message's write may come after every newer one's.

        Some delivery of it, in whose batch no newer one was settled, was not over when the last
        delivery that settled a newer one began.
        """
        newer = {m.id for m in self.messages if m.sequence > message.sequence}
        settlers = [d for m in newer for d in self.deliveries[m] if m in d.settled]
        return any(
            not newer & delivery.settled
            and not any(other.begin > _over(delivery, message) for other in settlers)
            for delivery in self.deliveries[message.id]
        )


def _over(delivery: Delivery, message: Message) -> float:
    """Say when a delivery can write no more.

    One that ended without settling a message may have left a statement behind, which the server
    carries out later.
    """
    return delivery.end + (0.0 if message.id in delivery.settled else LATE)
