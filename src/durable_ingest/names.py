"""Names that stand in SQL: what a MySQL identifier can hold."""

from __future__ import annotations

from typing import Final

from durable_ingest.errors import ContractError

_LONGEST_NAME: Final = 64  # MySQL 8.4 Reference Manual, "Identifier Length Limits"


def check_table_name(argument: str, name: object) -> None:
    """Refuse what is no "table" or "schema.table".

    Raises:
        ContractError: names the argument.
    """
    if not isinstance(name, str):
        raise ContractError(argument, "must be text: a table, or schema.table")
    parts = name.split(".")
    if len(parts) > 2:  # noqa: PLR2004 - a schema and a table
        raise ContractError(argument, f"{name!r} has more than one dot; write schema.table")
    for part in parts:
        check_name(argument, part)


def check_name(argument: str, name: object) -> None:
    """Refuse what cannot be a MySQL identifier (Reference Manual, "Schema Object Names")."""
    if not isinstance(name, str) or not name:
        raise ContractError(argument, "a name is empty, or no text")
    if len(name) > _LONGEST_NAME:
        raise ContractError(argument, f"{name!r} is longer than MySQL's 64 characters")
    if not all(map(_can_stand, name)) or name.endswith(" "):
        raise ContractError(argument, f"{name!r} has a character that a MySQL name cannot hold")


def _can_stand(character: str) -> bool:
    """Say whether a name may have a character: no control character, no surrogate, in the BMP."""
    return " " <= character <= "\uffff" and not (
        character == "\x7f" or "\ud800" <= character <= "\udfff"
    )
