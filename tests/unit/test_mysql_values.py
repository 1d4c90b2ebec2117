"""pydantic's values as SQL."""

import json
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Any
from uuid import UUID

import pytest
from pydantic import BaseModel, Field, computed_field, field_serializer

from durable_ingest import Table
from durable_ingest.mysql.literals import literal
from durable_ingest.mysql.preflight import Column
from durable_ingest.mysql.values import UnreadableError, UnstorableError, row_literals


class Level(IntEnum):
    """A number with a name."""

    HIGH = 3


class Color(Enum):
    """Text with a name."""

    RED = "red"


class Inner(BaseModel):
    """A nested model."""

    at: datetime
    price: Decimal = Decimal("1.10")


class Row(BaseModel):
    """One field of any type."""

    id: str = "1"
    value: Any = None


ROWS = Table("rows", Row, key="id")
MOMENT = datetime(2026, 3, 1, 14, 0, 0, 5, tzinfo=timezone(timedelta(hours=2)))


def made(kind: str, **more: Any) -> Column:  # noqa: ANN401 - of any type
    """Make a column."""
    facts: dict[str, Any] = {
        "name": "value",
        "type": kind,
        "width": 0,
        "precision": 0,
        "scale": 0,
        "fraction": 0,
        "nullable": False,
        "has_default": False,
    }
    return Column(**{**facts, **more})


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        ("caf\u00e9 \U0001f600", "caf\u00e9 \U0001f600"),
        (True, 1),
        (2**64 - 1, 2**64 - 1),
        (-(2**63), -(2**63)),
        (1.5, 1.5),
        (MOMENT, "2026-03-01 12:00:00.000005"),
        (datetime(2026, 3, 1, tzinfo=UTC), "2026-03-01 00:00:00"),
        (date(2026, 3, 1), "2026-03-01"),
        (time(12, 30, 0, 5), "12:30:00.000005"),
        (timedelta(hours=30, seconds=1, microseconds=5), "30:00:01.000005"),
        (timedelta(seconds=-1), "-00:00:01.000000"),
        (timedelta(hours=-838, minutes=-59), "-838:59:00.000000"),
        (Decimal("1E+3"), "1000"),
        (Decimal("0.000000001"), "0.000000001"),
        (Decimal("-1.50"), "-1.50"),
        (UUID(int=10), "00000000-0000-0000-0000-00000000000a"),
        (b"\x00\xff", b"\x00\xff"),
        (Color.RED, "red"),
        (Level.HIGH, 3),
    ],
)
def test_a_single_value(value: object, expected: object) -> None:
    """Moments in UTC without an offset, numbers without an exponent."""
    literals = row_literals(ROWS, Row(value=value), {})
    assert literals == {"id": "'1'", "value": literal(expected)}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Inner(at=MOMENT), {"at": "2026-03-01T14:00:00.000005+02:00", "price": "1.10"}),
        ([1, None, "\U0001f600"], [1, None, "\U0001f600"]),
        ({"a": {"b": True}}, {"a": {"b": True}}),
        ([Inner(at=MOMENT)], [{"at": "2026-03-01T14:00:00.000005+02:00", "price": "1.10"}]),
        ((1, "a"), [1, "a"]),
        ([], []),
        ({}, {}),
    ],
)
def test_models_and_containers_are_json_text(value: object, expected: object) -> None:
    """As the model's JSON has them."""
    written = row_literals(ROWS, Row(value=value), {})["value"]
    assert json.loads(written.removeprefix("'").removesuffix("'")) == expected


def test_a_uuid_goes_into_sixteen_bytes() -> None:
    """Where the column has them; else it is text."""
    given = UUID("6ba7b810-9dad-11d1-80b4-00c04fd430c8")
    for kind, width, expected in (
        ("binary", 16, given.bytes),
        ("varbinary", 16, given.bytes),
        ("binary", 36, str(given)),
        ("char", 36, str(given)),
    ):
        columns = {"value": made(kind, width=width)}
        assert row_literals(ROWS, Row(value=given), columns)["value"] == literal(expected)


