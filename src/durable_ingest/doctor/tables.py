"""Whether each table holds its contract's rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from durable_ingest.doctor.columns import check_column, largest_integer
from durable_ingest.doctor.findings import Finding, error, note, warning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from durable_ingest.mysql.inspection import InboxState, TableState
    from durable_ingest.mysql.preflight import Column

_NEARLY_USED_UP: Final = 0.8
_ALL_HELD: Final = "its messages are held, all of them"


def check_table(state: TableState, *, has_inbox: bool) -> list[Finding]:
    """Check a contract against its table.

    Args:
        state: the table.
        has_inbox: whether the drainer has an inbox.
    """
    table = state.table
    found = [_broken("table.contract", problem, _ALL_HELD) for problem in state.problems]
    if state.refusal is not None:
        found.append(
            error(
                "table.privileges",
                f"the upsert into {table.name!r} would be refused: {state.refusal}",
                _ALL_HELD,
                f"GRANT SELECT, INSERT, UPDATE ON {table.name} to the drainer's user",
            )
        )
    if table.guard_column is None and not has_inbox:
        found.append(
            note(
                "table.guard",
                f"{table.name!r} has neither version nor sequence, nor the drainer an inbox",
                "a message that is delivered again alone, after newer ones, wins over them",
                f"ALTER TABLE {table.name} ADD ingest_sequence DECIMAL(39,0) NULL, and"
                ' Table(sequence="ingest_sequence")',
            )
        )
    found += [*_unique(state), *_counter(state)]
    for name, column in _columns(state):
        found += check_column(state, name, column)
    return found


def check_inbox(name: str, state: InboxState) -> list[Finding]:
    """Check the inbox's table."""
    cost = "every message is held"
    found = [_broken("inbox.table", problem, cost) for problem in state.problems]
    if state.refusal is not None:
        what = f"the inbox {name!r} would be refused: {state.refusal}"
        remedy = f"GRANT SELECT, INSERT ON {name} to the drainer's user"
        found.append(error("inbox.privileges", what, cost, remedy))
    return found


def check_keep(keep: float, longest: float) -> list[Finding]:
    """Check that an inbox remembers a message for as long as it can come again.

    Args:
        keep: how long it does, in seconds.
        longest: the retention of the queue, of the dead-letter queue, and of the queue again.
    """
    if keep >= longest:
        return []
    return [
        warning(
            "inbox.keep",
            f"messages are forgotten after {keep / 86_400:.3g} days, and can come again after"
            f" {longest / 86_400:.3g}",
            "one that is redriven late has its effect twice",
            f"Inbox(keep=timedelta(days={longest / 86_400:.0f})), and prune with the same",
        )
    ]


def _broken(check: str, problem: str, cost: str) -> Finding:
    what, _, remedy = problem.partition("; ")
    return error(check, what, cost, remedy)


def _columns(state: TableState) -> Iterator[tuple[str, Column]]:
    for name, column in state.table.fields.columns.items():
        known = state.facts.columns.get(column.lower())
        if known is not None and name in state.table.model.model_fields:
            yield name, known


def _unique(state: TableState) -> list[Finding]:
    key = {name.lower() for name in state.table.key_columns}
    written = {name.lower() for name in state.table.fields.columns.values()}
    others = []
    for index, parts in state.facts.unique_indexes.items():
        names = {None if name is None else name.lower() for name, _ in parts}
        if names != key and (None in names or names & written):
            others.append(index)
    if not others:
        return []
    return [
        warning(
            "table.unique",
            f"{state.table.name!r} has further unique indexes: {', '.join(others)}",
            "a value that another row has holds the message for six hours and then dead-letters it",
            "drop them, or see that producers never give a value twice, and --ignore table.unique",
        )
    ]


def _counter(state: TableState) -> list[Finding]:
    """Look at a counter that the table's owner has beside the key.

    When it is used up, MySQL says of new rows that a unique value is taken (1062), which is what
    it says of a value that another row holds for a while.
    """
    if state.counter is None:
        return []
    name, following = state.counter
    column = state.facts.columns[name.lower()]
    if name.lower() in {each.lower() for each in state.table.fields.columns.values()}:
        return []  # producers give its values
    most = largest_integer(column, unsigned=name.lower() in state.unsigned)
    if most is None or following < most * _NEARLY_USED_UP:
        return []
    return [
        error(
            "table.auto_increment",
            f"AUTO_INCREMENT column {name!r} of {state.table.name!r} stands at {following:,} of"
            f" {most:,}; every upsert takes a value, updates too",
            "when it is used up every new row is refused, and dead-lettered after six hours",
            f"ALTER TABLE {state.table.name} MODIFY {name} BIGINT UNSIGNED NOT NULL AUTO_INCREMENT",
        )
    ]
