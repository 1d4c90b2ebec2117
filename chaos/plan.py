"""What the run's processes are told: one file, read by producers and drainers when they start."""

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from durable_ingest.testing.connection import Address

FILE = "plan.json"


@dataclass(frozen=True)
class Lane:
    """A queue, the drainers behind it, and a database of its own."""

    number: int
    kind: str
    """Which contracts it has: see `contracts.CONTRACTS`."""
    queue_url: str
    """Through the proxy, as the dead-letter queue's."""
    dead_letter_url: str
    direct_queue_url: str
    """Past the proxy."""
    direct_dead_letter_url: str
    mysql_url: str
    """The application's, through the proxy."""
    direct_mysql_url: str
    """Root's."""


@dataclass(frozen=True)
class Plan:
    """One run. Times are in seconds."""

    seed: int
    rate: float
    """Writes a second of each producer."""
    keys: int
    """Keys of each table."""
    producers: int
    drainers_of_lane: int
    most_waiting: int
    """Messages in a lane's queue above which its producers wait."""
    drainer: str
    """The module that is run as a drainer."""
    function_timeout: float
    visibility_timeout: int
    lanes: tuple[Lane, ...]

    def save(self, folder: Path) -> None:
        """Write the file; a reader sees the old or the new one."""
        draft = folder / f"{FILE}.new"
        draft.write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")
        draft.replace(folder / FILE)

    @classmethod
    def load(cls, folder: Path) -> "Plan":
        """Read the file."""
        given: dict[str, Any] = json.loads((folder / FILE).read_text(encoding="utf-8"))
        lanes = tuple(Lane(**lane) for lane in given.pop("lanes"))
        return cls(**given, lanes=lanes)

    def with_password(self, password: str) -> "Plan":
        """Give the plan with another password of the application's."""
        lanes = tuple(
            replace(
                lane,
                mysql_url=replace(Address.parse(lane.mysql_url), password=password).url,
            )
            for lane in self.lanes
        )
        return replace(self, lanes=lanes)
