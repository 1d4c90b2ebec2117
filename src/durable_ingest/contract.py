"""What producer and drainer share: a MySQL table, or a command, and the model of its records."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from durable_ingest.annotations import check_types, kinds_of, types_of
from durable_ingest.errors import ContractError
from durable_ingest.fields import ModelFields, fields_of
from durable_ingest.names import check_name, check_table_name
from durable_ingest.scalars import KEY_TYPES
from durable_ingest.value import Frozen, arguments_are_read_only

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pydantic import BaseModel

_VERSION_TYPES = (int, datetime, date, Decimal)
_LONGEST_COMMAND_NAME = 128  # keeps a dead letter's attributes small


@arguments_are_read_only
class Table(Frozen):
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
    key: str | tuple[str, ...]
    group: str | tuple[str, ...] | None
    version: str | None
    sequence: str | None
    insert_only: str | tuple[str, ...]

    def __init__(  # noqa: PLR0913 - most by name
        self,
        name: str,
        model: type[BaseModel],
        *,
        key: str | tuple[str, ...],
        group: str | tuple[str, ...] | None = None,
        version: str | None = None,
        sequence: str | None = None,
        insert_only: str | tuple[str, ...] = (),
    ) -> None:
        super().__init__(
            name=name,
            model=model,
            key=key,
            group=group,
            version=version,
            sequence=sequence,
            insert_only=insert_only,
        )
        check_table_name("name", self.name)
        for column in self.fields.columns.values():
            check_name("model", column)
        self._check_key_and_group()
        self._check_guards()
        self._check_insert_only()

    @cached_property
    def fields(self) -> ModelFields:
        """The model's fields, by their names on the wire and in the table."""
        return fields_of(self.model)

    @cached_property
    def key_fields(self) -> tuple[str, ...]:
        """The fields of the key."""
        return _stored_fields(self, "key")

    @cached_property
    def group_fields(self) -> tuple[str, ...]:
        """The fields whose values make the message group id."""
        return self.key_fields if self.group is None else _stored_fields(self, "group")

    @cached_property
    def key_columns(self) -> tuple[str, ...]:
        """The columns of the unique index that an upsert hits."""
        return tuple(self.fields.columns[name] for name in self.key_fields)

    @cached_property
    def insert_only_columns(self) -> frozenset[str]:
        """The columns that an update leaves alone."""
        return frozenset(self.fields.columns[name] for name in _stored_fields(self, "insert_only"))

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
        return _kinds_of(self.model, name)

    def _check_key_and_group(self) -> None:
        if not self.key_fields:
            raise ContractError("key", "names no field")
        for name in self.key_fields:
            if type(None) in types_of(self.model.model_fields[name].annotation):
                problem = f"{name!r} is Optional; MySQL takes no two NULLs for the same key"
                raise ContractError("key", problem)
        _check_compared(self, "key", self.key_fields)
        _check_compared(self, "group", self.group_fields)

    def _check_guards(self) -> None:
        if self.version is not None and self.sequence is not None:
            raise ContractError("sequence", "give version or sequence, not both")
        if self.version is not None:
            self._check_version(self.version)
        if self.sequence is not None:
            check_name("sequence", self.sequence)
            if self.sequence.lower() in {c.lower() for c in self.fields.columns.values()}:
                problem = f"{self.sequence!r} is a column of the model; name one of its own"
                raise ContractError("sequence", problem)

    def _check_insert_only(self) -> None:
        for name in _stored_fields(self, "insert_only"):
            if name in (*self.key_fields, self.version):
                raise ContractError("insert_only", f"{name!r} is part of the key or the version")

    def _check_version(self, version: str) -> None:
        stored = self.fields.columns.keys() - self.fields.computed
        if version not in [*stored]:
            raise ContractError("version", f"{version!r} is not a stored field of the model")
        if version in self.key_fields:
            raise ContractError("version", f"{version!r} is part of the key")
        info = self.model.model_fields[version]
        types = types_of(info.annotation)
        if type(None) in types or not info.is_required():
            problem = f"{version!r} must be required: a write without its version looks stale"
            raise ContractError("version", problem)
        check_types("version", version, types, _VERSION_TYPES)


