"""Enqueuer over a client in memory: receipts, keys, failures, limits."""

import logging
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from botocore.exceptions import ClientError, NoCredentialsError, ReadTimeoutError
from pydantic import BaseModel

from durable_ingest import Enqueuer, Table
from durable_ingest.errors import (
    ContractError,
    EnqueueError,
    InvalidRecordError,
    MisconfiguredError,
    QueueRefusedError,
    QueueUnavailableError,
    RecordTooLargeError,
)
from tests.model_queue import FakeClient
from tests.records import CUSTOMERS, PRICES, Customer, Price
from tests.virtual_clock import VirtualClock

URL = "https://sqs.eu-west-1.amazonaws.com/123456789012/writes.fifo"
ARCHIVE = Table("archive", Customer, key="customer_id")
FAULT = {"Code": "InternalError", "SenderFault": False}
REFUSAL = {"Code": "InvalidMessageContents", "SenderFault": True}


def enqueuer(client: FakeClient, *contracts: Table, clock: VirtualClock | None = None) -> Enqueuer:
    """Make one on a clock of its own."""
    return Enqueuer(
        URL, *(contracts or (CUSTOMERS, PRICES)), client=client, clock=clock or VirtualClock()
    )


def test_a_receipt_says_what_sqs_said() -> None:
    """With the ids that the message was sent under."""
    client = FakeClient()
    receipt = enqueuer(client).enqueue(Customer(customer_id="1"), idempotency_key="key")
    (sent,) = client.stored
    assert receipt.contract == "customers"
    assert receipt.message_id == "message-1"
    assert receipt.sequence_number == "18849496460467696129"
    assert receipt.group_id == sent["MessageGroupId"] == "customers:1"
    assert receipt.dedup_id == sent["MessageDeduplicationId"]
    assert sent["MessageBody"] == '{"customer_id":"1","email":""}'
    assert sent["MessageAttributes"] == {
        "ingest.name": {"DataType": "String", "StringValue": "customers"},
        "ingest.dedup": {"DataType": "String", "StringValue": receipt.dedup_id},
    }


def test_receipts_come_in_the_order_of_the_records() -> None:
    """Whatever the batches, and of several contracts at once."""
    client = FakeClient()
    records: list[BaseModel] = [
        Price(sku="x", version=n) if n % 5 == 0 else Customer(customer_id=str(n % 3))
        for n in range(25)
    ]
    receipts = enqueuer(client).enqueue_many(records)
    assert len(receipts) == len(client.stored) == 25
    bodies = {e["MessageDeduplicationId"]: e["MessageBody"] for e in client.stored}
    assert [bodies[r.dedup_id] for r in receipts] == [r.model_dump_json() for r in records]
    assert {r.contract for r in receipts} == {"customers", "prices"}


def test_no_records_are_no_call() -> None:
    """And no receipts."""
    client = FakeClient()
    assert enqueuer(client).enqueue_many([]) == []
    assert client.calls == []


@pytest.mark.parametrize("to", [ARCHIVE, "archive"])
def test_to_names_the_contract_where_a_model_has_several(to: Table | str) -> None:
    """By itself or by its name."""
    both = enqueuer(FakeClient(), CUSTOMERS, ARCHIVE)
    assert both.enqueue(Customer(customer_id="1"), to=to).contract == "archive"


@pytest.mark.parametrize(
    ("record", "to", "argument"),
    [
        (Customer(customer_id="1"), None, "to"),
        (Customer(customer_id="1"), "prices", "to"),
        (Customer(customer_id="1"), "nowhere", "to"),
        (Price(sku="1", version=1), None, "record"),
        (Price(sku="1", version=1), "archive", "to"),
    ],
)
def test_a_record_without_its_one_contract_is_refused(
    record: BaseModel, to: str | None, argument: str
) -> None:
    """The error names the argument; nothing is sent."""
    client = FakeClient()
    with pytest.raises(ContractError) as raised:
        enqueuer(client, CUSTOMERS, ARCHIVE).enqueue(record, to=to)
    assert raised.value.argument == argument
    assert client.calls == []


@pytest.mark.parametrize("keys", [["a"], ["a", "b", "c"], []])
def test_keys_are_as_many_as_records(keys: list[str | None]) -> None:
    """None may stand for a record without one."""
    client = FakeClient()
    with pytest.raises(ContractError, match="idempotency_keys: has"):
        enqueuer(client).enqueue_many([Customer(customer_id="1")] * 2, idempotency_keys=keys)
    assert client.calls == []


def test_an_empty_key_is_none_at_all() -> None:
    """It would make every such request of a client the same write."""
    with pytest.raises(ContractError, match=r"^idempotency_key: "):
        enqueuer(FakeClient()).enqueue(Customer(customer_id="1"), idempotency_key="")


