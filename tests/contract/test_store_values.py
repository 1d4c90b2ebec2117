"""Values into a real database and back, with nothing lost."""

import json
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, create_model

from durable_ingest import Table
from durable_ingest.encoding import encode
from tests.contract import store_kit
from tests.contract.store_kit import Bench, Drain, sent

pytestmark = pytest.mark.database
bench = store_kit.bench

ALL_BYTES = bytes(range(256))
AN_ID = UUID("0123abcd-89AB-4def-8123-456789abcdef")
HARD_TEXTS = [
    "",
    " ",
    "emoji \U0001f600 \U0001f9d1\u200d\U0001f680",
    "quotes ' \" ` and '' again",
    "backslash \\ \\\\ \\' \\n \\0 \\%",
    "percent % %s %(name)s %% _",
    "NUL \x00 in the middle",
    "lines\nand\r\nreturns\ttabs \x1a \x08",
    "trailing space ",
    "\ufeff\ufffe\uffff\u2028",
    "e\u0301 is not \u00e9",
    "-- comment /* ; */ # \x7f",
    "NULL",
]


class Colour(Enum):
    """Text inside."""

    RED = "red"
    QUOTED = "it's"


class Size(IntEnum):
    """A number inside."""

    SMALL = 1
    LARGE = 2**40


class Inner(BaseModel):
    """A nested model."""

    text: str
    when: datetime
    amount: Decimal
    many: list[int] = []


class Whole(BaseModel):
    """A value of every type."""

    id: int
    text: str
    raw: bytes
    number: int
    amount: Decimal
    real: float
    when: datetime
    span: timedelta
    nested: list[Any]


def one_column(bench: Bench, kind: Any, column: str, name: str = "one") -> Drain:  # noqa: ANN401 - any annotation
    """Make a table of a key and one value, and a drainer for it."""
    model = create_model(name.title(), id=(int, ...), value=(kind, ...))
    bench.sql(f"CREATE TABLE {name} (id INT PRIMARY KEY, value {column})")
    return bench.drain(Table(name, model, key="id"))


def stored(bench: Bench, drain: Drain, *values: object) -> list[Any]:
    """Send values as an enqueuer would, up to ten; read them back."""
    table = drain.contracts[0]
    records = []
    for n, value in enumerate(values):
        body, attributes = encode(table, table.model(id=n, value=value))
        records.append(sent(table, body, attributes=attributes))
    outcome = drain(*records)
    assert outcome.stored == list(range(len(values))), outcome
    found = bench.sql(f"SELECT id, value FROM {table.name} ORDER BY id LIMIT {len(values)}")  # noqa: S608 - a test's own name
    return [value for _, value in found]


