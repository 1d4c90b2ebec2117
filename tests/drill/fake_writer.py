"""A database's stand-in that takes what it is told to."""

from collections.abc import Sequence

from drill.alternatives.writer import Row, UnavailableError, Writer
from drill.workload import Customer


def row(name: str, revision: int, arrived: int = 1000) -> Row:
    """Make a row."""
    return Row(Customer(name, revision, f"{name}@example.com", name), arrived)


class FakeWriter(Writer):
    """Refuses the first `refusals` writes."""

    def __init__(self, refusals: float = 0) -> None:
        self.refusals = refusals
        self.written: list[list[Row]] = []
        self.closed = 0

    def write(self, rows: Sequence[Row]) -> None:
        """Take the rows, or not."""
        if self.refusals > 0:
            self.refusals -= 1
            raise UnavailableError
        self.written.append(list(rows))

    def close(self) -> None:
        """Count."""
        self.closed += 1
