"""Records kept in a folder of limited size, a file each."""

import json
import os
from collections.abc import Iterable
from dataclasses import asdict
from itertools import count
from pathlib import Path

from drill.alternatives.writer import Row
from drill.workload import Customer

PARTIAL = ".partial"


class FullError(Exception):
    """The folder's bytes are used up."""


class Spool:
    """Keeps records, each on the disk before `put` returns. For one thread; others may empty it.

    Args:
        folder: nothing else lies in it.
        capacity: bytes.
    """

    def __init__(self, folder: Path, *, capacity: float) -> None:
        """Count what is there."""
        self._folder = folder
        self._capacity = capacity
        self._numbers = count()
        self._used = self._measure()

    def put(self, row: Row) -> None:
        """Keep a record.

        Raises:
            FullError: it is not kept.
        """
        text = json.dumps({"customer": asdict(row.customer), "arrived": row.arrived}).encode()
        if self._used + len(text) > self._capacity:
            self._used = self._measure()  # the scan has made room, perhaps
            if self._used + len(text) > self._capacity:
                raise FullError
        # Sorted by name, files are in the order in which their requests came in.
        file = self._folder / f"{row.arrived:015d}-{next(self._numbers):09d}.json"
        partial = file.with_suffix(PARTIAL)
        with partial.open("wb") as out:
            out.write(text)
            out.flush()
            os.fsync(out.fileno())
        partial.rename(file)
        self._used += len(text)

    def _measure(self) -> int:
        return sum(size(file) for file in self._folder.iterdir())


def kept(folders: Iterable[Path]) -> list[Path]:
    """Give the files of several spools, oldest record first."""
    files = [file for folder in folders for file in _files(folder)]
    return sorted(files, key=lambda file: file.name)


def _files(folder: Path) -> list[Path]:
    try:
        return list(folder.glob("*.json"))
    except FileNotFoundError:  # the environment was recycled meanwhile
        return []


def read(file: Path) -> Row | None:
    """Read a record; None if it has gone, with its environment."""
    try:
        content = json.loads(file.read_bytes())
    except FileNotFoundError:
        return None
    return Row(Customer(**content["customer"]), content["arrived"])


def size(file: Path) -> int:
    """Give a file's bytes; none if it has gone."""
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0
