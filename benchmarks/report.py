"""A run as tables and as JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from benchmarks.claims import Claim

BEGINS: Final = "<!-- a run's tables -->"
ENDS: Final = "<!-- end of the tables -->"


@dataclass(frozen=True)
class Section:
    """One comparison."""

    title: str
    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    claims: Sequence[Claim]
    data: dict[str, Any]
    """What the rows were made of."""
    note: str = ""
    """How to read the rows."""


def markdown(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Write a table: the first column to the left, the others to the right."""
    lines = [headings, ["---", *["---:"] * (len(headings) - 1)], *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def figure(value: float) -> str:
    """Write a number with three digits that count, or all there are before the point."""
    if value >= 100:  # noqa: PLR2004 - from here on all digits stand before the point
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"  # noqa: PLR2004 - likewise


def times(value: float) -> str:
    """Write a ratio."""
    return f"{figure(value)} ×"  # noqa: RUF001 - a multiplication sign is meant


def tables(
    command: str,
    machine: Sequence[str],
    sections: Sequence[Section],
    pictures: Mapping[str, str],
) -> str:
    """Write the whole run: ratios in front, then each comparison, then the machine.

    Args:
        command: what made it.
        machine: what it ran on, line by line.
        sections: the comparisons.
        pictures: Markdown that shows one, by the title of its section.
    """
    claims = [claim for section in sections for claim in section.claims]
    parts = [
        markdown(
            ["ratio", "measured", "bound", "holds"],
            [
                [claim.what, times(claim.ratio), claim.words, "yes" if claim.holds else "**no**"]
                for claim in claims
            ],
        ),
        f"Made by `{command}`.",
    ]
    for section in sections:
        parts.append(f"### {section.title}")
        if section.title in pictures:
            parts.append(pictures[section.title])
        parts.append(markdown(section.headings, section.rows))
        if section.note:
            parts.append(section.note)
    parts += ["### The machine", "\n".join(f"- {line}" for line in machine)]
    return "\n\n".join(parts) + "\n"


def into_page(page: str, made: str) -> str:
    """Put a run's tables in the place of those that a page has, between its marks.

    Raises:
        ValueError: the page does not have the marks, once each and in order.
    """
    before, begins, rest = page.partition(BEGINS)
    _, ends, after = rest.partition(ENDS)
    if not (begins and ends) or BEGINS in rest or ENDS in after:
        raise ValueError(f"a page has its tables between {BEGINS} and {ENDS}")
    return f"{before}{BEGINS}\n\n{made}\n{ENDS}{after}"


def as_json(
    command: str, machine: Sequence[str], options: dict[str, Any], sections: Sequence[Section]
) -> dict[str, Any]:
    """Give the whole run."""
    return {
        "command": command,
        "machine": list(machine),
        "options": options,
        "claims": [claim.as_json() for section in sections for claim in section.claims],
        "sections": {section.title: section.data for section in sections},
    }
