"""What producers and drainers share, as a team would write it; and the tables.

A lane of kind `tables` has a table of each guard; they share a queue and a drainer. One of kind
`inbox` has a table and a command behind an inbox. Triggers write each change of a row into the
table `journal`, in the same transaction: so the checker sees what was written on the way to a
row's last state, and in which order.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pydantic import BaseModel

from chaos.workload import LONGEST_NOTE, Content, Write
from durable_ingest import Command, Inbox, Reject, Table

if TYPE_CHECKING:
    from pymysql.cursors import Cursor

SEQUENCE_COLUMN = "ingest_sequence"
INBOX = Inbox()


class Row(BaseModel):
    """What every table stores. `n` counts the writes of one key."""

    key: str
    n: int
    write_id: str
    note: str
    amount: int


class PlainRow(Row):
    """A row of a table without a guard."""


class SequenceRow(Row):
    """A row guarded by SQS' sequence number."""


class VersionRow(Row):
    """A row guarded by its own `n`."""


class OnceRow(Row):
    """A row of a table without a guard, behind an inbox."""


class Posting(Row):
    """What the command `ledger` takes."""


def post(cursor: "Cursor", posting: Posting) -> None:
    """Append to one table and count in another: done twice, it shows."""
    if posting.amount < 0:
        raise Reject("the amount is negative")
    cursor.execute(
        "INSERT INTO effects (`key`, n, write_id, note, amount) VALUES (%s, %s, %s, %s, %s)",
        (posting.key, posting.n, posting.write_id, posting.note, posting.amount),
    )
    cursor.execute(
        "INSERT INTO counters (`key`, times, total) VALUES (%s, 1, %s)"
        " ON DUPLICATE KEY UPDATE times = times + 1, total = total + %s",
        (posting.key, posting.amount, posting.amount),
    )


PLAIN = Table("plain", PlainRow, key="key")
SEQUENCE = Table("sequence", SequenceRow, key="key", sequence=SEQUENCE_COLUMN)
VERSION = Table("version", VersionRow, key="key", version="n")
ONCE = Table("once", OnceRow, key="key")
LEDGER = Command("ledger", Posting, group="key", apply=post)

CONTRACTS: dict[str, Sequence[Table | Command]] = {
    "tables": (PLAIN, SEQUENCE, VERSION),
    "inbox": (ONCE, LEDGER),
}
"""The contracts of each kind of lane."""
_MODELS: dict[str, type[Row]] = {
    contract.name: contract.model
    for contracts in CONTRACTS.values()
    for contract in contracts
    if issubclass(contract.model, Row)
}
_JOURNAL = """
    CREATE TABLE journal (
        id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
        `key` VARCHAR(40) NOT NULL,
        n BIGINT NOT NULL,
        sequence DECIMAL(39, 0) NULL,
        filler VARBINARY(8000) NULL
    ) CHARACTER SET utf8mb4
"""
_LEDGER = (
    f"""
    CREATE TABLE effects (
        id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
        `key` VARCHAR(40) NOT NULL,
        n BIGINT NOT NULL,
        write_id VARCHAR(60) NOT NULL,
        note VARCHAR({LONGEST_NOTE}) NOT NULL,
        amount BIGINT NOT NULL,
        KEY (`key`)
    ) CHARACTER SET utf8mb4
    """,
    """
    CREATE TABLE counters (
        `key` VARCHAR(40) NOT NULL PRIMARY KEY,
        times BIGINT NOT NULL,
        total BIGINT NOT NULL
    ) CHARACTER SET utf8mb4
    """,
)


def record(write: Write, content: Content) -> Row:
    """Make the record of a write."""
    return _MODELS[write.table](
        key=write.key,
        n=content.n,
        write_id=content.write_id,
        note=content.note,
        amount=content.amount,
    )


def locked_table(contract: Table | Command) -> str:
    """Name a table whose rows a contract locks by their keys."""
    return contract.name if isinstance(contract, Table) else "counters"


def schema(kind: str) -> list[str]:
    """Give the statements that make a lane's tables, the inbox aside."""
    statements = [_JOURNAL, "CREATE TABLE rivals (n INT NOT NULL)"]
    for contract in CONTRACTS[kind]:
        if isinstance(contract, Table):
            statements += [_create(contract), *_triggers(contract)]
        else:
            statements += _LEDGER
    return statements


def _create(table: Table) -> str:
    guard = f", {SEQUENCE_COLUMN} DECIMAL(39, 0) NULL" if table.sequence else ""
    return f"""
        CREATE TABLE `{table.name}` (
            `key` VARCHAR(40) NOT NULL PRIMARY KEY,
            n BIGINT NOT NULL,
            write_id VARCHAR(60) NOT NULL,
            note VARCHAR({LONGEST_NOTE}) NOT NULL,
            amount BIGINT NOT NULL CHECK (amount >= 0){guard}
        ) CHARACTER SET utf8mb4
    """


def _triggers(table: Table) -> list[str]:
    guard = f"NEW.{SEQUENCE_COLUMN}" if table.sequence else "NULL"
    insert = f"INSERT INTO journal (`key`, n, sequence) VALUES (NEW.`key`, NEW.n, {guard})"  # noqa: S608  own names
    return [
        f"CREATE TRIGGER {table.name}_{when} AFTER {when} ON `{table.name}` FOR EACH ROW {insert}"
        for when in ("INSERT", "UPDATE")
    ]
