"""What producers and drainers share, as a team would write it; and the tables.

A lane of kind `tables` has one table of each guard; they share a queue and a drainer. Triggers
write each change of a row into the table `journal`, in the same transaction: so the checker sees
what was written on the way to a row's last state, and in which order.
"""

from collections.abc import Sequence

from pydantic import BaseModel

from chaos.workload import LONGEST_NOTE, Content, Write
from durable_ingest import Table

SEQUENCE_COLUMN = "ingest_sequence"


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


PLAIN = Table("plain", PlainRow, key="key")
SEQUENCE = Table("sequence", SequenceRow, key="key", sequence=SEQUENCE_COLUMN)
VERSION = Table("version", VersionRow, key="key", version="n")

CONTRACTS: dict[str, Sequence[Table]] = {"tables": (PLAIN, SEQUENCE, VERSION)}
"""The contracts of each kind of lane."""
_MODELS: dict[str, type[Row]] = {
    contract.name: contract.model
    for contracts in CONTRACTS.values()
    for contract in contracts
    if issubclass(contract.model, Row)
}


def record(write: Write, content: Content) -> Row:
    """Make the record of a write."""
    return _MODELS[write.table](
        key=write.key,
        n=content.n,
        write_id=content.write_id,
        note=content.note,
        amount=content.amount,
    )


JOURNAL = """
    CREATE TABLE journal (
        id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
        `key` VARCHAR(40) NOT NULL,
        n BIGINT NOT NULL,
        sequence DECIMAL(39, 0) NULL
    ) CHARACTER SET utf8mb4
"""


def schema(kind: str) -> list[str]:
    """Give the statements that make a lane's tables."""
    statements = [JOURNAL]
    for contract in CONTRACTS[kind]:
        statements += [_create(contract), *_triggers(contract)]
    return statements


def _create(contract: Table) -> str:
    guard = f", {SEQUENCE_COLUMN} DECIMAL(39, 0) NULL" if contract.sequence else ""
    return f"""
        CREATE TABLE `{contract.name}` (
            `key` VARCHAR(40) NOT NULL PRIMARY KEY,
            n BIGINT NOT NULL,
            write_id VARCHAR(60) NOT NULL,
            note VARCHAR({LONGEST_NOTE}) NOT NULL,
            amount BIGINT NOT NULL CHECK (amount >= 0){guard}
        ) CHARACTER SET utf8mb4
    """


def _triggers(contract: Table) -> list[str]:
    guard = f"NEW.{SEQUENCE_COLUMN}" if contract.sequence else "NULL"
    return [
        f"CREATE TRIGGER {contract.name}_{when} AFTER {when} ON `{contract.name}` FOR EACH ROW"
        f" INSERT INTO journal (`key`, n, sequence) VALUES (NEW.`key`, NEW.n, {guard})"
        for when in ("INSERT", "UPDATE")
    ]
