"""Numbers as people read them."""

from __future__ import annotations

from math import isfinite
from typing import Final

_UNITS: Final = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))
_FEW: Final = 10


def count(number: float) -> str:
    """Write a number with thousands set apart; one digit after the point where it is small."""
    if not isfinite(number):
        return "without end"
    return f"{number:,.0f}" if number >= _FEW or number == int(number) else f"{number:,.1f}"


def span(seconds: float) -> str:
    """Write a time in its two largest units: 4 h, 1 d 6 h, 2.5 s."""
    if not isfinite(seconds):
        return "without end"
    if seconds < _FEW:
        return f"{seconds:.3g} s"
    rest = round(seconds)
    words: list[str] = []
    for size, unit in _UNITS:
        if rest >= size or words:
            if rest // size:
                words.append(f"{rest // size} {unit}")
            if len(words) == 0 or unit == _next(words[0]):
                break
            rest %= size
    return " ".join(words)


def _next(first: str) -> str:
    units = [unit for _, unit in _UNITS]
    place = units.index(first.split()[1])
    return units[min(place + 1, len(units) - 1)]
