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
from chaos.workload import Write

MOST_KEYS = 3
"""Violated keys whose history is printed."""


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
    strikes: dict[str, int]
    """How often each fault struck."""
    hits: dict[str, int]
    """How often each hit something."""
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
    ]
    for name, figure in figures:
        table.add_row(name, figure, "")
    table.add_section()
    for name, count in sorted(summary.strikes.items()):
        table.add_row(name, f"{count:,}", f"{summary.hits[name]:,}")
    table.add_row("faults", f"{sum(summary.strikes.values()):,}", "", style="bold")
    table.add_section()
    for kind, count in summary.violations.items():
        table.add_row(kind, f"{count:,}", "", style="bold red" if count else "green")
    return table


def histories(events: Sequence[Event], violations: Sequence[Violation]) -> list[str]:
    """Give the history of the first violated keys, a line for each event, in order of time."""
    lines: list[str] = []
    keys = list(dict.fromkeys(v.key for v in violations if v.key))[:MOST_KEYS]
    for key in keys:
        lines += [f"{v.kind}: {key}: {v.what}" for v in violations if v.key == key]
        lines += _history(key, events)
    return lines


def _history(key: str, events: Sequence[Event]) -> list[str]:
    lines: list[str] = []
    concerned: set[tuple[str, int]] = set()
    for event in events:
        what = event["what"]
        said: object = None
        if what == "send":
            said = _of_key(key, event["writes"], 0)
        elif what == "sent":
            said = _of_key(key, event["results"], 0)
        elif what == "given":
            said = _of_key(key, event["messages"], 3)
            if said:
                concerned.add((event["who"], event["invocation"]))
        elif what == "answered" and (event["who"], event["invocation"]) in concerned:
            said = {"held": event["held"], "why": event["why"]}
        elif what in {"timed out", "ended", "fault", "healed"} or what.startswith("SIG"):
            said = {n: v for n, v in event.items() if n not in {"at", "who", "what"}} or " "
        if said:
            lines.append(f"  {event['at']:.3f} {event['who']} {what} {json.dumps(said)}")
    return _without_idle_faults(lines)


def _of_key(key: str, entries: Sequence[Sequence[Any]], place: int) -> list[Sequence[Any]]:
    return [e for e in entries if e[place] and Write.parse(str(e[place])).key == key]


def _without_idle_faults(lines: list[str]) -> list[str]:
    """Drop what happened before the key's first event and after its last."""
    own = [n for n, line in enumerate(lines) if " chaos " not in line]
    return lines[own[0] : own[-1] + 1] if own else lines
