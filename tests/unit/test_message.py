"""The wire format, frozen: deployed functions of other versions read and compare these bytes."""

from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum
from hashlib import sha256
from typing import Any
from uuid import UUID

import pytest
from pydantic import BaseModel, create_model

from durable_ingest import Table
from durable_ingest.encoding import encode
from durable_ingest.message import SYSTEM_ATTRIBUTES, message
from durable_ingest.outgoing import (
    MAX_MESSAGE,
    MAX_RECORD,
    Outgoing,
    dedup_id,
    group_id,
    outgoing,
    size_of,
)
from durable_ingest.testing import sqs_record
from tests.records import CUSTOMERS, PRICES, Customer, Price

_EAST = timezone(timedelta(hours=2))


class Color(Enum):
    """A key of few values."""

    RED = "Red"


class Line(BaseModel):
    """A row with a key of two fields, whose parent is an order."""

    order_id: int
    line: str
    note: str | None = None


class Order(BaseModel):
    """The parent."""

    id: int


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        pytest.param(str, "c-1", "customers:c-1", id="plain"),
        pytest.param(str, "ALICE", "customers:alice", id="upper case"),
        pytest.param(str, "Zo\xeb", "customers:zoe", id="accent"),
        pytest.param(str, "Zoe\u0308", "customers:zoe", id="accent as a mark"),
        pytest.param(str, "bob  ", "customers:bob", id="trailing spaces"),
        pytest.param(
            str,
            " bob",
            "sha256:c9f2e321fa2d942570f67b1ebd5bb5c401d951d1189c8e26e6a7fc364da95891",
            id="leading space",
        ),
        pytest.param(str, "Stra\xdfe", "customers:strasse", id="sharp s"),
        pytest.param(str, "S\xf8ren", "customers:soren", id="o with stroke"),
        pytest.param(
            str,
            "\u304b\u306a",
            "sha256:177721e5f1028a13b8cd107de52af116fb19906da7518be05dba30d91083dbd8",
            id="hiragana",
        ),
        pytest.param(
            str,
            "\u30ab\u30ca",
            "sha256:177721e5f1028a13b8cd107de52af116fb19906da7518be05dba30d91083dbd8",
            id="katakana",
        ),
        pytest.param(
            str,
            "\u30ac",
            "sha256:6771c91cc3a6d5aee2b6cf6ac0d427d1da322d85694957e70132cbec7b2e2f4f",
            id="voiced kana",
        ),
        pytest.param(
            str,
            "\U0001f600",
            "sha256:1be6f793613f69805667fb7d3a1a1c00ef1e0c11779a46f6e9f14649ad31bc13",
            id="emoji",
        ),
        pytest.param(
            str,
            "\U0001f680",
            "sha256:1be6f793613f69805667fb7d3a1a1c00ef1e0c11779a46f6e9f14649ad31bc13",
            id="another emoji",
        ),
        pytest.param(
            str,
            "\u0416",
            "sha256:da10a2751c2f2f5364e8f987196ac8a9af3c218a463ac422a5a146ec7d49c10f",
            id="cyrillic",
        ),
        pytest.param(str, "", "customers:", id="empty"),
        pytest.param(str, "a:b%", "customers:a%3Ab%25", id="colon and percent"),
        pytest.param(
            str,
            "a b",
            "sha256:c49986ee4060b61a68b795a778c3caa376697d1d2ed325b4c4b6c157723f594b",
            id="space inside",
        ),
        pytest.param(
            str,
            "a\nb",
            "sha256:9e27e83fd08f23b50a73a98db33957db78a7c15276e7a1a6c6494675f77536d8",
            id="newline",
        ),
        pytest.param(int, 42, "customers:42", id="int"),
        pytest.param(int, -7, "customers:-7", id="negative int"),
        pytest.param(int, 2**64 - 1, "customers:18446744073709551615", id="largest unsigned"),
        pytest.param(bool, True, "customers:1", id="true"),
        pytest.param(Decimal, Decimal("1.0"), "customers:1", id="decimal one"),
        pytest.param(Decimal, Decimal(1), "customers:1", id="decimal integer"),
        pytest.param(Decimal, Decimal("120.500"), "customers:120.5", id="decimal zeros"),
        pytest.param(Decimal, Decimal("1E+3"), "customers:1000", id="decimal exponent"),
        pytest.param(Decimal, Decimal("-0.00"), "customers:0", id="decimal negative zero"),
        pytest.param(
            UUID,
            UUID("6BA7B810-9DAD-11D1-80B4-00C04FD430C8"),
            "customers:6ba7b810-9dad-11d1-80b4-00c04fd430c8",
            id="uuid",
        ),
        pytest.param(
            datetime,
            datetime(2026, 3, 1, 12, tzinfo=UTC),
            "customers:2026-03-01T12%3A00%3A00.000000+00%3A00",
            id="datetime utc",
        ),
        pytest.param(
            datetime,
            datetime(2026, 3, 1, 14, tzinfo=_EAST),
            "customers:2026-03-01T12%3A00%3A00.000000+00%3A00",
            id="datetime elsewhere",
        ),
        pytest.param(
            datetime,
            datetime(2026, 3, 1, 12, 0, 0, 1, tzinfo=UTC),
            "customers:2026-03-01T12%3A00%3A00.000001+00%3A00",
            id="microsecond",
        ),
        pytest.param(date, date(2026, 3, 1), "customers:2026-03-01", id="date"),
        pytest.param(time, time(12, 30), "customers:12%3A30%3A00", id="time"),
        pytest.param(
            timedelta, timedelta(hours=1, microseconds=5), "customers:3600000005us", id="timedelta"
        ),
        pytest.param(bytes, b"\x00\xff", "customers:00ff", id="bytes"),
        pytest.param(Color, Color.RED, "customers:red", id="enum"),
        pytest.param(str, "x" * 118, "customers:" + "x" * 118, id="longest"),
        pytest.param(
            str,
            "x" * 119,
            "sha256:c93cf69eb97265203117a7c2cfeb4dc053310fd090d959c40a83c07689cffe68",
            id="too long",
        ),
    ],
)
def test_group_ids_of_keys_are_frozen(kind: type, value: object, expected: str) -> None:
    """Contract and canonical key; hashed where SQS would refuse the text."""
    model: type[BaseModel] = create_model("Row", id=(kind, ...))
    contract = Table("customers", model, key="id")
    assert group_id(contract, model(id=value)) == expected


