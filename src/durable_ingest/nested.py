"""Whether nested models kept all that a body gives.

A pydantic model drops fields that it does not know. In a JSON column that would be a silent loss.
"""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from durable_ingest.fields import names_of

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
        case list(), list() | tuple():
            return _first(zip(given, kept, strict=False), f"{path}[]")
        case dict(), BaseModel():
            return _by_model(given, kept, path)
        case dict(), dict():
            shorter = len(kept) < len(given)
            return f"{path}.*" if shorter else _first(_pairs(given, kept), f"{path}.*")
        case dict(), _ if is_dataclass(kept) and len(fields(kept)) < len(given):
            return f"{path}.*"
        case _:
            return None


def _pairs(given: dict[str, Any], kept: dict[Any, Any]) -> Iterable[tuple[object, object]]:
    """Pair values by their place: keys may have been parsed, but keep their order."""
    return zip(given.values(), kept.values(), strict=False)


def _first(pairs: Iterable[tuple[object, object]], path: str) -> str | None:
    return next(filter(None, (dropped(given, kept, path) for given, kept in pairs)), None)


def _by_model(given: dict[str, Any], kept: BaseModel, path: str) -> str | None:
    if type(kept).model_config.get("extra") == "allow":
        return None
    known = names_of(type(kept))
    for name, value in given.items():
        if name not in known:
            return f"{path}.{name}"
        for field in known[name]:
            if lost := dropped(value, getattr(kept, field, None), f"{path}.{name}"):
                return lost
    return None
