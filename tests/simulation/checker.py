"""Whether a history keeps the guarantees: pure, and knows nothing of the simulation.

Each rule tells from a history's index what is wrong, in words.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

from tests.simulation.index import (
    ALONE,
    GUARDS,
    LATE,
    REDRIVEN,
    REJECTED_ONCE,
    Index,
    held_off,
    numeric,
    regressions_in,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.simulation.history import History, Stored
    from tests.simulation.index import Regression

_ALLOWANCE: Final = 1e-6
_LONGEST_DEPENDENCE: Final = 6 * 3600.0


def violations(history: History) -> list[str]:
    """Say in words what a history has that it must not have; [] if all is well."""
    index = Index(history)
    return [f"{rule.__name__.strip('_')}: {text}" for rule in RULES for text in rule(index)]


def regressions(history: History) -> list[Regression]:
    """List every older write that took a newer one's place, and why that may be."""
    return list(regressions_in(Index(history)))


def protections(history: History) -> list[str]:
    """List every time that a guard or an inbox was needed, and did its work."""
    return list(held_off(Index(history)))


def _receipts_are_true(index: Index) -> Iterator[str]:
    """Who has a receipt has a message in the queue."""
    for receipt in index.history.acknowledged:
        stored = index.by_id.get(receipt.message)
        if stored is None or stored.write != receipt.write or stored.sequence != receipt.sequence:
            yield f"the receipt of write {receipt.write} names no message of its own"
    for failure in index.history.not_stored:
        if any(m.time <= failure.time for m in index.messages.get(failure.write, ())):
            yield f"write {failure.write} is in the queue, although its sender was told it is not"


def _receipts_are_in_order(index: Index) -> Iterator[str]:
    """What was acknowledged before another was first sent stands before it."""
    first: dict[int, tuple[float, float, int]] = {}
    for receipt in index.history.acknowledged:
        stored = index.by_id.get(receipt.message)
        if stored is None or stored.queue != index.messages[receipt.write][0].queue:
            continue
        first.setdefault(receipt.write, (receipt.began, receipt.time, receipt.sequence))
    for older, (began, acknowledged, sequence) in first.items():
        for newer, (newer_began, _, newer_sequence) in first.items():
            if older >= newer or _line(index, older) != _line(index, newer):
                continue
            order_free = index.history.writes[older].table in index.history.order_free
            one_call = began == newer_began and not order_free
            if (acknowledged <= newer_began or one_call) and sequence > newer_sequence:
                yield f"write {newer} stands before write {older}, which was sent earlier"


def _nothing_is_left(index: Index) -> Iterator[str]:
    """Once all is well again, everything is drained."""
    for message in index.history.left:
        yield f"write {index.by_id[message].write} is still in the queue"


def _nothing_acknowledged_is_lost(index: Index) -> Iterator[str]:
    """The queue is told to delete only what has taken effect, is stale, or is dead-lettered."""
    gone = {deleted.message for deleted in index.history.deleted}
    for deleted in index.history.deleted:
        stored = index.by_id[deleted.message]
        if not _is_settled(index, stored, deleted.time):
            yield f"write {stored.write} was deleted at {deleted.time:.3f} without effect"
    for stored in index.history.stored:
        if stored.message not in gone and stored.message not in index.history.left:
            yield f"write {stored.write} has left the queue and nobody deleted it"


def _is_settled(index: Index, stored: Stored, moment: float) -> bool:
    if index.dead_at.get(stored.message, moment + 1) <= moment:
        return True
    write = index.history.writes[stored.write]
    guard = GUARDS[index.kind_of(stored.write)]
    if guard is not None:
        own = stored.order if guard == "ingest_sequence" else stored.write
        rows = index.of_key.get((write.table, write.key), [])
        if any(a.by.time <= moment and numeric(a.row.after[guard]) >= own for a in rows):
            return True
        if not index.history.inbox:
            return False
    since = 0.0 if index.history.inbox else stored.time
    return any(
        since <= applied.by.time <= moment for applied in index.applied.get(stored.write, [])
    )


