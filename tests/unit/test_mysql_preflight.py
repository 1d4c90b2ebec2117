"""A table that is not what its contract says, found before a row is written."""

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from pydantic import BaseModel, create_model

from durable_ingest import Table
from durable_ingest.mysql.preflight import problems, read_facts


class Row(BaseModel):
    """A row."""

    id: str
    name: str = ""
    version: int


ROWS = Table("rows", Row, key="id")
PRIMARY = [("PRIMARY", "id", None)]


def column(name: str, kind: str = "varchar", **facts: Any) -> tuple[Any, ...]:  # noqa: ANN401
    """Answer for one column, as information_schema does."""
    given: dict[str, Any] = {
        "width": None,
        "precision": None,
        "scale": None,
        "fraction": None,
        "nullable": "NO",
        "default": None,
        "extra": "",
        "engine": "InnoDB",
        **facts,
    }
    return (name, kind, *given.values())


COLUMNS = [column("id"), column("name"), column("version", "bigint", precision=19, scale=0)]


def found(
    columns: list[tuple[Any, ...]], indexes: list[tuple[Any, ...]], table: Table = ROWS
) -> str:
    """Give the problems of a table in one text."""
    return "\n".join(problems(table, read_facts(columns, indexes)))


def test_a_table_as_the_contract_says_has_no_problem() -> None:
    """Names are compared without case."""
    assert found(COLUMNS, PRIMARY) == ""
    upper = [(name.upper(), *facts) for name, *facts in COLUMNS]
    assert found(upper, [("PRIMARY", "ID", None)]) == ""


def test_a_missing_table_is_the_only_problem() -> None:
    """With the remedy."""
    assert "'rows' does not exist" in found([], [])
    assert "create it, or grant" in found([], [])


def test_missing_columns_are_named() -> None:
    """The sequence's as well."""
    table = Table("rows", Row, key="id", sequence="seq")
    assert "has no column 'version', 'seq'" in found(COLUMNS[:2], PRIMARY, table)


@pytest.mark.parametrize(
    "indexes",
    [
        [],
        [("PRIMARY", "name", None)],
        [("PRIMARY", "id", None), ("PRIMARY", "name", None)],
        [("PRIMARY", "id", 10)],
        [("by_expression", None, None)],
    ],
)
def test_a_unique_index_on_exactly_the_key_is_needed(indexes: list[tuple[Any, ...]]) -> None:
    """Not on other columns, more of them, a prefix or an expression."""
    assert "no unique index on exactly (id)" in found(COLUMNS, indexes)


def test_one_fitting_index_among_others_is_enough() -> None:
    """In any order of its columns."""
    table = Table("rows", Row, key=("id", "name"))
    indexes = [("PRIMARY", "version", None), ("k", "name", None), ("k", "id", None)]
    assert found(COLUMNS, indexes, table) == ""


def test_a_nullable_key_is_a_problem() -> None:
    """Every redelivery would insert another row."""
    columns = [column("id", nullable="YES"), *COLUMNS[1:]]
    assert "key column 'id' may be NULL" in found(columns, PRIMARY)


@pytest.mark.parametrize(
    ("facts", "wrong"),
    [
        ({}, True),
        ({"nullable": "YES"}, False),
        ({"default": "0"}, False),
        ({"default": ""}, False),
        ({"extra": "auto_increment"}, False),
        ({"extra": "STORED GENERATED"}, False),
        ({"extra": "DEFAULT_GENERATED", "default": "CURRENT_TIMESTAMP"}, False),
    ],
)
def test_a_column_that_nobody_fills_is_a_problem(
    facts: dict[str, Any],
    wrong: bool,  # noqa: FBT001 - what is expected
) -> None:
    """NOT NULL, without default, and not in the model: error 1364 for every row."""
    text = found([*COLUMNS, column("extra_column", "int", **facts)], PRIMARY)
    assert ("'extra_column'" in text) is wrong


def test_a_generated_column_of_the_model_is_a_problem() -> None:
    """MySQL takes no value for it."""
    columns = [COLUMNS[0], column("name", extra="STORED GENERATED"), COLUMNS[2]]
    assert "'name' of 'rows' is generated" in found(columns, PRIMARY)


