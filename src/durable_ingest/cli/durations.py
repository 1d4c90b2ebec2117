"""Times on the command line."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    _FloatType = click.ParamType[float]
else:  # click before 8.3 has no type for what a parameter gives
    _FloatType = click.ParamType

_UNITS: Final = {"": 1, "s": 1, "m": 60, "min": 60, "h": 3_600, "d": 86_400}
_PART: Final = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([a-z]*)")


class Duration(_FloatType):
    """Seconds, written as 90, 90s, 15m, 4h, 1d12h."""

    name = "duration"

    def convert(
        self, value: str | float, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Give seconds; a wrong text ends the command with status 2."""
        if not isinstance(value, str):
            return value
        at, seconds = 0, 0.0
        while match := _PART.match(value, at):
            if match[2] not in _UNITS:
                break
            seconds += float(match[1]) * _UNITS[match[2]]
            at = match.end()
        if at == 0 or at < len(value.rstrip()) or seconds <= 0:
            self.fail(f"{value!r} is no time above 0, such as 90s, 15m, 4h or 1d12h", param, ctx)
        return seconds
