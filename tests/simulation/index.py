"""A history looked up from all sides, and the older writes that took a newer one's place."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.simulation.history import Commit, History, Invocation, Kind, Stored, Written

GUARDS: Final[dict[Kind, str | None]] = {
    "plain": None,
    "sequence": "ingest_sequence",
    "version": "value",
    "command": None,
}
LATE: Final = "written late by a paused process"
ELSEWHERE: Final = "sent through another queue"
REJECTED_ONCE: Final = "accepted after its dead letter"
"""Its delete was not confirmed, and by the time it came again the database had been mended."""
REDRIVEN: Final = "redriven from the dead-letter queue"
ALONE: Final = "delivered again alone"
IN_ORDER: Final = "written again in order"
"""After a redelivery or a COMMIT in doubt: the newer one, which the same call has, comes again."""


@dataclass(frozen=True, slots=True)
class Applied:
    """One row of one commit."""

    commit: int
    """The commit's place in history."""
    place: int
    """The row's place in its commit."""
    by: Commit
    row: Written


@dataclass(frozen=True, slots=True)
class Regression:
    """An older write that took a newer one's place."""

    kind: Kind
    inbox: bool
    write: int
    cause: str | None
    """What the matrix allows it for; None where it allows nothing."""


@dataclass
class Index:
    """A history, looked up from all sides."""

    history: History
    applied: dict[int, list[Applied]] = field(default_factory=dict)
    """By write."""
    of_key: dict[tuple[str, str], list[Applied]] = field(default_factory=dict)
    messages: dict[int, list[Stored]] = field(default_factory=dict)
    """By write, in arrival order."""
    by_id: dict[str, Stored] = field(default_factory=dict)
    given: dict[int, list[Stored]] = field(default_factory=dict)
    """The messages that an invocation was given, by its number."""
    repeated: set[str] = field(default_factory=set)
    """Messages that were delivered more than once."""
    queues: set[str] = field(default_factory=set)
    dead_at: dict[str, float] = field(default_factory=dict)
    dead_writes: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        for number, commit in enumerate(self.history.commits):
            for place, row in enumerate(commit.written):
                applied = Applied(number, place, commit, row)
                self.applied.setdefault(numeric(row.given["value"]), []).append(applied)
                self.of_key.setdefault((row.table, str(row.key)), []).append(applied)
        for stored in self.history.stored:
            self.messages.setdefault(stored.write, []).append(stored)
            self.by_id[stored.message] = stored
            self.queues.add(stored.queue)
        for delivered in self.history.delivered:
            stored = self.by_id[delivered.message]
            self.given.setdefault(delivered.invocation, []).append(stored)
            if delivered.receives > 1:
                self.repeated.add(delivered.message)
        for dead in self.history.dead:
            self.dead_at.setdefault(dead.message, dead.time)
            self.dead_writes.add(dead.write)

    def kind_of(self, write: int) -> Kind:
        """Give the guard of a write's table."""
        return self.history.kinds[self.history.writes[write].table]

    def invocation_of(self, commit: Commit) -> Invocation | None:
        """Give the call that asked for a commit."""
        return self.history.invocations.get(commit.invocation)

    def place_of(self, write: int) -> int:
        """Give the sequence number by which a write is old or new in the end.

        Of messages with the same write, the newest counts; with an inbox the first, since that
        one alone takes effect, unless it was rejected.
        """
        known = [m.sequence for m in self.messages.get(write, ())] or [0]
        first = self.history.inbox and write not in self.dead_writes
        return min(known) if first else max(known)


def numeric(value: object) -> int:
    """Read a column that holds a number."""
    return int(str(value))


def regressions_in(index: Index) -> Iterator[Regression]:
    """Give every older write that took a newer one's place, in the order of keys and time."""
    for (table, _), rows in index.of_key.items():
        kind = index.history.kinds[table]
        newest = 0
        for _, committed in groupby(rows, key=lambda applied: applied.commit):
            *_, last = committed  # what a transaction writes in between, nobody sees
            places = _places(index, kind, last)
            if max(places) < newest:
                cause = None
                write = numeric(last.row.after["value"])
                if kind in ("plain", "command"):
                    by_what = _cause_with_inbox if index.history.inbox else _cause
                    cause = by_what(index, last, newest)
                yield Regression(kind, index.history.inbox, write, cause)
            newest = max(newest, min(places))


def _places(index: Index, kind: Kind, applied: Applied) -> list[int]:
    """Give the sequence numbers, or the guard, by which what a row holds may be old or new."""
    guard = GUARDS[kind]
    if guard is not None:
        return [numeric(applied.row.after[guard])]
    write = numeric(applied.row.after["value"])
    given = index.given.get(applied.by.invocation, [])
    return [m.order for m in given if m.write == write] or [0]


def _cause_with_inbox(index: Index, applied: Applied, _: int) -> str | None:
    """Say why an older write may have had its one effect after a newer one."""
    if len(index.queues) > 1:
        return ELSEWHERE
    write = numeric(applied.row.given["value"])
    given = index.given.get(applied.by.invocation, [])
    copies = [m for m in given if m.write == write]
    if any(index.dead_at.get(m.message, applied.by.time) < applied.by.time for m in copies):
        return REJECTED_ONCE
    return REDRIVEN if any(m.redriven_from is not None for m in copies) else None


def _cause(index: Index, applied: Applied, newest: int) -> str | None:
    """Say why an older write may have won: a pause, or a delivery after the newer one's effect."""
    invocation = index.invocation_of(applied.by)
    if invocation is None:
        return None
    if invocation.stopped:
        return LATE
    given = index.given.get(invocation.number, [])
    if any(m.order == newest for m in given):
        return IN_ORDER
    write = numeric(applied.row.given["value"])
    again = any(m.write == write and m.message in index.repeated for m in given)
    return ALONE if again else None


def held_off(index: Index) -> Iterator[str]:
    """Tell each time that a guard or an inbox kept an old write from having an effect."""
    for commit in index.history.commits:
        for row in commit.written:
            guard = GUARDS[index.history.kinds[row.table]]
            if guard is None or row.before is None:
                continue
            if numeric(row.given[guard]) < numeric(row.before[guard]):
                yield f"{guard} kept the newer row"
    if not index.history.inbox:
        return
    for delivered in index.history.delivered:
        write = index.by_id[delivered.message].write
        if any(applied.by.time < delivered.time for applied in index.applied.get(write, ())):
            yield "the inbox knew the message"
