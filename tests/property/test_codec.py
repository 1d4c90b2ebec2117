"""Any record of any supported type comes back as it was sent, in a body that SQS takes."""

import re
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from durable_ingest import Table
from durable_ingest.decoding import decode
from durable_ingest.encoding import encode
from durable_ingest.errors import InvalidRecordError
from durable_ingest.mysql.literals import literal
from durable_ingest.mysql.values import row_literals

_LEGAL_BODY = re.compile("[\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]+")


class Color(Enum):
    """Values of two types."""

    RED = "red"
    TWO = 2


class Inner(BaseModel):
    """A nested model."""

    text: str
    number: int | None
    moment: datetime


class Row(BaseModel):
    """Every supported type."""

    id: str
    moment: datetime
    day: date
    clock: time
    length: timedelta
    price: Decimal
    uuid: UUID
    color: Color
    data: bytes
    flag: bool
    number: int
    ratio: float
    text: str | None
    inner: Inner | None
    inners: list[Inner]
    tags: list[str | None]
    counts: dict[str, int]
    by_id: dict[UUID, Decimal]
    pair: tuple[int, str]


ROWS = Table("rows", Row, key="id")

_texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
_moments = st.datetimes(
    min_value=datetime(1000, 1, 2),  # noqa: DTZ001 - Hypothesis adds the zone
    max_value=datetime(9999, 12, 30),  # noqa: DTZ001 - Hypothesis adds the zone
    timezones=st.integers(-14 * 60, 14 * 60).map(lambda m: timezone(timedelta(minutes=m))),
)
_numbers = st.integers(-(2**63), 2**64 - 1)
_prices = st.decimals(allow_nan=False, allow_infinity=False, places=6)
_inners = st.builds(Inner, text=_texts, number=st.none() | _numbers, moment=_moments)
_rows = st.builds(
    Row,
    id=_texts,
    moment=_moments,
    day=st.dates(),
    clock=st.times(),
    length=st.timedeltas(timedelta(hours=-838), timedelta(hours=838)),
    price=_prices,
    uuid=st.uuids(),
    color=st.sampled_from(Color),
    data=st.binary(max_size=12),
    flag=st.booleans(),
    number=_numbers,
    ratio=st.floats(allow_nan=False, allow_infinity=False),
    text=st.none() | _texts,
    inner=st.none() | _inners,
    inners=st.lists(_inners, max_size=2),
    tags=st.lists(st.none() | _texts, max_size=3),
    counts=st.dictionaries(_texts, _numbers, max_size=3),
    by_id=st.dictionaries(st.uuids(), _prices, max_size=2),
    pair=st.tuples(_numbers, _texts),
)


@settings(max_examples=60)
@given(_rows)
def test_what_is_sent_is_what_is_read(record: Row) -> None:
    """Equal in every field, every field present, and no character that SQS refuses."""
    body, attributes = encode(ROWS, record)
    assert _LEGAL_BODY.fullmatch(body)
    decoded = decode(ROWS, body, attributes)
    assert decoded.record.model_dump() == record.model_dump()
    assert decoded.present == set(Row.model_fields)


@settings(max_examples=60)
@given(_rows)
def test_what_can_be_sent_can_be_written(record: Row) -> None:
    """Each column has its value."""
    decoded = decode(ROWS, *encode(ROWS, record)).record
    literals = row_literals(ROWS, decoded, {})
    assert list(literals) == list(Row.model_fields)
    given = map(literal, (record.data, record.number))
    assert (literals["data"], literals["number"]) == tuple(given)


class Files(BaseModel):
    """Bytes of a column, and bytes inside a JSON column."""

    id: str
    data: bytes
    parts: list[bytes]


FILES = Table("files", Files, key="id")


@given(st.binary(max_size=4), st.lists(st.binary(max_size=4).filter(bytes.isascii), max_size=2))
def test_a_json_column_does_not_depend_on_another_columns_bytes(
    data: bytes, parts: list[bytes]
) -> None:
    """Bytes that are no UTF-8 in one column do not change how another is written.

    Where both cannot be had, the record is refused, naming the container.
    """
    sent = [Files(id="1", data=given, parts=parts) for given in (data, b"")]
    if parts and not _is_utf8(data):
        with pytest.raises(InvalidRecordError, match="parts: holds bytes"):
            encode(FILES, sent[0])
        return
    read = [decode(FILES, *encode(FILES, record)).record for record in sent]
    with_data, without = (row_literals(FILES, record, {})["parts"] for record in read)
    assert with_data == without


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
