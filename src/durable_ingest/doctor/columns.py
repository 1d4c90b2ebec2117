"""Whether a column holds what its field lets through, as it is."""

from __future__ import annotations

from enum import Enum
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from durable_ingest.annotations import kinds_of, types_of
from durable_ingest.doctor.findings import Finding, note, warning

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from durable_ingest.mysql.inspection import TableState
    from durable_ingest.mysql.preflight import Column

_MICROSECONDS: Final = 6
_BITS: Final = {"tinyint": 8, "smallint": 16, "mediumint": 24, "int": 32, "bigint": 64}
_LONGEST: Final = 1_048_576
"""No message has more bytes."""
_BYTES_OF_A_CHARACTER: Final = 4
_LIMITS: Final = (
    "max_length",
    "max_digits",
    "decimal_places",
    "pattern",
    *("ge", "gt", "le", "lt"),
)


def check_column(state: TableState, name: str, column: Column) -> list[Finding]:
    """Check a column of a contract against the model's field.

    Args:
        state: the table.
        name: the field's name.
        column: what the server says of its column.
    """
    table = state.table
    info = table.model.model_fields[name]
    limits = _limits(info)
    kinds = _kinds(info.annotation)
    where = f"column {column.name!r} of {table.name!r}"
    found = [*_text(state, name, column, where), *_width(where, kinds, limits, column)]
    if type(None) in types_of(info.annotation) and not column.nullable:
        found.append(
            warning(
                "table.null",
                f"{where} is NOT NULL, and the model lets None through",
                "such rows are refused and dead-lettered",
                "make the field required, or the column nullable",
            )
        )
    found += _range(where, kinds, limits, column, unsigned=column.name.lower() in state.unsigned)
    if (rounded := _rounded(kinds, limits, column)) is not None:
        what, remedy = rounded
        cost = "MySQL rounds or cuts without a word"
        found.append(warning("table.rounding", f"{where} {what}", cost, remedy))
    return found


def largest_integer(column: Column, *, unsigned: bool) -> int | None:
    """Give the largest number that an integer column holds; None for other types."""
    bits = _BITS.get(column.type)
    return None if bits is None else 2 ** (bits if unsigned else bits - 1) - 1


def _text(state: TableState, name: str, column: Column, where: str) -> list[Finding]:
    table = state.table
    charset, collation = state.collations.get(column.name.lower(), ("", ""))
    is_key = name in table.key_fields
    found = []
    if charset and charset != "utf8mb4" and not is_key:
        found.append(
            warning(
                "table.character_set",
                f"{where} is in {charset}",
                "rows with other characters are refused and dead-lettered",
                f"ALTER TABLE {table.name} MODIFY {column.name} ... CHARACTER SET utf8mb4",
            )
        )
    if is_key and collation and not collation.endswith("_bin"):
        found.append(
            note(
                "table.key_collation",
                f"{where} is a key compared by {collation}",
                "keys that it takes for equal are one row, such as 'a' and 'A'",
                f"where they are not meant to be: ALTER TABLE {table.name} MODIFY {column.name} ..."
                f" COLLATE {charset}_bin",
            )
        )
    return found


def _width(where: str, kinds: set[str], limits: Mapping[str, Any], column: Column) -> list[Finding]:
    width, longest = column.width, limits.get("max_length")
    if column.type.endswith("text"):
        width //= _BYTES_OF_A_CHARACTER  # the server says bytes
    bounded = longest is not None or "pattern" in limits
    if not kinds & {"str", "bytes"} or not 0 < width < _LONGEST // _BYTES_OF_A_CHARACTER:
        return []
    if bounded and (longest or 0) <= width:
        return []
    allowed = "sets no max_length" if longest is None else f"lets {longest:,} through"
    return [
        note(
            "table.width",
            f"{where} holds {width:,} characters or bytes, and the model {allowed}",
            "what is longer is answered 202, refused, and dead-lettered",
            f"Field(max_length={width}) in the model, so that clients are answered 400",
        )
    ]


