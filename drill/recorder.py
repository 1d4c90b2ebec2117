"""The history of a drill: every request, and samples of what lies behind."""

import threading
import time
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Any

from drill.workload import Customer

SUCCESS = range(200, 300)


class Phase(StrEnum):
    """The parts of a drill, in order."""

    NORMAL = "normal"
    DOWN = "upgrade: down"
    READ_ONLY = "upgrade: read-only"
    CATCH_UP = "catch-up"


class DatabaseState(StrEnum):
    """What a client meets."""

    UP = "up"
    DOWN = "down"
    READ_ONLY = "read-only"


@dataclass(frozen=True)
class Request:
    """One request and its answer. Times are seconds since the drill began."""

    at: float
    due: float
    phase: Phase
    """In which it was sent."""
    status: int
    """The HTTP status; 502, as from API Gateway, where the handler raised."""
    answer_ms: float
    customer: Customer

    @property
    def acknowledged(self) -> bool:
        """Whether the client was told that its write is safe."""
        return self.status in SUCCESS


@dataclass(frozen=True)
class Sample:
    """What was seen at one moment."""

    at: float
    phase: Phase
    requests: int
    acknowledged: int
    stored: int
    """Acknowledged writes that the table shows, or a later write of their customer."""
    depth: int
    """Messages in the queue, those in flight too."""
    database: DatabaseState


class Recorder:
    """Takes down what happens. Thread-safe.

    The current phase begins with `enter`; `began` says when each one did.
    """

    def __init__(self) -> None:
        """Start empty; the drill's clock starts with the first phase."""
        self._zero = time.monotonic()
        self._lock = threading.Lock()
        self._revisions: dict[str, list[int]] = defaultdict(list)
        self._acknowledged = 0
        self._stored = 0
        self.phase = Phase.NORMAL
        self.began: dict[Phase, float] = {}
        self.ended = 0.0
        self.requests: list[Request] = []
        self.samples: list[Sample] = []

    def elapsed(self) -> float:
        """Seconds since the drill began."""
        return time.monotonic() - self._zero

    def enter(self, phase: Phase) -> None:
        """Begin a phase; with the first one the drill begins."""
        if not self.began:
            self._zero = time.monotonic()
        self.phase = phase
        self.began[phase] = self.elapsed()

    def end(self) -> None:
        """End the last phase."""
        self.ended = self.elapsed()

    def spans(self) -> dict[Phase, tuple[float, float]]:
        """Say from when to when each phase lasted."""
        borders = [*self.began.values(), self.ended]
        return dict(zip(self.began, pairwise(borders), strict=True))

    def answered(self, request: Request) -> None:
        """Take down one request; requests of one customer come in the order of their revisions."""
        with self._lock:
            self.requests.append(request)
            if request.acknowledged:
                self._acknowledged += 1
                self._revisions[request.customer.customer_id].append(request.customer.revision)

    def sampled(
        self, *, depth: int, database: DatabaseState, stored: Mapping[str, int] | None
    ) -> Sample:
        """Take down a sample.

        Args:
            depth: the queue's messages.
            database: what a client met.
            stored: the revision in the table by customer; None where it could not be read.
        """
        with self._lock:
            if stored is not None:
                self._stored = sum(
                    bisect_right(self._revisions.get(customer_id, []), revision)
                    for customer_id, revision in stored.items()
                )
            sample = Sample(
                at=self.elapsed(),
                phase=self.phase,
                requests=len(self.requests),
                acknowledged=self._acknowledged,
                stored=self._stored,
                depth=depth,
                database=database,
            )
            self.samples.append(sample)
        return sample

    def history(self) -> list[dict[str, Any]]:
        """Give everything in order of time, as JSON objects told apart by `kind`."""
        lines: list[dict[str, Any]] = [
            {"kind": "phase", "at": at, "phase": phase} for phase, at in self.began.items()
        ]
        for request in self.requests:
            line = {"kind": "request"} | asdict(request)
            customer = line.pop("customer")
            lines.append(line | {key: customer[key] for key in ("customer_id", "revision")})
        lines += [{"kind": "sample"} | asdict(sample) for sample in self.samples]
        return sorted(lines, key=lambda line: line["at"])