def test_a_key_makes_the_same_record_one_write() -> None:
    """And another record another one."""
    to = enqueuer(FakeClient())
    first, again = (to.enqueue(Customer(customer_id="1"), idempotency_key="k") for _ in range(2))
    other = to.enqueue(Customer(customer_id="1", email="e"), idempotency_key="k")
    assert first.dedup_id == again.dedup_id != other.dedup_id


def test_there_and_back_is_three_writes_of_a_plain_table() -> None:
    """A, B, A without a key: the last A must not be taken for the first."""
    to = enqueuer(FakeClient())
    records = [Customer(customer_id="1", email=email) for email in "aba"]
    assert len({receipt.dedup_id for receipt in to.enqueue_many(records)}) == 3
    assert len({to.enqueue(record).dedup_id for record in records}) == 3


def test_a_versions_content_is_its_own_key() -> None:
    """The same version sent twice is one write; the next is another."""
    to = enqueuer(FakeClient())
    ids = [to.enqueue(Price(sku="1", version=v)).dedup_id for v in (1, 2, 1)]
    assert ids[0] == ids[2] != ids[1]


def test_failed_records_can_be_sent_again_under_the_same_ids() -> None:
    """The failures' keys see to that, in another process too."""
    client = FakeClient(lambda e: FAULT if '"bad"' in e["MessageBody"] else None)
    records = [
        Customer(customer_id="1"),
        Customer(customer_id="2", email="bad"),
        Customer(customer_id="2", email="behind"),
        Customer(customer_id="3"),
    ]
    with pytest.raises(QueueUnavailableError) as raised:
        enqueuer(client).enqueue_many(records, idempotency_keys=["k1", None, None, "k3"])
    error = raised.value
    assert [receipt is not None for receipt in error.receipts] == [True, False, False, True]
    failed, behind = error.failures
    assert (failed.index, failed.code) == (1, "InternalError")
    assert (failed.retryable, failed.in_doubt, failed.attempted) == (True, True, True)
    assert (behind.index, behind.code) == (2, "NotAttempted")
    assert (behind.retryable, behind.in_doubt, behind.not_attempted) == (True, False, True)
    tried = {
        entry["MessageDeduplicationId"]
        for call in client.calls
        for entry in call
        if '"bad"' in entry["MessageBody"]
    }
    again = enqueuer(FakeClient())
    receipts = again.enqueue_many(
        [records[f.index] for f in error.failures],
        idempotency_keys=[f.idempotency_key for f in error.failures],
    )
    assert tried == {receipts[0].dedup_id}


def test_a_failed_version_is_sent_again_under_the_same_id() -> None:
    """Without any key."""
    client = FakeClient(lambda _: FAULT)
    record = Price(sku="1", version=1)
    with pytest.raises(QueueUnavailableError) as raised:
        enqueuer(client).enqueue(record)
    key = raised.value.failures[0].idempotency_key
    receipt = enqueuer(FakeClient()).enqueue(record, idempotency_key=key)
    assert receipt.dedup_id == client.calls[0][0]["MessageDeduplicationId"]


def test_a_refused_entry_is_not_sent_again() -> None:
    """It is the caller's to mend; the others are stored."""
    client = FakeClient(lambda e: REFUSAL if e["MessageGroupId"] == "customers:2" else None)
    records = [Customer(customer_id="2"), Customer(customer_id="2"), Customer(customer_id="3")]
    with pytest.raises(EnqueueError) as raised:
        enqueuer(client).enqueue_many(records)
    first, second = raised.value.failures
    assert (first.retryable, first.in_doubt, first.attempted) == (False, False, True)
    assert (second.code, second.attempted) == ("NotAttempted", False)
    assert raised.value.receipts[2] is not None
    assert len(client.calls) == 1


def _client_error(code: str, status: int) -> ClientError:
    answer: Any = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "SendMessageBatch")


@pytest.mark.parametrize(
    "error",
    [
        _client_error("AWS.SimpleQueueService.NonExistentQueue", 400),
        _client_error("AccessDenied", 403),
        NoCredentialsError(),
    ],
)
def test_a_refused_call_is_a_misconfiguration_at_once(error: Exception) -> None:
    """No queue, no right, no credentials: waiting cures none of them."""
    clock = VirtualClock()
    client = FakeClient(lambda _: error)
    with pytest.raises(QueueRefusedError) as raised:
        enqueuer(client, clock=clock).enqueue(Customer(customer_id="1"))
    assert isinstance(raised.value, MisconfiguredError)
    assert isinstance(raised.value, EnqueueError)
    assert not raised.value.failures[0].retryable
    assert (len(client.calls), clock.waits) == (1, [])


