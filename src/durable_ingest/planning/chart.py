"""A curve as plain text."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

WIDTH: Final = 60
HEIGHT: Final = 8


def chart(
    points: Sequence[tuple[float, float]],
    title: str,
    scale: Callable[[float], str],
    across: Callable[[float], str],
) -> str:
    """Draw values over time as columns of `#`, in ASCII.

    Args:
        points: time and value, by time; straight lines are drawn between them.
        title: stands above.
        scale: writes a value.
        across: writes a time.
    """
    end = points[-1][0]
    values = [_at(points, end * (column + 0.5) / WIDTH) for column in range(WIDTH)]
    top = max([*values, *(value for _, value in points)]) or 1.0
    labels = {HEIGHT: scale(top), HEIGHT // 2: scale(top / 2), 0: scale(0)}
    margin = max(map(len, labels.values()))
    lines = [title]
    for row in range(HEIGHT, 0, -1):
        bars = "".join("#" if value / top * HEIGHT > row - 0.5 else " " for value in values)
        lines.append(f"{labels.get(row, ''):>{margin}} |{bars}".rstrip())
    lines.append(f"{labels[0]:>{margin}} +{'-' * WIDTH}")
    middle, last = across(end / 2), across(end)
    ruler = f"0{middle:^{WIDTH - 2}}"
    lines.append(f"{'':>{margin}}  {ruler[: WIDTH - len(last)]:<{WIDTH - len(last)}}{last}")
    return "\n".join(lines)


def _at(points: Sequence[tuple[float, float]], time: float) -> float:
    for (left, low), (right, high) in pairwise(points):
        if left <= time <= right and right > left:
            return low + (high - low) * (time - left) / (right - left)
    return points[-1][1]
