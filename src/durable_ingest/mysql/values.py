"""pydantic values as SQL text."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, Literal
from uuid import UUID

from pydantic_core import to_json

from durable_ingest.mysql.literals import literal, text_literal
from durable_ingest.scalars import refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import BaseModel

    from durable_ingest.contract import Table
    from durable_ingest.mysql.preflight import Column

_UUID_BYTES: Final = 16
_BIGINT: Final = 2**63
_SCALARS: Final = (str, int, float, Decimal, datetime, date, time, timedelta, UUID, bytes, Enum)


class UnstorableError(Exception):
    """A value that MySQL cannot hold as it is. The text names the column and the remedy."""


class UnreadableError(Exception):
    """The model's own code failed while a record was read out of it."""


def row_literals(
    table: Table,
    record: BaseModel,
    columns: Mapping[str, Column],
) -> dict[str, str]:
    """Write a record's values as SQL, by column.

    Datetimes are in UTC without an offset, Decimals, UUIDs and times are text, nested models and
    containers are JSON text.

    Args:
        table: the contract.
        record: an instance of its model.
        columns: what the table's columns are, by lower-case name.

    Raises:
        UnstorableError: a value cannot be stored without changing it.
        UnreadableError: the model's own code failed.
    """
    dumped = _dump(record, "python")
    as_json: dict[str, Any] = {}
    literals: dict[str, str] = {}
    for name in table.fields.columns.values():
        if name not in dumped:  # a model may leave fields out (exclude_if)
            continue
        value = dumped[name]
        kind = type(value)
        if kind is str and (value.isascii() or _has_utf8(value)):
            literals[name] = text_literal(value)
        elif kind is int and -_BIGINT <= value < _BIGINT:
            literals[name] = str(value)
        elif value is None:
            literals[name] = "NULL"
        else:
            column = columns.get(name.lower())
            _check_storable(table, name, value, column)
            if not isinstance(value, _SCALARS):
                as_json = as_json or _dump(record, "json")
                value = as_json[name]
            literals[name] = literal(_converted(name, value, column))
    return literals


def _has_utf8(text: str) -> bool:
    """Say whether text can be sent: a lone surrogate cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _check_storable(table: Table, name: str, value: object, column: Column | None) -> None:
    problem = refusal(value)
    if problem is None and isinstance(value, Decimal):
        exact = name in (*table.key_columns, table.guard_column)
        problem = _too_fine(value, column) if exact else None
    if problem is not None:
        msg = f"column {name!r}: {problem}"
        raise UnstorableError(msg)


def _converted(name: str, value: object, column: Column | None) -> object:
    """Give a scalar as it is stored, or what the record's JSON has for any other value."""
    try:
        return _stored(value, column)
    except (ValueError, TypeError, ArithmeticError, RecursionError) as error:
        msg = f"column {name!r}: a value of type {type(value).__name__} cannot be stored"
        raise UnstorableError(msg) from error


def _dump(record: BaseModel, mode: Literal["python", "json"]) -> dict[str, Any]:
    try:
        return record.model_dump(mode=mode, by_alias=True, warnings=False)
    except Exception as error:
        msg = f"the model raised {type(error).__name__} while it was read"
        raise UnreadableError(msg) from error


def _stored(value: object, column: Column | None) -> object:  # noqa: PLR0911 - a table
    match value:
        case Enum():
            return _stored(value.value, column)
        case bool():
            return int(value)
        case datetime():
            return value.astimezone(UTC).replace(tzinfo=None).isoformat(sep=" ")
        case date() | time():
            return value.isoformat()
        case timedelta():
            return _time_text(value)
        case Decimal():
            return format(value, "f")
        case UUID():
            binary = column is not None and column.binary and column.width == _UUID_BYTES
            return value.bytes if binary else str(value)
        case str():
            value.encode()  # a lone surrogate has no UTF-8
            return str(value)
        case list() | dict() | tuple():
            return to_json(value).decode()
        case _:
            return value


def _time_text(value: timedelta) -> str:
    """Write MySQL's TIME: [-]HHH:MM:SS.ffffff."""
    sign = "-" if value < timedelta(0) else ""
    seconds, micro = divmod(abs(value) // timedelta(microseconds=1), 1_000_000)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    return f"{sign}{hour:02}:{minute:02}:{second:02}.{micro:06}"


def _too_fine(value: Decimal, column: Column | None) -> str | None:
    """Find digits that a key or guard column would round off."""
    if column is None:
        return None
    exponent = value.normalize().as_tuple().exponent
    if isinstance(exponent, int) and -exponent > column.scale:
        return f"has more than the column's {column.scale} decimal digits, which would be rounded"
    return None
