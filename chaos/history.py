"""The history: what each process wrote down, a JSON object a line, before and after each step.

Times are seconds of the machine's monotonic clock, which all its processes share.
"""

import json
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

Event = dict[str, Any]
"""`at`, `who`, `what`, and what belongs to it."""


class Log:
    """One process' part, appended to line by line. Thread-safe.

    A line is one write() to the file, so that it outlives a SIGKILL in the next moment.
    """

    def __init__(self, folder: Path, who: str) -> None:
        """Open `<who>.jsonl` in the folder."""
        self.who = who
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
        self._file = os.open(folder / f"{who}.jsonl", flags, 0o600)
        self._lock = threading.Lock()

    def note(self, what: str, **details: object) -> None:
        """Write one event."""
        with self._lock:
            event = {"at": round(time.monotonic(), 6), "who": self.who, "what": what, **details}
            os.write(self._file, (json.dumps(event, ensure_ascii=False) + "\n").encode())

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)

    def __enter__(self) -> Self:
        """Give the log."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()


def read(folder: Path) -> list[Event]:
    """Read all parts, in order of time."""
    events = [event for file in sorted(folder.glob("*.jsonl")) for event in _events(file)]
    return sorted(events, key=lambda event: float(event["at"]))


def _events(file: Path) -> Iterator[Event]:
    with file.open(encoding="utf-8") as lines:
        for line in lines:
            if line.endswith("\n"):  # what a kill cut short never took place
                yield json.loads(line)