def _groups_keep_their_order(index: Index) -> Iterator[str]:
    """A message takes effect only after those before it in its group have, or are dead-lettered."""
    groups: dict[str, list[Stored]] = defaultdict(list)
    for stored in sorted(index.history.stored, key=lambda m: m.sequence):
        copies = index.messages[stored.write]  # of which nobody can tell whose an effect is
        if copies[0] is stored and len({copy.queue for copy in copies}) == 1:
            groups[stored.queue + stored.group].append(stored)
    for messages in groups.values():
        latest: tuple[float, int, Stored] | None = None
        for stored in messages:
            begin = _first_effect(index, stored)
            if begin is None:
                continue
            if latest is not None and begin < latest[:2] and _matters(index, latest[2], stored):
                yield f"write {stored.write} took effect before write {latest[2].write}"
            if latest is None or begin >= latest[:2]:
                latest = (*begin, stored)


def _first_effect(index: Index, stored: Stored) -> tuple[float, int] | None:
    """Say when a message first had an effect: a moment, and a place where that is a commit's."""
    moments = [(a.by.time, a.place) for a in index.applied.get(stored.write, [])]
    if stored.message in index.dead_at:
        moments.append((index.dead_at[stored.message], -1))
    return min(moments, default=None)


def _matters(index: Index, older: Stored, newer: Stored) -> bool:
    """Say whether the order of two counts: within a transaction, only that of one row's writes."""
    first, second = _first_effect(index, older), _first_effect(index, newer)
    if first is None or second is None or first[0] != second[0]:
        return True
    writes = index.history.writes
    return writes[older.write].key == writes[newer.write].key


def _drainers_delete_in_order(index: Index) -> Iterator[str]:
    """A drainer deletes a message once those before it in its group are gone."""
    gone: dict[str, float] = {}
    for deleted in index.history.deleted:
        gone.setdefault(deleted.message, deleted.time)
    for deleted in index.history.deleted:
        stored = index.by_id[deleted.message]
        table = index.history.writes[stored.write].table
        if deleted.drainer is None or table in index.history.order_free:
            continue
        for other in index.given.get(deleted.drainer, []):
            before = other.group == stored.group and other.sequence < stored.sequence
            if before and gone.get(other.message, deleted.time + 1) > deleted.time:
                yield f"write {stored.write} was deleted before write {other.write}"


def _guards_never_fall(index: Index) -> Iterator[str]:
    """A stored version or sequence is only ever replaced by a higher one."""
    for commit in index.history.commits:
        for row in commit.written:
            guard = GUARDS[index.history.kinds[row.table]]
            if guard is None or row.before is None:
                continue
            if numeric(row.after[guard]) < numeric(row.before[guard]):
                yield f"{row.table} {row.key}: {guard} fell at {commit.time:.3f}"


def _older_wins_only_where_it_may(index: Index) -> Iterator[str]:
    """Only a plain table without an inbox knows the cells of the matrix that say "older wins"."""
    for found in regressions_in(index):
        if found.cause is None:
            yield f"write {found.write} took the place of a newer one ({found.kind})"


def _the_newest_write_stays(index: Index) -> Iterator[str]:
    """In the end each row holds the newest write that was not rejected."""
    causes = (LATE, ALONE, REDRIVEN, REJECTED_ONCE)
    regressed = {r.write for r in regressions_in(index) if r.cause in causes}
    keys: dict[tuple[str, str], list[int]] = defaultdict(list)
    for stored in index.messages:
        write = index.history.writes[stored]
        keys[write.table, write.key].append(stored)
    for (table, key), writes in keys.items():
        unordered = len(index.queues) > 1 and index.history.kinds[table] != "version"
        due = [w for w in writes if w not in index.dead_writes]
        rows = index.of_key.get((table, key), [])
        if not due or unordered:
            continue
        if not rows:
            yield f"{table} {key} was never written"
            continue
        if any(numeric(a.row.after["value"]) in regressed for a in rows):
            continue
        final = numeric(rows[-1].row.after["value"])
        version = index.history.kinds[table] == "version"
        place = {w: w if version else index.place_of(w) for w in {*writes, final}}
        newest = max(due, key=lambda w: place[w])
        if place[final] < place[newest]:
            yield f"{table} {key} holds write {final}, not {newest}"


