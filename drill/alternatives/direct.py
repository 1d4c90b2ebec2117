"""Today: the function writes into the database, or answers 503."""

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from drill.alternatives.candidate import Candidate, Setting, behind_a_gateway
from drill.alternatives.writer import REFUSED, WRITTEN, Row, UnavailableError, Writer

if TYPE_CHECKING:
    from durable_ingest.testing import LambdaContext


class DirectHandler:
    """Writes once, and on a second connection where the kept one has broken.

    Args:
        url: the database.
        timeout: seconds for each wait for the server.
    """

    def __init__(self, url: str, *, timeout: float) -> None:
        """Open nothing."""
        self._writer = Writer(url, timeout=timeout)

    def __call__(self, event: dict[str, Any], _context: "LambdaContext") -> object:
        """Answer 200 once the row is committed, else 503."""
        try:
            self._writer.write([Row.of(event)])
        except UnavailableError:
            return REFUSED
        return WRITTEN

    def close(self) -> None:
        """Close the connection."""
        self._writer.close()


@contextlib.contextmanager
def candidate(setting: Setting) -> Iterator[Candidate]:
    """Put it behind a gateway."""
    url, patience = setting.stage.url, setting.limits.patience
    with behind_a_gateway(setting, lambda _: DirectHandler(url, timeout=patience)) as (
        gateway,
        function,
    ):
        yield Candidate(gateway, function)
