"""Single values: what cannot be stored, and what MySQL takes for the same key."""

from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum
from uuid import UUID

import pytest

from durable_ingest.scalars import canonical, refusal


class Level(IntEnum):
    """An int with a name."""

    LOW = 1


class Color(Enum):
    """Text with a name."""

    RED = "RED"


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (datetime(2026, 1, 1), "without a time zone"),  # noqa: DTZ001 - that is the point
        (time(12, tzinfo=UTC), "with a time zone"),
        (float("nan"), "NaN or infinite"),
        (float("inf"), "NaN or infinite"),
        (Decimal("NaN"), "NaN or infinite"),
        (Decimal("sNaN"), "NaN or infinite"),
        (Decimal("-Infinity"), "NaN or infinite"),
        (Decimal("1E+1000000"), "more than 1000 digits"),
        (Decimal("1E-1000000"), "more than 1000 digits"),
        (-(10**1000), "more than 1000 digits"),
        pytest.param(10**5000, "more than 1000 digits", id="too long for str()"),
    ],
)
def test_what_mysql_cannot_hold_is_refused(value: object, why: str) -> None:
    """The reason says what is wrong; a key of it is refused as well."""
    assert why in (refusal(value) or "")
    with pytest.raises(ValueError, match=why):
        canonical(value)


@pytest.mark.parametrize(
    "value",
    [None, "", "\0", 0, 2**70, 1.5, True, b"\xff", Decimal("1e5"), date(2026, 1, 1), time(1), []],
)
def test_other_values_are_not_refused(value: object) -> None:
    """Whether they fit their column is the database's to say."""
    assert refusal(value) is None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Zo\u00eb", "ZOE"),
        ("Zo\u00eb", "Zoe\u0308"),
        ("a", "a  "),
        ("Stra\u00dfe", "STRASSE"),
        ("S\u00d8REN", "soren"),
        ("\u0141\u00f3d\u017a", "lodz"),
        ("\u00c6", "ae"),
        ("\u304b", "\u30ab"),
        ("\u30ac", "\u304b"),
        ("\uff76", "\u30ab"),
        ("\uff21\uff11", "a1"),
        ("\u0661", "1"),
        ("a\u00a0b", "a b"),
        ("a\u200bb", "ab"),
        ("a\u00adb", "ab"),
        ("\ufb01n", "FIN"),
        ("\u03c3", "\u03c2"),
        ("\u0401", "\u0435"),
        ("\U0001f600", "\U0001f680"),
        (Decimal("1.0"), Decimal(1)),
        (Decimal("1.0"), 1),
        (True, 1),
        (Level.LOW, 1),
        (Color.RED, "red"),
        (UUID(int=10), "00000000-0000-0000-0000-00000000000A"),
        (
            datetime(2026, 1, 1, tzinfo=UTC),
            datetime(2026, 1, 1, 5, 30, tzinfo=timezone(timedelta(hours=5, minutes=30))),
        ),
    ],
)
def test_values_that_are_one_key_read_the_same(one: object, other: object) -> None:
    """MySQL's default collations and types take them for equal."""
    assert canonical(one) == canonical(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a", "b"),
        (" a", "a"),
        ("a b", "ab"),
        (1, 10),
        (Decimal("1.5"), Decimal("1.50001")),
        (None, ""),
        (timedelta(microseconds=1), timedelta(microseconds=2)),
        (time(1), time(1, 0, 0, 1)),
        (b"a", b"A"),
        (
            datetime(2026, 1, 1, tzinfo=UTC),
            datetime(2026, 1, 1, 0, 0, 0, 1, tzinfo=UTC),
        ),
    ],
)
def test_other_keys_read_differently(one: object, other: object) -> None:
    """Each has its own group, so that one does not wait for the other."""
    assert canonical(one) != canonical(other)


@pytest.mark.parametrize("value", [1.5, [], {}, object()])
def test_other_types_make_no_key(value: object) -> None:
    """Floats are compared inexactly; containers are no key."""
    with pytest.raises(TypeError, match="cannot be part of a key"):
        canonical(value)


def test_a_moment_outside_the_calendar_in_utc_is_a_value_error() -> None:
    """As documented, so that the sender names the field instead of failing with another error."""
    late = datetime(9999, 12, 31, 23, tzinfo=timezone(timedelta(hours=-5)))
    with pytest.raises(ValueError, match=r"."):
        canonical(late)


def test_a_decimal_of_countless_digits_is_a_value_error() -> None:
    """A few bytes of a request must not become megabytes of key: "1e3000000" is no key."""
    with pytest.raises(ValueError, match=r"."):
        canonical(Decimal("1e3000000"))