@pytest.mark.parametrize(
    ("answer", "in_doubt"),
    [
        (_client_error("ThrottlingException", 400), False),
        (_client_error("InternalError", 500), True),
        (ReadTimeoutError(endpoint_url=URL), True),
        (FAULT, True),
    ],
)
def test_a_queue_that_keeps_failing_is_given_up_within_the_time_limit(
    answer: Mapping[str, Any] | Exception,
    in_doubt: bool,  # noqa: FBT001 - what is expected
) -> None:
    """Five seconds, several attempts, one message, no second call for the one behind."""
    clock = VirtualClock()
    client = FakeClient(lambda _: answer, clock)
    with pytest.raises(QueueUnavailableError) as raised:
        enqueuer(client, clock=clock).enqueue_many([Customer(customer_id="1")] * 2)
    assert clock.elapsed <= 5.0
    assert len(client.calls) >= 3
    assert [len(call) for call in client.calls] == [1] * len(client.calls)
    assert len({call[0]["MessageDeduplicationId"] for call in client.calls}) == 1
    first, second = raised.value.failures
    assert (first.retryable, first.in_doubt, first.attempted) == (True, in_doubt, True)
    assert second.not_attempted


def test_a_throttled_queue_stores_it_in_the_end() -> None:
    """The caller sees nothing of it."""
    answers = [_client_error("RequestThrottled", 400), None]
    client = FakeClient(lambda _: answers.pop(0))
    assert enqueuer(client).enqueue(Customer(customer_id="1")).message_id == "message-1"


def test_a_record_over_the_limit_in_bytes_is_refused() -> None:
    """Multi-byte characters count as SQS counts them; nothing of the call is sent."""
    client = FakeClient()
    large = Customer(customer_id="2", email="\u00e9" * 600_000)
    with pytest.raises(RecordTooLargeError, match=r"records\[1\]") as raised:
        enqueuer(client).enqueue_many(
            [Customer(customer_id="1"), large], idempotency_keys=["a", "b"]
        )
    assert client.calls == []
    assert raised.value.receipts == [None, None]
    unsent, guilty = raised.value.failures
    assert (unsent.code, unsent.retryable, unsent.attempted) == ("NotAttempted", True, False)
    assert (guilty.code, guilty.retryable, guilty.attempted) == ("RecordTooLarge", False, False)
    assert [f.idempotency_key for f in raised.value.failures] == ["a", "b"]


def test_a_record_at_the_limit_is_sent() -> None:
    """1 MiB less 8 KiB, attributes counted."""
    client = FakeClient()
    used = len('{"customer_id":"1","email":""}')
    used += len("ingest.name" + "String" + "customers" + "ingest.dedup" + "String") + 64
    room = 1_048_576 - 8_192 - used
    enqueuer(client).enqueue(Customer(customer_id="1", email="x" * room))
    assert len(client.stored) == 1
    with pytest.raises(RecordTooLargeError):
        enqueuer(client).enqueue(Customer(customer_id="1", email="x" * (room + 1)))


def test_an_invalid_record_is_found_before_anything_is_sent() -> None:
    """The error says which record, and which field of it."""
    client = FakeClient()
    bad = Price(sku="1", version=1).model_copy(update={"amount": float("nan")})
    with pytest.raises(InvalidRecordError, match=r"records\[1\]") as raised:
        enqueuer(client).enqueue_many([Price(sku="1", version=1), bad])
    assert client.calls == []
    assert [f.code for f in raised.value.failures] == ["NotAttempted", "InvalidRecord"]


def test_a_key_that_has_no_group_id_is_an_invalid_record() -> None:
    """A moment that UTC's calendar does not hold passes the model."""

    class Event(BaseModel):
        at: datetime

    late = datetime(9999, 12, 31, 23, tzinfo=timezone(timedelta(hours=-5)))
    client = FakeClient()
    with pytest.raises(InvalidRecordError):
        enqueuer(client, Table("events", Event, key="at")).enqueue(Event(at=late))
    assert client.calls == []


def test_many_threads_share_one() -> None:
    """Each gets the receipts of its own records."""
    client = FakeClient()
    shared = enqueuer(client)

    def send(thread: int) -> list[str]:
        records = [Customer(customer_id=f"{thread}-{n}") for n in range(20)]
        return [receipt.group_id for receipt in shared.enqueue_many(records)]

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(send, range(8)))
    assert found == [[f"customers:{thread}-{n}" for n in range(20)] for thread in range(8)]
    assert len({e["MessageDeduplicationId"] for e in client.stored}) == 160


def test_nothing_of_a_record_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Whatever goes wrong."""
    client = FakeClient(lambda _: FAULT)
    with caplog.at_level(logging.DEBUG), pytest.raises(QueueUnavailableError) as raised:
        enqueuer(client).enqueue(Customer(customer_id="1", email="hush"))
    assert "hush" not in caplog.text + str(raised.value)
