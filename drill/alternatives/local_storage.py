"""C: what cannot be written is kept in the function's local storage; a second function scans it.

On Lambda no function sees another's /tmp. Here the scan does, of every environment that lives:
more than the idea can have.
"""

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drill.alternatives.candidate import Candidate, Setting, behind_a_gateway
from drill.alternatives.meter import Meter
from drill.alternatives.spool import FullError, Spool, kept, read
from drill.alternatives.writer import KEPT, REFUSED, WRITTEN, Row, UnavailableError, Writer
from durable_ingest.testing import LambdaContext

if TYPE_CHECKING:
    from drill.alternatives.limits import Limits

BATCH = 500
ANSWERS_WITHIN = 5.0
"""Seconds for each of the scan's waits for the server: no client waits for it."""
RESERVE = 1.0
"""Seconds of the scan's time in which no batch begins."""


class KeepingHandler:
    """Writes, or where that fails keeps the record in local storage.

    Args:
        url: the database.
        spool: where records are kept.
        timeout: seconds for each wait for the server.
    """

    def __init__(self, url: str, spool: Spool, *, timeout: float) -> None:
        """Open nothing."""
        self._writer = Writer(url, timeout=timeout)
        self._spool = spool

    def __call__(self, event: dict[str, Any], _context: LambdaContext) -> object:
        """Answer 200 once the row is committed, 202 once it is kept, 503 where storage is full."""
        row = Row.of(event)
        try:
            self._writer.write([row])
        except UnavailableError:
            return self._keep(row)
        return WRITTEN

    def _keep(self, row: Row) -> object:
        try:
            self._spool.put(row)
        except FullError:
            return REFUSED
        return KEPT

    def close(self) -> None:
        """Close the connection; the storage goes with the environment."""
        self._writer.close()


class Scan:
    """The second function: writes what is kept, oldest first, in batches.

    Args:
        url: the database.
        folders: gives the local storage of all environments that live.
    """

    def __init__(self, url: str, folders: Callable[[], Sequence[Path]]) -> None:
        """Open nothing."""
        self._writer = Writer(url, timeout=ANSWERS_WITHIN)
        self._folders = folders

    def __call__(self, _event: dict[str, Any], context: LambdaContext) -> object:
        """Write all there is, as far as the database takes it and the time lasts."""
        with contextlib.suppress(UnavailableError):
            files = kept(self._folders())
            for start in range(0, len(files), BATCH):
                if context.get_remaining_time_in_millis() / 1000 < RESERVE:
                    break
                self._write(files[start : start + BATCH])
        return None

    def _write(self, files: Sequence[Path]) -> None:
        rows = [row for row in map(read, files) if row is not None]
        if rows:
            self._writer.write(rows)
        # Only now: a file whose row is written twice does no harm, one that is missed does.
        for file in files:
            file.unlink(missing_ok=True)

    def close(self) -> None:
        """Close the connection."""
        self._writer.close()


@contextlib.contextmanager
def scanning(scan: Scan, meter: Meter, limits: "Limits") -> Iterator[None]:
    """Invoke the scan on a schedule."""
    over = threading.Event()

    def run() -> None:
        handler = meter.measured(scan)
        while not over.wait(limits.scan_every):
            handler({}, LambdaContext(limits.function))

    thread = threading.Thread(target=run, name="scan", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        scan.close()


@contextlib.contextmanager
def candidate(setting: Setting) -> Iterator[Candidate]:
    """Put it behind a gateway, and the scan behind it."""
    url, limits, meter = setting.stage.url, setting.limits, Meter()

    def make(folder: Path) -> KeepingHandler:
        spool = Spool(folder, capacity=limits.storage)
        return KeepingHandler(url, spool, timeout=limits.patience)

    with behind_a_gateway(setting, make) as (gateway, function):
        yield Candidate(
            gateway,
            function,
            meters=[meter],
            behind=lambda: scanning(Scan(url, function.folders), meter, limits),
            waiting=lambda: len(kept(function.folders())),
        )
