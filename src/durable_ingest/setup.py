"""What a drainer was made of, for those who look at it from beside."""

from __future__ import annotations

from typing import TYPE_CHECKING

from durable_ingest.value import Value

if TYPE_CHECKING:
    from durable_ingest.contract import Contract
    from durable_ingest.ports import Database, RememberingTable


class Setup(Value):
    """The arguments of a `Drainer` that say where its messages go."""

    database: Database
    contracts: tuple[Contract, ...]
    inbox: RememberingTable | None
    dead_letter_queue_url: str | None
    reports: bool
    """Whether it acknowledges by "report"."""

    @property
    def order_free(self) -> bool:
        """Whether all messages may come in any order with the same result."""
        return all(contract.order_free for contract in self.contracts)