def test_another_engine_is_a_problem() -> None:
    """Without rollback half a batch would stay."""
    columns = [(*facts[:-1], "MyISAM") for facts in COLUMNS]
    assert "use InnoDB" in found(columns, PRIMARY)


_MICRO = {"fraction": 6}


@pytest.mark.parametrize(
    ("kind", "type_", "facts", "right"),
    [
        (str, "varchar", {}, True),
        (str, "varbinary", {}, True),
        (str, "int", {}, False),
        (int, "bigint", {}, True),
        (int, "decimal", {"scale": 0}, True),
        (int, "decimal", {"scale": 2}, False),
        (int, "varchar", {}, False),
        (int, "double", {}, False),
        (bool, "tinyint", {}, True),
        (Decimal, "decimal", {"scale": 2}, True),
        (Decimal, "double", {}, False),
        (Decimal, "varchar", {}, False),
        (datetime, "datetime", _MICRO, True),
        (datetime, "timestamp", _MICRO, True),
        (datetime, "datetime", {"fraction": 0}, False),
        (datetime, "datetime", {"fraction": 3}, False),
        (datetime, "date", {}, False),
        (datetime, "varchar", {}, False),
        (date, "date", {}, True),
        (time, "time", _MICRO, True),
        (time, "time", {"fraction": 0}, False),
        (timedelta, "time", _MICRO, True),
        (UUID, "char", {"width": 36}, True),
        (UUID, "binary", {"width": 16}, True),
        (UUID, "bigint", {}, False),
        (bytes, "varbinary", {}, True),
        (bytes, "varchar", {}, False),
    ],
)
def test_a_key_column_holds_its_values_exactly(
    kind: type,
    type_: str,
    facts: dict[str, Any],
    right: bool,  # noqa: FBT001 - what is expected
) -> None:
    """No fraction, digit or letter is rounded or converted."""
    model: type[BaseModel] = create_model("Keyed", id=(kind, ...))
    text = found([column("id", type_, **facts)], PRIMARY, Table("keyed", model, key="id"))
    assert ("key column 'id' is" not in text) is right


@pytest.mark.parametrize(
    ("kind", "type_", "facts", "right"),
    [
        (int, "bigint", {}, True),
        (int, "float", {}, False),
        (int, "varchar", {}, False),
        (Decimal, "decimal", {"scale": 4}, True),
        (Decimal, "double", {}, False),
        (datetime, "datetime", _MICRO, True),
        (datetime, "datetime", {"fraction": 0}, False),
        (date, "date", {}, True),
    ],
)
def test_a_version_column_compares_exactly(
    kind: type,
    type_: str,
    facts: dict[str, Any],
    right: bool,  # noqa: FBT001 - what is expected
) -> None:
    """In DATETIME(0) an older write wins; as text 9 is above 10."""
    model: type[BaseModel] = create_model("Versioned", id=(str, ...), v=(kind, ...))
    table = Table("versioned", model, key="id", version="v")
    text = found([column("id"), column("v", type_, **facts)], PRIMARY, table)
    assert ("version column 'v' is" not in text) is right


@pytest.mark.parametrize(
    ("type_", "precision", "scale", "right"),
    [
        ("decimal", 39, 0, True),
        ("decimal", 65, 0, True),
        ("decimal", 38, 0, False),
        ("decimal", 41, 2, False),
        ("bigint", 20, 0, False),
        ("varchar", None, None, False),
    ],
)
def test_a_sequence_column_holds_any_sequence_number(
    type_: str,
    precision: int | None,
    scale: int | None,
    right: bool,  # noqa: FBT001 - expected
) -> None:
    """They have up to 128 bits: 39 digits."""
    table = Table("rows", Row, key="id", sequence="seq")
    columns = [*COLUMNS, column("seq", type_, precision=precision, scale=scale, nullable="YES")]
    text = found(columns, PRIMARY, table)
    assert ("must be DECIMAL(39,0)" not in text) is right