def test_a_hashed_group_id_is_the_sha256_of_the_text() -> None:
    """Other languages can make it."""
    found = group_id(CUSTOMERS, Customer(customer_id="a b"))
    assert found == "sha256:" + sha256(b"customers:a b").hexdigest()


def test_the_group_id_of_a_key_of_two_fields_is_frozen() -> None:
    """Parts keep their order and cannot run into each other."""
    contract = Table("shop.lines", Line, key=("order_id", "line"))
    assert group_id(contract, Line(order_id=1, line="2:3")) == "shop.lines:1:2%3A3"
    swapped = Table("shop.lines", Line, key=("line", "order_id"))
    assert group_id(swapped, Line(order_id=1, line="2:3")) == "shop.lines:2%3A3:1"


def test_group_is_the_value_alone_so_parent_and_child_share_it() -> None:
    """The contract's name is left out where `group` is given."""
    lines = Table("lines", Line, key=("order_id", "line"), group="order_id")
    orders = Table("orders", Order, key="id", group="id")
    assert group_id(lines, Line(order_id=7, line="a")) == "7"
    assert group_id(orders, Order(id=7)) == "7"


def test_a_null_group_is_told_from_an_empty_one() -> None:
    """Both are hashed, because neither is text that SQS takes."""
    lines = Table("lines", Line, key=("order_id", "line"), group="note")
    null = group_id(lines, Line(order_id=1, line="a"))
    empty = group_id(lines, Line(order_id=1, line="a", note=""))
    assert null == "sha256:6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    assert empty == "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        pytest.param(
            ("customers", "customers:1", "key-1", '{"id":"1"}'),
            "8642a0d51e92a532f5872d994b7d77d5c541fbcb2f995b52a0b2548bd2c24882",
            id="with a key",
        ),
        pytest.param(
            ("customers", "customers:1", None, '{"id":"1"}'),
            "7769cc325e052da9bc73b8feef47f4217604f16e76661fc5901d18f7d3c21dd5",
            id="without a key",
        ),
        pytest.param(
            ("customers", "customers:1", "", '{"id":"1"}'),
            "664eab6982276b7a44177718b30c69711fc6ce0aa7ca2f240b03af0aa5781c42",
            id="an empty key",
        ),
        pytest.param(
            ("caf\u00e9", "1", "\u30ad\u30fc \U0001f600", '{"n":"\u00f8"}'),
            "82b2bbd1a2a849340ca1ebbce6b1c0f9bf1aa4fa793428aeb6263d24010eacdb",
            id="outside ASCII",
        ),
    ],
)
def test_deduplication_ids_are_frozen(
    parts: tuple[str, str, str | None, str], expected: str
) -> None:
    """SHA-256 of a JSON list of contract, group, key and body."""
    assert dedup_id(*parts) == expected


def test_a_deduplication_id_can_be_made_by_hand() -> None:
    """The text that is hashed, byte for byte."""
    text = '["caf\u00e9","1",null,"{\\"n\\":1}"]'
    assert dedup_id("caf\u00e9", "1", None, '{"n":1}') == sha256(text.encode()).hexdigest()