def _one_effect_with_an_inbox(index: Index) -> Iterator[str]:
    """With an inbox, a write is applied once, however often it is sent and delivered."""
    if not index.history.inbox:
        return
    for write, applied in index.applied.items():
        if len(applied) > 1:
            moments = ", ".join(f"{a.by.time:.3f}" for a in applied)
            yield f"write {write} was applied {len(applied)} times, at {moments}"
    remembered = {
        stored.write for stored in index.history.stored if stored.dedup in index.history.inbox_ids
    }
    for write in sorted(remembered ^ index.applied.keys()):
        yield f"write {write} is in the inbox or in its table, but not in both"


def _counters_count_each_command_once(index: Index) -> Iterator[str]:
    """What only a command can do is done as often as there are commands."""
    for (table, key), rows in index.of_key.items():
        if index.history.kinds[table] == "command":
            total = rows[-1].row.after["total"]
            if total != len(rows):
                yield f"{table} {key} was applied {len(rows)} times and counts {total}"


def _outages_dead_letter_nothing(index: Index) -> Iterator[str]:
    """Only what the database refuses is dead-lettered, and by the drainer."""
    for dead in index.history.dead:
        write = index.history.writes[dead.write]
        if dead.fault == "dependent":
            first = min(d.time for d in index.history.delivered if d.message == dead.message)
            if not write.tagged or dead.time - first < _LONGEST_DEPENDENCE:
                yield f"write {dead.write} was dead-lettered after {dead.time - first:.0f} s"
        elif dead.fault == "expiring":
            age = dead.time - index.by_id[dead.message].time
            if age < index.history.retention - _last_hours(index.history.retention):
                yield f"write {dead.write} was dead-lettered as expiring after {age:.0f} s"
        elif not write.odd:
            yield f"write {dead.write} was dead-lettered ({dead.fault}) without need"
        elif dead.fault != "rejected":
            yield f"write {dead.write} was dead-lettered as {dead.fault}"


def _handlers_end_in_time(index: Index) -> Iterator[str]:
    """`handle` ends before the function's deadline less `reserve`."""
    for invocation in index.history.invocations.values():
        late = invocation.ended is None or invocation.ended > invocation.due + _ALLOWANCE
        if late and not invocation.stopped:
            ended = "never" if invocation.ended is None else f"at {invocation.ended:.3f}"
            yield f"{invocation.process} was to end at {invocation.due:.3f} and did {ended}"


def _no_write_outlives_its_handler(index: Index) -> Iterator[str]:
    """After a handler's end there is no write of its, unless a guard makes it harmless.

    A COMMIT that was sent in time may arrive late: its locks keep everyone else away till then.
    """
    for commit in index.history.commits:
        invocation = index.invocation_of(commit)
        if invocation is None or invocation.stopped or invocation.ended is None:
            continue
        guarded = all(index.history.kinds[row.table] != "plain" for row in commit.written)
        if commit.time <= invocation.ended or (guarded and not index.history.inbox):
            continue
        if commit.how == "autocommit" or commit.asked_at > invocation.ended:
            yield f"{invocation.process} wrote at {commit.time:.3f}, after its end"


def _last_hours(retention: float) -> float:
    return min(6 * 3600.0, retention / 4)


def _line(index: Index, write: int) -> tuple[str, str]:
    """Name the queue and the group in which a write was first stored."""
    first = index.messages[write][0]
    return first.queue, first.group


RULES: Final = (
    _receipts_are_true,
    _receipts_are_in_order,
    _nothing_is_left,
    _nothing_acknowledged_is_lost,
    _groups_keep_their_order,
    _drainers_delete_in_order,
    _guards_never_fall,
    _older_wins_only_where_it_may,
    _the_newest_write_stays,
    _one_effect_with_an_inbox,
    _counters_count_each_command_once,
    _outages_dead_letter_nothing,
    _handlers_end_in_time,
    _no_write_outlives_its_handler,
)