@pytest.mark.parametrize(
    "value",
    [
        datetime(2026, 1, 1),  # noqa: DTZ001 - that is the point
        time(12, tzinfo=UTC),
        float("nan"),
        float("-inf"),
        Decimal("NaN"),
        Decimal("1E+5000"),
        datetime(9999, 12, 31, 23, tzinfo=timezone(timedelta(hours=-5))),
        "\ud800",
    ],
)
def test_what_mysql_cannot_hold_is_refused(value: object) -> None:
    """Naming the column; the text shows no value."""
    with pytest.raises(UnstorableError, match=r"^column 'value': ") as raised:
        row_literals(ROWS, Row(value=value), {})
    assert "9999" not in str(raised.value)


class Broken(BaseModel):
    """A scalar, and a container whose JSON cannot be written."""

    id: str
    ratio: float
    parts: list[int]

    @field_serializer("parts", when_used="json")
    def _fail(self, _: list[int]) -> list[int]:
        raise RuntimeError


def test_a_scalar_is_refused_before_the_containers_behind_it_are_written() -> None:
    """What nobody can store is the row's own fault, whatever the model does with the rest."""
    table = Table("broken", Broken, key="id")
    with pytest.raises(UnstorableError, match=r"^column 'ratio': "):
        row_literals(table, Broken(id="1", ratio=float("nan"), parts=[1]), {})
    with pytest.raises(UnreadableError, match="the model raised"):
        row_literals(table, Broken(id="1", ratio=0.5, parts=[1]), {})


class Keyed(BaseModel):
    """A key and a version of decimals."""

    id: Decimal
    version: Decimal
    other: Decimal = Decimal("0.123")


KEYED = Table("keyed", Keyed, key="id", version="version")
SCALES = {name: made("decimal", name=name, scale=2) for name in ("id", "version", "other")}


@pytest.mark.parametrize("name", ["id", "version"])
def test_a_key_or_version_is_never_rounded(name: str) -> None:
    """MySQL would round it without an error; zeros are no digits."""
    fine = Keyed(id=Decimal(1), version=Decimal(1)).model_copy(update={name: Decimal("1.005")})
    with pytest.raises(UnstorableError, match=f"^column '{name}': has more than .* 2 decimal"):
        row_literals(KEYED, fine, SCALES)
    exact = Keyed(id=Decimal("1.500"), version=Decimal("2.25"))
    assert row_literals(KEYED, exact, SCALES)["id"] == "'1.500'"


def test_other_columns_are_rounded_by_mysql() -> None:
    """As documented."""
    record = Keyed(id=Decimal(1), version=Decimal(1))
    assert row_literals(KEYED, record, SCALES)["other"] == "'0.123'"


class Named(BaseModel):
    """Columns of other names than their fields."""

    id: str = Field(alias="row_id")
    hidden: str = Field(default="", exclude=True)

    @computed_field
    def upper(self) -> str:
        """Give a column that the model computes."""
        return self.id.upper()


def test_columns_are_aliases_and_computed_fields() -> None:
    """Excluded fields are left out."""
    literals = row_literals(Table("named", Named, key="id"), Named(row_id="a"), {})
    assert literals == {"row_id": "'a'", "upper": "'A'"}


def test_a_model_that_breaks_is_told_from_a_bad_value() -> None:
    """It is the code that has to be mended; the row's content is not shown."""

    class Breaking(BaseModel):
        id: str

        @field_serializer("id")
        def refuse(self, value: str) -> str:
            raise LookupError(value)

    with pytest.raises(UnreadableError) as raised:
        row_literals(Table("rows", Breaking, key="id"), Breaking(id="hush"), {})
    assert "hush" not in str(raised.value)
