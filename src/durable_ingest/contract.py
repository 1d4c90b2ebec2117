"""What producer and drainer share: a MySQL table and the model of its rows."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from functools import cached_property
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin
from uuid import UUID

from pydantic import (
    AwareDatetime,
    EmailStr,
    FutureDate,
    FutureDatetime,
    NaiveDatetime,
    PastDate,
    PastDatetime,
)

from durable_ingest.errors import ContractError
from durable_ingest.fields import ModelFields, fields_of
from durable_ingest.scalars import KEY_TYPES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import BaseModel

_VERSION_TYPES = (int, datetime, date, Decimal)
_MARKERS: dict[Any, type] = {
    AwareDatetime: datetime,
    EmailStr: str,
    FutureDate: date,
    FutureDatetime: datetime,
    NaiveDatetime: datetime,
    PastDate: date,
    PastDatetime: datetime,
}
"""Classes of pydantic's that stand for the values of another."""
_UNSAFE_IN_A_NAME = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]|[^\x00-\uffff]")
_LONGEST_NAME = 64  # MySQL 8.4 Reference Manual, "Identifier Length Limits"


@dataclass(frozen=True)
class Table:
    """A MySQL table that messages are upserted into. Import the same one in both functions.

    Args:
        name: the table, `"table"` or `"schema.table"`. It also names the contract on the wire.
        model: the pydantic model of its rows. A field's alias is its column; computed fields are
            columns, excluded ones are not.
        key: field or fields of the unique index that an upsert hits. Never Optional, never float.
        group: field or fields whose writes stay in order; default the key. Give parent and child
            tables the same group where one must be written before the other.
        version: a field that the row's owner raises with every change (int, Decimal, datetime or
            date; required). A write with a lower version than the stored one changes nothing.
        sequence: a column that is not in the model, DECIMAL(39,0). It holds SQS' sequence number,
            and an older message changes nothing.
        insert_only: field or fields written when the row is made, and left alone after.

    Raises:
        ContractError: an argument is wrong; the text starts with its name.
    """

    name: str
    model: type[BaseModel]
    key: str | tuple[str, ...] = field(kw_only=True)
    group: str | tuple[str, ...] | None = field(default=None, kw_only=True)
    version: str | None = field(default=None, kw_only=True)
    sequence: str | None = field(default=None, kw_only=True)
    insert_only: str | tuple[str, ...] = field(default=(), kw_only=True)

    def __post_init__(self) -> None:
        _check_table_name(self.name)
        for column in self.fields.columns.values():
            _check_name("model", column)
        self._check_key_and_group()
        self._check_guards()
        for name in self._names("insert_only"):
            if name in (*self.key_fields, self.version):
                raise ContractError("insert_only", f"{name!r} is part of the key or the version")

    @cached_property
    def fields(self) -> ModelFields:
        """The model's fields, by their names on the wire and in the table."""
        return fields_of(self.model)

    @cached_property
    def key_fields(self) -> tuple[str, ...]:
        """The fields of the key."""
        return self._names("key")

    @cached_property
    def group_fields(self) -> tuple[str, ...]:
        """The fields whose values make the message group id."""
        return self.key_fields if self.group is None else self._names("group")

    @cached_property
    def key_columns(self) -> tuple[str, ...]:
        """The columns of the unique index that an upsert hits."""
        return tuple(self.fields.columns[name] for name in self.key_fields)

    @cached_property
    def insert_only_columns(self) -> frozenset[str]:
        """The columns that an update leaves alone."""
        return frozenset(self.fields.columns[name] for name in self._names("insert_only"))

    @cached_property
    def guard_column(self) -> str | None:
        """The column that tells an older write: the version's or the sequence's."""
        return self.sequence if self.version is None else self.fields.columns[self.version]

    @cached_property
    def order_free(self) -> bool:
        """Whether messages of one group may come in any order with the same result.

        True where whole rows are compared by version. A group shared with other tables, or
        columns written at insert alone, make the order count again.
        """
        return self.version is not None and self.group is None and not self.insert_only_columns

    def kinds_of(self, name: str) -> frozenset[str]:
        """Name the key types that a key or version field's values are of: "str", "int", ..."""
        types = _types(self.model.model_fields[name].annotation)
        return frozenset(kind for given in types - {type(None)} for kind in _kinds(given))

    def _names(self, argument: str) -> tuple[str, ...]:
        given = getattr(self, argument)
        if not isinstance(given, str | tuple | list):
            raise ContractError(argument, "must be a field's name, or a tuple of names")
        names = (given,) if isinstance(given, str) else tuple(given)
        for name in names:
            if name not in self.fields.columns or name in self.fields.computed:
                known = ", ".join(n for n in self.fields.columns if n not in self.fields.computed)
                problem = f"{name!r} is not a stored field of {self.model.__name__} ({known})"
                raise ContractError(argument, problem)
        if len(set(names)) != len(names):
            raise ContractError(argument, "names a field twice")
        return names

    def _check_key_and_group(self) -> None:
        if not self.key_fields:
            raise ContractError("key", "names no field")
        if not self.group_fields:
            raise ContractError("group", "names no field")
        for argument, names in (("key", self.key_fields), ("group", self.group_fields)):
            for name in names:
                types = _types(self.model.model_fields[name].annotation)
                if argument == "key" and type(None) in types:
                    problem = f"{name!r} is Optional; MySQL takes no two NULLs for the same key"
                    raise ContractError(argument, problem)
                _check_types(argument, name, types - {type(None)}, KEY_TYPES)
                if "other" in self.kinds_of(name):
                    problem = f"{name!r} has values that MySQL does not compare exactly"
                    raise ContractError(argument, problem)

    def _check_guards(self) -> None:
        if self.version is not None and self.sequence is not None:
            raise ContractError("sequence", "give version or sequence, not both")
        if self.version is not None:
            self._check_version(self.version)
        if self.sequence is not None:
            _check_name("sequence", self.sequence)
            if self.sequence.lower() in {c.lower() for c in self.fields.columns.values()}:
                problem = f"{self.sequence!r} is a column of the model; name one of its own"
                raise ContractError("sequence", problem)

    def _check_version(self, version: str) -> None:
        stored = self.fields.columns.keys() - self.fields.computed
        if version not in [*stored]:
            raise ContractError("version", f"{version!r} is not a stored field of the model")
        if version in self.key_fields:
            raise ContractError("version", f"{version!r} is part of the key")
        info = self.model.model_fields[version]
        types = _types(info.annotation)
        if type(None) in types or not info.is_required():
            problem = f"{version!r} must be required: a write without its version looks stale"
            raise ContractError("version", problem)
        _check_types("version", version, types, _VERSION_TYPES)


