"""What became of the same requests, one way of writing beside the other."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from rich import box
from rich.table import Table

from drill.alternatives.candidate import Candidate
from drill.alternatives.gateway import GATEWAY_TIMEOUT
from drill.checker import lost_writes
from drill.recorder import SUCCESS, Phase, Recorder
from drill.table import percentile
from drill.workload import Customer

UPGRADE = (Phase.DOWN, Phase.READ_ONLY)
HEADINGS = (
    "requests", "answered 2xx", "refused", "no answer in time", "acknowledged",
    "acknowledged and lost", "2xx during the upgrade", "p50 ms", "p99 ms", "function-seconds",
    "most at once",
)  # fmt: skip
SHORT_HEADINGS = (
    "requests", "2xx", "refused", "no\nanswer", "acknow-\nledged", "and\nlost",
    "2xx in the\nupgrade", "p50\nms", "p99\nms", "function-\nseconds", "at\nonce",
)  # fmt: skip


@dataclass(frozen=True)
class Outcome:
    """One way of writing. Its times of answers are those of requests sent during the upgrade."""

    name: str
    requests: int
    answered_2xx: int
    refused: int
    no_answer_in_time: int
    """504 from the gateway: the write may be stored later or not, and its client cannot know."""
    acknowledged: int
    """Each 2xx acknowledges one write: no client sends a write twice."""
    acknowledged_and_lost: int
    """The table shows neither the write nor a later one of its customer."""
    upgrade_requests: int
    upgrade_2xx: int
    p50_ms: float | None
    p99_ms: float | None
    function_seconds: float
    most_at_once: int
    """Of the function behind the gateway."""

    @classmethod
    def of(
        cls, name: str, recorder: Recorder, rows: Iterable[Customer], candidate: Candidate
    ) -> Self:
        """Count."""
        requests = recorder.requests
        upgrade = [request for request in requests if request.phase in UPGRADE]
        times = [request.answer_ms for request in upgrade]
        statuses = [request.status for request in requests]
        good = sum(status in SUCCESS for status in statuses)
        silent = statuses.count(GATEWAY_TIMEOUT)
        return cls(
            name=name,
            requests=len(requests),
            answered_2xx=good,
            refused=len(requests) - good - silent,
            no_answer_in_time=silent,
            acknowledged=sum(request.acknowledged for request in requests),
            acknowledged_and_lost=lost_writes(requests, rows),
            upgrade_requests=len(upgrade),
            upgrade_2xx=sum(request.status in SUCCESS for request in upgrade),
            p50_ms=percentile(times, 50),
            p99_ms=percentile(times, 99),
            function_seconds=round(candidate.function_seconds(), 2),
            most_at_once=candidate.function.meter.most_at_once,
        )

    def cells(self) -> list[str]:
        """Give a line of the table."""
        counts = (
            self.requests, self.answered_2xx, self.refused, self.no_answer_in_time,
            self.acknowledged, self.acknowledged_and_lost,
        )  # fmt: skip
        return [
            self.name,
            *(f"{count:,}" for count in counts),
            f"{self.upgrade_2xx:,} of {self.upgrade_requests:,}",
            *("-" if ms is None else _short(ms) for ms in (self.p50_ms, self.p99_ms)),
            _short(self.function_seconds),
            f"{self.most_at_once:,}",
        ]


def _short(value: float) -> str:
    return f"{value:,.1f}" if value < 100 else f"{value:,.0f}"  # noqa: PLR2004  three digits


def render(outcomes: Iterable[Outcome]) -> Table:
    """Draw the table for a terminal of 120 columns."""
    table = Table(box=box.SIMPLE_HEAD, collapse_padding=True, pad_edge=False)
    table.add_column("", no_wrap=True)
    for heading in SHORT_HEADINGS:
        table.add_column(heading, justify="right", no_wrap=True)
    for outcome in outcomes:
        table.add_row(*(cell.replace(" of ", "/") for cell in outcome.cells()))
    return table


def markdown(outcomes: Iterable[Outcome]) -> str:
    """Give the table for a page."""
    lines = [
        f"| | {' | '.join(HEADINGS)} |",
        f"|---|{'---:|' * len(HEADINGS)}",
        *(f"| {' | '.join(outcome.cells())} |" for outcome in outcomes),
    ]
    return "\n".join(lines) + "\n"