@arguments_are_read_only
class Command(Frozen):
    """What one upsert cannot say: several tables, a counter, a partial update, a delete.

    Needs a drainer with an `Inbox`, by which its effect happens exactly once.

    Args:
        name: names the contract on the wire.
        model: the pydantic model of its records.
        group: field or fields whose commands stay in order.
        apply: `apply(cursor, record) -> None` runs the command's statements on a PyMySQL cursor
            of the batch's transaction, in arrival order. It may run again, so it keeps no state
            and does nothing outside the database. It never commits: statements that would end the
            transaction are refused. Groups are drained side by side: change what they share by
            what it was (`SET n = n + 1`), or read it `FOR UPDATE`. `raise Reject("reason")`
            dead-letters the message; any other exception of its own holds it, as a command that
            has to be mended.

    Raises:
        ContractError: an argument is wrong; the text starts with its name.
    """

    name: str
    model: type[BaseModel]
    group: str | tuple[str, ...]
    apply: Callable[[Any, Any], None]

    version: ClassVar[None] = None
    sequence: ClassVar[None] = None
    guard_column: ClassVar[None] = None
    order_free: ClassVar[bool] = False

    def __init__(
        self,
        name: str,
        model: type[BaseModel],
        *,
        group: str | tuple[str, ...],
        apply: Callable[[Any, Any], None],
    ) -> None:
        super().__init__(name=name, model=model, group=group, apply=apply)
        _check_command_name(self.name)
        if not callable(self.apply):
            raise ContractError("apply", "must be a function of a cursor and a record")
        _check_compared(self, "group", self.group_fields)

    @cached_property
    def fields(self) -> ModelFields:
        """The model's fields, by their names on the wire."""
        return fields_of(self.model)

    @cached_property
    def group_fields(self) -> tuple[str, ...]:
        """The fields whose values make the message group id."""
        return _stored_fields(self, "group")


Contract = Table | Command


def contracts_by_name(contracts: Sequence[Contract]) -> dict[str, Contract]:
    """Index contracts by their names.

    Raises:
        ContractError: there is none, one is no contract, or two have the same name.
    """
    if not contracts:
        raise ContractError("contracts", "give at least one Table or Command")
    named: dict[str, Contract] = {}
    for contract in contracts:
        if not isinstance(contract, Contract):
            problem = f"a {type(contract).__name__} is neither Table nor Command"
            raise ContractError("contracts", problem)
        if contract.name in named:
            raise ContractError("contracts", f"{contract.name!r} is given twice")
        named[contract.name] = contract
    return named


def _check_command_name(name: object) -> None:
    if not isinstance(name, str) or not 0 < len(name) <= _LONGEST_COMMAND_NAME:
        raise ContractError("name", f"must be text of 1 to {_LONGEST_COMMAND_NAME} characters")
    if not name.isprintable():
        raise ContractError("name", "has a character that cannot be printed")


def _stored_fields(contract: Contract, argument: str) -> tuple[str, ...]:
    """Read an argument that names fields of the model."""
    given = getattr(contract, argument)
    if not isinstance(given, str | tuple | list):
        raise ContractError(argument, "must be a field's name, or a tuple of names")
    names = (given,) if isinstance(given, str) else tuple(given)
    fields = contract.fields
    for name in names:
        if name not in fields.columns or name in fields.computed:
            known = ", ".join(n for n in fields.columns if n not in fields.computed)
            problem = f"{name!r} is not a stored field of {contract.model.__name__} ({known})"
            raise ContractError(argument, problem)
    if len(set(names)) != len(names):
        raise ContractError(argument, "names a field twice")
    return names


def _check_compared(contract: Contract, argument: str, names: tuple[str, ...]) -> None:
    """Refuse fields whose values cannot be part of a key or of a message group id."""
    if not names:
        raise ContractError(argument, "names no field")
    for name in names:
        types = types_of(contract.model.model_fields[name].annotation)
        check_types(argument, name, types - {type(None)}, KEY_TYPES)
        if "other" in _kinds_of(contract.model, name):
            problem = f"{name!r} has values that MySQL does not compare exactly"
            raise ContractError(argument, problem)


def _kinds_of(model: type[BaseModel], name: str) -> frozenset[str]:
    types = types_of(model.model_fields[name].annotation)
    return frozenset(kind for given in types - {type(None)} for kind in kinds_of(given))
