"""Storing records in a queue in memory, a process away, beside boto3's own calls."""

from __future__ import annotations

import secrets
from contextlib import closing
from typing import TYPE_CHECKING, Final

import boto3

from benchmarks.claims import Claim
from benchmarks.report import Section, figure, times
from benchmarks.samples import Samples, alternate
from benchmarks.writers import SEQUENCE
from benchmarks.writes import TEN, Customer, row
from durable_ingest import Enqueuer
from durable_ingest.testing.queue_service import create_queue

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef

MANY: Final = 200
NOTE: Final = (
    "A request to this queue takes far less than one to SQS, so the library's share shows as large"
    " as it can be."
)


def measure(endpoint: str, rounds: int) -> Section:
    """Time both; `enqueue_many` a tenth of the rounds, since it has so many records.

    Args:
        endpoint: the queue server's URL.
        rounds: calls of each.
    """
    with closing(boto3.client("sqs", endpoint_url=endpoint)) as client:
        url = create_queue(client, "enqueueing").url
        enqueuer = Enqueuer(url, SEQUENCE)
        one = alternate(
            {
                "enqueue": lambda n: _on_one(enqueuer.enqueue, n),
                "send_message": lambda n: _on_one(lambda record: send(client, url, record), n),
            },
            rounds,
        )
        many = alternate(
            {
                "enqueue_many": lambda n: _on_many(enqueuer.enqueue_many, n),
                "send_message_batch": lambda n: _on_many(lambda rs: send_all(client, url, rs), n),
            },
            max(rounds // 10, 1),
        )
    return section(one | many)


def _on_one(work: Callable[[Customer], object], number: int) -> Callable[[], object]:
    record = row(number, number)
    return lambda: work(record)


def _on_many(work: Callable[[list[Customer]], object], number: int) -> Callable[[], object]:
    records = [row(place, number) for place in range(MANY)]
    return lambda: work(records)


def send(client: SQSClient, url: str, record: Customer) -> str:
    """Send a record by hand."""
    answer = client.send_message(
        QueueUrl=url,
        MessageBody=record.model_dump_json(),
        MessageGroupId=record.customer_id,
        MessageDeduplicationId=secrets.token_hex(16),
    )
    return answer["SequenceNumber"]


def send_all(client: SQSClient, url: str, records: Sequence[Customer]) -> None:
    """Send records by hand, ten a call."""
    for start in range(0, len(records), TEN):
        entries: list[SendMessageBatchRequestEntryTypeDef] = [
            {
                "Id": str(place),
                "MessageBody": record.model_dump_json(),
                "MessageGroupId": record.customer_id,
                "MessageDeduplicationId": secrets.token_hex(16),
            }
            for place, record in enumerate(records[start : start + TEN])
        ]
        failed = client.send_message_batch(QueueUrl=url, Entries=entries).get("Failed")
        if failed:
            raise RuntimeError(f"{len(failed)} entries were not stored")


def section(taken: dict[str, Samples]) -> Section:
    """Make rows and claims of the samples."""
    counts = {"enqueue": 1, "send_message": 1, "enqueue_many": MANY, "send_message_batch": MANY}
    rivals = {"enqueue": "send_message", "enqueue_many": "send_message_batch"}
    rows = []
    for name, count in counts.items():
        rival = taken[rivals.get(name, name)]
        spent = taken[name]
        rows.append([
            f"`{name}`, {count} {'record' if count == 1 else 'records'}",
            times(spent.typical / rival.typical),
            times(spent.typical_cpu / rival.typical_cpu),
            figure(spent.typical * 1e3),
            figure(spent.typical_cpu * 1e6 / count),
        ])  # fmt: skip
    typical = {name: samples.typical for name, samples in taken.items()}
    slower = typical["enqueue"] / typical["send_message"]
    rate = typical["send_message_batch"] / typical["enqueue_many"]
    return Section(
        "Enqueueing",
        ["a call", "time", "CPU", "ms", "CPU, µs a record"],
        rows,
        [
            Claim("time: `enqueue` / `send_message`", slower, 1.1),
            Claim("rate: `enqueue_many` / `send_message_batch`", rate, 0.9, at_least=True),
        ],
        {name: samples.as_json() for name, samples in taken.items()},
        NOTE,
    )