ROUND_TRIPS: dict[str, tuple[Any, str, list[Any], list[Any] | None]] = {
    # annotation, column, values, what comes back where it is not the same
    "datetime": (
        datetime,
        "DATETIME(6)",
        [
            datetime(2026, 3, 29, 1, 30, 0, 123456, tzinfo=timezone(timedelta(hours=-9.5))),
            datetime(2026, 1, 1, 0, 0, tzinfo=timezone(timedelta(hours=14))),
            datetime(1000, 1, 1, tzinfo=UTC),
            datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
            datetime(2026, 1, 1, 0, 0, 0, 1, tzinfo=UTC),
        ],
        [
            datetime(2026, 3, 29, 11, 0, 0, 123456),  # noqa: DTZ001 - MySQL's have no zone
            datetime(2025, 12, 31, 10, 0),  # noqa: DTZ001
            datetime(1000, 1, 1),  # noqa: DTZ001
            datetime(9999, 12, 31, 23, 59, 59, 999999),  # noqa: DTZ001
            datetime(2026, 1, 1, 0, 0, 0, 1),  # noqa: DTZ001
        ],
    ),
    "timestamp": (
        datetime,
        "TIMESTAMP(6) NULL",
        [
            datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC),
            datetime(2038, 1, 19, 3, 14, 7, 999999, tzinfo=UTC),
            datetime(2026, 3, 29, 3, 30, 0, 1, tzinfo=timezone(timedelta(hours=2))),
        ],
        [
            datetime(1970, 1, 1, 0, 0, 1),  # noqa: DTZ001
            datetime(2038, 1, 19, 3, 14, 7, 999999),  # noqa: DTZ001
            datetime(2026, 3, 29, 1, 30, 0, 1),  # noqa: DTZ001
        ],
    ),
    "date": (date, "DATE", [date(1000, 1, 1), date(2024, 2, 29), date(9999, 12, 31)], None),
    "time": (
        time,
        "TIME(6)",
        [time(0), time(23, 59, 59, 999999), time(1, 2, 3)],
        [
            timedelta(0),
            timedelta(hours=23, minutes=59, seconds=59, microseconds=999999),
            timedelta(hours=1, minutes=2, seconds=3),
        ],
    ),
    "timedelta": (
        timedelta,
        "TIME(6)",
        [
            timedelta(hours=838, minutes=59, seconds=59),
            timedelta(hours=-838, minutes=-59, seconds=-59),
            timedelta(microseconds=1),
            timedelta(microseconds=-1),
            timedelta(days=-1, seconds=1.5),
        ],
        None,
    ),
    "decimal": (
        Decimal,
        "DECIMAL(65,30)",
        [
            Decimal("99999999999999999999999999999999999.999999999999999999999999999999"),
            Decimal("-0.000000000000000000000000000001"),
            Decimal("1E+20"),
            Decimal("1E-30"),
            Decimal(0),
        ],
        None,
    ),
    "uuid in text": (UUID, "CHAR(36)", [AN_ID], [str(AN_ID)]),
    "uuid in bytes": (UUID, "BINARY(16)", [AN_ID], [AN_ID.bytes]),
    "enum": (Colour, "ENUM('red', 'it''s')", list(Colour), ["red", "it's"]),
    "int enum": (Size, "BIGINT", list(Size), [1, 2**40]),
    "varbinary": (bytes, "VARBINARY(300)", [ALL_BYTES, b"", b"'\\%s\x00"], None),
    "blob": (bytes, "BLOB", [ALL_BYTES * 200], None),
    "bool": (bool, "BOOLEAN", [True, False], [1, 0]),
    "none": (int | None, "INT", [None, 0], None),
    "signed": (int, "BIGINT", [-(2**63), 2**63 - 1, 0], None),
    "unsigned": (int, "BIGINT UNSIGNED", [0, 2**64 - 1], None),
    "float": (float, "DOUBLE", [0.1, -1.5e300, 5e-300, 2.0**53 + 2, 1 / 3, 0.0], None),
    "text": (str, "VARCHAR(100) CHARACTER SET utf8mb4", HARD_TEXTS[:10], None),
    "more text": (str, "LONGTEXT CHARACTER SET utf8mb4", [*HARD_TEXTS[10:], "x" * 100_000], None),
}


@pytest.mark.parametrize("kind", ROUND_TRIPS)
def test_a_value_comes_back_as_it_was(bench: Bench, kind: str) -> None:
    """By the way that an enqueuer's message takes; MySQL's own types are what is expected."""
    annotation, column, values, expected = ROUND_TRIPS[kind]
    drain = one_column(bench, annotation, column)
    assert stored(bench, drain, *values) == (values if expected is None else expected)


