"""The database server of a run: one that is on a disk of its own where that can be had."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from chaos.disk import SmallDisk, small_disk
from durable_ingest.testing import provision
from durable_ingest.testing.containers import DATA
from durable_ingest.testing.provisioning import SERVER

if TYPE_CHECKING:
    from durable_ingest.testing import DatabaseServer


@contextlib.contextmanager
def provided(kind: str | None) -> "Iterator[tuple[DatabaseServer, SmallDisk | None]]":
    """Start a server, and close it at the end.

    Args:
        kind: a container, or a process; by default what is at hand.

    Raises:
        NoDatabaseServerError: none can be had.
    """
    if kind is not None:
        os.environ[SERVER] = kind
    with small_disk() as disk:
        with _living_on(disk):
            server = provision(control=True)
        try:
            yield server, disk
        finally:
            server.close()


@contextlib.contextmanager
def _living_on(disk: SmallDisk | None) -> Iterator[None]:
    """Let a server that starts in this context have its data there."""
    if disk is None:
        yield
        return
    usual, data = tempfile.tempdir, Path(disk.place) / "container"
    data.mkdir()
    tempfile.tempdir = str(disk.place)
    os.environ[DATA] = str(data)
    try:
        yield
    finally:
        tempfile.tempdir = usual
        del os.environ[DATA]
