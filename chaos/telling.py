"""The shortest history that there is of a violated key: its own events, and what struck them."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from chaos.history import Event
from chaos.verdict import Violation
from chaos.workload import Write

MOST_KEYS = 3
"""Keys whose history is told."""
_ENTRIES = {"send": ("writes", 0), "sent": ("results", 0), "given": ("messages", 3)}
"""Where an event has its messages, and where these have the write's name."""


@dataclass(frozen=True)
class _Line:
    """One event of a key, and how long what it began lasted."""

    begin: float
    end: float
    text: str


def tell(events: Sequence[Event], violations: Sequence[Violation]) -> list[str]:
    """Tell the histories of the first violated keys, a line for each event, in order of time."""
    lines: list[str] = []
    for key in list(dict.fromkeys(v.key for v in violations if v.key))[:MOST_KEYS]:
        lines += [f"{v.kind}: {key}: {v.what}" for v in violations if v.key == key]
        own = list(_own(key, events))
        struck = [f for f in _faults(events) if any(_overlap(f, line) for line in own)]
        lines += [f"  {line.text}" for line in sorted([*own, *struck], key=lambda li: li.begin)]
    return lines


def _overlap(one: _Line, other: _Line) -> bool:
    return one.begin <= other.end and other.begin <= one.end


def _own(key: str, events: Sequence[Event]) -> Iterator[_Line]:
    """Give a key's events. What a process began lasts until its next event, or its end."""
    for number, event in enumerate(events):
        name, place = _ENTRIES.get(event["what"], ("", 0))
        entries = [e for e in event.get(name, []) if _is_of(key, e[place])]
        if not entries:
            continue
        if event["what"] == "sent":
            yield _Line(event["at"], event["at"], _text(event, entries))
            continue
        next_one = _next(event["who"], events[number + 1 :])
        end = next_one["at"] if next_one else float("inf")
        yield _Line(event["at"], end, _text(event, entries))
        if next_one and next_one["what"] != "sent":
            details = {n: v for n, v in next_one.items() if n not in {"at", "who", "what"}}
            if details.get("held"):  # those of its key's messages
                details["held"] = [e[0] for e in entries if e[0] in details["held"]]
            yield _Line(end, end, _text(next_one | {"who": event["who"]}, details))


def _next(who: str, later: Sequence[Event]) -> Event | None:
    """Find a process' next event, or its end as others saw it."""
    return next(
        (
            event
            for event in later
            if event["who"] == who or (event["what"] == "ended" and event.get("whom") == who)
        ),
        None,
    )


def _faults(events: Sequence[Event]) -> Iterator[_Line]:
    began: dict[str, Event] = {}
    for event in events:
        if event["what"] == "fault":
            began[event["fault"]] = event
        elif event["what"] == "healed" and event["fault"] in began:
            fault = began.pop(event["fault"])
            text = f"{fault['at']:.3f} {event['fault']}, until {event['at']:.3f}"
            yield _Line(fault["at"], event["at"], text)
        elif event["what"].startswith("SIG"):
            text = f"{event['at']:.3f} {event['what']} to {event['whom']}"
            yield _Line(event["at"], event["at"], text)


def _is_of(key: str, name: str) -> bool:
    return bool(name) and Write.parse(name).key == key


def _text(event: Event, details: Any) -> str:  # noqa: ANN401  whatever an event has
    return f"{event['at']:.3f} {event['who']} {event['what']} {json.dumps(details)}"
