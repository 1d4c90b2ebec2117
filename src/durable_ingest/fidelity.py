"""Whether a record comes back from its JSON as it was, and as the same JSON each time."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from types import NoneType
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from pydantic_core import to_json

if TYPE_CHECKING:
    from pydantic import BaseModel

    from durable_ingest.contract import Contract

PLAIN: Final = frozenset({str, int, float, bool, Decimal, UUID, date, time, timedelta, NoneType})
"""Types of values that hold neither bytes nor sets, and are the same where they are equal."""
_SCALARS: Final = (str, int, float, bytes, Decimal, Enum, UUID, date, time, timedelta)


def same(one: object, other: object) -> bool:
    """Compare values, datetimes by their moment.

    Python calls a time in the hour that a clock change repeats unequal to any in another zone
    (PEP 495).
    """
    if type(one) not in PLAIN:
        if isinstance(one, datetime) and isinstance(other, datetime):
            if one.tzinfo and other.tzinfo:
                return one.astimezone(UTC) == other.astimezone(UTC)
        elif isinstance(one, dict) and isinstance(other, dict):
            return same(list(one.items()), list(other.items()))
        elif isinstance(one, list | tuple) and isinstance(other, type(one)):
            return len(one) == len(other) and all(map(same, one, other))
    try:
        return bool(one == other)
    except Exception:  # noqa: BLE001 - values of the team's own types may compare as they like
        return False


def changed_by_serializers(contract: Contract, record: BaseModel, back: BaseModel) -> list[str]:
    """Find scalar fields that a serializer alters in every mode, so that dumps do not show it.

    Ids are made of a record's own values: two that are written as one must not have two groups.
    """
    names = contract.fields
    return [
        name
        for name in names.columns
        if name not in names.computed
        and isinstance(given := getattr(record, name), _SCALARS)
        and not same(given, getattr(back, name))
    ]


def holds_bytes(value: object) -> bool:
    """Look for bytes, in containers too."""
    if isinstance(value, dict):
        return any(map(holds_bytes, [*value, *value.values()]))
    if isinstance(value, list | tuple | set | frozenset):
        return any(map(holds_bytes, value))
    return isinstance(value, bytes)


def holds_a_set(value: object) -> bool:
    """Look for a set, in containers too."""
    if isinstance(value, dict):
        return any(map(holds_a_set, value.values()))
    if isinstance(value, list | tuple):
        return any(map(holds_a_set, value))
    return isinstance(value, set | frozenset)


def with_sets_sorted(value: object, written: Any) -> Any:  # noqa: ANN401 - parsed JSON
    """Give sets one order in every process: the body is part of the deduplication id."""
    if isinstance(value, set | frozenset) and isinstance(written, list):
        return sorted(written, key=to_json)
    if isinstance(value, dict) and isinstance(written, dict):
        pairs = zip(written.items(), value.values(), strict=False)
        return {name: with_sets_sorted(part, text) for (name, text), part in pairs}
    if isinstance(value, list | tuple) and isinstance(written, list):
        return [with_sets_sorted(v, w) for v, w in zip(value, written, strict=False)]
    return written