def _range(
    where: str, kinds: set[str], limits: Mapping[str, Any], column: Column, *, unsigned: bool
) -> list[Finding]:
    if "int" in kinds and column.type in _BITS:
        most = largest_integer(column, unsigned=unsigned) or 0
        least = 0 if unsigned else -most - 1
        highest, lowest = limits.get("le", limits.get("lt")), limits.get("ge", limits.get("gt"))
        fits_above = highest is not None and highest - ("le" not in limits) <= most
        fits_below = lowest is not None and lowest + ("ge" not in limits) >= least
        if fits_above and fits_below:
            return []
        remedy = f"Field(ge={least}, le={most}) in the model, so that clients are answered 400"
    elif "Decimal" in kinds and column.type == "decimal":
        digits, most = limits.get("max_digits"), column.precision - column.scale
        if digits is not None and digits - limits.get("decimal_places", 0) <= most:
            return []
        remedy = (
            f"Field(max_digits={column.precision}, decimal_places={column.scale}) in the model, so"
            " that clients are answered 400"
        )
    else:
        return []
    what = f"{where} is {column.type}, and the model lets larger numbers through"
    return [note("table.range", what, "they are answered 202, refused, and dead-lettered", remedy)]


def _rounded(kinds: set[str], limits: Mapping[str, Any], column: Column) -> tuple[str, str] | None:
    """Say what MySQL would round without an error, and the remedy."""
    digits = limits.get("decimal_places")
    match column.type:
        case "decimal" if "Decimal" in kinds and (digits is None or digits > column.scale):
            what = f"keeps {column.scale} digits after the point, and the model more"
            return what, f"Field(decimal_places={column.scale}) in the model, or a larger scale"
        case "decimal" if "float" in kinds:
            what = f"keeps {column.scale} digits after the point, and a float has up to 17"
            return what, "make it DOUBLE, or the field a Decimal"
        case "tinyint" | "smallint" | "mediumint" | "int" | "bigint" if "float" in kinds or (
            "Decimal" in kinds and digits != 0
        ):
            return "keeps whole numbers", "make it DECIMAL or DOUBLE, or the field an int"
        case "float" | "double" if "Decimal" in kinds:
            return "keeps binary fractions, and the model decimal ones", "make it DECIMAL"
        case "float" if kinds & {"float", "int"}:
            return "keeps 24 bits, and the model's numbers have more", "make it DOUBLE"
        case "datetime" | "timestamp" if "datetime" in kinds and column.fraction < _MICROSECONDS:
            what = f"keeps {column.fraction} digits of a second, and the model 6"
            return what, f"make it {column.type.upper()}(6)"
        case "time" if kinds & {"time", "timedelta"} and column.fraction < _MICROSECONDS:
            what = f"keeps {column.fraction} digits of a second, and the model 6"
            return what, "make it TIME(6)"
        case "date" if "datetime" in kinds:
            return "keeps no time of day", "make it DATETIME(6), or the field a date"
    return None


def _kinds(annotation: Any) -> set[str]:  # noqa: ANN401 - annotations are of any type
    """Name what a field's values are of; nothing for a list and its like, which become JSON."""
    found: set[str] = set()
    for given in types_of(annotation) - {type(None)}:
        plain = getattr(given, "__supertype__", given)
        if isinstance(plain, type):
            found |= {"float"} if plain is float else kinds_of(plain)
    return found


def _limits(info: FieldInfo) -> dict[str, Any]:
    """Gather what a field's annotations allow, by pydantic's names."""
    found: dict[str, Any] = {}
    for mark in [*info.metadata, *_marks(info.annotation)]:
        for name in _LIMITS:
            if getattr(mark, name, None) is not None:
                found[name] = getattr(mark, name)
    choices = _choices(info.annotation)
    if choices and "max_length" not in found:
        found["max_length"] = max(map(len, choices))
    return found


def _marks(annotation: Any) -> Iterator[Any]:  # noqa: ANN401 - as above
    """Give the marks inside an annotation, such as those of one side of a union."""
    annotation = getattr(annotation, "__value__", annotation)
    origin = get_origin(annotation)
    if origin is Annotated:
        for mark in annotation.__metadata__:
            yield from mark.metadata if isinstance(mark, FieldInfo) else (mark,)
        yield from _marks(get_args(annotation)[0])
    elif origin in (Union, UnionType):
        for each in get_args(annotation):
            yield from _marks(each)


def _choices(annotation: Any) -> list[str]:  # noqa: ANN401 - as above
    """Give the texts that an enumeration or a Literal can be."""
    annotation = getattr(annotation, "__value__", annotation)
    origin = get_origin(annotation)
    if origin is Literal:
        return [each for each in get_args(annotation) if isinstance(each, str)]
    if origin in (Annotated, Union, UnionType):
        return [text for each in get_args(annotation) for text in _choices(each)]
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return [each.value for each in annotation if isinstance(each.value, str)]
    return []