def test_a_message_is_frozen() -> None:
    """Body, group and attributes of one record."""
    record = Customer(customer_id="Zo\u00eb", email="\U0001f600@example.com")
    body, attributes = encode(CUSTOMERS, record)
    dedup = "26acb0e1081e0b982f282757ce0e8f30ae56c4113991f01a038f55ec790db8dd"
    assert attributes == {}
    assert outgoing(CUSTOMERS, record, body, {}, "key-1") == Outgoing(
        contract="customers",
        body='{"customer_id":"Zo\u00eb","email":"\U0001f600@example.com"}',
        group_id="customers:zoe",
        dedup_id=dedup,
        attributes={"ingest.name": "customers", "ingest.dedup": dedup},
        order_free=False,
        idempotency_key="key-1",
    )


def test_a_versioned_message_is_order_free() -> None:
    """Its contract compares whole rows by version."""
    record = Price(sku="a", version=3)
    assert outgoing(PRICES, record, "{}", {}, None).order_free


def test_one_key_with_two_contents_is_two_writes() -> None:
    """Bytes that are no UTF-8 and text that looks like their base64 are two contents."""

    class Blob(BaseModel):
        id: str
        data: bytes

    contract = Table("blobs", Blob, key="id")
    ids: set[str] = set()
    for data in (b"\xff\xfe\xfd", b"__79"):
        record = Blob(id="1", data=data)
        body, attributes = encode(contract, record)
        ids.add(outgoing(contract, record, body, attributes, "key").dedup_id)
    assert len(ids) == 2


def test_sizes_are_bytes_of_body_and_attributes() -> None:
    """Names, the type and values count (SQS Developer Guide, "Message quotas")."""
    assert size_of("\u00e9\U0001f600", {}) == 6
    assert size_of("a", {"n\u00e9": "v"}) == 1 + 3 + len("String") + 1


def test_a_record_leaves_its_dead_letter_room() -> None:
    """1 MiB less 8 KiB."""
    assert (MAX_MESSAGE, MAX_RECORD) == (1_048_576, 1_040_384)


def delivered(**changes: object) -> dict[str, Any]:
    """Make one record of a Lambda event."""
    return {
        "messageId": "m-1",
        "receiptHandle": "h-1",
        "body": "{}",
        "attributes": {
            "ApproximateReceiveCount": "3",
            "SentTimestamp": "1700000000500",
            "SequenceNumber": "18849496460467696128",
            "MessageGroupId": "customers:1",
            "MessageDeduplicationId": "d",
            "ApproximateFirstReceiveTimestamp": "1700000001500",
        },
        "messageAttributes": {
            "ingest.name": {"stringValue": "customers", "dataType": "String"},
            "picture": {"binaryValue": "AA==", "dataType": "Binary"},
        },
        **changes,
    }


def test_a_delivered_message_is_read() -> None:
    """Times are seconds, the sequence number is a number, binary attributes are left out."""
    found = message(delivered())
    assert (found.id, found.receipt_handle, found.body) == ("m-1", "h-1", "{}")
    assert (found.group_id, found.name, found.receive_count) == ("customers:1", "customers", 3)
    assert found.sequence == 18849496460467696128
    assert (found.sent, found.first_received) == (1_700_000_000.5, 1_700_000_001.5)
    assert found.attributes == {"ingest.name": "customers"}


@pytest.mark.parametrize(
    ("carried", "expected"),
    [
        ("7", 7),
        ("99999999999999999999999", 18849496460467696128),
        ("-1", 18849496460467696128),
        ("\u0661", 18849496460467696128),
        ("9" * 40, 18849496460467696128),
        ("", 18849496460467696128),
    ],
)
def test_a_carried_sequence_number_can_only_make_a_message_older(
    carried: str, expected: int
) -> None:
    """The smaller one counts, and what is no number does not."""
    attributes = {"ingest.sequence": {"stringValue": carried, "dataType": "String"}}
    assert message(delivered(messageAttributes=attributes)).sequence == expected


def test_a_standard_queue_gives_neither_group_nor_sequence() -> None:
    """A carried sequence number is nothing without SQS' own."""
    attributes = {"ingest.sequence": {"stringValue": "7", "dataType": "String"}}
    found = message(
        delivered(attributes={"SentTimestamp": "1700000000000"}, messageAttributes=attributes)
    )
    assert (found.group_id, found.sequence, found.receive_count) == (None, None, 1)
    assert found.first_received == found.sent


def test_a_message_without_group_is_its_own_group() -> None:
    """Nothing holds another one back on a standard queue."""
    assert message(delivered()).group == "customers:1"
    assert message(delivered(attributes={"SentTimestamp": "1"})).group == "m-1"


def test_what_is_read_of_a_message_is_what_a_poll_asks_for() -> None:
    """Whatever else SQS says of it need not come over the network."""
    asked: set[object] = set()

    class Noting(dict[str, str]):
        def __contains__(self, name: object) -> bool:
            asked.add(name)
            return super().__contains__(name)

        def get(self, name: str, default: Any = None) -> Any:  # noqa: ANN401 - as a dict's
            asked.add(name)
            return super().get(name, default)

    record = sqs_record("{}", group="g")
    message(record | {"attributes": Noting(record["attributes"])})
    assert asked == set(SYSTEM_ATTRIBUTES)
