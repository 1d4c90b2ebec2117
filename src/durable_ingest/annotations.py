"""What a model's annotations say of the values of its fields."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin
from uuid import UUID

from durable_ingest.errors import ContractError

_MARKERS: dict[tuple[str, str], type] = {
    ("pydantic.types", "AwareDatetime"): datetime,
    ("pydantic.networks", "EmailStr"): str,
    ("pydantic.types", "FutureDate"): date,
    ("pydantic.types", "FutureDatetime"): datetime,
    ("pydantic.types", "NaiveDatetime"): datetime,
    ("pydantic.types", "PastDate"): date,
    ("pydantic.types", "PastDatetime"): datetime,
}
"""Classes of pydantic's that stand for the values of another, by module and name: most models
have no use for the modules that they are in."""


def types_of(annotation: Any) -> set[Any]:  # noqa: ANN401 - annotations are of any type
    """List the classes that an annotation stands for."""
    if hasattr(annotation, "__value__"):  # a `type` statement, from Python 3.12
        return types_of(annotation.__value__)
    if isinstance(annotation, type):
        return {_MARKERS.get((annotation.__module__, annotation.__name__), annotation)}
    origin = get_origin(annotation)
    if origin is Annotated:
        return types_of(get_args(annotation)[0])
    if origin in (Union, UnionType):
        return set().union(*map(types_of, get_args(annotation)))
    if origin is Literal:
        return {type(value) for value in get_args(annotation)}
    return {annotation if annotation is not None else type(None)}


def kinds_of(given: Any) -> set[str]:  # noqa: ANN401 - annotations are of any type
    """Name the key types that a class's values are of: "str", "int", ..., or "other"."""
    given = getattr(given, "__supertype__", given)
    if issubclass(given, Enum):
        return {kind for member in given for kind in kinds_of(type(member.value))}
    order = (bool, int, str, Decimal, UUID, datetime, date, timedelta, time, bytes)
    return {next((kind.__name__ for kind in order if issubclass(given, kind)), "other")}


def check_types(argument: str, name: str, types: set[Any], allowed: tuple[type, ...]) -> None:
    """Refuse a field whose values are of none of the allowed types.

    Raises:
        ContractError: names the argument and the field.
    """
    for given in types:
        supertype = getattr(given, "__supertype__", given)  # a NewType
        if not (isinstance(supertype, type) and issubclass(supertype, allowed)):
            names = ", ".join(t.__name__ for t in allowed)
            problem = (
                f"{name!r} is a {getattr(supertype, '__name__', supertype)}; use one of {names}"
            )
            raise ContractError(argument, problem)
