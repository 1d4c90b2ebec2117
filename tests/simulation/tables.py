"""Tables of the model server: their shapes and their committed rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from durable_ingest.mysql.connection import ServerError
    from tests.simulation.sql import Row


@dataclass
class TableModel:
    """A table's shape, and its committed rows."""

    name: str
    key: str
    columns: dict[str, tuple[object, ...]]
    """Name -> what information_schema says from DATA_TYPE to DATETIME_PRECISION."""
    guard: str | None = None
    unique: str | None = None
    """The column of a second unique index, whose values may be NULL."""
    rows: dict[object, Row] = field(default_factory=dict)
    check: Callable[[Row], ServerError | None] = lambda _: None
    """Refuses a row."""

    def described(self) -> list[tuple[Any, ...]]:
        """Answer `preflight.COLUMNS_SQL`."""
        return [
            (column, *facts, "NO" if column == self.key else "YES", None, "", "InnoDB")
            for column, facts in self.columns.items()
        ]

    def indexes(self) -> list[tuple[Any, ...]]:
        """Answer `preflight.INDEX_SQL`."""
        found: list[tuple[Any, ...]] = [("PRIMARY", self.key, None)]
        return found if self.unique is None else [*found, (self.unique, self.unique, None)]

    def read(self, row: Row, column: str | None) -> object:
        """Give a value as a client gets it: bytes are kept as hex digits here."""
        if column is None:
            return 1
        is_binary = self.columns[column][0] == "binary"
        return bytes.fromhex(str(row[column])) if is_binary else row[column]
