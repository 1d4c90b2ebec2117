"""Faults planted in the library, each of which breaks a guarantee."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from durable_ingest import aws, batching, deadletters, draining, sending, settlement, sqs
from durable_ingest.answers import SendFailure
from durable_ingest.mysql import once, refused, session, statements, store, writing
from durable_ingest.mysql import upsert as upserts
from durable_ingest.receipt import Receipt
from durable_ingest.rows import Fault

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from durable_ingest.deadline import Deadline
    from durable_ingest.outgoing import Outgoing
    from durable_ingest.rows import Refusal

Plant = Callable[[pytest.MonkeyPatch], None]


def acknowledges_before_commit(patch: pytest.MonkeyPatch) -> None:
    """The rows are written and the transaction is left open."""
    patch.setattr(session.Session, "_commit", lambda *_: None)


def takes_a_doubtful_commit_for_done(patch: pytest.MonkeyPatch) -> None:
    """A COMMIT without an answer counts as one with."""

    def commit(self: session.Session, deadline: Any) -> None:  # noqa: ANN401
        try:
            self._execute("COMMIT", deadline)
        except refused.RefusedError as error:
            if not error.lost:
                raise

    patch.setattr(session.Session, "_commit", commit)


def repeats_a_doubtful_commit_on_the_same_connection(patch: pytest.MonkeyPatch) -> None:
    """A COMMIT that was refused is asked for again, which answers OK."""

    def commit(self: session.Session, deadline: Any) -> None:  # noqa: ANN401
        try:
            self._execute("COMMIT", deadline)
        except refused.RefusedError:
            self._execute("COMMIT", deadline)

    patch.setattr(session.Session, "_commit", commit)


def goes_on_behind_a_held_message(patch: pytest.MonkeyPatch) -> None:
    """A group is not stuck once one of its messages is held."""

    def refuse(self: Any, row: Any, refusal: Refusal) -> None:  # noqa: ANN401
        self._results[row.index] = refusal

    def opened(self: Any, stopping: dict[int, Refusal]) -> list[int]:  # noqa: ANN401
        del stopping
        everything = range(len(self._groups))
        return [n for n in everything if n not in self._settled and n not in self._held]

    patch.setattr(writing.Writing, "_refuse", refuse)
    patch.setattr(settlement.Ledger, "_open", opened)


def dead_letters_in_an_outage(patch: pytest.MonkeyPatch) -> None:
    """A database that is away counts as the row's fault."""
    honest = draining.Draining._record

    def record(self: Any, course: Any, index: int, refusal: Refusal) -> None:  # noqa: ANN401
        if refusal.fault is Fault.UNAVAILABLE:
            refusal = refusal.changed(fault=Fault.REJECTED)
        honest(self, course, index, refusal)

    patch.setattr(draining.Draining, "_record", record)


def settles_a_dead_letter_unconfirmed(patch: pytest.MonkeyPatch) -> None:
    """A rejected message is acknowledged whatever became of its copy."""
    honest = deadletters.bury

    def bury(*arguments: Any) -> dict[int, Receipt | SendFailure]:  # noqa: ANN401
        receipt = Receipt("", "", "", "", "")
        return dict.fromkeys(honest(*arguments), receipt)

    patch.setattr(deadletters, "bury", bury)


def commits_plain_tables_by_themselves(patch: pytest.MonkeyPatch) -> None:
    """Statements on tables without a guard are autocommitted."""
    honest = store.MySQLStore.__init__

    def init(self: Any, *arguments: Any, **named: Any) -> None:  # noqa: ANN401
        honest(self, *arguments, **named)
        self._autocommit = self._inbox is None

    patch.setattr(store.MySQLStore, "__init__", init)


def writes_without_the_guard(patch: pytest.MonkeyPatch) -> None:
    """An older row overwrites a newer one."""
    honest = upserts.upsert

    def upsert(table: Any, *arguments: Any) -> upserts.Upsert:  # noqa: ANN401
        text: upserts.Upsert = honest(table, *arguments)
        return text.changed(tail=text.tail.replace(" IS NULL OR", " IS NULL OR 1 OR"))

    patch.setattr(statements, "upsert", upsert)


def deletes_in_any_order(patch: pytest.MonkeyPatch) -> None:
    """A group's newer message may be deleted although its older one is not."""

    def rounds(settled: Sequence[tuple[int, str, bool]]) -> list[list[int]]:
        return [[index for index, _, _ in reversed(settled)]]

    patch.setattr("durable_ingest.acknowledging.deletion_rounds", rounds)


