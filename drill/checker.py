"""Outside both sides: is what was acknowledged what is stored?

Requests for one customer are sent one after another. So the last acknowledged one is the latest
value; one that was sent later and not acknowledged may be there as well, since a client that got
no answer cannot know.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from drill.recorder import Request
from drill.workload import Customer


@dataclass(frozen=True)
class DeadLetter:
    """A message of the dead-letter queue."""

    body: str
    reason: str


@dataclass(frozen=True)
class Finding:
    """A customer whose row is not what it should be."""

    customer_id: str
    acknowledged: int | None
    """The revision that was acknowledged last; None if none was."""
    stored: int | None
    """The revision in the table; None without a row."""


@dataclass(frozen=True)
class Verdict:
    """What the checker found."""

    requests: int
    acknowledged: int
    refused: int
    """Requests answered with anything but success: their clients know, and send them again."""
    lost: list[Finding] = field(default_factory=list)
    """Acknowledged, and no row."""
    older: list[Finding] = field(default_factory=list)
    """The row is older than the last acknowledged write."""
    altered: list[Finding] = field(default_factory=list)
    """The row holds what was never sent."""
    dead_lettered: list[DeadLetter] = field(default_factory=list)
    left_in_queue: int = 0
    unproven: list[str] = field(default_factory=list)
    """Why the drill, though nothing is wrong, proves nothing."""

    @property
    def passed(self) -> bool:
        """Whether the drill succeeded."""
        return not self.problems()

    def problems(self) -> list[str]:
        """Say what is wrong, a line each; empty after a success."""
        counts = [
            (len(self.lost), "customers lost: acknowledged, and no row"),
            (len(self.older), "customers older than their last acknowledged write"),
            (len(self.altered), "customers with a row that was never sent"),
            (len(self.dead_lettered), "messages dead-lettered"),
            (self.left_in_queue, "messages still in the queue"),
        ]
        return [f"{count} {what}" for count, what in counts if count] + self.unproven

    def as_json(self) -> dict[str, Any]:
        """Give everything, `passed` first."""
        return {"passed": self.passed, "problems": self.problems()} | asdict(self)


def check(
    requests: Sequence[Request],
    rows: Iterable[Customer],
    dead_letters: Sequence[DeadLetter] = (),
    *,
    left_in_queue: int = 0,
    unproven: Sequence[str] = (),
) -> Verdict:
    """Compare the history of one drill with what it left behind.

    Args:
        requests: all of them, those of one customer in the order they were sent.
        rows: the whole table.
        dead_letters: the whole dead-letter queue.
        left_in_queue: messages in the queue.
        unproven: why the drill proves nothing, as far as the caller knows.
    """
    acknowledged = sum(request.acknowledged for request in requests)
    verdict = Verdict(
        requests=len(requests),
        acknowledged=acknowledged,
        refused=len(requests) - acknowledged,
        dead_lettered=list(dead_letters),
        left_in_queue=left_in_queue,
        unproven=[*unproven, *([] if acknowledged else ["no request was acknowledged"])],
    )
    sent: dict[str, list[Request]] = defaultdict(list)
    for request in requests:
        sent[request.customer.customer_id].append(request)
    table = {row.customer_id: row for row in rows}
    for customer_id in sorted(sent.keys() | table.keys()):
        _compare(verdict, customer_id, sent[customer_id], table.get(customer_id))
    return verdict


def _compare(
    verdict: Verdict, customer_id: str, sent: Sequence[Request], row: Customer | None
) -> None:
    order = [request.customer for request in sent]
    latest = max((n for n, request in enumerate(sent) if request.acknowledged), default=None)
    finding = Finding(
        customer_id=customer_id,
        acknowledged=None if latest is None else order[latest].revision,
        stored=None if row is None else row.revision,
    )
    if row is None:
        if latest is not None:
            verdict.lost.append(finding)
    elif row not in order:
        verdict.altered.append(finding)
    elif latest is not None and order.index(row) < latest:
        verdict.older.append(finding)


def lost_writes(requests: Sequence[Request], rows: Iterable[Customer]) -> int:
    """Count the acknowledged writes of which the table shows neither them nor a later one.

    Args:
        requests: all of them, those of one customer in the order they were sent.
        rows: the whole table.
    """
    table = {row.customer_id: row for row in rows}
    sent: dict[str, list[Request]] = defaultdict(list)
    for request in requests:
        sent[request.customer.customer_id].append(request)
    return sum(_lost(history, table.get(name)) for name, history in sent.items())


def _lost(sent: Sequence[Request], row: Customer | None) -> int:
    shown = next((n for n, request in enumerate(sent) if request.customer == row), -1)
    return sum(request.acknowledged for request in sent[shown + 1 :])
