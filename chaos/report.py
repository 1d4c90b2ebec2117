"""What a run tells at its end."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.table import Table

from chaos.facts import Facts
from chaos.history import Event
from chaos.verdict import KINDS, Violation


@dataclass(frozen=True)
class Summary:
    """The figures of one run."""

    command: str
    server: str
    seed: int
    seconds: float
    writes: int
    """Made by producers."""
    messages: int
    """Known to have been in a queue."""
    acknowledged: int
    in_doubt: int
    """Writes of which it stayed open whether they are stored."""
    sent_again: int
    """Resends of acknowledged writes."""
    invocations: int
    deliveries: int
    """Messages given to drainers, each as often as it was."""
    dead_letters: int
    older_plain_rows: int
    """Rows without a guard that are not the newest, as the matrix allows."""
    slowest_answer: float
    """Seconds of the longest invocation, those of stopped processes aside."""
    strikes: dict[str, int]
    """How often each fault struck."""
    hits: dict[str, int]
    """How often each hit something."""
    impossible: list[str]
    """Faults that cannot strike on this machine."""
    violations: dict[str, int]

    @property
    def passed(self) -> bool:
        """Whether nothing is wrong."""
        return not any(self.violations.values())

    def as_json(self) -> str:
        """Give everything."""
        return json.dumps({"passed": self.passed} | asdict(self), indent=2)


def count_violations(violations: Sequence[Violation]) -> dict[str, int]:
    """Count them by kind; those that did not occur too."""
    found = Counter(violation.kind for violation in violations)
    return {kind: found[kind] for kind in KINDS}


def resends(events: Sequence[Event]) -> int:
    """Count the resends of acknowledged writes."""
    return sum(again for e in events if e["what"] == "send" for *_, again in e["writes"])


def slowest_answer(events: Sequence[Event]) -> float:
    """Give the seconds of the longest invocation; one whose process was stopped does not count."""
    stopped: set[str] = set()
    slowest = 0.0
    for event in events:
        if event["what"] == "SIGSTOP":
            stopped.add(event["whom"])
        elif event["what"] == "answered":
            if event["who"] not in stopped:
                slowest = max(slowest, event["took"])
            stopped.discard(event["who"])
    return slowest


def deliveries(facts: Facts) -> int:
    """Count the messages given to drainers, each as often as it was."""
    return sum(len(delivery.messages) for delivery in facts.deliveries)


def render(summary: Summary) -> Table:
    """Draw the summary for a terminal."""
    table = Table(title=f"{summary.server}, seed {summary.seed}", title_justify="left")
    table.add_column("what", no_wrap=True)
    table.add_column("times", justify="right")
    table.add_column("hits", justify="right")
    figures: list[tuple[str, Any]] = [
        ("seconds", f"{summary.seconds:,.0f}"),
        ("writes made", f"{summary.writes:,}"),
        ("messages", f"{summary.messages:,}"),
        ("acknowledged", f"{summary.acknowledged:,}"),
        ("in doubt", f"{summary.in_doubt:,}"),
        ("acknowledged and sent again", f"{summary.sent_again:,}"),
        ("invocations of drainers", f"{summary.invocations:,}"),
        ("messages given to them", f"{summary.deliveries:,}"),
        ("dead letters", f"{summary.dead_letters:,}"),
        ("plain rows older, as they may be", f"{summary.older_plain_rows:,}"),
        ("slowest answer of a drainer, s", f"{summary.slowest_answer:.1f}"),
    ]
    for name, figure in figures:
        table.add_row(name, figure, "")
    table.add_section()
    for name, count in sorted(summary.strikes.items()):
        table.add_row(name, f"{count:,}", f"{summary.hits[name]:,}")
    for name in summary.impossible:
        table.add_row(name, "not possible here", "")
    table.add_row("faults", f"{sum(summary.strikes.values()):,}", "", style="bold")
    table.add_section()
    for kind, count in summary.violations.items():
        table.add_row(kind, f"{count:,}", "", style="bold red" if count else "green")
    return table