def contracts_by_name(contracts: Sequence[Table]) -> dict[str, Table]:
    """Index contracts by their names.

    Raises:
        ContractError: there is none, one is no contract, or two have the same name.
    """
    if not contracts:
        raise ContractError("contracts", "give at least one Table")
    named: dict[str, Table] = {}
    for contract in contracts:
        if not isinstance(contract, Table):
            raise ContractError("contracts", f"a {type(contract).__name__} is no Table")
        if contract.name in named:
            raise ContractError("contracts", f"{contract.name!r} is given twice")
        named[contract.name] = contract
    return named


def _types(annotation: Any) -> set[Any]:  # noqa: ANN401 - annotations are of any type
    """List the classes that an annotation stands for."""
    if hasattr(annotation, "__value__"):  # a `type` statement, from Python 3.12
        return _types(annotation.__value__)
    if annotation in _MARKERS:
        return {_MARKERS[annotation]}
    origin = get_origin(annotation)
    if origin is Annotated:
        return _types(get_args(annotation)[0])
    if origin in (Union, UnionType):
        return set().union(*map(_types, get_args(annotation)))
    if origin is Literal:
        return {type(value) for value in get_args(annotation)}
    return {annotation if annotation is not None else type(None)}


def _kinds(given: Any) -> set[str]:  # noqa: ANN401 - annotations are of any type
    given = getattr(given, "__supertype__", given)
    if issubclass(given, Enum):
        return {kind for member in given for kind in _kinds(type(member.value))}
    order = (bool, int, str, Decimal, UUID, datetime, date, timedelta, time, bytes)
    return {next((kind.__name__ for kind in order if issubclass(given, kind)), "other")}


def _check_types(argument: str, name: str, types: set[Any], allowed: tuple[type, ...]) -> None:
    for given in types:
        supertype = getattr(given, "__supertype__", given)  # a NewType
        if not (isinstance(supertype, type) and issubclass(supertype, allowed)):
            names = ", ".join(t.__name__ for t in allowed)
            problem = (
                f"{name!r} is a {getattr(supertype, '__name__', supertype)}; use one of {names}"
            )
            raise ContractError(argument, problem)


def _check_table_name(name: object) -> None:
    if not isinstance(name, str):
        raise ContractError("name", "must be text: a table, or schema.table")
    parts = name.split(".")
    if len(parts) > 2:  # noqa: PLR2004 - a schema and a table
        raise ContractError("name", f"{name!r} has more than one dot; write schema.table")
    for part in parts:
        _check_name("name", part)


def _check_name(argument: str, name: object) -> None:
    """Refuse what cannot be a MySQL identifier (Reference Manual, "Schema Object Names")."""
    if not isinstance(name, str) or not name:
        raise ContractError(argument, "a name is empty, or no text")
    if len(name) > _LONGEST_NAME:
        raise ContractError(argument, f"{name!r} is longer than MySQL's 64 characters")
    if _UNSAFE_IN_A_NAME.search(name) or name.endswith(" "):
        raise ContractError(argument, f"{name!r} has a character that a MySQL name cannot hold")
