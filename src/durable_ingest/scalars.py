"""Single values: which ones can be stored, and which ones MySQL takes for the same key.

Pure functions on Python values, used when a record is sent and again when it is written.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from math import isfinite
from types import NoneType
from uuid import UUID

KEY_TYPES = (str, int, bool, Decimal, UUID, datetime, date, time, timedelta, bytes, Enum)
"""Types of which a key or a group can be made. Floats are not among them: MySQL compares them
inexactly."""


MOST_DIGITS = 1000
"""Digits that a number is written out with: far more than MySQL's 65, which it refuses itself."""
_TOO_LARGE = 10**MOST_DIGITS
_ALWAYS_STORABLE = frozenset({str, bytes, bool, UUID, date, timedelta, NoneType})


def refusal(value: object) -> str | None:
    """Say why a value cannot be stored without changing it, or None where it can."""
    if type(value) in _ALWAYS_STORABLE:
        return None
    match value:
        case float() if not isfinite(value):
            return "is NaN or infinite, which MySQL cannot hold"
        case int() if abs(value) >= _TOO_LARGE:
            return f"has more than {MOST_DIGITS} digits; MySQL's DECIMAL holds 65"
        case Decimal() if not value.is_finite():
            return "is NaN or infinite, which MySQL cannot hold"
        case Decimal() if abs(value.adjusted()) > MOST_DIGITS:
            return f"has more than {MOST_DIGITS} digits; MySQL's DECIMAL holds 65"
        case datetime() if value.tzinfo is None:
            return "is a datetime without a time zone; give it one (datetime.now(UTC))"
        case datetime() if not _has_utc(value):
            return "lies outside the calendar in UTC"
        case time() if value.tzinfo is not None:
            return "is a time of day with a time zone, which MySQL's TIME cannot hold"
        case _:
            return None


def canonical(value: object) -> str:
    """Write a key or group value so that values which MySQL takes for equal read the same.

    Text is folded as MySQL's default collations fold it (utf8mb4_0900_ai_ci and the older
    general_ci: no case, no accents, no trailing spaces, no ignorable characters). Folding too
    much costs two keys their concurrency; folding too little would cost them their order. It is
    complete for Latin, Greek, Cyrillic and Japanese letters and for digits, not for every symbol
    of Unicode: a key of other scripts wants a `utf8mb4_0900_bin` column.

    Raises:
        TypeError: the value is of none of the `KEY_TYPES` (nor None).
        ValueError: the value has no storable form (see `refusal`).
    """
    problem = refusal(value)
    if problem:
        raise ValueError(problem)
    match value:
        case None:
            return "\x00"
        case Enum():
            return canonical(value.value)
        case str():
            return _folded(value)
        case bool() | int():
            return str(int(value))
        case Decimal():
            return _plain_decimal(value)
        case UUID():
            return str(value)
        case datetime():
            return value.astimezone(UTC).isoformat(timespec="microseconds")
        case date() | time():
            return value.isoformat()
        case timedelta():
            return f"{value // timedelta(microseconds=1)}us"
        case bytes():
            return value.hex()
        case _:
            msg = f"a {type(value).__name__} cannot be part of a key or a group"
            raise TypeError(msg)


def _has_utc(value: datetime) -> bool:
    try:
        value.astimezone(UTC)
    except OverflowError:
        return False
    return True


def _plain_decimal(value: Decimal) -> str:
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def _folded(text: str) -> str:
    if text.isascii() and text.isprintable():
        return text.lower().rstrip(" ")
    from durable_ingest.folding import folded  # noqa: PLC0415 - most keys are ASCII

    return folded(text)
