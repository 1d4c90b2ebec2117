"""Rows that were not committed, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from durable_ingest.contract import Command, Table
from durable_ingest.rows import Fault, Refusal

if TYPE_CHECKING:
    from durable_ingest.contract import Contract
    from durable_ingest.mysql.connection import ServerError
    from durable_ingest.rows import Row


class RefusedError(Exception):
    """Rows were not committed; `refusal` says why.

    `lost` is true where it is unknown whether the transaction took place, or where the session
    can do nothing more: it has to be closed. `everywhere` is true where no row of any kind could
    be written. `culprit` is the row whose command was running when the connection was lost.
    """

    def __init__(
        self,
        refusal: Refusal,
        *,
        lost: bool = False,
        everywhere: bool = False,
        culprit: Row | None = None,
    ) -> None:
        super().__init__(refusal.reason)
        self.refusal = refusal
        self.lost = lost
        self.everywhere = everywhere
        self.culprit = culprit


def refusing(error: ServerError, contract: Contract | None) -> RefusedError:
    """Judge an error that was met while rows of a contract, or an inbox, were written."""
    table = contract if isinstance(contract, Table) else None
    key = table.key_columns if table is not None else ()
    columns = table.fields.columns.values() if table is not None else ()
    from durable_ingest.mysql.faults import classify, describe  # noqa: PLC0415 - errors are rare

    fault = classify(error.code, error.sqlstate, error.text, key, columns)
    refusal = Refusal(
        fault=fault,
        reason=describe(error.code, error.text, columns, _needs(contract), key),
        code=error.code,
        sqlstate=error.sqlstate,
        table=table.name if table is not None else None,
    )
    return RefusedError(refusal, lost=fault is Fault.UNAVAILABLE)


def _needs(contract: Contract | None) -> str:
    """Name the rights that writing to a contract needs; without one, to an inbox."""
    match contract:
        case Table():
            return f"SELECT, INSERT and UPDATE on {contract.name!r}"
        case Command():
            return f"what the statements of {contract.name!r} need"
        case None:
            return "SELECT and INSERT on it"