def deletes_what_is_held(patch: pytest.MonkeyPatch) -> None:
    """The whole batch is acknowledged, held messages included."""
    patch.setattr(
        settlement.Ledger, "settled", property(lambda self: list(range(len(self._groups))))
    )


def remembers_in_another_transaction(patch: pytest.MonkeyPatch) -> None:
    """The inbox is committed before the rows are."""
    honest = once.Once.claim

    def claim(self: once.Once, rows: Any, execute: Any) -> list[Any]:  # noqa: ANN401
        left = honest(self, rows, execute)
        execute("COMMIT")
        return left

    patch.setattr(once.Once, "claim", claim)


def forgets_to_remember(patch: pytest.MonkeyPatch) -> None:
    """The inbox is asked and not written to."""

    def claim(self: once.Once, rows: Any, execute: Any) -> list[Any]:  # noqa: ANN401
        del execute
        listed = [self._connection.literal(row.identity) for row in rows]
        done = {bytes(found) for (found,) in self._connection.query(self._select(listed))}
        return [row for row in rows if row.identity not in done]

    patch.setattr(once.Once, "claim", claim)


def takes_a_duplicate_for_the_whole_batch(patch: pytest.MonkeyPatch) -> None:
    """One message that was done before settles all that came with it."""
    honest = once.Once.claim

    def claim(self: once.Once, rows: Any, execute: Any) -> list[Any]:  # noqa: ANN401
        left = honest(self, rows, execute)
        return left if len(left) == len({row.identity for row in rows}) else []

    patch.setattr(once.Once, "claim", claim)


def takes_a_stale_row_for_any_row(patch: pytest.MonkeyPatch) -> None:
    """A refused row counts as old, whatever its guard."""
    patch.setattr(session.Session, "shows_stale", lambda *_: True)


def sends_a_whole_group_in_one_batch(patch: pytest.MonkeyPatch) -> None:
    """Entries of one group travel together: one that fails comes after its followers."""

    def next_batch(pending: Iterable[tuple[int, Outgoing]]) -> list[int]:
        return [index for index, _ in pending][: batching.MAX_ENTRIES]

    patch.setattr(sending, "next_batch", next_batch)


def takes_a_failed_entry_for_stored(patch: pytest.MonkeyPatch) -> None:
    """An entry in `Failed` gets a receipt."""
    honest = sqs._result

    def result(entry: Outgoing, stored: Any, failed: Any) -> Receipt | SendFailure:  # noqa: ANN401
        if failed is not None:
            return Receipt(entry.contract, "1", "1", entry.dedup_id, entry.group_id)
        return honest(entry, stored, failed)

    patch.setattr(sqs, "_result", result)


def takes_doubt_for_failure(patch: pytest.MonkeyPatch) -> None:
    """A call without an answer counts as one that did not reach SQS."""
    honest = aws.call

    def call(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401
        answer = honest(*arguments, **named)
        return answer._replace(in_doubt=False) if isinstance(answer, SendFailure) else answer

    patch.setattr(sqs, "call", call)


def gives_the_database_all_the_time(patch: pytest.MonkeyPatch) -> None:
    """The database's deadline is later than the call's."""
    honest = store.MySQLStore.write

    def write(self: store.MySQLStore, rows: Any, deadline: Deadline) -> Any:  # noqa: ANN401
        return honest(self, rows, deadline.earlier(-10))

    patch.setattr(store.MySQLStore, "write", write)


PLANTS: tuple[Plant, ...] = (
    acknowledges_before_commit,
    takes_a_doubtful_commit_for_done,
    repeats_a_doubtful_commit_on_the_same_connection,
    goes_on_behind_a_held_message,
    dead_letters_in_an_outage,
    settles_a_dead_letter_unconfirmed,
    commits_plain_tables_by_themselves,
    writes_without_the_guard,
    deletes_in_any_order,
    deletes_what_is_held,
    remembers_in_another_transaction,
    forgets_to_remember,
    takes_a_duplicate_for_the_whole_batch,
    takes_a_stale_row_for_any_row,
    sends_a_whole_group_in_one_batch,
    takes_a_failed_entry_for_stored,
    takes_doubt_for_failure,
    gives_the_database_all_the_time,
)
