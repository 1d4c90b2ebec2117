"""Errors inside errors: what a driver, or an instrument around it, has wrapped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_HOLDERS: Final = ("original_exception", "orig", "__cause__")


def inside(error: BaseException, *, handled: bool = False) -> Iterator[BaseException]:
    """Give an error and all that it wraps, the outermost first, each once.

    Args:
        error: the outermost.
        handled: also what was being handled when one came up (`__context__`), which may be about
            something else.
    """
    holders = (*_HOLDERS, "__context__") if handled else _HOLDERS
    seen: dict[int, BaseException] = {}
    waiting = [error]
    while waiting:
        current = waiting.pop(0)
        if id(current) in seen:
            continue
        seen[id(current)] = current
        yield current
        held = [getattr(current, name, None) for name in holders]
        several = current.exceptions if isinstance(current, BaseExceptionGroup) else ()
        waiting += [e for e in (*held, *current.args, *several) if isinstance(e, BaseException)]