def test_containers_and_models_become_json(bench: Bench) -> None:
    """Lists, sets, mappings and nested models, with what JSON cannot say as pydantic writes it."""
    kind = dict[str, Inner | list[Any] | tuple[int, ...] | None]
    drain = one_column(bench, kind, "JSON")
    when = datetime(2026, 1, 1, tzinfo=UTC)
    value = {
        "model": Inner(
            text=HARD_TEXTS[2] + HARD_TEXTS[3] + HARD_TEXTS[4], when=when, amount=Decimal("1.10")
        ),
        "list": [1, 2**53, -1.5, "\U0001f600", None, True, {"deep": [[]]}],
        "none": None,
    }
    [text] = stored(bench, drain, value)
    assert json.loads(text) == {
        "model": {
            "text": HARD_TEXTS[2] + HARD_TEXTS[3] + HARD_TEXTS[4],
            "when": "2026-01-01T00:00:00Z",
            "amount": "1.10",
            "many": [],
        },
        "list": [1, 2**53, -1.5, "\U0001f600", None, True, {"deep": [[]]}],
        "none": None,
    }


def test_an_empty_container_is_no_null(bench: Bench) -> None:
    """[] and {} are JSON, None is NULL."""
    drain = one_column(bench, list[int] | dict[str, int] | None, "JSON")
    assert stored(bench, drain, [], {}, None) == ["[]", "{}", None]


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
WHOLE: st.SearchStrategy[dict[str, Any]] = st.builds(
    dict,
    text=TEXTS,
    raw=st.binary(max_size=40),
    number=st.integers(-(2**63), 2**63 - 1),
    amount=st.decimals(-(10**20), 10**20, places=10),
    real=st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=False),
    when=st.datetimes(
        datetime(1000, 1, 3),  # noqa: DTZ001 - Hypothesis adds the zone
        datetime(9999, 12, 29),  # noqa: DTZ001
        timezones=st.integers(-1439, 1439).map(lambda n: timezone(timedelta(minutes=n))),
    ),
    span=st.timedeltas(timedelta(hours=-838), timedelta(hours=838)),
    nested=st.recursive(
        st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXTS,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
        max_leaves=8,
    ).map(lambda value: [value]),
)


@pytest.mark.parametrize("column", ["DECIMAL(20,6)", "BIGINT"])
def test_digits_that_a_version_would_lose(bench: Bench, column: str) -> None:
    """Rounded, 1.1234567 would not be older than 1.1234568: rejected, and the column is named."""
    model = create_model("Fine", id=(int, ...), value=(Decimal, ...))
    table = Table("fine", model, key="id", version="value")
    bench.sql(f"CREATE TABLE fine (id INT PRIMARY KEY, value {column})")
    drain = bench.drain(table)
    outcome = drain({"id": 1, "value": "1.1234567"}, {"id": 2, "value": "2.000000000"})
    assert (outcome.stored, outcome.faults) == ([1], {0: "rejected"})
    assert "'value'" in outcome.dead[0]["reason"]
    assert bench.sql("SELECT * FROM fine") == [(2, 2)]


def test_any_record_comes_back(bench: Bench) -> None:
    """Whatever is in it, several rows in one statement, all over one connection."""
    bench.sql(
        "CREATE TABLE whole (id INT PRIMARY KEY, text TEXT CHARACTER SET utf8mb4,"
        " raw VARBINARY(40), number BIGINT, amount DECIMAL(35,10), `real` DOUBLE,"
        " `when` DATETIME(6), span TIME(6), nested JSON)"
    )
    table = Table("whole", Whole, key="id")
    drain = bench.drain(table)

    @settings(max_examples=40, deadline=None)
    @given(rows=st.lists(WHOLE, min_size=1, max_size=5))
    def check(rows: list[dict[str, Any]]) -> None:
        records = [Whole(id=n, **row) for n, row in enumerate(rows)]
        encoded = [encode(table, record) for record in records]
        sends = [sent(table, body, attributes=more) for body, more in encoded]
        assert drain(*sends).stored == list(range(len(rows)))
        found = bench.sql("SELECT * FROM whole ORDER BY id LIMIT %s", len(rows))
        assert [row[:8] for row in found] == [
            (
                *(r.id, r.text, r.raw, r.number, r.amount, r.real),
                *(r.when.astimezone(UTC).replace(tzinfo=None), r.span),
            )
            for r in records
        ]
        assert [json.loads(row[8]) for row in found] == [record.nested for record in records]

    check()
