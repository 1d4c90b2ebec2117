"""Whether nested models kept all that a body gives.

A pydantic model drops fields that it does not know. In a JSON column that would be a silent loss.
"""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import is_dataclass
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, RootModel

from durable_ingest.fields import keeps_unknown, names_of

if TYPE_CHECKING:
    from collections.abc import Iterable


def dropped(given: object, kept: object, path: str) -> str | None:
    """Find a part of a nested body that its model did not keep; None if it kept all.

    Args:
        given: the part as it was parsed from JSON.
        kept: what validation made of it.
        path: where it stands, for the answer.
    """
    match given, kept:
        case _, RootModel():
            return dropped(given, kept.root, path)
        case list(), AbstractSet():
            return _by_set(given, kept, f"{path}[]")
        case list(), Sequence():
            return _first(zip(given, kept, strict=False), f"{path}[]")
        case dict(), dict():
            shorter = len(kept) < len(given)
            return f"{path}.*" if shorter else _first(_pairs(given, kept), f"{path}.*")
        case dict(), _ if isinstance(kept, BaseModel) or is_dataclass(kept):
            return _by_names(given, kept, path)
        case _:
            return None


def _pairs(given: dict[str, Any], kept: dict[Any, Any]) -> Iterable[tuple[object, object]]:
    """Pair values by their keys, those of parsed or other keys by their place.

    A TypedDict has its own order; any other dictionary keeps that of the body.
    """
    yield from ((value, kept[name]) for name, value in given.items() if name in kept)
    others = (value for name, value in kept.items() if name not in given)
    yield from zip((v for name, v in given.items() if name not in kept), others, strict=False)


def _first(pairs: Iterable[tuple[object, object]], path: str) -> str | None:
    return next(filter(None, (dropped(given, kept, path) for given, kept in pairs)), None)


def _by_set(given: list[object], kept: AbstractSet[object], path: str) -> str | None:
    """Look for a value that no element of a set kept whole; nobody knows which one it became."""
    for value in given:
        losses = [dropped(value, element, path) for element in kept]
        if losses and all(losses):
            return losses[0]
    return None


def _by_names(given: dict[str, Any], kept: object, path: str) -> str | None:
    model: Any = type(kept)
    known = names_of(model)
    for name, value in given.items():
        if name not in known and not keeps_unknown(model):
            return f"{path}.{name}"
        for field in known.get(name, ()):
            if lost := dropped(value, getattr(kept, field, None), f"{path}.{name}"):
                return lost
    return None
