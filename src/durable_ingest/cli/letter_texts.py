"""Dead letters in words and in JSON. Nothing here shows a body that was not asked for."""

from __future__ import annotations

import base64
from collections import Counter, defaultdict
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from durable_ingest.message import DEAD

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from durable_ingest.letter import Letter
    from durable_ingest.reading import About, Outcome

_UNITS: Final = ((86_400, "days"), (3600, "hours"), (60, "minutes"))
_HEADS: Final = ("CONTRACT", "FAULT", "CODE", "LETTERS", "OLDEST", "NEWEST", "REASON")


def plain(text: object) -> str:
    """Make text fit for a terminal: whoever sent it wrote it, escape sequences included."""
    return "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in str(text))


def span(seconds: float) -> str:
    """Write a length of time."""
    for unit, name in _UNITS:
        if seconds >= 2 * unit:
            return f"{seconds / unit:.3g} {name}"
    return f"{max(seconds, 0.0):.0f} seconds"


# All letters


def kinds(letters: Iterable[About], now: float) -> list[dict[str, Any]]:
    """Count letters by contract, fault, code and reason, the most frequent first."""
    parts: defaultdict[tuple[Any, ...], list[float]] = defaultdict(list)
    for one in letters:
        parts[one.contract, one.fault, one.code, one.reason].append(now - one.dead_since)
    names = ("contract", "fault", "code", "reason")
    rows = [
        dict(zip(names, part, strict=True))
        | {
            "letters": len(ages),
            "oldest_seconds": round(max(ages)),
            "newest_seconds": round(min(ages)),
        }
        for part, ages in parts.items()
    ]
    return sorted(rows, key=lambda row: -row["letters"])


def table(rows: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Write what `kinds` counted."""
    lines = [_HEADS, *map(_cells, rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        yield "  ".join(cell.ljust(n) for cell, n in zip(line, widths, strict=True)).rstrip()


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    return (
        plain(row["contract"] or "-"),
        plain(row["fault"]),
        str(row["code"] or "-"),
        str(row["letters"]),
        span(row["oldest_seconds"]),
        span(row["newest_seconds"]),
        plain(row["reason"] or "-"),
    )


# One letter


def facts(letter: Letter, about: About, objection: str | None, *, body: bool) -> dict[str, Any]:
    """Give everything that a letter says."""
    found: dict[str, Any] = {
        **asdict(about),
        "group_id": letter.group_id,
        "sequence": None if letter.sequence is None else str(letter.sequence),
        "attributes": {name: _value(given) for name, given in letter.attributes.items()},
        "objection": objection,
        "body_bytes": len(letter.body.encode()),
    }
    return found | ({"body": letter.body} if body else {})


def page(found: dict[str, Any], now: float) -> Iterator[str]:
    """Write what `facts` gave."""
    times = ("dead_since", "sent")
    hidden = ("attributes", "objection", "body")
    for name, value in found.items():
        if value is not None and name not in hidden:
            shown = _moment(value, now) if name in times else plain(value)
            yield f"{name.replace('_', ' '):<12}  {shown}"
    for name, value in found["attributes"].items():
        if name != DEAD:  # it has been written out
            yield f"{'attribute':<12}  {plain(name)}: {plain(value)}"
    yield f"{'redrive':<12}  {plain(found['objection'] or 'it may go back')}"
    if "body" in found:
        yield f"{'body':<12}  {plain(found['body'])}"


def _value(given: Any) -> str:  # noqa: ANN401 - of an SQS attribute
    if "BinaryValue" in given:
        return base64.b64encode(given["BinaryValue"]).decode()
    return str(given.get("StringValue", ""))


def _moment(seconds: float, now: float) -> str:
    try:
        at = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
    except (ValueError, OverflowError, OSError):
        return "unknown"
    return f"{at}, {span(now - seconds)} ago"


# What a run did


def summary(outcome: Outcome, verb: str) -> dict[str, Any]:
    """Give what a run did, for JSON.

    Args:
        outcome: the run's.
        verb: what it did with letters: "sent".
    """
    return {
        verb: [asdict(one) for one in outcome.done],
        "left": [asdict(one) | {"why": why} for one, why in outcome.left],
        "missing": sorted(outcome.missing),
        **counts(outcome),
    }


def counts(outcome: Outcome) -> dict[str, Any]:
    """Give what a run saw, for JSON."""
    return {
        "there": outcome.there,
        "seen": outcome.seen,
        "unseen": outcome.unseen,
        "hidden_at_first": outcome.hidden,
        "newer": outcome.newer,
        "not_given_back": outcome.stuck,
        "stopped": outcome.stopped,
    }


def report(outcome: Outcome, verb: str) -> Iterator[str]:
    """Write what a run did."""
    yield f"{verb} {_letters(len(outcome.done))}"
    reasons: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for one, why in outcome.left:
        reasons[one.contract or "-", why].append(one.id)
    for (contract, why), ids in reasons.items():
        yield plain(f"left {_letters(len(ids))} of {contract}: {why} ({_some(ids)})")
    yield from cautions(outcome)


def by_contract(outcome: Outcome) -> Iterator[str]:
    """Write whose letters a run would touch: a dead-letter queue may be shared."""
    for name, count in Counter(one.contract or "-" for one in outcome.done).most_common():
        yield plain(f"  {_letters(count)} of {name}")


def cautions(outcome: Outcome) -> Iterator[str]:
    """Say what was not seen, and why, so that nobody takes it for all."""
    if outcome.missing:
        yield plain(f"not found: {', '.join(sorted(outcome.missing))}")
    unseen = outcome.unseen and not outcome.enough
    if unseen:
        yield (
            f"saw {outcome.seen} of about {outcome.there} letters: of a group SQS shows some ten"
            " at a time, and the next ones once those are gone"
        )
    if unseen and outcome.hidden:
        yield (
            f"about {outcome.hidden} were hidden at first, by another run or one that was killed:"
            " run again in two minutes"
        )
    if outcome.stuck:
        yield (
            f"{_letters(outcome.stuck)} could not be given back and stay hidden for up to two"
            " minutes; is sqs:ChangeMessageVisibility granted?"
        )
    if outcome.stopped:
        yield f"stopped early: {outcome.stopped}"


def _letters(count: int) -> str:
    return "1 letter" if count == 1 else f"{count} letters"


def _some(ids: Sequence[str]) -> str:
    most = 3
    return ", ".join(ids[:most]) + (", …" if len(ids) > most else "")
