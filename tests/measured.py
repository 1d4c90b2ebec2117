"""Error codes as MySQL 9.7 and MariaDB 10.11 gave them through PyMySQL 1.2."""

import csv
from dataclasses import dataclass
from pathlib import Path

FILE = Path(__file__).parent / "data" / "error_codes.csv"


@dataclass(frozen=True)
class Measured:
    """One error of one server, and the fault that it has to be."""

    server: str
    case: str
    code: int
    sqlstate: str | None
    exception: str
    """PyMySQL's class."""
    text: str
    """The server's words, where they decide."""
    fault: str
    made_by: str
    """The contract test in which a drainer meets it; or "no: " and why none does."""


def measured() -> list[Measured]:
    """Read them all."""
    with FILE.open(newline="") as file:
        return [_row(row) for row in csv.DictReader(file)]


def _row(row: dict[str, str]) -> Measured:
    values = row | {"code": int(row["code"]), "sqlstate": row["sqlstate"] or None}
    return Measured(**values)  # type: ignore[arg-type]
