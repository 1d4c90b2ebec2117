"""What producers and drainers share, as a team would write it; and the tables.

A lane of kind `tables` has one table of each guard; they share a queue and a drainer.
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


def schema(kind: str) -> list[str]:
    """Give the statements that make a lane's tables."""
    return [_create(contract) for contract in CONTRACTS[kind]]


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
