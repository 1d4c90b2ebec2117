"""Errors inside errors: what a driver, or an instrument around it, has wrapped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_HOLDERS: Final = ("original_exception", "orig", "__cause__")


def inside(error: BaseException) -> Iterator[BaseException]:
    """Give an error and all that it wraps, the outermost first, each once.

    Not `__context__`: an error that merely came up while another was handled may be about
    something else.
    """
    seen: dict[int, BaseException] = {}
    waiting = [error]
    while waiting:
        current = waiting.pop(0)
        if id(current) in seen:
            continue
        seen[id(current)] = current
        yield current
        held = [getattr(current, name, None) for name in _HOLDERS]
        several = current.exceptions if isinstance(current, BaseExceptionGroup) else ()
        waiting += [e for e in (*held, *current.args, *several) if isinstance(e, BaseException)]
