"""Values as SQL: one meaning under every sql_mode."""

from enum import IntEnum

import pytest

from durable_ingest.mysql.literals import literal


class Small(IntEnum):
    """An int of another class."""

    ONE = 1


@pytest.mark.parametrize(
    ("value", "sql"),
    [
        (None, "NULL"),
        (True, "1"),
        (-7, "-7"),
        (Small.ONE, "1"),
        (0.5, "0.5e0"),
        (1e300, "1e+300"),
        (b"", "X''"),
        (b"'\\\xff", "X'275cff'"),
        ("", "''"),
        ("it's", "'it''s'"),
        ("a\x00b\n%s", "'a\x00b\n%s'"),
        ("\\' OR 1 -- ", "_utf8mb4 X'5c27204f522031202d2d20'"),
    ],
)
def test_a_value_is_written(value: object, sql: str) -> None:
    """A quote is doubled; what a backslash could change is written in hexadecimal digits."""
    assert literal(value) == sql


def test_another_type_is_refused() -> None:
    """Nothing is written by guessing."""
    with pytest.raises(TypeError, match="a complex has no SQL"):
        literal(1j)
